"""Everything that is kept about conversations, to be handed out or erased; reads the tables' own definitions.

A table that belongs to a conversation says so by a column ``conversation_id``. So a new table is covered from the
day it exists, and nobody has to remember it here.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Table, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.conversation import Author
from bot.storage import shop_tables, telegram_tables  # noqa: F401  (their tables belong to it)
from bot.storage.base import Base
from bot.storage.message_search import forget_deleted_words
from bot.storage.shop_tables import OperationRow
from bot.storage.tables import AttachmentRow, Audit, ChannelLink, ConversationRow, MessageRow

__all__ = ["PersonalData"]

# Our own bookkeeping, which tells nobody anything about the person.
_NOT_HANDED_OUT = {
    "tracker",
    "lease_owner",
    "lease_until",
    "lease_epoch",
    "prepared",
    "code_hash",
    "address",
    "agent_id",
    "private",
}


class PersonalData:
    """Queries on one open transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def conversations_at(self, channel: str, external_key: str) -> list[int]:
        """Return the conversations that are or were held at an address."""
        linked = select(ChannelLink.conversation_id).where(
            ChannelLink.channel == channel, ChannelLink.external_key == external_key
        )
        written = select(MessageRow.conversation_id).where(
            MessageRow.channel == channel, MessageRow.external_key == external_key
        )
        query = select(ConversationRow.id).where(
            or_(
                (ConversationRow.channel == channel) & (ConversationRow.external_key == external_key),
                ConversationRow.id.in_(linked),
                ConversationRow.id.in_(written),
            )
        )
        return list(await self.session.scalars(query.order_by(ConversationRow.id)))

    async def export(self, conversation_ids: Sequence[int]) -> dict[str, list[dict[str, Any]]]:
        """Return every row that belongs to some conversations, by table, as JSON can carry it."""
        public_ids = await self._public_ids(conversation_ids)
        found: dict[str, list[dict[str, Any]]] = {}
        for table in Base.metadata.sorted_tables:
            condition = _belongs(table, conversation_ids, public_ids)
            if condition is None:
                continue
            query = select(table).where(condition)
            if table.name == MessageRow.__tablename__:
                # What colleagues write to each other is theirs, as the law has it for internal notes.
                query = query.where(MessageRow.author != Author.NOTE)
            rows = (await self.session.execute(query)).mappings().all()
            if rows:
                found[table.name] = [
                    {name: _plain(value) for name, value in row.items() if name not in _NOT_HANDED_OUT} for row in rows
                ]
        return found

    async def erase(self, conversation_ids: Sequence[int]) -> list[str]:
        """Delete every row that belongs to some conversations; return the names of files to be deleted afterwards.

        The trail of what was done to orders stays, for the shop must be able to account for it; who asked, and in
        which words, goes.
        """
        public_ids = await self._public_ids(conversation_ids)
        files = list(
            await self.session.scalars(
                select(AttachmentRow.path).where(AttachmentRow.conversation_id.in_(conversation_ids))
            )
        )
        await self.session.execute(
            update(OperationRow)
            .where(OperationRow.conversation_id.in_(public_ids))
            .values(args={}, preview=None, answer=None, conversation_id="erased")
        )
        await self.session.execute(
            update(Audit).where(Audit.conversation_id.in_(conversation_ids)).values(conversation_id=None)
        )
        for table in reversed(Base.metadata.sorted_tables):
            condition = _belongs(table, conversation_ids, public_ids)
            if condition is not None and table.name != Audit.__tablename__:
                await self.session.execute(delete(table).where(condition))
        await (await self.session.connection()).run_sync(forget_deleted_words)
        return files

    async def counts(self, conversation_ids: Sequence[int]) -> tuple[int, int]:
        """Return how many messages and pictures some conversations have."""
        messages = await self.session.scalar(
            select(func.count()).where(
                MessageRow.conversation_id.in_(conversation_ids), MessageRow.author != Author.NOTE
            )
        )
        pictures = await self.session.scalar(
            select(func.count()).where(AttachmentRow.conversation_id.in_(conversation_ids))
        )
        return messages or 0, pictures or 0

    async def _public_ids(self, conversation_ids: Sequence[int]) -> list[str]:
        query = select(ConversationRow.public_id).where(ConversationRow.id.in_(conversation_ids))
        return list(await self.session.scalars(query))


def _belongs(table: Table, conversation_ids: Sequence[int], public_ids: Sequence[str]) -> Any:
    """Return the condition by which a table's rows belong to conversations; None if it has no such rows."""
    if table.name == ConversationRow.__tablename__:
        return table.c.id.in_(conversation_ids)
    column = table.c.get("conversation_id")
    if column is None:
        return None
    # The shop's side knows conversations by the id that outsiders see.
    return column.in_(public_ids if column.type.python_type is str else conversation_ids)


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
