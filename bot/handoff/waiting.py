"""What customers hear who wait for a person: place and time, what else they can do, and when it takes longer."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from babel.dates import format_datetime, format_timedelta
from email_validator import EmailNotValidError, validate_email

from bot.conversation import HandoffState, Language, Reply
from bot.handoff.hours import ServiceHours
from bot.handoff.wait import Experience, WaitSituation, announced_wait_s, expected_wait_s
from bot.storage.agents import Agents, Colleague
from bot.storage.conversations import Conversations
from bot.storage.database import Session
from bot.storage.handoffs import Handoffs
from bot.storage.records import Records
from bot.storage.tables import ConversationRow, Handoff, PromiseRow
from bot.texts import text

__all__ = ["HANDOFF_PAYLOAD", "PRESENT_FOR", "Waiting", "language_of"]

# An agent whose browser was not there for this long is not present.
PRESENT_FOR = timedelta(minutes=2)
# Payloads of the buttons that this module offers; the engine never sees them.
HANDOFF_PAYLOAD = "handoff:"
BY_MAIL, LEAVE = f"{HANDOFF_PAYLOAD}mail", f"{HANDOFF_PAYLOAD}leave"
# A wait shorter than this is no reason to offer something else instead.
SHORT_WAIT_S = 120
# Who was told a wrong time once is told a careful one next, and is not told every minute.
NEXT_NOTICE_S = 300
# Messages that arrive wherever the customer is need no other way for the answer.
PERSISTENT = frozenset({"telegram", "mail"})
# Intents that say that somebody wants a person, but not what for.
NO_MATTER = frozenset({"human_handoff", "greet", "help", "affirm", "bot_challenge", "stop", "inform"})

_MAIL = re.compile(r"[^\s<>()\[\],;:\"']+@[^\s<>()\[\],;:\"']+")


@dataclass(frozen=True)
class Waiting:
    """Everything between the wish for a person and the person. Works inside the caller's transaction.

    Attributes:
        hours: when people are there.
        default_s: least wait to announce while there is no experience, in seconds.
        answer_within: service time within which the team answers what it cannot answer at once.
        outside: the shop's own help desk answers, by mail.
    """

    hours: ServiceHours
    default_s: int
    answer_within: timedelta
    outside: bool = False

    # -- joining the queue

    async def announce(
        self, session: Session, conversation: ConversationRow, handoff: Handoff, now: datetime
    ) -> list[Reply]:
        """Say what happens now, how long it will take and what the alternatives are; note what was said.

        Args:
            session: the caller's transaction.
            conversation: of the customer.
            handoff: stored a moment ago; the wait announced is written into it.
            now: the present instant.
        """
        language = language_of(conversation)
        handoffs = Handoffs(session)
        handoff.position = await handoffs.position(handoff)
        if self.outside:
            handoff.contact_step = "address"
            return [Reply(text=text("handoff_outside", language), input={"type": "email"})]
        words = []
        if self.hours.is_open(now):
            expected, free = await self._expected(session, now, ahead=handoff.position - 1, seed=handoff.id)
            handoff.free_places = free
            handoff.expected_wait_s = expected
            if expected is not None:
                handoff.announced_wait_s = await self._announced(handoffs, expected, now)
                handoff.notice_at = now + timedelta(seconds=handoff.announced_wait_s)
            wait = await self.words(session, handoff, language, now)
            words.append(text("handoff_open", language, wait=wait))
            if handoff.announced_wait_s is None:
                words.append(await self._promise_answer(session, conversation, now))
        else:
            closed = text("handoff_closed", language, opens=self._opens(language, now))
            due = await self._promise_answer(session, conversation, now, kind="callback", before=closed)
            words += [closed, due]
        if not any(intent not in NO_MATTER for intent in handoff.summary.get("asked", [])):
            words.append(text("handoff_what_about", language))
        elif self.hours.is_open(now):
            words.append(text("handoff_bot_stays", language))
        return [Reply(text=" ".join(words), buttons=self._alternatives(conversation, handoff))]

    async def again(
        self, session: Session, conversation: ConversationRow, handoff: Handoff, now: datetime
    ) -> list[Reply]:
        """Say where somebody stands who waits already."""
        language = language_of(conversation)
        if handoff.state == HandoffState.ACCEPTED:
            return [Reply(text=text("handoff_with_person", language))]
        if handoff.contact:
            return [Reply(text=text("handoff_by_mail_already", language, address=handoff.contact))]
        if self.outside:
            handoff.contact_step = "address"
            return [Reply(text=text("handoff_which_address", language), input={"type": "email"})]
        words = text("handoff_already", language, wait=await self.words(session, handoff, language, now))
        return [Reply(text=words, buttons=self._alternatives(conversation, handoff))]

    async def farewell(self, session: Session, conversation: ConversationRow, now: datetime) -> list[Reply] | None:
        """Answer somebody who says goodbye and still waits; None for everybody else.

        It may mean "I give up" or "until later": only the customer knows, so nothing is taken from them.
        """
        handoff = await Handoffs(session).open_of(conversation.id)
        if handoff is None or handoff.state != HandoffState.QUEUED:
            return None
        language = language_of(conversation)
        if handoff.contact:
            return [Reply(text=text("handoff_by_mail_already", language, address=handoff.contact))]
        buttons = self._alternatives(conversation, handoff)
        return [Reply(text=text("handoff_farewell", language), buttons=buttons)]

    def _alternatives(self, conversation: ConversationRow, handoff: Handoff) -> list[dict[str, str]]:
        """Return the buttons of what a customer can do instead of waiting; none for a wait that is hardly one."""
        soon = handoff.announced_wait_s is not None and handoff.announced_wait_s < SHORT_WAIT_S
        if handoff.contact or (soon and not handoff.delay_told):
            return []
        language = language_of(conversation)
        leave = {"title": text("handoff_button_leave", language), "payload": LEAVE}
        if conversation.channel in PERSISTENT and not self.outside:
            return [leave]
        return [{"title": text("handoff_button_mail", language), "payload": BY_MAIL}, leave]

    # -- how long

    async def now_s(self, session: Session, now: datetime) -> int | None:
        """Return the wait in seconds to announce to somebody who would ask now; None while nobody is there."""
        if not self.hours.is_open(now):
            return None
        handoffs = Handoffs(session)
        expected, _ = await self._expected(session, now, ahead=await handoffs.queue_length(), seed=0)
        return None if expected is None else await self._announced(handoffs, expected, now)

    async def words(self, session: Session, handoff: Handoff, language: Language, now: datetime) -> str:
        """Say in words when somebody comes who is queued: place and time left, or when the team is back."""
        if not self.hours.is_open(now):
            return text("handoff_opens", language, opens=self._opens(language, now))
        if handoff.announced_wait_s is None or handoff.notice_at is None:
            return text("handoff_nobody_present", language)
        position = await Handoffs(session).position(handoff)
        left = (handoff.notice_at - now).total_seconds()
        if left <= 0:
            return text("handoff_position", language, position=position)
        if left <= 60:
            return text("handoff_wait_soon", language)
        minutes = format_timedelta(timedelta(seconds=left), granularity="minute", threshold=10, locale=language)
        if position > 1:
            return text("handoff_wait_position", language, position=position, minutes=minutes)
        return text("handoff_wait", language, minutes=minutes)

    async def tell_longer(
        self, session: Session, conversation: ConversationRow, handoff: Handoff, now: datetime
    ) -> None:
        """Tell a customer whose announced wait is over how it stands now, with a new estimate if there is one."""
        language = language_of(conversation)
        position = await Handoffs(session).position(handoff)
        expected, _ = await self._expected(session, now, ahead=position - 1, seed=handoff.id)
        handoff.delay_told = True
        if expected is None or not self.hours.is_open(now):
            handoff.notice_at = None
            words = text("handoff_longer_unknown", language)
            if not self.hours.is_open(now):
                words += " " + text("handoff_opens", language, opens=self._opens(language, now))
        else:
            seconds = max(NEXT_NOTICE_S, await self._announced(Handoffs(session), expected, now))
            handoff.notice_at = now + timedelta(seconds=seconds)
            minutes = format_timedelta(timedelta(seconds=seconds), granularity="minute", threshold=10, locale=language)
            words = text("handoff_longer", language, position=position, minutes=minutes)
        reply = Reply(text=words, buttons=self._alternatives(conversation, handoff))
        await Conversations(session).add_reply(conversation, reply, now)
        Records(session).signal(
            "availability",
            "wait_longer_than_told",
            now,
            conversation_id=conversation.id,
            value=(now - handoff.queued_at).total_seconds(),
            unit="s",
            data={"announced_s": handoff.announced_wait_s, "position": position},
        )

    async def _expected(self, session: Session, now: datetime, *, ahead: int, seed: int) -> tuple[float | None, int]:
        """Return the expected wait in seconds (None: nobody is there) and how many places are free."""
        present = [c for c in await Agents(session).colleagues(now - PRESENT_FOR, now) if _takes_more(c)]
        handoffs = Handoffs(session)
        situation = WaitSituation(
            ahead=ahead,
            free_places=sum(c.free for c in present),
            in_hand_s=[
                (now - since).total_seconds() for since in await handoffs.in_hand_since([c.id for c in present], now)
            ],
            handling_s=await handoffs.recent_handling_s(),
            reaction_s=await handoffs.recent_reactions_s(),
        )
        return (expected_wait_s(situation, seed) if present else None), situation.free_places

    async def _announced(self, handoffs: Handoffs, expected: float, now: datetime) -> int:
        experience = [Experience(expected_s, real / expected_s) for expected_s, real in await handoffs.waits(now)]
        announced = announced_wait_s(expected, experience)
        return announced if experience else max(announced, self.default_s)

    # -- another way for the answer

    async def take(
        self, session: Session, conversation: ConversationRow, words: str | None, payload: str | None, now: datetime
    ) -> list[Reply] | None:
        """Answer a button of this module, or the address that was asked for; None if the message is neither."""
        asked = payload is not None and payload.startswith(HANDOFF_PAYLOAD)
        handoff = await Handoffs(session).open_of(conversation.id)
        if handoff is None or handoff.state != HandoffState.QUEUED:
            if not asked:
                return None
            return [Reply(text=text("button_expired", language_of(conversation)))]
        language = language_of(conversation)
        if payload == LEAVE:
            return None  # the handoff ends: HandoffService does that
        if payload == BY_MAIL:
            handoff.contact_step = "address"
            return [Reply(text=text("handoff_which_address", language), input={"type": "email"})]
        if handoff.contact_step == "address" and payload is None:
            return await self._address(session, conversation, handoff, words or "", now)
        return None

    async def _address(
        self, session: Session, conversation: ConversationRow, handoff: Handoff, words: str, now: datetime
    ) -> list[Reply] | None:
        """Take the address out of a message. A message without one is a new question and not for us."""
        language = language_of(conversation)
        if "@" not in words:
            return None
        found = _MAIL.search(words)
        try:
            address = validate_email(found[0].rstrip(".!?") if found else words, check_deliverability=False).normalized
        except EmailNotValidError:
            return [Reply(text=text("handoff_address_wrong", language), input={"type": "email"})]
        handoff.contact = address
        handoff.contact_step = None
        handoff.notice_at = None  # nobody waits in front of the screen any more
        Records(session).signal(
            "availability",
            "callback_wanted",
            now,
            conversation_id=conversation.id,
            value=(now - handoff.queued_at).total_seconds(),
            unit="s",
            data={"announced_s": handoff.announced_wait_s},
        )
        kind = "callback" if handoff.outside_hours else "answer"
        due = await self._promise_answer(session, conversation, now, kind=kind)
        return [Reply(text=f"{text('handoff_mail_noted', language, address=address)} {due}")]

    async def _promise_answer(
        self, session: Session, conversation: ConversationRow, now: datetime, *, kind: str = "answer", before: str = ""
    ) -> str:
        """Promise an answer by the time within which the team answers, and return the words.

        Outside of service hours the promise is a ``callback``: what is held out is that somebody comes back to the
        customer after the opening that was named, in the words ``before``.
        """
        language = language_of(conversation)
        due = self.hours.after_open(now, self.answer_within)
        if due is None:
            return ""
        words = text("handoff_answer_by", language, due=self._moment(due, language, now))
        await Records(session).promise(
            PromiseRow(
                conversation_id=conversation.id,
                kind=kind,
                wording=f"{before} {words}".strip(),
                made_by="bot",
                made_at=now,
                due_at=due,
                state="open",
            )
        )
        return words

    def _opens(self, language: Language, now: datetime) -> str:
        opens = self.hours.opens_next(now)
        return "?" if opens is None else self._moment(opens, language, now)

    def _moment(self, at: datetime, language: Language, now: datetime) -> str:
        """Say a time as people do: today's without the day."""
        local = at.astimezone(self.hours.zone)
        if local.date() == now.astimezone(self.hours.zone).date():
            pattern = "'heute um' HH:mm 'Uhr'" if language == "de" else "HH:mm 'today'"
        else:
            pattern = "EEEE, d. MMMM, HH:mm 'Uhr'" if language == "de" else "HH:mm 'on' EEEE d MMMM"
        return str(
            format_datetime(local, pattern, tzinfo=self.hours.zone, locale="de" if language == "de" else "en_GB")
        )


def _takes_more(colleague: Colleague) -> bool:
    return colleague.here and colleague.presence == "available"


def language_of(conversation: ConversationRow) -> Language:
    """Return the language a conversation is held in."""
    return "de" if conversation.language == "de" else "en"
