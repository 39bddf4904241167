"""What is written down of a customer's time with an agent."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from bot.conversation import Incoming
from bot.engine_client import EngineClient
from bot.escalation import EscalationReason
from bot.handoff.hours import ServiceHours
from bot.handoff.service import HandoffService
from bot.storage.conversations import Conversations
from bot.storage.tables import Agent, Handoff, MessageRow, Signal
from bot.survey.bank import load_bank
from bot.survey.service import SurveyService
from bot.turn import TurnHandler


class Talk:
    """A customer with an agent, by a clock that is set by hand. The shop's people are there from 8 to 18."""

    def __init__(self, settings, database, double) -> None:
        self.database, self.double = database, double
        self.now = datetime(2026, 5, 4, 15, 0, tzinfo=UTC)  # a Monday, 17:00 in Berlin
        self.handoffs = HandoffService(ServiceHours("Mon-Fri 08:00-18:00", settings.zone), 300)
        self.turns = TurnHandler(
            settings=settings,
            database=database,
            engine=EngineClient(double.url, "t", 5),
            handoffs=self.handoffs,
            surveys=SurveyService(load_bank(settings.survey), self.handoffs),
            publish=self._ignore,
            clock=lambda: self.now,
        )
        self.count = 0
        self.agent = Agent(
            email="lena@example.org",
            name="Lena",
            role="agent",
            password_hash="-",
            presence="available",
            created_at=self.now,
        )

    @staticmethod
    async def _ignore(_conversation_id: int) -> None:
        return None

    async def begin(self) -> None:
        """Bring the customer to the agent: queued at once, accepted two minutes later."""
        async with self.database.begin() as session:
            session.add(self.agent)
        await self.customer("Hallo")
        async with self.database.begin() as session:
            row = await Conversations(session).locked(1)
            await self.handoffs.queue(session, row, EscalationReason.CUSTOMER_ASKED, self.now)
        self.wait(minutes=2)
        async with self.database.begin() as session:
            self.handoff = (await session.scalars(select(Handoff))).one().id
            await self.handoffs.accept(session, self.handoff, self.agent, self.now)

    def wait(self, **span: float) -> None:
        self.now += timedelta(**span)

    async def customer(self, text: str) -> None:
        self.count += 1
        await self.turns.handle_turn(
            Incoming(channel="web", external_key="anna", external_id=f"m{self.count}", text=text)
        )

    async def reply(self, text: str) -> MessageRow:
        async with self.database.begin() as session:
            return await self.handoffs.reply(session, self.handoff, self.agent, text, self.now)

    async def signals(self, kind: str) -> list[Signal]:
        async with self.database.read() as session:
            rows = list(await session.scalars(select(Signal).where(Signal.kind == kind).order_by(Signal.id)))
            session.expunge_all()
            return [row for row in rows if row.data.get("by", row.data.get("to")) == "agent"]


@pytest.fixture
async def talk(settings, database, engine_double) -> AsyncIterator[Talk]:
    talk = Talk(settings, database, engine_double)
    await talk.begin()
    yield talk


class TestWaiting:
    async def test_the_first_words_are_counted_from_the_queue(self, talk: Talk) -> None:
        talk.wait(minutes=1)
        await talk.reply("Guten Tag")
        (signal,) = await talk.signals("first_response")
        assert (signal.value, signal.unit, signal.data["within_hours_s"]) == (180, "s", 180)

    async def test_later_words_from_the_oldest_unanswered_message(self, talk: Talk) -> None:
        await talk.reply("Guten Tag")
        await talk.customer("Wo ist es?")
        talk.wait(seconds=30)
        await talk.customer("Hallo?")
        talk.wait(seconds=15)
        await talk.reply("Moment")
        await talk.reply("Da ist es ja")
        (signal,) = await talk.signals("response_time")
        assert signal.value == 45

    async def test_a_night_is_waiting_but_not_within_service_hours(self, talk: Talk) -> None:
        await talk.reply("Guten Tag")
        talk.wait(minutes=48)  # 17:50
        await talk.customer("Noch etwas")
        talk.wait(hours=14, minutes=20)  # 8:10
        await talk.reply("Guten Morgen")
        (signal,) = await talk.signals("response_time")
        assert (signal.value, signal.data["within_hours_s"]) == (14 * 3600 + 20 * 60, 20 * 60)


class TestFeeling:
    @pytest.fixture
    async def upset(self, talk: Talk) -> Talk:
        talk.double.emotions["Unverschämt!"] = {"label": "anger", "valence": -0.9, "confidence": 0.8}
        await talk.reply("Guten Tag")
        await talk.customer("Unverschämt!")
        talk.wait(seconds=20)
        return talk

    async def test_of_a_message_to_an_agent_is_written_down(self, upset: Talk) -> None:
        (signal,) = await upset.signals("emotion")
        assert (signal.value, signal.data["label"]) == (-0.9, "anger")

    async def test_that_is_taken_up_counts_with_its_time(self, upset: Talk) -> None:
        message = await upset.reply("Das tut mir leid.")
        assert message.acknowledges
        assert [s.value for s in await upset.signals("acknowledgement")] == [1]
        assert [s.value for s in await upset.signals("time_to_acknowledgement")] == [20]

    async def test_that_is_passed_over_counts_too(self, upset: Talk) -> None:
        await upset.reply("Bitte die Bestellnummer.")
        assert [s.value for s in await upset.signals("acknowledgement")] == [0]
        assert await upset.signals("time_to_acknowledgement") == []

    async def test_is_unknown_while_the_engine_is_down_and_the_message_arrives_all_the_same(self, talk: Talk) -> None:
        talk.double.fail_with = 500
        await talk.reply("Guten Tag")
        await talk.customer("Unverschämt!")
        assert await talk.signals("emotion") == []
        async with talk.database.read() as session:
            assert "Unverschämt!" in list(await session.scalars(select(MessageRow.text)))
