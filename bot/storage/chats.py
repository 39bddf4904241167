"""What the web chat reads and keeps: where visitors' conversations stand, their history, their pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.conversation import Attachment, ConversationState, HandoffState, Language
from bot.storage.tables import Agent, AttachmentRow, ChannelLink, ConversationRow, Handoff, MessageRow

__all__ = ["Chats", "Head"]

_CHUNK = 500


@dataclass(frozen=True)
class Head:
    """Where the conversation at an address stands."""

    conversation_id: int
    public_id: str
    state: ConversationState
    language: Language
    last_number: int


# Columns, not rows: the tracker in a row is large, and thousands of heads are read every few seconds.
_HEAD = (
    ConversationRow.id,
    ConversationRow.public_id,
    ConversationRow.state,
    ConversationRow.language,
    ConversationRow.last_number,
)


def _head(row: Any) -> Head:
    language: Language = "de" if row.language == "de" else "en"
    return Head(row.id, row.public_id, ConversationState(row.state), language, row.last_number)


class Chats:
    """Queries on one open transaction. Nothing here locks a row."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def heads(self, channel: str, external_keys: Sequence[str]) -> dict[str, Head]:
        """Return where the conversations at some addresses stand; an address without one is missing."""
        found: dict[str, Head] = {}
        for start in range(0, len(external_keys), _CHUNK):
            query = (
                select(ChannelLink.external_key, *_HEAD)
                .join(ConversationRow, ChannelLink.conversation_id == ConversationRow.id)
                .where(
                    ChannelLink.channel == channel,
                    ChannelLink.external_key.in_(external_keys[start : start + _CHUNK]),
                )
            )
            for row in (await self.session.execute(query)).all():
                found[row.external_key] = _head(row)
        return found

    async def head(self, conversation_id: int) -> Head | None:
        """Return where one conversation stands, or None if it is no longer there."""
        return await self._last_where(ConversationRow.id == conversation_id)

    async def agent_name(self, conversation_id: int) -> str | None:
        """Return the name of the person who has the conversation now."""
        query = (
            select(Agent.name)
            .join(Handoff, Handoff.agent_id == Agent.id)
            .where(Handoff.conversation_id == conversation_id, Handoff.state == HandoffState.ACCEPTED)
            .order_by(Handoff.id.desc())
            .limit(1)
        )
        return await self.session.scalar(query)

    async def messages_before(self, conversation_id: int, before: int, limit: int) -> list[MessageRow]:
        """Return the last messages with a number below ``before``, in order."""
        query = (
            select(MessageRow)
            .where(MessageRow.conversation_id == conversation_id, MessageRow.number < before)
            .order_by(MessageRow.number.desc())
            .limit(limit)
        )
        return list(await self.session.scalars(query))[::-1]

    async def own(self, channel: str, external_key: str, public_id: str) -> Head | None:
        """Return a conversation if it is or was held at this address."""
        return await self._last_where(
            ConversationRow.public_id == public_id,
            ConversationRow.channel == channel,
            ConversationRow.external_key == external_key,
        )

    async def one_before(self, channel: str, external_key: str, conversation_id: int) -> Head | None:
        """Return the conversation that was held at this address before another one."""
        return await self._last_where(
            ConversationRow.channel == channel,
            ConversationRow.external_key == external_key,
            ConversationRow.id < conversation_id,
        )

    async def _last_where(self, *conditions: ColumnElement[bool]) -> Head | None:
        query = select(*_HEAD).where(*conditions).order_by(ConversationRow.id.desc()).limit(1)
        row = (await self.session.execute(query)).one_or_none()
        return None if row is None else _head(row)

    # -- pictures

    async def add_attachment(self, conversation_id: int, attachment: Attachment, path: str, now: datetime) -> None:
        """Write down a file that is on disk already."""
        self.session.add(
            AttachmentRow(
                public_id=attachment.id,
                conversation_id=conversation_id,
                name=attachment.name,
                media_type=attachment.media_type,
                size=attachment.size,
                path=path,
                created_at=now,
            )
        )
        await self.session.flush()

    async def attachment(self, public_id: str) -> AttachmentRow | None:
        """Return a stored file by its public id."""
        return await self.session.scalar(select(AttachmentRow).where(AttachmentRow.public_id == public_id))

    async def attachment_of(self, channel: str, external_key: str, public_id: str) -> AttachmentRow | None:
        """Return a stored file if it belongs to a conversation that is or was held at this address."""
        return await self.session.scalar(
            select(AttachmentRow)
            .join(ConversationRow, ConversationRow.id == AttachmentRow.conversation_id)
            .where(
                AttachmentRow.public_id == public_id,
                ConversationRow.channel == channel,
                ConversationRow.external_key == external_key,
            )
        )
