"""Alembic's entry: runs the migrations on the database that bot/storage/migrate.py names."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import JSON, BigInteger, create_engine

from bot.storage import models  # noqa: F401  (its import fills the metadata)
from bot.storage.base import Base, UtcDateTime, in_migrations


def render_item(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Write our column types by their names, so that a migration reads like the models."""
    if kind == "type":
        if isinstance(item, UtcDateTime):
            return "bot.storage.base.UtcDateTime()"
        if isinstance(item, JSON):
            return "bot.storage.base.Json"
        if isinstance(item, BigInteger):
            return "bot.storage.base.BigInt"
    return False


def run() -> None:
    """Connect, and run what is due in one transaction per migration."""
    engine = create_engine(context.config.attributes["url"])
    with engine.connect() as connection:
        context.configure(
            connection=connection,
            target_metadata=Base.metadata,
            compare_type=True,
            include_name=in_migrations,
            render_item=render_item,
            render_as_batch=connection.dialect.name == "sqlite",
            transaction_per_migration=True,
        )
        with context.begin_transaction():
            context.run_migrations()
    engine.dispose()


run()
