"""The life of a survey: offered at the end of a conversation, answered or not, never in the way."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random, SystemRandom

from bot.conversation import ConversationState, Language, Reply
from bot.engine_client import ParseResult
from bot.escalation import EscalationReason
from bot.handoff.service import HandoffService
from bot.storage.database import Session
from bot.storage.surveys import LIVE, Surveys
from bot.storage.tables import ConversationRow, Survey, SurveyAnswer
from bot.survey.answers import New, Reading, Said, asks_something_new, read_scale_answer, read_yes_or_no
from bot.survey.bank import Bank, Kind
from bot.survey.draw import draw

__all__ = ["ASK_PAYLOAD", "SMALL_TALK", "SURVEY_PAYLOAD", "SurveyService"]

# Begins the payload of every survey button: survey:<survey id>:<position>:<value, skip, stop, yes or no>.
SURVEY_PAYLOAD = "survey:"
# A button that sends what was taken for a comment to the engine after all; the text follows.
ASK_PAYLOAD = "survey:ask:"
# A conversation in which nothing else was said is not asked about after silence.
SMALL_TALK = frozenset({"greet", "goodbye", "thank", "affirm", "deny", "chitchat", "bot_challenge", "help", "stop"})

_TEXT = "text"


@dataclass(frozen=True)
class SurveyService:
    """Offers surveys and takes their answers. Every method works inside the caller's transaction.

    A survey's states: ``offered`` (nothing answered yet), ``answering``, ``paused`` (something else came up; it
    goes on at the conversation's next end), ``done``, ``skipped`` (the customer ended it), ``expired`` (silence).
    Answers already given count in every state. Positions count the drawn items, then the free text, then the
    question whether somebody should follow up.
    """

    bank: Bank
    handoffs: HandoffService
    random: Random = SystemRandom()  # noqa: RUF009  (stateless)

    # -- offering

    async def offer(self, session: Session, conversation: ConversationRow, trigger: str, now: datetime) -> list[Reply]:
        """Offer a survey about this conversation, or go on with a paused one; empty if now is not the time.

        Args:
            session: the open transaction; the conversation is locked in it.
            conversation: what the survey is about.
            trigger: what ended the conversation: goodbye, agent_closed or silence.
            now: the present instant.
        """
        if conversation.state not in (ConversationState.BOT, ConversationState.CLOSED):
            return []  # people still have it: this is not its end
        surveys = Surveys(session)
        if not await surveys.reachable(conversation.id):
            return []  # nobody would see it
        earlier = await surveys.latest_of(conversation.id)
        handoff = await surveys.last_handoff(conversation.id)
        if earlier is not None:
            if earlier.state == "paused":
                earlier.state = "answering" if await surveys.answers(earlier.id) else "offered"
                earlier.asked_again = False
                return self._ask(earlier, opening=self.bank.texts.resume.in_(_language(earlier.language)))
            a_person_came_since = handoff is not None and handoff.queued_at > earlier.offered_at
            if earlier.state in LIVE or not a_person_came_since:
                return []
        if self.bank.rest_days and await surveys.asked_since(conversation, now - timedelta(days=self.bank.rest_days)):
            return []
        language = _language(conversation.language)
        drawn = draw(self.bank, self.random, with_person=handoff is not None)
        items = [self._described(item.item) | {"probability": item.probability} for item in drawn]
        if self.bank.free_text:
            items.append(self._described(_TEXT) | {"probability": 1.0})
        survey = await surveys.add(
            Survey(
                conversation_id=conversation.id,
                state="offered",
                trigger=trigger,
                language=language,
                items=items,
                position=0,
                asked_again=False,
                agent_id=handoff.agent_id if handoff is not None else None,
                offered_at=now,
            )
        )
        texts = self.bank.texts
        opening = texts.intro_after_silence if trigger == "silence" else texts.intro
        return self._ask(survey, opening=opening.in_(language))

    # -- answering

    async def wants_parse(self, session: Session, conversation_id: int, text: str | None, payload: str | None) -> bool:
        """Tell whether the engine should read a text first, because it may be a comment or a new request."""
        if payload is not None or not text:
            return False
        survey = await Surveys(session).latest_of(conversation_id)
        return survey is not None and survey.state in LIVE and self._item(survey) == _TEXT

    async def awaits(self, session: Session, conversation: ConversationRow, text: str | None, now: datetime) -> bool:
        """Tell whether a text is a late answer for a survey of this ended conversation, and no new beginning."""
        survey = await Surveys(session).latest_of(conversation.id)
        if survey is None or not text or not self._takes_typed_answers(survey, now):
            return False
        name = self._item(survey)
        if name is None or name == _TEXT:
            return False  # what is said long after may be anything; only a number is beyond doubt
        return self._read(survey, name, text).said is Said.VALUE

    async def take(
        self,
        session: Session,
        conversation: ConversationRow,
        text: str | None,
        payload: str | None,
        now: datetime,
        parsed: ParseResult | None = None,
    ) -> list[Reply] | None:
        """Take a message that may be for the survey; None if it is for the engine, which then always wins.

        Args:
            session: the open transaction; the conversation is locked in it.
            conversation: where the message came in.
            text: what was typed, or the title of the button.
            payload: the button's payload, if one was pressed.
            now: the present instant.
            parsed: what the engine understands in the text, if ``wants_parse`` asked for it.
        """
        if payload is not None and payload.startswith(ASK_PAYLOAD):
            return None
        if payload is not None and payload.startswith(SURVEY_PAYLOAD):
            return await self._pressed(session, conversation, payload.removeprefix(SURVEY_PAYLOAD), now)
        survey = await Surveys(session).latest_of(conversation.id)
        if survey is None or not self._takes_typed_answers(survey, now):
            return None
        replies = None
        if payload is None and text:
            if survey.position >= len(survey.items):
                replies = await self._follow_up_typed(session, conversation, survey, text, now)
            elif self._item(survey) == _TEXT:
                replies = await self._comment(session, conversation, survey, text, now, parsed)
            else:
                replies = await self._typed(session, conversation, survey, text, now)
        if replies is None:
            survey.state = "paused"
        return replies

    def expire(self, survey: Survey, now: datetime) -> None:
        """End a survey that nobody answers any more; what was answered stays."""
        survey.state = "expired"
        survey.ended_at = now

    def _takes_typed_answers(self, survey: Survey, now: datetime) -> bool:
        return survey.state in LIVE or (survey.state == "expired" and not self._too_late(survey, now))

    def _too_late(self, survey: Survey, now: datetime) -> bool:
        return now - survey.offered_at > timedelta(days=self.bank.late_days)

    async def _pressed(
        self, session: Session, conversation: ConversationRow, choice: str, now: datetime
    ) -> list[Reply] | None:
        number, position_word, answer = choice.split(":")
        survey = await Surveys(session).locked(int(number))
        if survey is None:
            return None
        language = _language(survey.language)
        if self._too_late(survey, now):
            return [Reply(text=self.bank.texts.over.in_(language))]
        position = int(position_word)
        if position >= len(survey.items):
            return await self._follow_up(session, conversation, survey, answer == "yes", now)
        if answer == "stop":
            return await self._finish(session, conversation, survey, now, stopped=True)
        name = str(survey.items[position]["item"])
        if answer == "skip":
            if position != survey.position:
                return [Reply(text=self.bank.texts.over.in_(language))] if survey.state == "done" else self._ask(survey)
            return await self._go_on(session, conversation, survey, now)
        changed = name in await Surveys(session).answers(survey.id)
        await self._store(session, survey, position, int(answer), None, now)
        if position == survey.position:
            return await self._go_on(session, conversation, survey, now)
        # A question from further up: its answer is kept or changed, and the survey stays where it is.
        words = self.bank.texts.changed if changed else self.bank.texts.thanks
        told = Reply(text=words.in_(language).format(value=answer))
        return [told] if survey.state not in LIVE else [told, *self._ask(survey)]

    async def _typed(
        self, session: Session, conversation: ConversationRow, survey: Survey, text: str, now: datetime
    ) -> list[Reply] | None:
        name = self._item(survey)
        assert name is not None
        reading = self._read(survey, name, text)
        if reading.said is Said.STOP:
            return await self._finish(session, conversation, survey, now, stopped=True)
        if reading.said is Said.SKIP:
            return await self._go_on(session, conversation, survey, now)
        if reading.said is Said.VAGUE:
            if survey.asked_again:
                return await self._go_on(session, conversation, survey, now)
            survey.asked_again = True
            low, high = self.bank.items[name].scale
            return self._ask(
                survey, instead=self.bank.texts.again.in_(_language(survey.language)).format(min=low, max=high)
            )
        if reading.said is Said.OTHER:
            return None
        assert reading.value is not None
        new_request = reading.comment is not None and asks_something_new(reading.comment, None) is New.YES
        await self._store(
            session, survey, survey.position, reading.value, None if new_request else reading.comment, now
        )
        if new_request:  # "9, und wo ist mein Paket?": the answer counts, the question is answered
            self._advance(survey)
            return None
        return await self._go_on(session, conversation, survey, now)

    async def _comment(
        self,
        session: Session,
        conversation: ConversationRow,
        survey: Survey,
        text: str,
        now: datetime,
        parsed: ParseResult | None,
    ) -> list[Reply] | None:
        if survey.state == "expired":
            return None
        if read_yes_or_no(text) is False or read_scale_answer(text, (0, 0)).said in (Said.STOP, Said.SKIP):
            return await self._go_on(session, conversation, survey, now)
        new = asks_something_new(text, parsed)
        if new is New.YES:
            return None
        await self._store(session, survey, survey.position, None, text, now)
        language = _language(survey.language)
        replies = await self._go_on(
            session, conversation, survey, now, thanks=self.bank.texts.thanks_text.in_(language)
        )
        if new is New.MAYBE and survey.state == "done":
            help_button = {"title": self.bank.texts.needs_help.in_(language), "payload": f"{ASK_PAYLOAD}{text}"}
            replies[-1] = replies[-1].model_copy(update={"buttons": [help_button]})
        return replies

    def _read(self, survey: Survey, name: str, text: str) -> Reading:
        item, language = self.bank.items[name], _language(survey.language)
        return read_scale_answer(text, item.scale, item.low.in_(language), item.high.in_(language))

    async def _store(
        self, session: Session, survey: Survey, position: int, value: int | None, text: str | None, now: datetime
    ) -> None:
        drawn = survey.items[position]
        await Surveys(session).answer(
            SurveyAnswer(
                survey_id=survey.id,
                conversation_id=survey.conversation_id,
                item=drawn["item"],
                kind=drawn["kind"],
                level=drawn["level"],
                value=value,
                text=text,
                probability=drawn["probability"],
                answered_at=now,
            )
        )
        if survey.state == "offered":
            survey.state = "answering"

    def _advance(self, survey: Survey) -> None:
        survey.position += 1
        survey.asked_again = False

    async def _go_on(
        self,
        session: Session,
        conversation: ConversationRow,
        survey: Survey,
        now: datetime,
        thanks: str | None = None,
    ) -> list[Reply]:
        """Go to the next question, or to the end."""
        self._advance(survey)
        if self._item(survey) is None:
            return await self._finish(session, conversation, survey, now, thanks=thanks)
        survey.state = "answering"
        survey.ended_at = None
        return self._ask(survey)

    async def _finish(
        self,
        session: Session,
        conversation: ConversationRow,
        survey: Survey,
        now: datetime,
        *,
        stopped: bool = False,
        thanks: str | None = None,
    ) -> list[Reply]:
        """End a survey, with what a low score calls for."""
        texts, language = self.bank.texts, _language(survey.language)
        survey.state = "skipped" if stopped else "done"
        survey.ended_at = now
        answers = await Surveys(session).answers(survey.id)
        if stopped or not answers:
            return [Reply(text=texts.stopped.in_(language))]
        replies = [Reply(text=thanks or texts.thanks.in_(language))]
        low = any(a.value is not None and self.bank.follow_up.is_low(Kind(a.kind), a.value) for a in answers.values())
        if not low or self.bank.follow_up.mode == "never":
            return replies
        if self.bank.follow_up.mode == "always":
            return replies + await self.handoffs.queue(session, conversation, EscalationReason.LOW_SCORE, now)
        survey.state = "answering"
        survey.position = len(survey.items)
        mark = f"{SURVEY_PAYLOAD}{survey.id}:{survey.position}"
        buttons = [
            {"title": texts.follow_up_yes.in_(language), "payload": f"{mark}:yes"},
            {"title": texts.follow_up_no.in_(language), "payload": f"{mark}:no"},
        ]
        return [Reply(text=texts.follow_up.in_(language), buttons=buttons)]

    async def _follow_up(
        self, session: Session, conversation: ConversationRow, survey: Survey, wanted: bool, now: datetime
    ) -> list[Reply]:
        survey.state = "done"
        survey.ended_at = now
        if wanted:
            return await self.handoffs.queue(session, conversation, EscalationReason.LOW_SCORE, now)
        return [Reply(text=self.bank.texts.thanks.in_(_language(survey.language)))]

    async def _follow_up_typed(
        self, session: Session, conversation: ConversationRow, survey: Survey, text: str, now: datetime
    ) -> list[Reply] | None:
        wanted = read_yes_or_no(text)
        return None if wanted is None else await self._follow_up(session, conversation, survey, wanted, now)

    # -- asking

    def _described(self, name: str) -> dict[str, object]:
        """Return what is stored of an item with the survey, so that it can be read after the bank has changed."""
        item = self.bank.items.get(name)
        kind = item.kind if item is not None else Kind.TEXT
        return {"item": name, "kind": kind, "level": item.level if item is not None else None}

    def _item(self, survey: Survey) -> str | None:
        """Return the name of the open item, None behind the last; what the bank no longer has is passed over."""
        while survey.position < len(survey.items):
            name = str(survey.items[survey.position]["item"])
            if name == _TEXT or name in self.bank.items:
                return name
            self._advance(survey)
        return None

    def _ask(self, survey: Survey, opening: str | None = None, instead: str | None = None) -> list[Reply]:
        """Return the open question with its buttons and the hint how a page may show them.

        Args:
            survey: whose turn it is.
            opening: what is said before the question.
            instead: what is said in its place, when it is asked again.
        """
        name, texts, language = self._item(survey), self.bank.texts, _language(survey.language)
        if name is None:
            return []
        mark = f"{SURVEY_PAYLOAD}{survey.id}:{survey.position}"
        if name == _TEXT:
            words = texts.free_text.in_(language)
            buttons = [{"title": texts.no_text.in_(language), "payload": f"{mark}:skip"}]
            hint: dict[str, object] = {"type": "text"}
        else:
            item = self.bank.items[name]
            low, high = item.scale
            ends = {"low": item.low.in_(language), "high": item.high.in_(language)}
            words = f"{item.question.in_(language)} {texts.scale.in_(language).format(min=low, max=high, **ends)}"
            buttons = [{"title": str(v), "payload": f"{mark}:{v}"} for v in range(low, high + 1)]
            buttons += [
                {"title": texts.skip.in_(language), "payload": f"{mark}:skip"},
                {"title": texts.stop.in_(language), "payload": f"{mark}:stop"},
            ]
            hint = {"type": _WIDGETS[item.kind], "kind": item.kind.value, "min": low, "max": high, **ends}
        words = instead or words
        return [Reply(text=f"{opening}\n\n{words}" if opening else words, buttons=buttons, input=hint)]


_WIDGETS = {Kind.NPS: "scale", Kind.CES: "ces", Kind.CSAT: "stars", Kind.LEVEL: "stars", Kind.IMPORTANCE: "stars"}


def _language(value: str) -> Language:
    return "de" if value == "de" else "en"
