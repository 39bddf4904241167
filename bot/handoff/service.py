"""The life of a handoff: queued, accepted, returned, closed; and what the customer hears at each step."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from bot.conversation import Attachment, Author, ConversationState, HandoffState, Reply
from bot.errors import Conflict, InvalidInput, NotFound
from bot.escalation import EscalationReason
from bot.handoff.hours import ServiceHours
from bot.handoff.summary import summarise
from bot.handoff.waiting import LEAVE, Waiting
from bot.handoff.waiting import language_of as _language
from bot.signals.agent import note_agent_reply
from bot.storage.agents import Agents
from bot.storage.conversations import Conversations
from bot.storage.database import Session
from bot.storage.handoffs import Handoffs
from bot.storage.records import Records
from bot.storage.signals import SignalHistory
from bot.storage.tables import Agent, ConversationRow, Handoff, MessageRow
from bot.texts import text

__all__ = ["CLOSE_REASONS", "HandoffService"]

CLOSE_REASONS = ("solved", "passed_outside", "customer_gone", "no_answer_needed", "spam")


@dataclass(frozen=True)
class HandoffService:
    """Moves conversations between bot and people. Every method works inside the caller's transaction."""

    hours: ServiceHours
    wait_default_s: int
    answer_within: timedelta = timedelta(hours=4)
    # The shop's own help desk answers, by mail: nobody waits for it in front of a screen.
    outside: bool = False

    @property
    def waiting(self) -> Waiting:
        """What customers hear who wait."""
        return Waiting(self.hours, self.wait_default_s, self.answer_within, self.outside)

    async def queue(
        self, session: Session, conversation: ConversationRow, reason: EscalationReason, now: datetime
    ) -> list[Reply]:
        """Put a conversation into the queue and say truly what happens now.

        A conversation that waits already is not queued twice; the customer hears where it stands.
        """
        handoffs = Handoffs(session)
        waiting = await handoffs.open_of(conversation.id)
        if waiting is not None:
            return await self.waiting.again(session, conversation, waiting, now)
        handoff = await handoffs.add(
            Handoff(
                conversation_id=conversation.id,
                state=HandoffState.QUEUED,
                reason=reason,
                summary=await summarise(session, conversation),
                outside_hours=not self.hours.is_open(now),
                queued_at=now,
                delay_told=False,
                seen_number=0,
            )
        )
        conversation.state = ConversationState.WAITING
        replies = await self.waiting.announce(session, conversation, handoff, now)
        records = Records(session)
        records.signal(
            "availability",
            "handoff_queued",
            now,
            conversation_id=conversation.id,
            value=float(handoff.announced_wait_s) if handoff.announced_wait_s is not None else None,
            unit="s",
            data={"reason": reason, "outside_hours": handoff.outside_hours, "position": handoff.position},
        )
        records.signal(
            "empathy", "context_passed_on", now, conversation_id=conversation.id, data={"handoff": handoff.id}
        )
        if handoff.outside_hours:
            records.signal("availability", "outside_hours", now, conversation_id=conversation.id)
        return replies

    async def take(
        self, session: Session, conversation: ConversationRow, words: str | None, payload: str | None, now: datetime
    ) -> list[Reply] | None:
        """Answer what belongs to waiting (buttons, a mail address); None if the message is something else."""
        replies = await self.waiting.take(session, conversation, words, payload, now)
        if replies is None and payload == LEAVE:
            await self.abandon(session, conversation, now)
            conversation.state = ConversationState.BOT
            return [Reply(text=text("handoff_left", _language(conversation)))]
        return replies

    async def accept(
        self, session: Session, handoff_id: int, agent: Agent, now: datetime, *, how: str = "accepted"
    ) -> Handoff:
        """Let an agent take a conversation from the queue; of two who press at once, one gets it.

        Args:
            session: the caller's transaction.
            handoff_id: what is taken.
            agent: who takes it.
            now: the present instant.
            how: ``accepted`` by hand, or ``automatic``.

        Raises:
            NotFound: there is no such handoff.
            Conflict: a colleague has it, or it has ended.
        """
        handoff, conversation = await self._locked(session, handoff_id)
        if handoff.state == HandoffState.ACCEPTED and handoff.agent_id == agent.id:
            return handoff
        if handoff.state != HandoffState.QUEUED:
            raise Conflict("A colleague has already taken this conversation, or it has ended.", code="handoff_taken")
        Handoffs(session).assign(handoff, agent.id, how, now)
        if how == "accepted":
            await self._is_there(session, agent, now)
        conversation.state = ConversationState.AGENT
        conversations = Conversations(session)
        await conversations.hand_pending_to_person(conversation.id)
        await self._say(session, conversation, "agent_joined", now, agent=agent.name)
        records = Records(session)
        if handoff.accepted_at is None:
            handoff.accepted_at = now
            records.signal(
                "availability",
                "wait_for_person",
                now,
                conversation_id=conversation.id,
                value=(now - handoff.queued_at).total_seconds(),
                unit="s",
                data={
                    "announced_s": handoff.announced_wait_s,
                    "within_hours_s": self.hours.open_seconds(handoff.queued_at, now),
                },
            )
        self._audit(session, agent, "handoff.accept", handoff, now, how=how)
        return handoff

    async def reply(
        self,
        session: Session,
        handoff_id: int,
        agent: Agent,
        words: str,
        now: datetime,
        *,
        attachments: Sequence[Attachment] = (),
    ) -> MessageRow:
        """Store what an agent writes to the customer, for delivery, and return the message.

        Raises:
            NotFound: there is no such handoff.
            Conflict: the agent does not have the conversation.
        """
        handoff, conversation = await self._locked(session, handoff_id)
        self._must_have(handoff, agent)
        await self._is_there(session, agent, now)
        waiting = await SignalHistory(session).waiting_for_person(conversation.id)
        message = await Conversations(session).add_reply(
            conversation,
            Reply(text=words or None, author=Author.AGENT, agent_name=agent.name, attachments=list(attachments)),
            now,
            agent_id=agent.id,
        )
        await note_agent_reply(session, handoff, message, waiting, self.hours)
        if handoff.first_reply_at is None:
            handoff.first_reply_at = now
        handoff.seen_number = conversation.last_number
        handoff.snoozed_until = None
        return message

    async def note(
        self, session: Session, conversation_id: int, agent: Agent, words: str, now: datetime, *, private: bool = False
    ) -> MessageRow:
        """Store a note that the customer never sees; a private one is for its author alone.

        Raises:
            NotFound: there is no such conversation.
        """
        conversation = await self._conversation(session, conversation_id)
        message = await Conversations(session).add_message(
            conversation, Author.NOTE, now, text=words, agent_id=agent.id, agent_name=agent.name
        )
        message.private = private
        return message

    async def give_back(
        self, session: Session, handoff_id: int, agent: Agent, now: datetime, *, words: str | None = None
    ) -> ConversationRow:
        """Return the conversation to the bot, and say so: the customer must know who answers.

        Args:
            session: the caller's transaction.
            handoff_id: what is returned.
            agent: who has it.
            now: the present instant.
            words: a last word of the agent.

        Raises:
            NotFound: there is no such handoff.
            Conflict: the agent does not have the conversation.
        """
        handoff, conversation = await self._locked(session, handoff_id)
        self._must_have(handoff, agent)
        if words:
            await self.reply(session, handoff_id, agent, words, now)
        await self._end(session, handoff, HandoffState.RETURNED, "returned", now)
        conversation.state = ConversationState.BOT
        conversation.not_understood_in_a_row = 0
        language = _language(conversation)
        words = f"{text('agent_left_to_bot', language, agent=agent.name)} {text('bot_disclosure_again', language)}"
        await Conversations(session).add_reply(conversation, Reply(text=words, author=Author.SYSTEM), now)
        self._audit(session, agent, "handoff.return", handoff, now)
        return conversation

    async def close(
        self, session: Session, handoff_id: int, agent: Agent, now: datetime, *, reason: str = "solved"
    ) -> ConversationRow:
        """End the conversation from the agent's side; the caller offers the survey.

        Args:
            session: the caller's transaction.
            handoff_id: what is closed.
            agent: who has it.
            now: the present instant.
            reason: why, one of CLOSE_REASONS. ``customer_gone`` counts as abandoned if the customer
                has not written since the handoff was accepted.

        Raises:
            NotFound: there is no such handoff.
            Conflict: the agent does not have the conversation.
            InvalidInput: no such reason.
        """
        if reason not in CLOSE_REASONS:
            raise InvalidInput(f"{reason!r} is no reason to close; use one of {', '.join(CLOSE_REASONS)}.")
        handoff, conversation = await self._locked(session, handoff_id)
        self._must_have(handoff, agent)
        handoff.close_reason = reason
        conversation.close_reason = reason
        never_back = conversation.last_customer_at is None or (
            handoff.accepted_at is not None and conversation.last_customer_at < handoff.accepted_at
        )
        if reason == "customer_gone" and never_back:
            self._signal_abandoned(session, handoff, now, until=handoff.accepted_at or now)
            await self._end(session, handoff, HandoffState.ABANDONED, "closed", now)
        else:
            await self._end(session, handoff, HandoffState.CLOSED, "closed", now)
        conversation.state = ConversationState.BOT
        await self._say(session, conversation, "agent_closed", now, agent=agent.name)
        self._audit(session, agent, "handoff.close", handoff, now, reason=reason)
        return conversation

    async def transfer(
        self,
        session: Session,
        handoff_id: int,
        agent: Agent,
        now: datetime,
        *,
        to: Agent | None = None,
        team: str | None = None,
        note: str = "",
    ) -> ConversationRow:
        """Pass a conversation on: to a colleague, who has it at once, or to a team's queue, where it keeps its place.

        Whoever has it may pass it on, and so may a manager.

        Raises:
            NotFound: there is no such handoff.
            Conflict: the agent may not pass it on, or it has ended.
            InvalidInput: neither colleague nor team, or the colleague is disabled.
        """
        if (to is None) == (team is None):
            raise InvalidInput("Choose a colleague or a team.", code="transfer_where")
        if to is not None and to.disabled_at is not None:
            raise InvalidInput("This colleague's account is disabled.", code="agent_disabled")
        handoff, conversation = await self._locked(session, handoff_id)
        if handoff.state not in (HandoffState.ACCEPTED, HandoffState.QUEUED):
            raise Conflict("This conversation has ended.", code="handoff_ended")
        if handoff.agent_id != agent.id and agent.role == "agent":
            raise Conflict("You do not have this conversation (any more).", code="handoff_not_yours")
        had = handoff.agent_id if handoff.state == HandoffState.ACCEPTED else None
        handoffs = Handoffs(session)
        await handoffs.end_assignment(handoff, "transferred", now)
        if note:
            await self.note(session, conversation.id, agent, note, now)
        if to is not None:
            handoffs.assign(handoff, to.id, "transferred", now)
            handoff.accepted_at = handoff.accepted_at or now
            handoff.seen_number = 0
            conversation.state = ConversationState.AGENT
            await Conversations(session).hand_pending_to_person(conversation.id)
            if to.id != had:
                await self._say(session, conversation, "agent_joined", now, agent=to.name)
        else:
            handoff.team = team
            handoff.state = HandoffState.QUEUED
            handoff.agent_id = None
            handoff.snoozed_until = None
            conversation.state = ConversationState.WAITING
            if had is not None:
                await self._say(session, conversation, "agent_passed_on", now, agent=agent.name)
        self._audit(session, agent, "handoff.transfer", handoff, now, to=to.id if to else None, team=team)
        return conversation

    async def snooze(
        self, session: Session, handoff_id: int, agent: Agent, until: datetime | None, now: datetime
    ) -> None:
        """Put a conversation aside until a time (None: take it up again); the customer's next word brings it back.

        Raises:
            NotFound: there is no such handoff.
            Conflict: the agent does not have the conversation.
            InvalidInput: the time has passed.
        """
        handoff, _ = await self._locked(session, handoff_id)
        self._must_have(handoff, agent)
        if until is not None and until <= now:
            raise InvalidInput("That time has passed.", code="snooze_past")
        handoff.snoozed_until = until
        self._audit(session, agent, "handoff.snooze", handoff, now, until=until.isoformat() if until else None)

    async def take_over(
        self, session: Session, conversation_id: int, agent: Agent, reason: EscalationReason, now: datetime
    ) -> Handoff:
        """Give an agent a conversation that waits for nobody: reopen an ended one, or step in where the bot answers.

        Raises:
            NotFound: there is no such conversation.
            Conflict: it waits for, or is with, a person already.
        """
        conversation = await self._conversation(session, conversation_id)
        handoffs = Handoffs(session)
        waiting = await handoffs.open_of(conversation.id)
        if waiting is not None:
            return await self.accept(session, waiting.id, agent, now)
        handoff = await handoffs.add(
            Handoff(
                conversation_id=conversation.id,
                state=HandoffState.ACCEPTED,
                reason=reason,
                summary=await summarise(session, conversation),
                outside_hours=not self.hours.is_open(now),
                queued_at=now,
                accepted_at=now,
                seen_number=0,
            )
        )
        handoffs.assign(handoff, agent.id, "reopened" if reason is EscalationReason.REOPENED else "accepted", now)
        await self._is_there(session, agent, now)
        conversation.state = ConversationState.AGENT
        conversation.closed_at = None
        await Conversations(session).hand_pending_to_person(conversation.id)
        await self._say(session, conversation, "agent_joined", now, agent=agent.name)
        self._audit(session, agent, "handoff.take_over", handoff, now, reason=reason)
        return handoff

    async def seen(self, session: Session, conversation_id: int, agent: Agent) -> bool:
        """Note that the agent who has a conversation has seen all of it; tell whether that is news."""
        handoff = await Handoffs(session).open_of(conversation_id)
        if handoff is None or handoff.agent_id != agent.id:
            return False
        conversation = await self._conversation(session, conversation_id)
        news = handoff.seen_number < conversation.last_number
        handoff.seen_number = conversation.last_number
        return news

    async def return_vanished(
        self, session: Session, handoff_id: int, seen_before: datetime, now: datetime
    ) -> int | None:
        """Send a conversation back to its old place in the queue if its agent is gone; return the conversation sent."""
        handoffs = Handoffs(session)
        handoff, conversation = await self._locked(session, handoff_id)
        if handoff_id not in await handoffs.of_vanished_agents(seen_before, now):
            return None
        vanished = handoff.agent_id
        await handoffs.end_assignment(handoff, "vanished", now)
        handoff.state = HandoffState.QUEUED
        handoff.agent_id = None
        conversation.state = ConversationState.WAITING
        await self._say(session, conversation, "agent_vanished", now)
        records = Records(session)
        records.signal("availability", "agent_vanished", now, conversation_id=conversation.id, data={"agent": vanished})
        records.audit(
            "system", "handoff.vanished", now, conversation_id=conversation.id, subject=str(handoff.id), agent=vanished
        )
        return conversation.id

    async def wake_up(self, session: Session, handoff_id: int, now: datetime) -> int | None:
        """Take up a conversation whose time of being put aside is over; return it, or None if it is not."""
        handoff, conversation = await self._locked(session, handoff_id)
        if handoff.snoozed_until is None or handoff.snoozed_until > now:
            return None
        handoff.snoozed_until = None
        return conversation.id

    async def pass_outside(self, session: Session, handoff_id: int, now: datetime) -> int | None:
        """End a handoff that the shop's own help desk has taken; return its conversation, or None if it stays here.

        It stays while the desk cannot reach the customer. What was promised is the desk's now, out of our sight.
        """
        handoff, conversation = await self._locked(session, handoff_id)
        if handoff.state != HandoffState.QUEUED or handoff.contact is None:
            return None
        handoff.close_reason = conversation.close_reason = "passed_outside"
        await self._end(session, handoff, HandoffState.CLOSED, "closed", now)
        conversation.state = ConversationState.BOT
        records = Records(session)
        for promise in await records.promises_of(conversation.id):
            if promise.kind == "answer" and promise.state == "open":
                promise.state, promise.settled_at = "superseded", now
                promise.evidence = {"passed_outside": True}
        records.audit("system", "handoff.pass_outside", now, conversation_id=conversation.id, subject=str(handoff.id))
        return conversation.id

    async def abandon(self, session: Session, conversation: ConversationRow, now: datetime) -> None:
        """End a handoff because the customer left; whoever waited or had the conversation is told by its state."""
        waiting = await Handoffs(session).open_of(conversation.id)
        if waiting is None:
            return
        self._signal_abandoned(session, waiting, now, until=now)
        await self._end(session, waiting, HandoffState.ABANDONED, "abandoned", now)

    async def wait_now_s(self, session: Session, now: datetime) -> int | None:
        """Return the wait in seconds of somebody who would ask for a person now; None while nobody is there."""
        return await self.waiting.now_s(session, now)

    async def tell_longer(self, session: Session, handoff_id: int, now: datetime) -> int | None:
        """Tell a customer whose announced wait is over, unless somebody came meanwhile; return who was told."""
        handoff, conversation = await self._locked(session, handoff_id)
        if handoff.state != HandoffState.QUEUED or handoff.notice_at is None or handoff.notice_at > now:
            return None
        await self.waiting.tell_longer(session, conversation, handoff, now)
        return conversation.id

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

    async def _conversation(self, session: Session, conversation_id: int) -> ConversationRow:
        try:
            return await Conversations(session).locked(conversation_id)
        except LookupError:
            raise NotFound("There is no such conversation.") from None

    async def _say(
        self, session: Session, conversation: ConversationRow, key: str, now: datetime, **values: object
    ) -> None:
        """Tell customer and agents what changed."""
        await Conversations(session).add_reply(
            conversation, Reply(text=text(key, _language(conversation), **values), author=Author.SYSTEM), now
        )

    async def _end(self, session: Session, handoff: Handoff, state: HandoffState, end: str, now: datetime) -> None:
        handoff.state = state
        handoff.ended_at = now
        handoff.snoozed_until = None
        handoff.contact_step = None
        await Handoffs(session).end_assignment(handoff, end, now)

    @staticmethod
    async def _is_there(session: Session, agent: Agent, now: datetime) -> None:
        """Note that an agent does something.

        A browser that slept tells of itself only after a while; until then what its agent has just taken would be
        taken away again as a vanished agent's.
        """
        await Agents(session).seen(agent.id, now)

    @staticmethod
    def _signal_abandoned(session: Session, handoff: Handoff, now: datetime, *, until: datetime) -> None:
        Records(session).signal(
            "availability",
            "handoff_abandoned",
            now,
            conversation_id=handoff.conversation_id,
            value=(until - handoff.queued_at).total_seconds(),
            unit="s",
            data={"accepted": handoff.accepted_at is not None, "announced_s": handoff.announced_wait_s},
        )

    @staticmethod
    def _audit(session: Session, agent: Agent, action: str, handoff: Handoff, now: datetime, **data: object) -> None:
        Records(session).audit(
            f"agent:{agent.id}", action, now, conversation_id=handoff.conversation_id, subject=str(handoff.id), **data
        )

    @staticmethod
    def _must_have(handoff: Handoff, agent: Agent) -> None:
        if handoff.state != HandoffState.ACCEPTED or handoff.agent_id != agent.id:
            raise Conflict("You do not have this conversation (any more).", code="handoff_not_yours")
