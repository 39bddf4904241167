"""The side of a conversation: summary, proof, orders, promises, earlier conversations."""

from dataclasses import dataclass
from typing import Any

from bot.clock import Clock
from bot.console.auth import SignedIn
from bot.console.inbox import ConversationView
from bot.storage.database import Session
from bot.storage.records import Records

__all__ = ["Side"]


@dataclass(frozen=True)
class Side:
    """Gathers what an agent should know at a glance."""

    clock: Clock

    async def read(self, session: Session, view: ConversationView, who: SignedIn) -> dict[str, Any]:
        """Return what the side shows."""
        return {
            "summary": view.handoff.summary if view.handoff else {},
            "promises": await Records(session).promises_of(view.id),
        }
