"""SQLite for SQLAlchemy's asynchronous engine, with at most one step of the connection's thread for each statement.

Stock aiosqlite takes four: make a cursor, execute, fetch, close. Every step wakes two threads, and the path of one
message has dozens of statements: on two cores the steps cost more than everything else together. What can wait, for
a lock or for the disk, always runs in the connection's thread: BEGIN IMMEDIATE, COMMIT, and any statement by default.
In a short transaction (``Database.begin(short=True)``) the statements between them run where they are called.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
    SQLiteDialect_aiosqlite,
)
from sqlalchemy.util import await_only

__all__ = ["DRIVER", "Dialect"]

DRIVER = "sqlite+zusage"


class _Cursor(AsyncAdapt_aiosqlite_cursor):
    """Holds the rows of its last statement; nothing of it stays open in the connection's thread."""

    __slots__ = ("_result",)

    def __init__(self, adapt_connection: Any) -> None:
        self._adapt_connection = adapt_connection
        self._connection = adapt_connection._connection
        self._rows = deque()
        self._result: tuple[Any, int, int | None] = (None, -1, None)

    @property
    def description(self) -> Any:
        return self._result[0]

    @property
    def rowcount(self) -> int:
        return self._result[1]

    @property
    def lastrowid(self) -> Any:
        return self._result[2]

    def execute(self, operation: Any, parameters: Any = None) -> Any:
        self._step(lambda cursor: cursor.execute(operation, parameters or ()))
        return self

    def executemany(self, operation: Any, seq_of_parameters: Sequence[Any]) -> Any:
        self._step(lambda cursor: cursor.executemany(operation, seq_of_parameters))
        return self

    def _step(self, work: Callable[[Any], Any]) -> None:
        connection = self._connection

        def run() -> Any:
            cursor = connection._conn.cursor()
            try:
                work(cursor)
                rows = cursor.fetchall() if cursor.description else ()
                return rows, (cursor.description, cursor.rowcount, cursor.lastrowid)
            finally:
                cursor.close()

        adapted: Any = self._adapt_connection
        if adapted.short and adapted._settled:
            try:
                rows, self._result = run()
            except Exception as error:
                adapted._handle_exception(error)
            self._rows = deque(rows)
            return
        adapted._settled = False
        try:
            rows, self._result = await_only(connection._execute(run))
        except Exception as error:
            adapted._settled = True
            adapted._handle_exception(error)
        adapted._settled = True
        self._rows = deque(rows)

    def close(self) -> None:
        self._rows.clear()

    async def _async_soft_close(self) -> None:
        return None


class _Connection(AsyncAdapt_aiosqlite_connection):
    __slots__ = ("_settled", "short")

    _cursor_cls = _Cursor

    def __init__(self, dbapi: Any, connection: Any) -> None:
        super().__init__(dbapi, connection)
        # False while a statement runs, and for good if whoever waited for it was cancelled: it may yet begin something.
        self._settled = True
        # Whether statements run in the caller's thread.
        self.short = False

    def rollback(self) -> None:
        # The pool asks for it whenever a connection comes back, also after a commit.
        here, self.short = self.short and self._settled, False
        inner = self._connection._connection
        if inner is not None and (inner.in_transaction or not self._settled):
            if here:
                inner.rollback()
            else:
                super().rollback()
            self._settled = True

    def commit(self) -> None:
        self.short = False
        super().commit()


class _Driver(AsyncAdapt_aiosqlite_dbapi):
    def connect(self, *arg: Any, **kw: Any) -> AsyncAdapt_aiosqlite_connection:
        # SQLite itself is built to be called by several threads in turn; the module only asks whether that is meant.
        return _Connection(self, super().connect(*arg, **kw | {"check_same_thread": False})._connection)


class Dialect(SQLiteDialect_aiosqlite):
    """SQLAlchemy's own, on these cursors."""

    supports_statement_cache = True

    @classmethod
    def import_dbapi(cls) -> AsyncAdapt_aiosqlite_dbapi:
        """Return the driver's module as SQLAlchemy sees it."""
        return _Driver(__import__("aiosqlite"), __import__("sqlite3"))


registry.register("sqlite.zusage", "bot.storage.sqlite_driver", "Dialect")
