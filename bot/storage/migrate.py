"""Brings the database to the version of the program, and tells when models and migrations disagree."""

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, make_url

from bot.storage import models  # noqa: F401  (its import fills the metadata)
from bot.storage.audit import protect_audit
from bot.storage.base import Base, in_migrations
from bot.storage.database import async_url
from bot.storage.message_search import make_message_index
from bot.storage.views import drop_views, make_views

__all__ = ["differences", "is_current", "revise", "upgrade"]


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["url"] = _sync_url(url)
    return config


def _sync_url(url: str) -> str:
    parsed = make_url(url)
    driver = "postgresql+psycopg" if parsed.get_backend_name() == "postgresql" else "sqlite"
    return parsed.set(drivername=driver).render_as_string(hide_password=False)


def upgrade(url: str, revision: str = "head") -> None:
    """Run the migrations that the database has not seen yet."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and parsed.database:
        Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
    config = _config(url)
    engine = create_engine(_sync_url(url))
    with engine.begin() as connection:
        present = MigrationContext.configure(connection).get_current_revision()
        if present != ScriptDirectory.from_config(config).get_current_head():
            drop_views(connection)
    command.upgrade(config, revision)
    with engine.begin() as connection:
        make_message_index(connection)
        protect_audit(connection)
        make_views(connection)
    engine.dispose()


def is_current(url: str) -> bool:
    """Tell whether the database has seen all migrations. Nothing is changed, and no file is made.

    Raises:
        ValueError: the address names another kind of database.
        SQLAlchemyError: the database does not answer.
    """
    parsed = async_url(url)
    if parsed.get_backend_name() == "sqlite" and not (parsed.database and Path(parsed.database).exists()):
        return False
    engine = create_engine(_sync_url(url))
    try:
        with engine.connect() as connection:
            seen = MigrationContext.configure(connection).get_current_revision()
    finally:
        engine.dispose()
    return seen == ScriptDirectory.from_config(_config(url)).get_current_head()


def revise(url: str, message: str) -> None:
    """Write a new migration with the difference between models and an up-to-date database."""
    command.revision(_config(url), message, autogenerate=True)


def differences(url: str) -> list[object]:
    """Return what the models have that the migrated database lacks, or the other way round."""
    engine = create_engine(_sync_url(url))
    try:
        with engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": in_migrations})
            return list(compare_metadata(context, Base.metadata))
    finally:
        engine.dispose()
