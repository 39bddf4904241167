"""Alembic's entry: runs the migrations on the database that bot/storage/migrate.py names."""

from alembic import context
from sqlalchemy import create_engine

from bot.storage import shop_tables, tables  # noqa: F401
from bot.storage.base import Base


def run() -> None:
    """Connect, and run what is due in one transaction per migration."""
    engine = create_engine(context.config.attributes["url"])
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            compare_type=True,
            render_as_batch=connection.dialect.name == "sqlite",
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
