"""Fills every table with rows of a person and of a stranger, so that nothing can be forgotten unnoticed."""

import enum
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import JSON, Boolean, Date, Float, Integer, LargeBinary, String, Table, insert
from sqlalchemy.types import TypeDecorator

from bot.storage import models  # noqa: F401
from bot.storage.base import Base
from bot.storage.personal_data import NOBODYS

AT = datetime(2026, 11, 11, 9, 30, tzinfo=UTC)


class Who(enum.Enum):
    """Whose rows."""

    ANNA = 1
    BEN = 2

    @property
    def canary(self) -> str:
        """A word that occurs in all of this person's rows and nowhere else."""
        return f"kanari{self.name.lower()}vogel"

    @property
    def email(self) -> str:
        return f"{self.canary}@example.org"

    @property
    def public_id(self) -> str:
        return f"c-{self.name.lower()}"


def value_of(table: Table, column: Any, who: Who) -> Any:
    """Return something for a column: the canary wherever words fit, ids that join the person's rows to each other."""
    number = who.value
    fixed: dict[str, Any] = {
        "conversation_id": number,
        "customer_id": number,
        "order_id": number,
        "message_id": number,
        "turn_id": number,
        "handoff_id": number,
        "survey_id": number,
        "return_id": number,
        "mail_id": number,
        "product_id": 1,
        "article_id": 1,
        "tag_id": 1,
        "agent_id": 1,
        "updated_by": 1,
        "case_id": number,
        "email": who.email,
        "email_key": who.email,
        "to": who.email,
        "to_key": who.email,
        "receipt_to": who.email,
        "contact": who.email,
        "customer_key": f"k-{who.canary}",
        "order_key": f"LM{number}",
        "number_key": f"LM{number}",
        "chat_id": number,
        "bot_id": 1,
        "update_id": number,
        "state": "closed",
        "author": "customer",
        "channel": "telegram",
        "external_key": f"1:{number}",
        "language": "de",
        "source": "import",
        "stage": "delivered",
    }
    if table.name.startswith("shop_") and column.name == "conversation_id":
        return who.public_id
    if table.name == "shop_customers" and column.name == "key":
        return f"k-{who.canary}"
    if table.name == "shop_proof_attempts" and column.name == "subject":
        return f"order:LM{number}"
    if table.name == "telegram_keyboards" and column.name == "address":
        return f"1:{number}"
    if table.name == "conversations" and column.name == "public_id":
        return who.public_id
    if table.name == "shop_operations" and column.name == "state":
        return "done"
    if column.name in fixed:
        return fixed[column.name]
    kind = column.type.impl if isinstance(column.type, TypeDecorator) else column.type
    if column.primary_key and isinstance(kind, Integer):
        return number
    if isinstance(kind, JSON):
        return {"deep": [{"inside": who.canary}]}
    if isinstance(kind, Boolean):
        return False
    if isinstance(kind, Integer):
        return number
    if isinstance(kind, Float):
        return 1.0
    if isinstance(kind, Date):
        return date(2026, 11, 11)
    if isinstance(kind, LargeBinary):
        return who.canary.encode()
    if isinstance(kind, String):
        length = kind.length or 1000
        return f"{who.canary} {table.name}"[:length] if length >= len(who.canary) else ("x" * min(length, 2))
    return AT


async def fill(database: Any) -> None:
    """Write one row of every table for Anna and for Ben; tables that are nobody's get one row, without a canary."""
    async with database.begin() as session:
        await _shared(session)
        for table in Base.metadata.sorted_tables:
            if table.name in NOBODYS:
                continue
            for who in Who:
                row = {column.name: value_of(table, column, who) for column in table.columns}
                if table.name in ("audit", "saved_replies"):  # written to by what is tested: the database counts
                    del row["id"]
                await session.execute(insert(table).values(row))


async def _shared(session: Any) -> None:
    """Write what has no customer in it but is referred to."""
    from bot.storage.tables import Agent, Tag

    session.add(Tag(id=1, name="Lob"))
    session.add(
        Agent(
            id=1, email="lena@shop.example", name="Lena", role="agent", password_hash="x", preferences={}, created_at=AT
        )
    )
    await session.flush()


async def tables_with(database: Any, word: str) -> dict[str, int]:
    """Return in how many rows of which table a word occurs, whatever the column."""
    from sqlalchemy import select

    found: dict[str, int] = {}
    async with database.read() as session:
        for table in Base.metadata.sorted_tables:
            for row in (await session.execute(select(table))).all():
                if word.lower() in repr(tuple(row)).lower():
                    found[table.name] = found.get(table.name, 0) + 1
    return found
