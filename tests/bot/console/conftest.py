"""A whole service with its console, agents who sign in over HTTP, and customers who wait."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from argon2 import PasswordHasher

from bot.app import create_app
from bot.clock import utc_now
from bot.console import auth
from bot.console.auth import new_agent
from bot.conversation import Author, TurnState
from bot.escalation import EscalationReason
from bot.handoff.hours import ServiceHours
from bot.handoff.service import HandoffService
from bot.storage.agents import Agents
from bot.storage.conversations import Conversations
from bot.storage.tables import Agent

ORIGIN = "http://desk.test"
PASSWORD = "correct horse battery"


class Browser:
    """An agent's browser: keeps the cookie, reads the session's token from the page, sends our Origin."""

    def __init__(self, app, agent: Agent | None) -> None:
        self.agent = agent
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(app=app, client=("192.0.2.7", 5000)),
            base_url=ORIGIN,
            headers={"Origin": ORIGIN, "Accept": "text/html", "Accept-Language": "en"},
        )
        self.csrf = ""

    async def sign_in(self, email: str | None = None, password: str = PASSWORD) -> httpx.Response:
        response = await self.http.post(
            "/console/sign-in", data={"email": email or self.agent.email, "password": password, "onward": ""}
        )
        if response.status_code == 303:
            page = await self.http.get("/console/account")
            self.csrf = re.search(r'name="csrf" value="([0-9a-f]+)"', page.text)[1]
        return response

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.http.get(f"/console{path}", headers=headers)

    async def post(self, path: str, data: dict | None = None, **headers: str) -> httpx.Response:
        return await self.http.post(
            f"/console{path}", data=data or {}, headers={"X-CSRF-Token": self.csrf, "HX-Request": "true", **headers}
        )


class Desk:
    """The service under test, and shortcuts to set its stage."""

    def __init__(self, settings, database, app) -> None:
        self.settings, self.database, self.app = settings, database, app
        self.skew = timedelta(0)
        self.handoffs = HandoffService(ServiceHours("Mon-Sun 00:00-23:59", settings.zone), 300)
        self.browsers: list[Browser] = []

    def now(self):
        return utc_now() + self.skew

    async def agent(self, name: str = "Lena", role: str = "agent", *, sign_in: bool = True, **more) -> Browser:
        async with self.database.begin() as session:
            agent = await Agents(session).add(
                new_agent(f"{name.lower()}@shop.test", name, role, PASSWORD, self.now(), **more)
            )
        browser = self.browser(agent)
        if sign_in:
            assert (await browser.sign_in()).status_code == 303
        return browser

    def browser(self, agent: Agent | None = None) -> Browser:
        browser = Browser(self.app, agent)
        self.browsers.append(browser)
        return browser

    async def customer(self, key: str = "anna", *words: str, reason: str | None = "customer_asked") -> int:
        """Let a customer write, and wait for a person unless ``reason`` is None; return the conversation."""
        async with self.database.begin() as session:
            conversations = Conversations(session)
            row = await conversations.at("web", key) or await conversations.open("web", key, "de", self.now())
            for text in words or ("Wo ist mein Paket?",):
                await self._write(conversations, row, text)
            if reason is not None:
                for reply in await self.handoffs.queue(session, row, EscalationReason(reason), self.now()):
                    await conversations.add_reply(row, reply, self.now())
            return row.id

    async def says(self, conversation_id: int, text: str) -> None:
        async with self.database.begin() as session:
            conversations = Conversations(session)
            await self._write(conversations, await conversations.locked(conversation_id), text)

    async def _write(self, conversations: Conversations, row, text: str) -> None:
        now = self.now()
        message = await conversations.add_message(row, Author.CUSTOMER, now, text=text)
        row.last_customer_at = now
        await conversations.add_turn(row, message, TurnState.WITH_PERSON, None, now)

    async def rows(self, table, **where):
        from sqlalchemy import select

        async with self.database.read() as session:
            query = select(table).order_by(*table.__table__.primary_key.columns).filter_by(**where)
            return list(await session.scalars(query))

    async def texts(self, conversation_id: int, author: str) -> list[str]:
        from bot.storage.tables import MessageRow

        return [m.text for m in await self.rows(MessageRow, conversation_id=conversation_id, author=author)]


@pytest.fixture(autouse=True)
def quick_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hashing is slow on purpose; here it only has to be the same algorithm."""
    monkeypatch.setattr(auth, "_hasher", PasswordHasher(time_cost=1, memory_cost=64, parallelism=1))


@pytest.fixture
async def desk(settings, database) -> AsyncIterator[Desk]:
    desk = Desk(settings, database, None)
    desk.app = create_app(settings, clock=desk.now)
    yield desk
    for browser in desk.browsers:
        await browser.http.aclose()
