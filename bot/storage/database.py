"""Opens the database: SQLite (WAL) or PostgreSQL, one engine, short transactions."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any

from sqlalchemy import event, make_url, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import (
    AsyncConnection,
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)

from bot.storage.sqlite_driver import DRIVER
from bot.storage.writers import Writers

__all__ = ["Collision", "Database", "Session", "async_url"]

# What a transaction looks like to the rest of the service, which must not import SQLAlchemy.
Session = AsyncSession

BUSY_TIMEOUT_MS = 5000
# Execution options of a connection, for one transaction.
READ_ONLY, SHORT = "zusage_read_only", "zusage_short"


def async_url(url: str) -> URL:
    """Give a plain ``sqlite:`` or ``postgresql:`` address the asynchronous driver that we ship.

    Raises:
        ValueError: if the address names another database.
    """
    parsed = make_url(url)
    backend = parsed.get_backend_name()
    if backend == "sqlite":
        return parsed.set(drivername=DRIVER)
    if backend == "postgresql":
        return parsed.set(drivername="postgresql+psycopg")
    raise ValueError(f"ZUSAGE_DATABASE_URL must be sqlite or postgresql, not {backend!r}")


class Collision(Exception):
    """A row is there already, or one it refers to is not; usually somebody else was first."""


class Database:
    """One database and its connection pool.

    ``begin()`` is the way to write: a session whose transaction commits at the end of the block, or
    rolls back if the block raises. ``read()`` is for reading only.
    """

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        parsed = async_url(url)
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        options: dict[str, Any] = {"pool_pre_ping": not self.is_sqlite}
        if not self.is_sqlite:
            options |= {"pool_size": pool_size, "max_overflow": pool_size}
        else:
            options |= {"pool_size": pool_size, "max_overflow": 0, "pool_timeout": 30}
        # Errors go into logs, and parameters hold customers' words.
        self.engine: AsyncEngine = create_async_engine(parsed, hide_parameters=True, **options)
        self.url = parsed
        if self.is_sqlite:
            _prepare_sqlite(self.engine)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)
        self._writers = Writers() if self.is_sqlite else None

    @asynccontextmanager
    async def begin(self, *, short: bool = False, urgent: bool = False) -> AsyncIterator[AsyncSession]:
        """Open a transaction that commits at the end of the block.

        Args:
            short: every statement finds few rows by an index. On SQLite they then run on the event loop itself, which
                costs a fraction; a long one would hold up everybody.
            urgent: somebody is waiting to hear that their message has arrived; goes before what can wait.

        Raises:
            Collision: if a row broke a unique or foreign key; nothing was written.
        """
        try:
            turn = self._writers.one(urgent=urgent) if self._writers is not None else nullcontext()
            async with turn, self._sessions.begin() as session:
                if short and self.is_sqlite:
                    await session.connection(execution_options={SHORT: True})
                yield session
        except IntegrityError as error:
            raise Collision(str(error.orig)) from error

    @asynccontextmanager
    async def read(self, *, short: bool = False) -> AsyncIterator[AsyncSession]:
        """Open a session for reading; nothing it does is kept. ``short`` as in ``begin``."""
        async with self._sessions() as session:
            if self.is_sqlite:
                # Readers in WAL need no write lock; BEGIN IMMEDIATE would queue them behind writers.
                await session.connection(execution_options={READ_ONLY: True, SHORT: short})
            yield session
            # What was read stays readable after the block; rolling back would otherwise empty it.
            session.expunge_all()
            await session.rollback()

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[AsyncConnection]:
        """Open a bare connection, for migrations and LISTEN."""
        async with self.engine.connect() as connection:
            yield connection

    async def check(self) -> None:
        """Raise if the database does not answer."""
        async with self.read() as session:
            await session.execute(text("SELECT 1"))

    async def fold_log(self) -> None:
        """Let SQLite write its log into the file and empty it, so that what was erased is nowhere on the disk."""
        if self.is_sqlite:
            async with self.engine.connect() as connection:
                driver = (await connection.get_raw_connection()).driver_connection  # no transaction may be open
                assert driver is not None
                await driver.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()


def _prepare_sqlite(engine: AsyncEngine) -> None:
    """Make read-then-update transactions safe and commits durable.

    Left to itself the driver begins a transaction only at the first write, so two transactions can
    read the same value and one update is lost without an error. ``BEGIN IMMEDIATE`` takes the write
    lock first; it must see the same connection state that SQLAlchemy believes in, hence the driver's
    own control is switched off (``isolation_level = None``).
    """

    @event.listens_for(engine.sync_engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA synchronous=FULL")
        # What is deleted or overwritten is gone from the file, too, not only from the tables.
        cursor.execute("PRAGMA secure_delete=ON")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Any) -> None:
        options = connection.get_execution_options()
        driver, short = connection.connection.dbapi_connection, options.get(SHORT, False)
        if options.get(READ_ONLY):
            driver.short = short
            connection.exec_driver_sql("BEGIN")
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            driver.short = short
