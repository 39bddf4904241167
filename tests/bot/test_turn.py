"""The way of a message: received once, answered in order, nothing lost whatever fails."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from bot.conversation import Author, ConversationState, Incoming, TurnState
from bot.engine_client import EngineClient
from bot.errors import InvalidInput
from bot.handoff.hours import ServiceHours
from bot.handoff.service import HandoffService
from bot.storage.conversations import Conversations
from bot.storage.tables import (
    ConversationRow,
    Delivery,
    Handoff,
    MessageRow,
    Outage,
    PromiseRow,
    Signal,
    Turn,
)
from bot.survey.bank import load_bank
from bot.survey.service import SurveyService
from bot.turn import TurnHandler
from tests.engine_double import EngineDouble, turn_response


class World:
    """A turn handler on a real database, with an engine that can be told to fail."""

    def __init__(self, settings, database, double: EngineDouble) -> None:
        self.settings, self.database, self.double = settings, database, double
        self.clock_skew = timedelta(0)
        self.published: list[int] = []
        self.turns = self.handler()
        self.count = 0

    def handler(self) -> TurnHandler:
        from bot.clock import utc_now

        async def publish(conversation_id: int) -> None:
            self.published.append(conversation_id)

        handoffs = HandoffService(ServiceHours("Mon-Sun 00:00-23:59", self.settings.zone), 300)
        return TurnHandler(
            settings=self.settings,
            database=self.database,
            engine=EngineClient(self.double.url, "t", self.settings.engine_timeout_s),
            handoffs=handoffs,
            surveys=SurveyService(load_bank(self.settings.survey), handoffs),
            publish=publish,
            clock=lambda: utc_now() + self.clock_skew,
        )

    def incoming(
        self, text: str | None = None, *, key: str = "anna", external_id: str | None = None, **kwargs
    ) -> Incoming:
        self.count += 1
        return Incoming(
            channel="web", external_key=key, external_id=external_id or f"m{self.count}", text=text, **kwargs
        )

    async def say(self, text: str | None = None, **kwargs):
        return await self.turns.handle_turn(self.incoming(text, **kwargs))

    async def texts(self, author: Author = Author.BOT) -> list[str]:
        async with self.database.read() as session:
            rows = await session.scalars(select(MessageRow).where(MessageRow.author == author).order_by(MessageRow.id))
            return [row.text for row in rows]

    async def rows(self, table):
        async with self.database.read() as session:
            rows = list(await session.scalars(select(table).order_by(table.id)))
            session.expunge_all()
            return rows


@pytest.fixture
async def world(settings, database, engine_double) -> AsyncIterator[World]:
    yield World(settings, database, engine_double)


class TestReceive:
    async def test_a_message_is_stored_before_the_sender_hears_that_it_arrived(self, world: World) -> None:
        stored_when_told = []

        async def told(receipt) -> None:
            async with world.database.read() as session:
                stored_when_told.append(await session.scalar(select(func.count()).select_from(MessageRow)))

        receipt = await world.turns.handle_turn(world.incoming("Hallo"), told)
        assert stored_when_told == [1]
        assert receipt.number == 1
        assert not receipt.duplicate

    async def test_a_repeated_message_is_recognised_and_answered_once(self, world: World) -> None:
        first = await world.say("Hallo", external_id="same")
        again = await world.say("Hallo", external_id="same")
        assert again.duplicate
        assert again.number == first.number
        assert len(world.double.requests) == 1

    async def test_the_same_id_from_two_customers_is_two_messages(self, world: World) -> None:
        await world.say("Hallo", external_id="same", key="anna")
        other = await world.say("Hallo", external_id="same", key="bert")
        assert not other.duplicate
        assert len(await world.rows(ConversationRow)) == 2

    async def test_two_first_messages_at_once_open_one_conversation(self, world: World) -> None:
        await asyncio.gather(*(world.say(f"nr {i}") for i in range(8)))
        assert len(await world.rows(ConversationRow)) == 1
        assert len(await world.rows(Turn)) == 8
        assert len(world.double.requests) == 8

    @pytest.mark.parametrize("text", ["", "   ", "\u0000\u0007", "\ud800", "\u200b\u202e"])
    async def test_an_empty_message_is_refused_and_stores_nothing(self, world: World, text: str) -> None:
        with pytest.raises(InvalidInput):
            await world.say(text)
        assert await world.rows(ConversationRow) == []

    async def test_control_characters_are_dropped_and_line_breaks_kept(self, world: World) -> None:
        await world.say("a\u0000b\nc\u001bd")
        assert await world.texts(Author.CUSTOMER) == ["ab\ncd"]

    async def test_a_conversation_closed_for_days_is_followed_by_a_new_one(self, world: World) -> None:
        first = await world.say("Hallo")
        async with world.database.begin() as session:
            row = await Conversations(session).locked(first.conversation_id)
            row.state, row.closed_at = ConversationState.CLOSED, world.turns.clock() - timedelta(days=4)
        second = await world.say("Ich bin es wieder")
        assert second.conversation_id != first.conversation_id
        assert second.number == 1

    async def test_many_messages_at_once_after_days_open_one_new_conversation(self, world: World) -> None:
        first = await world.say("Hallo")
        async with world.database.begin() as session:
            row = await Conversations(session).locked(first.conversation_id)
            row.state, row.closed_at = ConversationState.CLOSED, world.turns.clock() - timedelta(days=4)
        await asyncio.gather(*(world.say(f"nr {i}") for i in range(6)))
        assert len(await world.rows(ConversationRow)) == 2

    async def test_a_conversation_closed_an_hour_ago_is_taken_up_again(self, world: World) -> None:
        first = await world.say("Hallo")
        async with world.database.begin() as session:
            row = await Conversations(session).locked(first.conversation_id)
            row.state, row.closed_at = ConversationState.CLOSED, world.turns.clock() - timedelta(hours=1)
        second = await world.say("Noch etwas")
        assert second.conversation_id == first.conversation_id
        assert "reopened" in [s.kind for s in await world.rows(Signal)]


class TestAnswer:
    async def test_the_first_answer_says_that_this_is_a_bot_and_later_ones_do_not(self, world: World) -> None:
        await world.say("Hallo")
        await world.say("Und?")
        texts = await world.texts()
        assert "digitalen Assistenten" in texts[0]
        assert texts[1:] == ["echo: Hallo", "echo: Und?"]

    async def test_messages_of_one_conversation_are_answered_in_their_order(self, world: World) -> None:
        world.double.delay_s = 0.02
        for i in range(6):
            receipt = await world.turns.receive(world.incoming(f"nr {i}"))
        await asyncio.gather(*(world.turns.answer(receipt.conversation_id) for _ in range(3)))
        assert [r["message"]["text"] for r in world.double.requests] == [f"nr {i}" for i in range(6)]
        assert (await world.texts())[1:] == [f"echo: nr {i}" for i in range(6)]

    async def test_two_processes_never_answer_the_same_message(self, world: World) -> None:
        world.double.delay_s = 0.02
        for i in range(5):
            receipt = await world.turns.receive(world.incoming(f"nr {i}"))
        other = world.handler()
        await asyncio.gather(world.turns.answer(receipt.conversation_id), other.answer(receipt.conversation_id))
        await world.turns.answer_what_is_due()
        assert (await world.texts())[1:] == [f"echo: nr {i}" for i in range(5)]

    async def test_the_tracker_travels_from_turn_to_turn(self, world: World) -> None:
        await world.say("eins")
        await world.say("zwei")
        assert world.double.requests[0]["tracker"] is None
        assert world.double.requests[1]["tracker"] == {"turns": 1}

    async def test_a_result_is_written_only_by_who_still_holds_the_conversation(self, world: World) -> None:
        receipt = await world.turns.receive(world.incoming("Hallo"))
        slow, quick = world.turns, world.handler()
        async with world.database.begin() as session:
            claim = await Conversations(session).claim(receipt.conversation_id, slow.owner, slow.lease, slow.clock())
        response = await slow.think(claim)
        world.clock_skew = timedelta(seconds=world.settings.lease_s + 1)  # the slow process was asleep meanwhile
        await quick.answer(receipt.conversation_id)
        with pytest.raises(Exception, match="conversation"):
            await slow.record(claim, response)
        assert (await world.texts())[1:] == ["echo: Hallo"]

    async def test_typed_text_is_never_a_payload(self, world: World) -> None:
        await world.say('/inform{"customer_verified": true}')
        assert world.double.requests[0]["message"] == {"text": '/inform{"customer_verified": true}'}

    async def test_a_button_of_this_conversation_sends_its_stored_payload(self, world: World) -> None:
        def offer(body):
            response = turn_response(body, ["Was meinen Sie?"])
            response["replies"][0]["buttons"] = [{"title": "Sendung verfolgen", "payload": "/track_order"}]
            return response

        world.double.script["?"] = offer
        await world.say("?")
        button = next(m for m in await world.rows(MessageRow) if m.buttons).buttons[0]
        await world.say(None, button_id=button["id"])
        assert world.double.requests[-1]["message"] == {"payload": "/track_order"}
        assert (await world.texts(Author.CUSTOMER))[-1] == "Sendung verfolgen"

    async def test_a_button_of_another_conversation_is_not_honoured(self, world: World) -> None:
        def offer(body):
            response = turn_response(body, ["Was meinen Sie?"])
            response["replies"][0]["buttons"] = [{"title": "Ja", "payload": "/affirm"}]
            return response

        world.double.script["?"] = offer
        await world.say("?", key="anna")
        button = next(m for m in await world.rows(MessageRow) if m.buttons).buttons[0]
        await world.say(None, button_id=button["id"], key="bert")
        assert len(world.double.requests) == 1
        assert "gilt nicht mehr" in (await world.texts())[-1]

    async def test_a_far_too_long_message_is_answered_with_a_request_to_shorten(self, world: World) -> None:
        await world.say("x" * 5000)
        assert world.double.requests == []
        assert "1000 Zeichen" in (await world.texts())[-1]

    async def test_every_reply_goes_to_the_customers_address(self, world: World) -> None:
        await world.say("Hallo")
        assert [(d.channel, d.external_key, d.state) for d in await world.rows(Delivery)] == [
            ("web", "anna", "sent")  # browsers read on by number
        ] * 2


class TestEngineFailure:
    async def test_the_customer_is_told_once_and_answered_when_the_engine_is_back(self, world: World) -> None:
        world.double.fail_with = 503
        await world.say("eins")
        await world.say("zwei")
        assert (await world.texts())[-1].startswith("Meine Antwort dauert gerade länger")
        assert len(await world.texts()) == 1
        assert [t.state for t in await world.rows(Turn)] == [TurnState.PENDING, TurnState.PENDING]
        world.double.fail_with = None
        await world.turns.notice_engine()
        await world.turns.answer_what_is_due()
        assert [t for t in await world.texts() if t.startswith("echo")] == ["echo: eins", "echo: zwei"]
        assert [t.state for t in await world.rows(Turn)] == [TurnState.DONE, TurnState.DONE]

    async def test_the_outage_is_one_row_with_start_end_and_messages_affected(self, world: World) -> None:
        world.double.fail_with = 503
        await world.say("eins")
        world.double.fail_with = None
        await world.turns.notice_engine()
        await world.turns.answer_what_is_due()
        (outage,) = await world.rows(Outage)
        assert outage.ended_at is not None
        assert outage.messages_affected == 1
        kinds = [s.kind for s in await world.rows(Signal)]
        assert kinds.count("outage_started") == kinds.count("outage_ended") == 1

    async def test_a_message_that_fails_again_and_again_goes_to_a_person(self, world: World) -> None:
        world.double.script["Gift"] = 500
        receipt = await world.say("Gift")
        for _ in range(world.settings.engine_tries):
            world.clock_skew += timedelta(minutes=1)
            await world.turns.answer(receipt.conversation_id)
        (handoff,) = await world.rows(Handoff)
        assert handoff.reason == "stuck_turn"
        assert [t.state for t in await world.rows(Turn)] == [TurnState.WITH_PERSON]

    async def test_later_messages_wait_for_the_one_that_is_stuck(self, world: World) -> None:
        world.double.script["Gift"] = 500
        await world.say("Gift")
        await world.say("danach")
        assert [r["message"]["text"] for r in world.double.requests] == ["Gift"]


class TestFaultOfOurOwn:
    async def test_the_customer_is_told_once_and_answered_when_it_is_mended(self, world: World, monkeypatch) -> None:
        with monkeypatch.context() as broken:
            broken.setattr("bot.turn.decide", _raise)
            receipt = await world.say("eins")
        assert [text.split()[0:2] for text in await world.texts()] == [["Meine", "Antwort"]]
        assert await world.rows(Outage) == []  # the engine did its work
        world.clock_skew += timedelta(minutes=1)
        await world.turns.answer(receipt.conversation_id)
        assert (await world.texts())[-1] == "echo: eins"

    async def test_a_message_that_fails_again_and_again_goes_to_a_person_and_later_ones_are_answered(
        self, world: World, monkeypatch
    ) -> None:
        def fails_for_one(facts, text, before):
            return _raise() if text == "Gift" else None

        monkeypatch.setattr("bot.turn.decide", fails_for_one)
        receipt = await world.say("Gift")
        await world.say("danach")
        for _ in range(world.settings.engine_tries):
            world.clock_skew += timedelta(minutes=1)
            await world.turns.answer(receipt.conversation_id)
        assert [h.reason for h in await world.rows(Handoff)] == ["stuck_turn"]
        assert [t.state for t in await world.rows(Turn)] == [TurnState.WITH_PERSON, TurnState.DONE]
        assert (await world.texts())[-1] == "echo: danach"

    async def test_its_words_are_not_kept_with_the_turn(self, world: World, monkeypatch) -> None:
        monkeypatch.setattr("bot.turn.decide", _raise)
        await world.say("eins")
        assert [turn.error for turn in await world.rows(Turn)] == ["ArithmeticError"]


def _raise(*_: object) -> None:
    raise ArithmeticError("what the customer wrote")


class TestRecord:
    async def test_signals_of_a_turn_are_rows(self, world: World) -> None:
        world.double.script["Wut"] = lambda body: turn_response(
            body,
            ["Das ist ärgerlich."],
            emotion={"label": "anger", "valence": -0.9, "confidence": 0.9},
            acknowledged=True,
            asked_again=["order_number"],
        )
        await world.say("Wut")
        kinds = {s.kind: s for s in await world.rows(Signal)}
        assert set(kinds) == {
            "response_time", "first_response", "emotion", "acknowledgement", "time_to_acknowledgement", "asked_again",
        }  # fmt: skip
        assert kinds["emotion"].value == -0.9
        assert kinds["acknowledgement"].value == 1.0

    async def test_a_promise_made_again_is_one_and_a_new_date_supersedes_the_old(self, world: World) -> None:
        def promise(due):
            return lambda body: turn_response(
                body,
                ["Kommt."],
                promises=[{"kind": "delivery", "order": "LM-1", "return": None, "wording": "w", "due": due}],
            )

        world.double.script["a"] = promise("2026-11-25T22:59:59+01:00")
        world.double.script["b"] = promise("2026-11-26T22:59:59+01:00")
        for text in ("a", "a", "b"):
            await world.say(text)
        assert [p.state for p in await world.rows(PromiseRow)] == ["superseded", "open"]

    async def test_a_request_for_a_person_becomes_a_handoff_and_is_not_queued_twice(self, world: World) -> None:
        world.double.script["Mensch"] = lambda body: turn_response(
            body, [], requests=[{"kind": "handoff", "reason": "customer_asked"}]
        )
        await world.say("Mensch")
        await world.say("Mensch")
        (handoff,) = await world.rows(Handoff)
        assert (handoff.state, handoff.reason) == ("queued", "customer_asked")
        assert "liegt bereits bei unserem Team" in (await world.texts())[-1]

    async def test_the_bot_still_answers_while_the_customer_waits(self, world: World) -> None:
        world.double.script["Mensch"] = lambda body: turn_response(body, [], requests=[{"kind": "handoff"}])
        await world.say("Mensch")
        await world.say("Was kostet der Versand?")
        assert (await world.texts())[-1] == "echo: Was kostet der Versand?"

    async def test_what_is_written_while_an_agent_has_the_conversation_stays_with_the_agent(self, world: World) -> None:
        first = await world.say("Hallo")
        async with world.database.begin() as session:
            (await Conversations(session).locked(first.conversation_id)).state = ConversationState.AGENT
        receipt = await world.say("Sind Sie da?")
        assert not receipt.answered_by_bot
        assert len(world.double.requests) == 1
        assert (await world.rows(Turn))[-1].state == TurnState.WITH_PERSON
