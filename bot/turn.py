"""The way of a message: receive, route, think, decide, record. Delivery follows in outbox.py."""

import asyncio
import logging
import os
import secrets
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

from bot.clock import Clock, utc_now
from bot.conversation import (
    CHANNEL_PAYLOAD,
    Author,
    ConversationState,
    Incoming,
    Language,
    Listener,
    Reply,
    TurnState,
    clean_text,
)
from bot.engine_client import (
    EngineClient,
    EngineUnreachable,
    Facts,
    ParseResult,
    TurnContext,
    TurnRequest,
    TurnResponse,
)
from bot.errors import EngineFailed, InvalidInput
from bot.escalation import REPEATED_UPSET, UPSET, Before, EscalationReason, decide, failed_codes
from bot.handoff.service import HandoffService
from bot.settings import Settings
from bot.signals.agent import note_emotion
from bot.signals.turn import signals_of_turn
from bot.storage.conversations import Claim, Conversations, LeaseLost
from bot.storage.database import Collision, Database, Session
from bot.storage.handoffs import Handoffs
from bot.storage.records import Records
from bot.storage.surveys import Surveys
from bot.storage.tables import ConversationRow, Offer, PromiseRow, Turn
from bot.survey.service import ASK_PAYLOAD, SURVEY_PAYLOAD, SurveyService
from bot.texts import text

__all__ = ["Receipt", "TurnHandler"]

log = logging.getLogger(__name__)

# A closed conversation that goes on within this time is the same matter; later it is a new one.
REOPEN_WITHIN = timedelta(hours=72)
# An engine that cannot be reached is waited for this long before people take over what is open.
PATIENCE = timedelta(minutes=5)
UNREACHABLE_RETRY = timedelta(seconds=3)
# How many turns back is looked for what speaks for a person: no rule counts further.
TURNS_BEFORE = REPEATED_UPSET


@dataclass(frozen=True)
class Receipt:
    """What the sender may be told once the message is safely stored."""

    conversation_id: int
    public_id: str
    number: int
    at: datetime
    duplicate: bool
    answered_by_bot: bool


