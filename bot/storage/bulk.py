"""Writes many rows at once, past the mapper: a million orders would wait minutes for it.

Rows are tuples of what the driver takes: numbers, text, None; instants and documents as ``as_instant``
and ``as_document`` make them.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any

from pydantic_core import to_json
from sqlalchemy.ext.asyncio import AsyncSession

__all__ = ["as_day", "as_document", "as_instant", "insert_tuples", "update_tuples"]

Values = Sequence[Any]


def as_instant(value: datetime | None) -> str | None:
    """Write an instant so that both databases read it as UTC.

    PostgreSQL's connections are set to UTC while they load; SQLite keeps no offset.
    """
    return value.astimezone(UTC).isoformat(" ", "microseconds")[:26] if value is not None else None


def as_day(value: date | None) -> str | None:
    """Write a day."""
    return value.isoformat() if value is not None else None


def as_document(value: Any) -> str | None:
    """Write what goes into a JSON column."""
    return to_json(value).decode() if value is not None else None


async def insert_tuples(session: AsyncSession, table: str, columns: Sequence[str], rows: Sequence[Values]) -> None:
    """Insert rows inside the session's transaction."""
    if not rows:
        return
    connection = await (await session.connection()).get_raw_connection()
    driver: Any = connection.driver_connection
    names = ", ".join(f'"{column}"' for column in columns)
    if session.get_bind().dialect.name == "postgresql":
        async with driver.cursor() as cursor:
            await cursor.execute("SET LOCAL TIME ZONE 'UTC'")
            async with cursor.copy(f"COPY {table} ({names}) FROM STDIN") as copy:
                for row in rows:
                    await copy.write_row(row)
        return
    marks = ", ".join("?" * len(columns))
    await driver.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", rows)  # noqa: S608 - our own names


async def update_tuples(session: AsyncSession, table: str, columns: Sequence[str], rows: Iterable[Values]) -> None:
    """Update rows by their key, which is the last value of each, inside the session's transaction."""
    rows = list(rows)
    if not rows:
        return
    connection = await (await session.connection()).get_raw_connection()
    driver: Any = connection.driver_connection
    postgresql = session.get_bind().dialect.name == "postgresql"
    mark = "%s" if postgresql else "?"
    places = ", ".join(f'"{column}" = {mark}' for column in columns)
    statement = f"UPDATE {table} SET {places} WHERE id = {mark}"  # noqa: S608 - our own names
    if postgresql:
        async with driver.cursor() as cursor:
            await cursor.execute("SET LOCAL TIME ZONE 'UTC'")
            await cursor.executemany(statement, rows)
        return
    await driver.executemany(statement, rows)
