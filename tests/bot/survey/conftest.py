"""A conversation that can be led to its survey, on a real database."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import select

from bot.clock import utc_now
from bot.conversation import Incoming
from bot.engine_client import EngineClient
from bot.handoff.hours import ServiceHours
from bot.handoff.service import HandoffService
from bot.storage.conversations import Conversations
from bot.storage.tables import ConversationRow, MessageRow, Survey, SurveyAnswer
from bot.survey.bank import Bank, load_bank
from bot.survey.service import SurveyService
from bot.survey.silence import Silence
from bot.turn import TurnHandler
from tests.engine_double import turn_response


async def fetched(database, query) -> list:
    """Return a query's rows, readable after the session's end."""
    async with database.read() as session:
        rows = list(await session.scalars(query))
        session.expunge_all()
        return rows


class Customer:
    """Somebody who talks to the bot; the clock goes on only when told."""

    def __init__(self, settings, database, double, bank: Bank) -> None:
        self.settings, self.database, self.double = settings, database, double
        self.now = utc_now()
        self.count = 0
        double.script["tschüss"] = lambda body: turn_response(body, ["Auf Wiedersehen."], requests=[{"kind": "survey"}])
        double.script["bestellung"] = lambda body: turn_response(
            body, ["Ist unterwegs."], intent={"name": "track_order", "confidence": 0.99}
        )
        self.use(bank)

    def use(self, bank: Bank, seed: int = 3) -> None:
        """Ask from another question bank."""
        handoffs = HandoffService(ServiceHours("Mon-Sun 00:00-23:59", self.settings.zone), 300)
        self.handoffs = handoffs
        self.surveys = SurveyService(bank, handoffs, Random(seed))
        self.turns = TurnHandler(
            settings=self.settings,
            database=self.database,
            engine=EngineClient(self.double.url, "t", 5),
            handoffs=handoffs,
            surveys=self.surveys,
            publish=self._ignore,
            clock=lambda: self.now,
        )
        self.silence = Silence(
            self.database, self.surveys, self._ignore, lambda: self.now, self.settings.silence_survey_s
        )

    @staticmethod
    async def _ignore(_conversation_id: int) -> None:
        return None

    def wait(self, **span: float) -> None:
        """Let time go by."""
        self.now += timedelta(**span)

    async def says(self, text: str | None = None, *, press: str | None = None, key: str = "anna") -> list[MessageRow]:
        """Type or press a button of any earlier message; return what came back."""
        self.count += 1
        before = await self.last_message_id()
        button = await self._button(press, key) if press else None
        await self.turns.handle_turn(
            Incoming(channel="web", external_key=key, external_id=f"m{self.count}", text=text, button_id=button)
        )
        return await self.heard(since=before)

    async def heard(self, since: int) -> list[MessageRow]:
        """Return the bot's messages after another."""
        query = select(MessageRow).where(MessageRow.id > since, MessageRow.author != "customer")
        return await fetched(self.database, query.order_by(MessageRow.id))

    async def last_message_id(self) -> int:
        """Return the id of the newest message of all."""
        async with self.database.read() as session:
            return await session.scalar(select(MessageRow.id).order_by(MessageRow.id.desc()).limit(1)) or 0

    async def _button(self, title: str, key: str) -> str:
        async with self.database.read() as session:
            query = (
                select(MessageRow)
                .join(ConversationRow, ConversationRow.id == MessageRow.conversation_id)
                .where(ConversationRow.external_key == key)
                .order_by(MessageRow.id.desc())
            )
            for row in await session.scalars(query):
                for button in row.buttons or []:
                    if button["title"] == title:
                        return button["id"]
        raise AssertionError(f"no button {title!r} was shown")

    async def survey(self) -> Survey | None:
        """Return the newest survey."""
        return next(iter(await fetched(self.database, select(Survey).order_by(Survey.id.desc()))), None)

    async def answers(self) -> dict[str, tuple[int | None, str | None]]:
        """Return everything that was answered, by item."""
        rows = await fetched(self.database, select(SurveyAnswer).order_by(SurveyAnswer.id))
        return {row.item: (row.value, row.text) for row in rows}

    async def conversations(self) -> list[ConversationRow]:
        """Return all conversations."""
        return await fetched(self.database, select(ConversationRow).order_by(ConversationRow.id))

    async def offer(self, trigger: str) -> list[str]:
        """Offer the survey from outside a turn, as the console does."""
        async with self.database.begin() as session:
            row = await Conversations(session).locked((await self.conversations())[-1].id)
            replies = await self.surveys.offer(session, row, trigger, self.now)
            for reply in replies:
                await Conversations(session).add_reply(row, reply, self.now)
            return [reply.text or "" for reply in replies]


@pytest.fixture
def bank() -> Bank:
    return load_bank(Path("survey.yml"))


@pytest.fixture
async def customer(settings, database, engine_double, bank: Bank) -> AsyncIterator[Customer]:
    yield Customer(settings, database, engine_double, bank)


@pytest.fixture
async def asked(customer: Customer) -> Customer:
    """A customer before the first question."""
    await customer.says("bestellung")
    await customer.says("tschüss")
    return customer
