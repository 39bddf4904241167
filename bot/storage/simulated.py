"""Writes what a simulation plays into the real tables, behind what they hold, and removes it again."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb
from sqlalchemy import JSON, Column, ColumnDefault, Table, delete, func, insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from bot.storage.base import Base
from bot.storage.database import Database
from bot.storage.shop_tables import CustomerRow, GrantRow
from bot.storage.tables import Agent, ConversationRow, Outage

__all__ = ["SimulatedRows", "SimulationWriter"]

# Which table the ids in a column belong to; other columns hold no ids that are counted anew.
_REFERENCES = {
    "conversation_id": "conversations",
    "message_id": "messages",
    "turn_id": "turns",
    "survey_id": "surveys",
    "customer_id": "shop_customers",
    "order_id": "shop_orders",
}
# Tables in which these columns hold something else than a counted id.
_OWN_KEYS = {"shop_grants"}
_ORDER = (
    "shop_customers", "shop_orders", "shop_returns", "conversations", "channel_links", "messages", "turns", "signals",
    "handoffs", "surveys", "survey_answers", "promises", "outages", "shop_grants",
)  # fmt: skip

Rows = Mapping[str, Sequence[dict[str, Any]]]


class SimulationWriter:
    """Adds rows whose ids and references are counted from 1 to whatever the tables hold already."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, rows: Rows) -> None:
        """Write rows by table in one transaction; references point into the same call's rows."""
        tables = [Base.metadata.tables[name] for name in _ORDER if rows.get(name)]
        if not tables:
            return
        async with self._database.connect() as connection, connection.begin():
            if not self._database.is_sqlite:
                names = ", ".join(table.name for table in tables)
                await connection.execute(text(f"LOCK TABLE {names} IN SHARE ROW EXCLUSIVE MODE"))
            base = {table.name: await self._last_id(connection, table) for table in tables}
            for table in tables:
                moved = [_moved(table, row, base) for row in rows[table.name]]
                if self._database.is_sqlite:
                    await connection.execute(insert(table), moved)
                else:
                    await self._copy(connection, table, moved)

    @staticmethod
    async def _last_id(connection: AsyncConnection, table: Table) -> int:
        return int(await connection.scalar(select(func.max(table.c.id))) or 0)

    @staticmethod
    async def _copy(connection: AsyncConnection, table: Table, rows: Sequence[dict[str, Any]]) -> None:
        names = [column.name for column in table.columns]
        documents = [isinstance(column.type, JSON) for column in table.columns]
        driver = (await connection.get_raw_connection()).driver_connection
        assert driver is not None
        columns = ", ".join(f'"{name}"' for name in names)
        async with driver.cursor().copy(f"COPY {table.name} ({columns}) FROM STDIN") as copy:
            for row in rows:
                await copy.write_row(
                    [
                        Jsonb(row[name]) if document and row[name] is not None else row[name]
                        for name, document in zip(names, documents, strict=True)
                    ]
                )
        last = select(func.max(table.c.id)).scalar_subquery()
        await connection.execute(select(func.setval(func.pg_get_serial_sequence(table.name, "id"), last)))


def _moved(table: Table, row: dict[str, Any], base: Mapping[str, int]) -> dict[str, Any]:
    """Return a row with its id and references moved behind what is there, and with every column filled."""
    moved = {column.name: row[column.name] if column.name in row else _default(column) for column in table.columns}
    moved["id"] = row["id"] + base[table.name]
    if table.name not in _OWN_KEYS:
        for name, target in _REFERENCES.items():
            if row.get(name) is not None and target in base:
                moved[name] = row[name] + base[target]
    return moved


def _default(column: Column[Any]) -> Any:
    """Return what the models put into a column that is not given."""
    default = column.default
    if not isinstance(default, ColumnDefault):
        return None
    return default.arg(None) if default.is_callable else default.arg


class SimulatedRows:
    """Queries about what simulations left, on one open transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def agents(self, now: datetime) -> list[int]:
        """Return ids of agents; where there are none, of three that nobody can sign in as."""
        known = list(await self.session.scalars(select(Agent.id).order_by(Agent.id)))
        if known:
            return known
        made = [
            Agent(
                email=f"sim-agent-{i}@example.invalid",
                name=f"Sim {i}",
                role="agent",
                password_hash="!",  # noqa: S106  (no password has this hash)
                presence="away",
                disabled_at=now,
                created_at=now,
            )
            for i in (1, 2, 3)
        ]
        self.session.add_all(made)
        await self.session.flush()
        return [agent.id for agent in made]

    async def exists(self, prefix: str) -> bool:
        """Tell whether a simulation of this prefix has been written."""
        query = select(ConversationRow.id).where(ConversationRow.public_id.startswith(prefix, autoescape=True))
        return await self.session.scalar(query.limit(1)) is not None

    async def remove(self) -> int:
        """Delete everything that any simulation wrote; return the number of conversations."""
        mine = ConversationRow.public_id.startswith("sim-")
        public = select(ConversationRow.public_id).where(mine)
        await self.session.execute(delete(GrantRow).where(GrantRow.conversation_id.in_(public)))
        removed = await self.session.scalars(delete(ConversationRow).where(mine).returning(ConversationRow.id))
        count = len(removed.all())
        await self.session.execute(delete(CustomerRow).where(CustomerRow.source == "simulated"))
        await self.session.execute(delete(Outage).where(Outage.error == "simulated"))
        await self.session.execute(delete(Agent).where(Agent.email.like("sim-agent-%@example.invalid")))
        return count
