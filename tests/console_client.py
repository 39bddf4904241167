"""An agent's browser without a page: signs in over HTTP, sends what buttons send, hears the stream of changes."""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx

from bot.clock import utc_now
from bot.console.auth import new_agent
from bot.storage.agents import Agents
from bot.storage.database import Database

PASSWORD = "correct horse battery"
WITHIN_S = 60.0


class ConsoleClient:
    """One signed-in browser. ``events`` holds what the stream brought: name, data, and when (monotonic seconds)."""

    def __init__(self, url: str) -> None:
        self.http = httpx.AsyncClient(base_url=url, headers={"Origin": url}, timeout=WITHIN_S, trust_env=False)
        self.events: list[tuple[str, dict[str, Any], float]] = []
        self._csrf = ""
        self._news = asyncio.Event()
        self._stream: asyncio.Task[None] | None = None

    async def sign_in(self, email: str) -> None:
        """Sign in; the token of the session is read off a page, as the page itself does."""
        response = await self.http.post("/console/sign-in", data={"email": email, "password": PASSWORD, "onward": ""})
        assert response.status_code == 303, response.text
        await self.read_token()

    async def read_token(self) -> None:
        page = await self.http.get("/console/account")
        found = re.search(r'name="csrf" value="([0-9a-f]+)"', page.text)
        assert found is not None, page.text
        self._csrf = found[1]

    async def post(self, path: str, **values: Any) -> httpx.Response:
        headers = {"X-CSRF-Token": self._csrf, "HX-Request": "true"}
        return await self.http.post(f"/console{path}", data=values, headers=headers)

    async def lists(self) -> dict[str, list[int]]:
        """Return the conversations in each list, as a freshly loaded page shows them."""
        page = (await self.http.get("/console/lists")).text
        found: dict[str, list[int]] = {}
        section = ""
        for match in re.finditer(r'data-section="(\w+)"|id="row-(\d+)"', page):
            if match[1]:
                section = match[1]
                found[section] = []
            else:
                found[section].append(int(match[2]))
        return found

    async def listen(self) -> None:
        """Open the stream of changes, and wait until it has begun."""
        self._stream = asyncio.create_task(self._hear())
        await self.heard("hello")

    async def _hear(self) -> None:
        name = ""
        async with self.http.stream("GET", "/console/events", timeout=None) as response:
            assert response.status_code == 200
            async for line in response.aiter_lines():
                if line.startswith("event: "):
                    name = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    self.events.append((name, json.loads(line.removeprefix("data: ")), time.monotonic()))
                    self._news.set()

    async def heard(self, name: str, fits: Callable[[dict[str, Any]], bool] = lambda _: True) -> dict[str, Any]:
        """Wait for an event; return its data."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                self._news.clear()
                for event, data, _ in self.events:
                    if event == name and fits(data):
                        return data
                await self._news.wait()

    async def close(self) -> None:
        if self._stream is not None:
            self._stream.cancel()
            await asyncio.gather(self._stream, return_exceptions=True)
        await self.http.aclose()


@asynccontextmanager
async def console(
    url: str, database: Database, name: str = "Lena", role: str = "agent"
) -> AsyncIterator[ConsoleClient]:
    """Sign an agent in, who is made if there is none of the name."""
    email = f"{name.lower()}@shop.test"
    async with database.begin() as session:
        if await Agents(session).by_email(email) is None:
            await Agents(session).add(new_agent(email, name, role, PASSWORD, utc_now(), places=50))  # type: ignore[arg-type]
    client = ConsoleClient(url)
    try:
        await client.sign_in(email)
        yield client
    finally:
        await client.close()
