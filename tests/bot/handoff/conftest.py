"""Handoffs on a real database, with a clock that tests turn and agents who are there or not."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from bot.conversation import Author, Reply
from bot.escalation import EscalationReason
from bot.handoff.hours import ServiceHours
from bot.handoff.service import HandoffService
from bot.handoff.watch import HandoffWatch
from bot.storage.agents import Agents
from bot.storage.conversations import Conversations
from bot.storage.tables import Agent, Handoff, MessageRow

MONDAY_TEN = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)  # 10:00 in Berlin
SUNDAY = datetime(2026, 11, 22, 14, 0, tzinfo=UTC)


class Floor:
    """The service floor: who waits, who works."""

    def __init__(self, database) -> None:
        self.database = database
        self.now = MONDAY_TEN
        self.hours = ServiceHours("Mon-Fri 08:00-18:00", ZoneInfo("Europe/Berlin"))
        self.handoffs = HandoffService(self.hours, 300)
        self.published: list[int] = []
        self.watch = self.watching()

    def watching(self, *, automatic: bool = False) -> HandoffWatch:
        async def publish(conversation_id: int) -> None:
            self.published.append(conversation_id)

        async def announce(_notice) -> None:
            pass

        return HandoffWatch(
            self.database, self.handoffs, publish, announce, lambda: self.now,
            vanished_after=timedelta(minutes=3), automatic=automatic,
        )  # fmt: skip

    def later(self, **span: float) -> None:
        self.now += timedelta(**span)

    async def agent(self, name: str = "Lena", *, presence: str = "available", places: int = 3, team=None) -> Agent:
        async with self.database.begin() as session:
            return await Agents(session).add(
                Agent(
                    email=f"{name.lower()}@shop.test", name=name, role="agent", password_hash="-", places=places,
                    presence=presence, seen_at=self.now, created_at=self.now, team=team, preferences={},
                )
            )  # fmt: skip

    async def there(self, *agents: Agent, presence: str | None = None) -> None:
        """Let agents' browsers be seen now."""
        async with self.database.begin() as session:
            for agent in agents:
                row = await session.get(Agent, agent.id)
                row.seen_at = self.now
                row.presence = presence or row.presence

    async def conversation(self, key: str = "anna", *, channel: str = "web", language: str = "de", intents=()) -> int:
        from bot.conversation import TurnState

        async with self.database.begin() as session:
            conversations = Conversations(session)
            row = await conversations.open(channel, key, language, self.now)
            for intent in intents:
                message = await conversations.add_message(row, Author.CUSTOMER, self.now, text=intent)
                turn = await conversations.add_turn(row, message, TurnState.DONE, None, self.now)
                turn.intent, turn.understood = intent, True
            return row.id

    async def queue(self, conversation_id: int, reason: str = "customer_asked") -> list[Reply]:
        async with self.database.begin() as session:
            row = await Conversations(session).locked(conversation_id)
            return await self.handoffs.queue(session, row, EscalationReason(reason), self.now)

    async def take(self, conversation_id: int, words: str | None = None, payload: str | None = None):
        async with self.database.begin() as session:
            row = await Conversations(session).locked(conversation_id)
            return await self.handoffs.take(session, row, words, payload, self.now)

    async def accept(self, conversation_id: int, agent: Agent) -> None:
        async with self.database.begin() as session:
            (handoff,) = await self.rows(Handoff, conversation_id=conversation_id)
            await self.handoffs.accept(session, handoff.id, await session.get(Agent, agent.id), self.now)

    async def close(self, conversation_id: int) -> None:
        (handoff,) = await self.rows(Handoff, conversation_id=conversation_id)
        async with self.database.begin() as session:
            await self.handoffs.close(session, handoff.id, await session.get(Agent, handoff.agent_id), self.now)

    async def rows(self, table, **where):
        async with self.database.read() as session:
            return list(await session.scalars(select(table).filter_by(**where).order_by(table.id)))

    async def said(self, conversation_id: int) -> list[str]:
        rows = await self.rows(MessageRow, conversation_id=conversation_id)
        return [row.text for row in rows if row.author in ("bot", "system")]


@pytest.fixture
def floor(database) -> Floor:
    return Floor(database)
