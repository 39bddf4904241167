"""What an agent could answer: help articles that fit the customer's words, canned replies for what they mean."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from bot.console.saved_replies import FilledReply, filled
from bot.conversation import Author, Language
from bot.engine_client import EngineClient
from bot.errors import EngineFailed
from bot.knowledge.search import GOOD_ENOUGH, Result
from bot.storage.conversations import Conversations
from bot.storage.database import Database
from bot.storage.desk import Desk
from bot.storage.tables import Agent, ConversationRow

__all__ = ["Suggestion", "Suggestions"]

log = logging.getLogger(__name__)

AT_MOST = 3


class Knowledge(Protocol):
    """Finds passages of help articles."""

    async def search(self, query: str, language: Language, *, intent: str | None = None, limit: int = 3) -> Result:
        """Return passages that fit, best first."""
        ...


@dataclass(frozen=True)
class Suggestion:
    """One reply that could be taken and edited. ``source`` says where it comes from."""

    source: str  # article, saved
    title: str
    text: str


@dataclass(frozen=True)
class Suggestions:
    """Gathers what could be answered to a customer's last words."""

    database: Database
    engine: EngineClient
    knowledge: Knowledge

    async def read(self, conversation: ConversationRow, agent: Agent, values: Mapping[str, str]) -> list[Suggestion]:
        """Return up to three suggestions, the most telling first.

        Args:
            conversation: whose last words are to be answered.
            agent: for whose team.
            values: of the variables in canned replies.
        """
        async with self.database.read() as session:
            messages = await Conversations(session).messages(
                conversation.id, after=max(0, conversation.last_number - 30)
            )
            saved = await Desk(session).saved_replies(agent.team)
        words = next((m.text for m in reversed(messages) if m.author == Author.CUSTOMER and m.text), None)
        if not words:
            return []
        language: Language = "de" if conversation.language == "de" else "en"
        intent = await self._intent(words, language)
        found = [_of(reply) for reply in (filled(row, language, values) for row in saved) if intent in reply.intents]
        result = await self.knowledge.search(words, language, intent=intent, limit=2)
        found += [
            Suggestion("article", one.article.title, one.passage.text)
            for one in result.found
            if one.score >= GOOD_ENOUGH
        ]
        return found[:AT_MOST]

    async def _intent(self, words: str, language: Language) -> str | None:
        try:
            parsed = await self.engine.parse(words, language)
        except EngineFailed as error:
            log.info("what a customer means could not be read (%s)", error.message)
            return None
        return parsed.intent.name if parsed.intent is not None and parsed.understood else None


def _of(reply: FilledReply) -> Suggestion:
    return Suggestion("saved", reply.title, reply.text)