class TurnHandler:
    """Handles customers' messages from receipt to recorded answer.

    Any number of processes may run one each on the same database: a conversation is worked on under a
    lease, and a result is written only by the process that still holds it.
    """

    def __init__(
        self,
        *,
        settings: Settings,
        database: Database,
        engine: EngineClient,
        handoffs: HandoffService,
        surveys: SurveyService,
        publish: Listener,
        clock: Clock = utc_now,
    ) -> None:
        self.settings = settings
        self.database = database
        self.engine = engine
        self.handoffs = handoffs
        self.surveys = surveys
        self.publish = publish
        self.clock = clock
        self.owner = f"{socket.gethostname()[:16]}:{os.getpid()}:{secrets.token_hex(4)}"
        self.lease = timedelta(seconds=settings.lease_s)
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def handle_turn(
        self, incoming: Incoming, on_received: Callable[[Receipt], Awaitable[None]] | None = None
    ) -> Receipt:
        """Take a customer's message all the way to the recorded answer.

        Args:
            incoming: what the channel parsed.
            on_received: told as soon as the message is committed; only then may the sender hear "arrived".

        Raises:
            InvalidInput: there is nothing in the message to answer; nothing was stored.
        """
        receipt = await self.receive(incoming)
        if on_received is not None:
            await on_received(receipt)
        if not receipt.duplicate:
            await self.publish(receipt.conversation_id)
        if receipt.answered_by_bot:
            await self.answer(receipt.conversation_id)
        elif not receipt.duplicate:
            await self.feel(receipt, incoming)
        return receipt

    # -- receive and route

    async def receive(self, incoming: Incoming) -> Receipt:
        """Store a message with its place in its conversation; a repeated one is recognised.

        Raises:
            InvalidInput: the message is empty.
        """
        try:
            return await self._receive(incoming)
        except Collision:
            # Two first messages of one customer at once: the other one opened the conversation.
            return await self._receive(incoming)

    async def _receive(self, incoming: Incoming) -> Receipt:
        typed = clean_text(incoming.text) if incoming.text is not None else None
        if not typed and not incoming.button_id and not incoming.attachments and not incoming.wants_person:
            raise InvalidInput("The message is empty.", code="empty_message")
        now = self.clock()
        async with self.database.begin(short=True, urgent=True) as session:
            conversations = Conversations(session)
            known = await conversations.received_before(incoming.channel, incoming.external_key, incoming.external_id)
            if known is not None:
                owner = await conversations.locked(known.conversation_id)
                return Receipt(owner.id, owner.public_id, known.number, known.created_at, True, False)
            conversation = await self._conversation_for(session, incoming, now)
            payload = None
            if incoming.wants_person:
                typed, payload = typed or text("ask_for_person", _language(conversation.language)), PERSON
            elif incoming.button_id:
                offer = await conversations.offer(conversation.id, incoming.button_id) or await self._survey_button(
                    session, incoming
                )
                typed, payload = (offer.title, offer.payload) if offer else (typed or "…", EXPIRED)
            elif incoming.attachments:
                payload = f'/inform{{"photo": "{incoming.attachments[0].id}"}}' if not typed else None
            conversation.last_customer_at = now
            conversation.address = incoming.address or conversation.address
            message = await conversations.add_message(
                conversation,
                Author.CUSTOMER,
                now,
                text=typed,
                channel=incoming.channel,
                external_key=incoming.external_key,
                external_id=incoming.external_id,
                attachments=incoming.attachments,
            )
            for_survey = payload is not None and payload.startswith(SURVEY_PAYLOAD)
            prepared = [reply.model_dump(mode="json") for reply in incoming.answers]
            with_agent = conversation.state == ConversationState.AGENT and not for_survey and not prepared
            state = TurnState.WITH_PERSON if with_agent else TurnState.PENDING
            await conversations.add_turn(conversation, message, state, payload, now, prepared=prepared or None)
            return Receipt(conversation.id, conversation.public_id, message.number, now, False, not with_agent)

    async def _conversation_for(self, session: Session, incoming: Incoming, now: datetime) -> ConversationRow:
        conversations = Conversations(session)
        language = incoming.language or self.settings.default_language
        conversation = await conversations.at(incoming.channel, incoming.external_key)
        if conversation is None:
            conversation = await conversations.open(incoming.channel, incoming.external_key, language, now, first=True)
        elif conversation.state == ConversationState.CLOSED and not await self._late_for_survey(
            session, conversation, incoming, now
        ):
            if conversation.closed_at is not None and now - conversation.closed_at > REOPEN_WITHIN:
                return await conversations.open(
                    incoming.channel, incoming.external_key, _language(conversation.language), now
                )
            conversation.state = ConversationState.BOT
            conversation.closed_at = None
            conversation.close_reason = None
            Records(session).signal("availability", "reopened", now, conversation_id=conversation.id)
        return conversation

    async def _late_for_survey(
        self, session: Session, conversation: ConversationRow, incoming: Incoming, now: datetime
    ) -> bool:
        """Tell whether a message to an ended conversation only answers its survey, and so does not reopen it."""
        if incoming.button_id:
            offer = await self._survey_button(session, incoming)
            return offer is not None and not offer.payload.startswith(ASK_PAYLOAD)
        return await self.surveys.awaits(session, conversation, incoming.text, now)

    @staticmethod
    async def _survey_button(session: Session, incoming: Incoming) -> Offer | None:
        """Return a survey button shown at the same address in any conversation: late answers count for theirs."""
        return await Surveys(session).earlier_offer(
            incoming.channel, incoming.external_key, incoming.button_id or "", SURVEY_PAYLOAD
        )

    # -- think, decide, record

    async def answer(self, conversation_id: int) -> None:
        """Answer everything that is pending in a conversation, in order, one message at a time.

        Returns when nothing is due, or when another process is at it.
        """
        lock = self._locks.setdefault(conversation_id, asyncio.Lock())
        async with lock:
            while True:
                async with self.database.begin(short=True) as session:
                    claim = await Conversations(session).claim(conversation_id, self.owner, self.lease, self.clock())
                    if claim is None:
                        return
                    for_engine = await self._is_for_the_engine(session, claim)
                try:
                    if for_engine or not await self._answered_without_engine(claim):
                        response = await self.think(claim)
                        if await self.record(claim, response):
                            await self.publish(conversation_id)
                            return
                except EngineFailed as error:
                    await self.postpone(claim, error)
                except LeaseLost:
                    log.warning("conversation %s was taken over by another process", conversation_id)
                    return
                except Exception as error:
                    # A fault of our own: without this the message would be tried for ever, and hold up all later ones.
                    log.exception("turn %s failed", claim.turn_public_id)
                    await self.postpone(claim, error)
                await self.publish(conversation_id)

    async def feel(self, receipt: Receipt, incoming: Incoming) -> None:
        """Note what a customer feels who writes to an agent. It has arrived by then; what fails stays unknown."""
        words = clean_text(incoming.text or "")
        if not words or len(words) > self.settings.message_max_chars:
            return
        try:
            parsed = await self.engine.parse(words)
        except EngineFailed as error:
            log.info("the feeling of a message to an agent is not known (%s)", error.message)
            return
        if parsed.emotion is not None:
            async with self.database.begin(short=True) as session:
                await note_emotion(session, receipt.conversation_id, receipt.number, parsed.emotion, receipt.at)

    async def think(self, claim: Claim) -> TurnResponse:
        """Ask the engine for the answer. No transaction is open meanwhile.

        Raises:
            EngineFailed: no answer; the caller decides when to try again.
        """
        conversation = claim.conversation
        typed = _typed(claim)
        message = {"payload": claim.payload or ""} if typed is None else {"text": typed}
        return await self.engine.turn(
            TurnRequest(
                conversation_id=conversation.public_id,
                turn_id=claim.turn_public_id,
                message=message,
                tracker=claim.tracker,
                context=TurnContext(
                    now=claim.message.created_at.astimezone(self.settings.zone),
                    timezone=self.settings.timezone,
                    channel=conversation.channel,
                    # Before the first answer the language is a guess, by the page or the shop: two words may refute it.
                    language=None if claim.tracker is None else conversation.language,
                    default_language=_language(conversation.language),
                ),
            )
        )

    async def record(self, claim: Claim, response: TurnResponse) -> bool:
        """Write the whole turn in one transaction: replies, tracker, facts, signals, promises, escalation.

        Returns whether nothing else is pending in the conversation; its lease is given back then.

        Raises:
            LeaseLost: another process has the conversation; nothing was written.
        """
        facts = response.facts
        now = self.clock()
        async with self.database.begin(short=True) as session:
            conversations = Conversations(session)
            conversation, turn = await conversations.still_ours(claim, self.owner)
            before = await self._before(session, claim)
            first = not await conversations.bot_has_spoken(conversation.id)
            conversation.language = facts.language
            conversation.tracker = response.tracker
            _write_facts(turn, facts)
            escalation = decide(facts, _typed(claim), before)
            replies = [Reply.model_validate(reply.model_dump()) for reply in response.replies]
            if escalation is not None:
                if escalation.reason is EscalationReason.NOT_UNDERSTOOD:
                    replies = [Reply(text=text("handoff_stuck", facts.language))]
                replies += await self.handoffs.queue(session, conversation, escalation.reason, now)
            elif any(request.kind == "survey" for request in facts.requests):
                farewell = await self.handoffs.waiting.farewell(session, conversation, now)
                replies += farewell or await self.surveys.offer(session, conversation, "goodbye", now)
                if not replies:
                    replies = [Reply(text=text("conversation_closed", facts.language))]
            conversation.not_understood_in_a_row = (
                0 if facts.understood or escalation is not None else claim.not_understood_in_a_row + 1
            )
            await self._store_replies(session, conversation, turn, replies, now, spoken=not first)
            records = Records(session)
            for signal in signals_of_turn(facts, received_at=turn.created_at, answered_at=now, first=first):
                records.signal(
                    signal.family,
                    signal.kind,
                    now,
                    conversation_id=conversation.id,
                    turn_id=turn.id,
                    value=signal.value,
                    unit=signal.unit,
                    data=signal.data,
                )
            for promise in facts.promises:
                await records.promise(
                    PromiseRow(
                        conversation_id=conversation.id,
                        turn_id=turn.id,
                        kind=promise.kind,
                        order_number=promise.order,
                        return_number=promise.return_number,
                        wording=promise.wording,
                        made_by="bot",
                        made_at=now,
                        due_at=promise.due,
                        state="open",
                    )
                )
            if claim.tries:
                await records.outage_over("engine", now)
            return await conversations.rest(conversation)

    @staticmethod
    async def _before(session: Session, claim: Claim) -> Before:
        """Gather what went before in a conversation that matters for handing over."""
        conversations = Conversations(session)
        earlier = await conversations.recent_turns(claim.conversation.id, TURNS_BEFORE, before=claim.turn_id)
        upset = 0
        for turn in earlier:
            if turn.emotion not in UPSET:
                break
            upset += 1
        operations = (earlier[0].operations or []) if earlier else []
        return Before(
            not_understood=claim.not_understood_in_a_row,
            upset=upset,
            operation_failed=bool(failed_codes(o.get("code") for o in operations if not o.get("ok"))),
            promise_broken=await Handoffs(session).broken_promise_open(claim.conversation.id),
            with_person=claim.conversation.state in (ConversationState.WAITING, ConversationState.AGENT),
        )

    async def _answered_without_engine(self, claim: Claim) -> bool:
        """Answer what needs no understanding: survey answers, the person button, dead buttons, far too long texts."""
        parsed = await self._parsed_for_survey(claim)
        now = self.clock()
        async with self.database.begin() as session:
            conversations = Conversations(session)
            conversation, turn = await conversations.still_ours(claim, self.owner)
            language = _language(conversation.language)
            replies: list[Reply] | None
            if claim.prepared:
                replies = [Reply.model_validate(reply) for reply in claim.prepared]
                turn.goal = "channel"  # no matter of the shop either
            elif claim.payload == EXPIRED or (claim.payload or "").startswith(CHANNEL_PAYLOAD):
                replies = [Reply(text=text("button_expired", language))]
            elif claim.payload == PERSON:
                turn.intent, turn.confidence, turn.understood = "human_handoff", 1.0, True
                replies = await self.handoffs.queue(session, conversation, EscalationReason.CUSTOMER_ASKED, now)
            else:
                replies = await self.handoffs.take(session, conversation, claim.message.text, claim.payload, now)
                if replies is not None:
                    turn.goal = "handoff"
            if replies is None:
                replies = await self.surveys.take(session, conversation, claim.message.text, claim.payload, now, parsed)
                if replies is None and _typed(claim) is None and (claim.payload or "").startswith(SURVEY_PAYLOAD):
                    replies = [Reply(text=text("button_expired", language))]
                if replies is not None:
                    turn.goal = "survey"  # no matter of the shop: figures about answers leave it out
            limit = self.settings.message_max_chars
            if replies is None and claim.payload is None and len(claim.message.text or "") > limit:
                replies = [Reply(text=text("message_too_long", language, limit=limit))]
            if replies is None:
                return False
            await self._store_replies(session, conversation, turn, replies, now)
        return True

    async def _is_for_the_engine(self, session: Session, claim: Claim) -> bool:
        """Tell whether nobody here can have anything to say to a message. Most are like that, and cost less then."""
        for_us = claim.prepared or (claim.payload is not None and not claim.payload.startswith("/"))
        if for_us or len(claim.message.text or "") > self.settings.message_max_chars:
            return False
        if await Surveys(session).latest_of(claim.conversation.id) is not None:
            return False
        return await Handoffs(session).open_of(claim.conversation.id) is None

    async def _parsed_for_survey(self, claim: Claim) -> ParseResult | None:
        """Ask the engine what a text means that may be a comment or a new question; None if nobody needs to know."""
        async with self.database.read(short=True) as session:
            wanted = await self.surveys.wants_parse(session, claim.conversation.id, claim.message.text, claim.payload)
        if not wanted or len(claim.message.text or "") > self.settings.message_max_chars:
            return None
        try:
            return await self.engine.parse(claim.message.text or "", claim.conversation.language)
        except EngineFailed as error:
            log.warning("a survey comment could not be parsed (%s); judged by its form alone", error.message)
            return None

    async def _store_replies(
        self,
        session: Session,
        conversation: ConversationRow,
        turn: Turn,
        replies: list[Reply],
        now: datetime,
        *,
        spoken: bool = False,
    ) -> None:
        conversations = Conversations(session)
        turn.state = TurnState.DONE
        turn.answered_at = now
        turn.next_try_at = None
        if replies and not (spoken or await conversations.bot_has_spoken(conversation.id)):
            # The law wants it said at first contact, in every channel, that this is no person.
            replies = [Reply(text=text("bot_disclosure", _language(conversation.language))), *replies]
        for reply in replies:
            await conversations.add_reply(conversation, reply, now, turn_id=turn.id)

    async def postpone(self, claim: Claim, error: Exception) -> None:
        """Keep an unanswered message for later, say so once, and give it to a person after a few tries."""
        now = self.clock()
        of_engine = error if isinstance(error, EngineFailed) else None
        # The words of other errors may hold the customer's.
        reason = of_engine.message if of_engine else type(error).__name__
        async with self.database.begin() as session:
            conversations = Conversations(session)
            try:
                conversation, turn = await conversations.still_ours(claim, self.owner)
            except LeaseLost:
                return
            records = Records(session)
            if of_engine:
                await records.outage_seen("engine", now, reason, message=turn.tries == 0)
            turn.tries += 1
            turn.error = reason[:300]
            if isinstance(error, EngineUnreachable):
                turn.next_try_at = now + UNREACHABLE_RETRY
                exhausted = now - turn.created_at > PATIENCE
            else:
                turn.next_try_at = now + timedelta(seconds=2**turn.tries)
                exhausted = (of_engine is not None and not of_engine.retry) or turn.tries >= self.settings.engine_tries
            language = _language(conversation.language)
            if exhausted:
                replies = [Reply(text=text("handoff_stuck", language))]
                replies += await self.handoffs.queue(session, conversation, EscalationReason.STUCK_TURN, now)
                await self._store_replies(session, conversation, turn, replies, now)
                turn.state = TurnState.WITH_PERSON
            elif not turn.delay_told:
                turn.delay_told = True
                if not await self._told_of_delay(conversations, claim):
                    await conversations.add_reply(
                        conversation, Reply(text=text("engine_delay", language)), now, turn_id=turn.id
                    )
        log.warning("turn %s could not be answered (%s)", claim.turn_public_id, reason)

    @staticmethod
    async def _told_of_delay(conversations: Conversations, claim: Claim) -> bool:
        """Tell whether an earlier message that also still waits has brought the notice already."""
        turns = await conversations.recent_turns(claim.conversation.id)
        return any(t.delay_told for t in turns if t.id != claim.turn_id and t.state == TurnState.PENDING)

    # -- what timers call

    async def answer_what_is_due(self) -> None:
        """Take up turns that a crash, an outage or a lost wake-up left behind."""
        now = self.clock()
        async with self.database.read() as session:
            waiting = await Conversations(session).conversations_to_work_on(now)
        for conversation_id in waiting:
            await self.answer(conversation_id)

    async def notice_engine(self) -> None:
        """End an outage as soon as the engine answers again, and let its messages be tried at once."""
        async with self.database.read() as session:
            outage = await Records(session).open_outage("engine")
        if outage is None or not await self.engine.healthy():
            return
        now = self.clock()
        async with self.database.begin() as session:
            await Records(session).outage_over("engine", now)
            await Conversations(session).make_pending_due(now)


