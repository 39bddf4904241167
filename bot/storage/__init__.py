"""The only package that talks to the database: tables, sessions, repositories, migrations."""
