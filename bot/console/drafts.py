"""Reads what an agent is typing: what it promises, and whether it passes over what the customer feels."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.clock import Clock
from bot.conversation import Author
from bot.engine_client import EngineClient, Entity
from bot.errors import EngineFailed, InvalidInput
from bot.escalation import UPSET
from bot.handoff.commitments import KINDS, Commitment, find_commitments
from bot.shop.calendar import Calendar
from bot.signals.acknowledgement import acknowledges
from bot.storage.conversations import Conversations
from bot.storage.database import Database
from bot.storage.tables import PromiseRow

__all__ = ["ChosenPromise", "DraftReader", "Hints", "chosen_promises"]

log = logging.getLogger(__name__)

PROMISES_MAX = 5  # per reply
LONG_ENOUGH = 12  # characters; a greeting just begun passes over nothing yet
LATEST = timedelta(days=366)
LAST_MINUTE = time(23, 59)


@dataclass(frozen=True)
class Hints:
    """What there is to say about a draft. ``emotion`` is what the customer feels, if the draft passes over it."""

    promises: list[Commitment]
    emotion: str | None


@dataclass(frozen=True)
class DraftReader:
    """Reads drafts. Days and order numbers in them are found by the engine, like those in customers' messages."""

    database: Database
    engine: EngineClient
    calendar: Calendar
    clock: Clock

    async def read(self, conversation_id: int, words: str) -> Hints:
        """Return what there is to say about a draft."""
        if not words.strip():
            return Hints([], None)
        promises = find_commitments(words, await self._entities(words), self.clock(), self.calendar)
        emotion = await self._unanswered_emotion(conversation_id) if len(words.strip()) >= LONG_ENOUGH else None
        return Hints(promises[:PROMISES_MAX], None if emotion is None or acknowledges(words) else emotion)

    async def _entities(self, words: str) -> list[Entity]:
        try:
            return (await self.engine.parse(words)).entities
        except EngineFailed as error:
            # Spans such as "in 3 Werktagen" are still found.
            log.info("days in a draft could not be read (%s)", error.message)
            return []

    async def _unanswered_emotion(self, conversation_id: int) -> str | None:
        """Return what upset the customer since an agent last wrote; None if nothing did, or it was taken up."""
        async with self.database.read() as session:
            conversations = Conversations(session)
            turns = await conversations.recent_turns(conversation_id, limit=10)
            upset = next((turn for turn in turns if turn.emotion in UPSET), None)
            if upset is None:
                return None
            since = [m for m in await conversations.messages_since(upset.message_id) if m.author == Author.AGENT]
        return None if any(acknowledges(message.text or "") for message in since) else upset.emotion


@dataclass(frozen=True)
class ChosenPromise:
    """A promise that an agent left ticked when sending."""

    kind: str
    wording: str
    due: datetime
    order_number: str | None

    def row(self, conversation_id: int, agent_id: int, now: datetime) -> PromiseRow:
        """Return the promise to be stored."""
        return PromiseRow(
            conversation_id=conversation_id,
            kind=self.kind,
            order_number=self.order_number,
            wording=self.wording,
            made_by="agent",
            agent_id=agent_id,
            made_at=now,
            due_at=self.due,
            state="open",
        )


def chosen_promises(form: Mapping[str, Any], zone: ZoneInfo, now: datetime) -> list[ChosenPromise]:
    """Read the ticked promises out of the form of a reply.

    Raises:
        InvalidInput: a kind or a time that cannot be.
    """
    chosen = []
    for number in range(PROMISES_MAX):
        if f"promise_{number}" not in form:
            continue
        kind = str(form.get(f"promise_{number}_kind", ""))
        try:
            day = date.fromisoformat(str(form.get(f"promise_{number}_day", "")))
            clock = time.fromisoformat(str(form.get(f"promise_{number}_time", "") or LAST_MINUTE.isoformat()))
        except ValueError:
            raise InvalidInput("The day of a promise cannot be read.", code="promise_day") from None
        due = datetime.combine(day, clock.replace(second=59), zone)
        if kind not in KINDS:
            raise InvalidInput("A promise is of no known kind.", code="promise_kind")
        if not now < due < now + LATEST:
            raise InvalidInput("The day of a promise has passed, or is too far away.", code="promise_day")
        chosen.append(
            ChosenPromise(
                kind=kind,
                wording=str(form.get(f"promise_{number}_words", ""))[:500],
                due=due,
                order_number=str(form.get(f"promise_{number}_order", ""))[:40] or None,
            )
        )
    return chosen