# Stands in a turn's payload when a button was pressed that this conversation never offered.
EXPIRED = "expired"
# Stands there when the customer pressed "talk to a person": that must work while the engine does not.
PERSON = "person"


def _typed(claim: Claim) -> str | None:
    """Return what the customer wrote, also if a button sends it; None for any other button."""
    if claim.payload is None:
        return claim.message.text or ""
    return claim.payload.removeprefix(ASK_PAYLOAD) if claim.payload.startswith(ASK_PAYLOAD) else None


def _language(value: str) -> Language:
    return "de" if value == "de" else "en"


def _write_facts(turn: Turn, facts: Facts) -> None:
    turn.language = facts.language
    if facts.intent is not None:
        turn.intent, turn.confidence = facts.intent.name, facts.intent.confidence
    turn.ranking = [score.model_dump() for score in facts.ranking]
    turn.entities = [entity.model_dump(mode="json") for entity in facts.entities]
    if facts.emotion is not None:
        turn.emotion, turn.valence = facts.emotion.label, facts.emotion.valence
        turn.emotion_confidence = facts.emotion.confidence
    turn.understood = facts.understood
    turn.acknowledged = facts.acknowledged
    turn.goal, turn.step = facts.goal, facts.step
    turn.operations = [operation.model_dump() for operation in facts.operations]
