"""A real Chromium (Debian's package), driven by Playwright, on a real service."""

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, Frame, Page, async_playwright, expect

from tests.bot.channels.web_service import WebService, web_service
from tests.browser.agents import signed_in

CHROMIUM = os.environ.get("ZUSAGE_CHROMIUM") or shutil.which("chromium") or ""
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
# Where pictures of a test are kept when it is worth looking at them: ZUSAGE_PICTURES=directory
PICTURES = os.environ.get("ZUSAGE_PICTURES", "")

expect.set_options(timeout=60_000)

OpenPage = Callable[..., Awaitable[Page]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.browser)
            if not CHROMIUM:
                item.add_marker(
                    pytest.mark.skip(reason="NO BROWSER: install Debian's chromium, or set ZUSAGE_CHROMIUM")
                )


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        await browser.close()


@pytest.fixture
async def web(settings, engine_double) -> AsyncIterator[WebService]:
    async with web_service(settings, engine_double) as service:
        yield service


@pytest.fixture
async def context(browser) -> AsyncIterator[Callable[..., Awaitable[BrowserContext]]]:
    """Open a browser profile; whatever goes wrong in one of its pages fails the test."""
    troubles: list[str] = []

    async def open_context(**options: Any) -> BrowserContext:
        options = {"locale": "de-DE", "viewport": {"width": 1280, "height": 860}} | options
        context = await browser.new_context(**options)
        context.set_default_timeout(60_000)
        context.on("weberror", lambda error: troubles.append(str(error.error)))
        context.on("dialog", lambda dialog: troubles.append(f"a script ran: {dialog.message}"))
        return context

    yield open_context
    assert troubles == []


@pytest.fixture
def chat(context, web) -> OpenPage:
    """Open the chat on a page of its own."""

    async def open_chat(in_context: BrowserContext | None = None, path: str = "/chat?lang=de", **options: Any) -> Page:
        page = await (in_context or await context(**options)).new_page()
        await page.goto(f"{web.url}{path}")
        await page.locator("textarea").wait_for()
        return page

    return open_chat


@pytest.fixture
async def console(context, web, database) -> AsyncIterator[OpenPage]:
    """Sign an agent in and open the console."""
    profiles: list[BrowserContext] = []

    async def open_console(name: str = "Lena", role: str = "agent", **options: Any) -> Page:
        viewport = {"viewport": {"width": 1440, "height": 900}}
        profiles.append(await context(**viewport | options))
        return await signed_in(profiles[-1], web.url, database, name, role)

    yield open_console
    # A stream of events that is still open would keep the service from stopping for a while.
    for profile in profiles:
        await profile.close()


async def say(page: Page | Frame, text: str) -> None:
    """Type a message and send it with the Enter key."""
    await page.locator("textarea").fill(text)
    await page.locator("textarea").press("Enter")


async def answer(page: Page | Frame, text: str) -> None:
    """Wait until the bot or the team has said something."""
    await page.locator(".theirs .bubble, .system p").filter(has_text=text).first.wait_for()


async def texts(page: Page | Frame) -> list[str]:
    """Return what is on the page, in order, customer and bot."""
    return await page.locator(".messages .bubble").all_inner_texts()


async def picture(page: Page, name: str) -> None:
    """Keep a picture of the page, where pictures are wanted."""
    if PICTURES:
        await page.screenshot(path=f"{PICTURES}/{name}.png", animations="disabled")
