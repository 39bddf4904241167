"""The side of a conversation: summary, feelings, promises, earlier conversations, who the customer proved to be."""

from dataclasses import dataclass
from typing import Any

from bot.clock import Clock
from bot.console.inbox import ConversationView
from bot.storage.conversations import Conversations
from bot.storage.database import Session
from bot.storage.inbox import Inbox
from bot.storage.records import Records

__all__ = ["Side"]

MOODS = 12  # the latest feelings that are shown


@dataclass(frozen=True)
class Side:
    """Gathers what an agent should know at a glance. Orders come apart: the shop system may be slow."""

    clock: Clock

    async def read(self, session: Session, view: ConversationView) -> dict[str, Any]:
        """Return what the side shows."""
        inbox = Inbox(session)
        public_id = view.conversation.public_id
        person = (await inbox.people([public_id])).get(public_id)
        turns = await Conversations(session).recent_turns(view.id, limit=50)
        return {
            "customer": person,
            "summary": view.handoff.summary if view.handoff else {},
            "promises": await Records(session).promises_of(view.id),
            "moods": [turn for turn in reversed(turns) if turn.valence is not None][-MOODS:],
            "earlier": await inbox.earlier_of(person.customer_key, view.id) if person else [],
            "page": view.conversation.page,
        }
