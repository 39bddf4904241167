"""Mails to customers and staff: templates in both languages, an outbox in the database, SMTP, or a show case."""
