"""A bad line: cut, killed, or in disorder. Every message arrives once, in order, on both sides."""

import asyncio
import os
import random
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import suppress

import httpx
import pytest
from playwright.async_api import WebSocketRoute, expect

from bot.conversation import Author
from bot.storage.tables import MessageRow
from tests.bot.channels.test_web_chat import rows
from tests.browser.conftest import answer, say, texts
from tests.engine_double import free_port

CUT_S = 30


class Line:
    """Passes bytes on between browser and service, until it is cut."""

    def __init__(self, to: int) -> None:
        self.to = to
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", self.port)

    def cut(self) -> None:
        assert self._server is not None
        self._server.close()
        for writer in tuple(self._writers):
            writer.transport.abort()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self.to)
        self._writers |= {writer, back}
        await asyncio.gather(self._pass(reader, back), self._pass(there, writer))
        self._writers -= {writer, back}

    @staticmethod
    async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
        with suppress(ConnectionError, RuntimeError):
            writer.close()


@pytest.fixture
async def line(web) -> AsyncIterator[Line]:
    line = Line(web.settings.port)
    await line.open()
    yield line
    line.cut()


async def said_to(database) -> list[str]:
    """Return what the service has of the customer, in its order."""
    return [m.text for m in await rows(database, MessageRow) if m.author == Author.CUSTOMER]


class TestCut:
    @pytest.mark.slow
    async def test_five_messages_typed_while_there_is_no_network(self, context, web, line, database):
        page = await (await context()).new_page()
        await page.goto(f"{line.url}/chat?lang=de")
        await page.locator("textarea").wait_for()
        await say(page, "davor")
        await answer(page, "echo: davor")
        line.cut()
        words = [f"ohne Netz {i}" for i in range(1, 6)]
        for word in words:
            await say(page, word)
            await asyncio.sleep(CUT_S / 5)
        await expect(page.locator("[data-state=waiting]")).to_have_count(5)
        await expect(page.locator(".notice")).to_contain_text("Keine Verbindung")
        await line.open()
        last = page.locator(".theirs .bubble", has_text=re.compile(rf"^echo: {words[-1]}$"))
        await expect(last).to_be_visible(timeout=60_000)
        await expect(page.locator(".notice")).to_be_empty()
        assert await said_to(database) == ["davor", *words]
        shown = [t for t in await texts(page) if "vorweg" not in t and "echo" not in t]
        assert shown == ["davor", *words]
        echoes = [t for t in await texts(page) if "echo" in t]
        assert echoes == [f"echo: {word}" for word in ["davor", *words]]

    async def test_what_was_typed_without_a_network_survives_closing_the_page(self, context, web, line, database):
        profile = await context()
        page = await profile.new_page()
        await page.goto(f"{line.url}/chat?lang=de")
        await page.locator("textarea").wait_for()
        line.cut()
        await say(page, "nicht vergessen")
        await expect(page.locator("[data-state=waiting]")).to_be_visible()
        await page.close()
        await line.open()
        page = await profile.new_page()
        await page.goto(f"{line.url}/chat?lang=de")
        await answer(page, "echo: nicht vergessen")
        assert await said_to(database) == ["nicht vergessen"]


class TestDisorder:
    @pytest.mark.parametrize("share", [0.01, 0.25])
    async def test_doubled_and_reordered_frames(self, context, web, database, share):
        chance = random.Random(5)
        troubles = 0

        def disorderly(send: Callable[[str], None]) -> Callable[[str], None]:
            held: list[str] = []

            def passed(frame: str) -> None:
                nonlocal troubles
                if chance.random() < share:
                    troubles += 1
                    if chance.random() < 0.5:
                        send(frame)
                    else:
                        held.append(frame)
                        # It comes late, and after whatever follows it.
                        asyncio.get_running_loop().call_later(0.4, late)
                        return
                send(frame)

            def late() -> None:
                with suppress(Exception):
                    if held:
                        send(held.pop(0))

            return passed

        def between(route: WebSocketRoute) -> None:
            server = route.connect_to_server()
            route.on_message(disorderly(server.send))
            server.on_message(disorderly(route.send))

        page = await (await context()).new_page()
        await page.route_web_socket("**/chat", between)
        await page.goto(f"{web.url}/chat?lang=de")
        await page.locator("textarea").wait_for()
        words = [f"Nachricht {i}" for i in range(1, 13)]
        for word in words:
            await say(page, word)
            await asyncio.sleep(0.05)
        last = page.locator(".theirs .bubble", has_text=re.compile(rf"^echo: {words[-1]}$"))
        await expect(last).to_be_visible(timeout=60_000)
        assert await said_to(database) == words
        stored = [m.text for m in await rows(database, MessageRow)]
        assert await texts(page) == stored
        assert share < 0.1 or troubles > 5


class TestKilled:
    async def test_three_messages_in_flight_when_the_service_dies(self, context, settings, engine_double, database):
        engine_double.delay_s = 1.5
        port = free_port()
        environment = {
            **os.environ,
            "ZUSAGE_DATA_DIR": str(settings.data_dir),
            "ZUSAGE_DATABASE_URL": settings.database_url,
            "ZUSAGE_ENGINE_URL": engine_double.url,
            "ZUSAGE_DEMO": "true",
            "ZUSAGE_LEASE_S": "3",
            "ZUSAGE_ENGINE_TIMEOUT_S": "2",
        }
        command = [sys.executable, "-m", "tests.faults.killable", str(port), "", str(settings.data_dir / "marker")]

        async def start() -> subprocess.Popen[bytes]:
            process = subprocess.Popen(command, env=environment)  # noqa: ASYNC220
            async with httpx.AsyncClient() as http, asyncio.timeout(60):
                while True:
                    with suppress(httpx.HTTPError):
                        await http.get(f"http://127.0.0.1:{port}/healthz")
                        return process
                    await asyncio.sleep(0.2)

        service = await start()
        try:
            page = await (await context()).new_page()
            await page.goto(f"http://127.0.0.1:{port}/chat?lang=de")
            await page.locator("textarea").wait_for()
            words = ["eins", "zwei", "drei"]
            for word in words:
                await say(page, word)
            await page.locator(".typing").wait_for()  # the engine is at the first
            service.send_signal(signal.SIGKILL)
            service.wait()
            service = await start()
            await expect(page.locator(".theirs .bubble", has_text=re.compile("^echo: drei$"))).to_be_visible(
                timeout=60_000
            )
            assert await said_to(database) == words
            stored = [m.text for m in await rows(database, MessageRow)]
            assert [t for t in stored if t.startswith("echo")] == [f"echo: {word}" for word in words]
            assert await texts(page) == stored
        finally:
            service.kill()
            service.wait()
