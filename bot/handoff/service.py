"""The life of a handoff: queued, accepted, returned, closed; and what the customer hears at each step."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil

from babel.dates import format_datetime, format_timedelta

from bot.conversation import Author, ConversationState, HandoffState, Language, Reply
from bot.errors import Conflict, NotFound
from bot.escalation import EscalationReason
from bot.handoff.hours import ServiceHours
from bot.handoff.summary import summarise
from bot.handoff.wait import estimate_wait_s
from bot.storage.conversations import Conversations
from bot.storage.database import Session
from bot.storage.handoffs import Handoffs
from bot.storage.records import Records
from bot.storage.tables import Agent, ConversationRow, Handoff
from bot.texts import text

__all__ = ["HandoffService"]

PRESENT_FOR = timedelta(minutes=2)


@dataclass(frozen=True)
class HandoffService:
    """Moves conversations between bot and people. Every method works inside the caller's transaction."""

    hours: ServiceHours
    wait_default_s: int

    async def queue(
        self, session: Session, conversation: ConversationRow, reason: EscalationReason, now: datetime
    ) -> list[Reply]:
        """Put a conversation into the queue and say truly what happens now.

        A conversation that waits already is not queued twice; the customer hears where it stands.
        """
        language = _language(conversation)
        handoffs = Handoffs(session)
        waiting = await handoffs.open_of(conversation.id)
        if waiting is not None:
            return [
                Reply(
                    text=text(
                        "handoff_already", language, wait=await self._wait_words(handoffs, waiting, language, now)
                    )
                )
            ]
        is_open = self.hours.is_open(now)
        handoff = await handoffs.add(
            Handoff(
                conversation_id=conversation.id,
                state=HandoffState.QUEUED,
                reason=reason,
                summary=await summarise(session, conversation),
                outside_hours=not is_open,
                queued_at=now,
            )
        )
        conversation.state = ConversationState.WAITING
        if is_open and await handoffs.agents_present(now - PRESENT_FOR):
            handoff.announced_wait_s = estimate_wait_s(
                await handoffs.recent_waits_s(),
                position=await handoffs.position(handoff),
                default_s=self.wait_default_s,
            )
        records = Records(session)
        records.signal(
            "availability",
            "handoff_queued",
            now,
            conversation_id=conversation.id,
            value=float(handoff.announced_wait_s) if handoff.announced_wait_s is not None else None,
            unit="s",
            data={"reason": reason, "outside_hours": not is_open},
        )
        records.signal(
            "empathy", "context_passed_on", now, conversation_id=conversation.id, data={"handoff": handoff.id}
        )
        if not is_open:
            records.signal("availability", "outside_hours", now, conversation_id=conversation.id)
            return [Reply(text=text("handoff_closed", language, opens=self._opens_words(language, now)))]
        words = await self._wait_words(handoffs, handoff, language, now)
        return [Reply(text=text("handoff_open", language, wait=words))]

    async def accept(self, session: Session, handoff_id: int, agent: Agent, now: datetime) -> Handoff:
        """Let an agent take a conversation from the queue; of two who press at once, one gets it.

        Raises:
            NotFound: there is no such handoff.
            Conflict: a colleague has it, or it has ended.
        """
        handoff, conversation = await self._locked(session, handoff_id)
        if handoff.state == HandoffState.ACCEPTED and handoff.agent_id == agent.id:
            return handoff
        if handoff.state != HandoffState.QUEUED:
            raise Conflict("A colleague has already taken this conversation, or it has ended.")
        handoff.state = HandoffState.ACCEPTED
        handoff.agent_id = agent.id
        handoff.accepted_at = now
        conversation.state = ConversationState.AGENT
        conversations = Conversations(session)
        await conversations.hand_pending_to_person(conversation.id)
        await conversations.add_reply(
            conversation,
            Reply(text=text("agent_joined", _language(conversation), agent=agent.name), author=Author.SYSTEM),
            now,
        )
        records = Records(session)
        waited = (now - handoff.queued_at).total_seconds()
        records.signal(
            "availability",
            "wait_for_person",
            now,
            conversation_id=conversation.id,
            value=waited,
            unit="s",
            data={
                "announced_s": handoff.announced_wait_s,
                "within_hours_s": self.hours.open_seconds(handoff.queued_at, now),
            },
        )
        records.audit(
            f"agent:{agent.id}", "handoff.accept", now, conversation_id=conversation.id, subject=str(handoff.id)
        )
        return handoff

    async def reply(self, session: Session, handoff_id: int, agent: Agent, words: str, now: datetime) -> None:
        """Store what an agent writes to the customer, for delivery.

        Raises:
            NotFound: there is no such handoff.
            Conflict: the agent does not have the conversation.
        """
        handoff, conversation = await self._locked(session, handoff_id)
        self._must_have(handoff, agent)
        await Conversations(session).add_reply(
            conversation, Reply(text=words, author=Author.AGENT, agent_name=agent.name), now, agent_id=agent.id
        )
        if handoff.first_reply_at is None:
            handoff.first_reply_at = now

    async def give_back(self, session: Session, handoff_id: int, agent: Agent, now: datetime) -> None:
        """Return the conversation to the bot, and say so: the customer must know who answers.

        Raises:
            NotFound: there is no such handoff.
            Conflict: the agent does not have the conversation.
        """
        handoff, conversation = await self._locked(session, handoff_id)
        self._must_have(handoff, agent)
        handoff.state = HandoffState.RETURNED
        handoff.ended_at = now
        conversation.state = ConversationState.BOT
        conversation.not_understood_in_a_row = 0
        language = _language(conversation)
        words = f"{text('agent_left_to_bot', language, agent=agent.name)} {text('bot_disclosure_again', language)}"
        await Conversations(session).add_reply(conversation, Reply(text=words, author=Author.SYSTEM), now)
        Records(session).audit(
            f"agent:{agent.id}", "handoff.return", now, conversation_id=conversation.id, subject=str(handoff.id)
        )

    async def close(self, session: Session, handoff_id: int, agent: Agent, now: datetime) -> ConversationRow:
        """End the conversation from the agent's side; the caller offers the survey.

        Raises:
            NotFound: there is no such handoff.
            Conflict: the agent does not have the conversation.
        """
        handoff, conversation = await self._locked(session, handoff_id)
        self._must_have(handoff, agent)
        handoff.state = HandoffState.CLOSED
        handoff.ended_at = now
        conversation.state = ConversationState.BOT
        await Conversations(session).add_reply(
            conversation,
            Reply(text=text("agent_closed", _language(conversation), agent=agent.name), author=Author.SYSTEM),
            now,
        )
        Records(session).audit(
            f"agent:{agent.id}", "handoff.close", now, conversation_id=conversation.id, subject=str(handoff.id)
        )
        return conversation

    async def abandon(self, session: Session, conversation: ConversationRow, now: datetime) -> None:
        """End a handoff because the customer left; whoever waited or had the conversation is told by its state."""
        waiting = await Handoffs(session).open_of(conversation.id)
        if waiting is None:
            return
        Records(session).signal(
            "availability",
            "handoff_abandoned",
            now,
            conversation_id=conversation.id,
            value=(now - waiting.queued_at).total_seconds(),
            unit="s",
            data={"accepted": waiting.accepted_at is not None},
        )
        waiting.state = HandoffState.ABANDONED
        waiting.ended_at = now

    async def wait_now_s(self, session: Session, now: datetime) -> int | None:
        """Return the wait in seconds of somebody who would ask for a person now; None while nobody is there."""
        handoffs = Handoffs(session)
        if not self.hours.is_open(now) or not await handoffs.agents_present(now - PRESENT_FOR):
            return None
        return estimate_wait_s(
            await handoffs.recent_waits_s(),
            position=await handoffs.queue_length() + 1,
            default_s=self.wait_default_s,
        )

    async def tell_longer_waits(self, session: Session, now: datetime) -> list[int]:
        """Tell everyone whose announced wait is over, once; return the conversations that were told."""
        handoffs = Handoffs(session)
        told = []
        for handoff in await handoffs.waiting_longer_than_told(now):
            conversation = await Conversations(session).locked(handoff.conversation_id)
            handoff.delay_told = True
            words = text("handoff_longer", _language(conversation), position=await handoffs.position(handoff))
            await Conversations(session).add_reply(conversation, Reply(text=words), now)
            told.append(conversation.id)
        return told

    async def _wait_words(self, handoffs: Handoffs, handoff: Handoff, language: Language, now: datetime) -> str:
        if not self.hours.is_open(now):
            return text("handoff_opens", language, opens=self._opens_words(language, now))
        if handoff.announced_wait_s is None:
            return text("handoff_nobody_present", language)
        waited = (now - handoff.queued_at).total_seconds()
        minutes = max(1, ceil((handoff.announced_wait_s - waited) / 60))
        words = format_timedelta(timedelta(minutes=minutes), granularity="minute", threshold=10, locale=language)
        position = await handoffs.position(handoff)
        if position > 1:
            return text("handoff_wait_position", language, position=position, minutes=words)
        return text("handoff_wait", language, minutes=words)

    def _opens_words(self, language: Language, now: datetime) -> str:
        opens = self.hours.opens_next(now)
        if opens is None:
            return "?"
        pattern = "EEEE, d. MMMM, HH:mm 'Uhr'" if language == "de" else "EEEE d MMMM 'at' HH:mm"
        return format_datetime(opens, pattern, tzinfo=self.hours.zone, locale=language if language == "de" else "en_GB")

    async def _locked(self, session: Session, handoff_id: int) -> tuple[Handoff, ConversationRow]:
        """Lock the conversation, then its handoff: always in this order, or two writers wait for each other."""
        handoffs = Handoffs(session)
        conversation_id = await handoffs.conversation_of(handoff_id)
        if conversation_id is None:
            raise NotFound("There is no such handoff.")
        conversation = await Conversations(session).locked(conversation_id)
        handoff = await handoffs.locked(handoff_id)
        if handoff is None:
            raise NotFound("There is no such handoff.")
        return handoff, conversation

    @staticmethod
    def _must_have(handoff: Handoff, agent: Agent) -> None:
        if handoff.state != HandoffState.ACCEPTED or handoff.agent_id != agent.id:
            raise Conflict("You do not have this conversation (any more).")


def _language(conversation: ConversationRow) -> Language:
    return "de" if conversation.language == "de" else "en"
