"""What agents work with beside conversations: tags, canned replies, drafts, and the search over everything said."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from bot.storage.message_search import WORDS_ON_POSTGRESQL, fold
from bot.storage.tables import ConversationTag, Draft, MessageRow, SavedReply, Tag

__all__ = ["Desk", "Hit"]

_WORD = re.compile(r"\w[\w@.]*\w|\w")

_ON_SQLITE = text(
    """SELECT max(m.id) FROM messages m
       WHERE m.id IN (SELECT rowid FROM message_index WHERE message_index MATCH :query)
         AND (NOT m.private OR m.agent_id = :reader)
       GROUP BY m.conversation_id ORDER BY 1 DESC LIMIT :limit"""
)
_ON_POSTGRESQL = text(
    "SELECT max(id) FROM messages "  # noqa: S608 - put together from constants
    f"WHERE {WORDS_ON_POSTGRESQL} @@ to_tsquery('simple', :query) "
    "AND (NOT private OR agent_id = :reader) GROUP BY conversation_id ORDER BY 1 DESC LIMIT :limit"
)


@dataclass(frozen=True)
class Hit:
    """A message that was found."""

    conversation_id: int
    number: int
    author: str
    text: str
    created_at: datetime


class Desk:
    """Queries on one open transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    # -- tags

    async def tag(self, conversation_id: int, name: str) -> bool:
        """Put a tag on a conversation, making it if need be; tell whether that changed anything."""
        tag = await self.session.scalar(select(Tag).where(func.lower(Tag.name) == name.lower()))
        if tag is None:
            tag = Tag(name=name)
            self.session.add(tag)
            await self.session.flush()
        if await self.session.get(ConversationTag, (conversation_id, tag.id)) is not None:
            return False
        self.session.add(ConversationTag(conversation_id=conversation_id, tag_id=tag.id))
        await self.session.flush()
        return True

    async def untag(self, conversation_id: int, name: str) -> bool:
        """Take a tag off a conversation, and forget it if it was the last; tell whether it was there."""
        tag_id = await self.session.scalar(select(Tag.id).where(Tag.name == name))
        if tag_id is None:
            return False
        row = await self.session.get(ConversationTag, (conversation_id, tag_id))
        if row is None:
            return False
        await self.session.delete(row)
        await self.session.flush()
        used = select(ConversationTag.tag_id).where(ConversationTag.tag_id == tag_id)
        if await self.session.scalar(used.limit(1)) is None:
            await self.session.execute(delete(Tag).where(Tag.id == tag_id))
        return True

    # -- canned replies

    async def saved_replies(self, team: str | None = None, *, everybody: bool = False) -> list[SavedReply]:
        """Return the canned replies for all and those of a team; with ``everybody`` those of all teams."""
        query = select(SavedReply).order_by(func.lower(SavedReply.shortcut))
        if not everybody:
            query = query.where(or_(SavedReply.team.is_(None), SavedReply.team == team))
        return list(await self.session.scalars(query))

    async def saved_reply(self, reply_id: int) -> SavedReply | None:
        """Return a canned reply."""
        return await self.session.get(SavedReply, reply_id)

    async def add_saved_reply(self, reply: SavedReply) -> SavedReply:
        """Store a new canned reply."""
        self.session.add(reply)
        await self.session.flush()
        return reply

    async def delete_saved_reply(self, reply: SavedReply) -> None:
        """Delete a canned reply."""
        await self.session.delete(reply)

    # -- drafts

    async def draft(self, agent_id: int, conversation_id: int) -> str:
        """Return what an agent has typed in a conversation and not sent."""
        row = await self.session.get(Draft, (agent_id, conversation_id))
        return row.text if row else ""

    async def keep_draft(self, agent_id: int, conversation_id: int, words: str, now: datetime) -> None:
        """Keep what an agent has typed; nothing typed is nothing kept."""
        row = await self.session.get(Draft, (agent_id, conversation_id))
        if not words.strip():
            if row is not None:
                await self.session.delete(row)
        elif row is None:
            self.session.add(Draft(agent_id=agent_id, conversation_id=conversation_id, text=words, updated_at=now))
        else:
            row.text, row.updated_at = words, now

    # -- search

    async def search(self, words: str, *, reader: int, limit: int = 30) -> list[Hit]:
        """Return the newest messages that contain all words (each may be a beginning), one per conversation.

        Other agents' private notes are never found.
        """
        terms = _WORD.findall(words)[:8]
        if not terms:
            return []
        if self.session.get_bind().dialect.name == "sqlite":
            newest, query = _ON_SQLITE, " ".join('"{}"*'.format(term.replace('"', '""')) for term in terms)
        else:
            newest, query = _ON_POSTGRESQL, " & ".join(f"'{fold(term)}':*" for term in terms)
        values = {"query": query, "reader": reader, "limit": limit}
        ids = (await self.session.execute(newest, values)).scalars().all()
        return await self._hits(ids)

    async def _hits(self, message_ids: Sequence[int]) -> list[Hit]:
        rows = await self.session.scalars(
            select(MessageRow).where(MessageRow.id.in_(message_ids)).order_by(MessageRow.id.desc())
        )
        return [Hit(row.conversation_id, row.number, row.author, row.text or "", row.created_at) for row in rows]
