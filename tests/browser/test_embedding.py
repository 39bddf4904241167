"""The chat on a shop's page: what the one line does to it, what the page may ask, and what strangers may not."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.responses import HTMLResponse
from playwright.async_api import Page, expect

from tests.bot.channels.web_service import WebService, web_service
from tests.browser.conftest import answer, picture, say
from tests.engine_double import free_port, serve


class Shop:
    """A page of another origin, as strict as a shop's can be, with the one line in it."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.service = ""
        self.attributes = ""
        self.app = FastAPI()
        self.app.get("/{path:path}")(self._page)

    async def _page(self, path: str) -> HTMLResponse:
        script = f'<script src="{self.service}/widget.js" async {self.attributes}></script>'
        html = (
            '<!doctype html><html lang="de"><meta name="viewport" content="width=device-width"><title>Shop</title>'
            f'<h1>Shop {path}</h1><a id="next" href="/next">weiter</a><button id="other">anderes</button>{script}'
        )
        policy = (
            f"default-src 'none'; script-src {self.service}; frame-src {self.service}; "
            "require-trusted-types-for 'script'; trusted-types 'none'"
        )
        return HTMLResponse(html, headers={"Content-Security-Policy": policy})


@pytest.fixture
async def shop(settings, engine_double) -> AsyncIterator[Shop]:
    """The shop's page and a service that allows it."""
    port = free_port()
    shop = Shop(port)
    async with (
        serve(shop.app, port),
        web_service(settings, engine_double, allowed_origins=[shop.url]) as service,
    ):
        shop.service = service.url
        yield shop


@pytest.fixture
def visit(context, shop):
    async def open_page(path: str = "/", **options: Any) -> Page:
        page = await (await context(**options)).new_page()
        await page.goto(f"{shop.url}{path}")
        await page.locator(".launch").wait_for()
        return page

    return open_page


def inside(page: Page):
    return page.frame_locator("iframe")


class TestBeforeItIsOpened:
    async def test_one_request_no_cookie_nothing_stored(self, visit, shop):
        page = await visit()
        requests: list[str] = []
        page.on("request", lambda request: requests.append(request.url))
        await page.reload()
        await page.locator(".launch").wait_for()
        await page.wait_for_timeout(1000)
        assert [url for url in requests if not url.startswith(shop.url)] == [f"{shop.service}/widget.js"]
        assert await page.context.cookies() == []
        assert await page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]

    async def test_it_does_not_move_the_page_and_does_not_take_the_focus(self, visit):
        page = await visit()
        assert await page.evaluate("document.activeElement === document.body")
        assert await page.evaluate("document.documentElement.scrollHeight <= innerHeight")

    async def test_opened_there_are_still_no_cookies(self, visit):
        page = await visit()
        await page.locator(".launch").click()
        await say_in(page, "hallo")
        assert await page.context.cookies() == []


class TestOpening:
    async def test_by_keyboard_and_back(self, visit):
        page = await visit()
        button = page.get_by_role("button", name="Fragen? Chat öffnen")
        await button.focus()
        await page.keyboard.press("Enter")
        await expect(inside(page).locator("textarea")).to_be_focused()
        await expect(page.locator(".launch")).to_have_attribute("aria-expanded", "true")
        await page.keyboard.press("Escape")
        await expect(page.locator(".panel")).to_be_hidden()
        assert (
            await page.evaluate("document.querySelector('zusage-chat').shadowRoot.activeElement.className") == "launch"
        )

    async def test_the_focus_goes_back_to_where_it_came_from(self, visit):
        page = await visit()
        await page.locator("#other").focus()
        await page.evaluate("Zusage.open()")
        await expect(inside(page).locator("textarea")).to_be_focused()
        await inside(page).get_by_role("button", name="Chat schließen").click()
        await expect(page.locator("#other")).to_be_focused()

    async def test_an_open_chat_is_open_on_the_next_page_too(self, visit):
        page = await visit()
        await page.locator(".launch").click()
        await say_in(page, "hallo")
        await page.locator("#next").click()
        await answer_in(page, "echo: hallo")
        await expect(page.locator(".panel")).to_be_visible()

    async def test_on_a_phone_it_fills_the_screen(self, visit):
        page = await visit(viewport={"width": 390, "height": 760}, has_touch=True, is_mobile=True)
        await page.locator(".launch").tap()
        await inside(page).locator("textarea").wait_for()
        box = await page.locator(".panel").bounding_box()
        assert (box["x"], box["y"], box["width"], box["height"]) == (0, 0, 390, 760)
        await expect(page.locator(".launch")).to_be_hidden()
        await expect(inside(page).get_by_role("log")).to_be_focused()  # no keyboard before anything was read
        await inside(page).get_by_role("button", name="Chat schließen").tap()
        await expect(page.locator(".launch")).to_be_visible()


class TestUnread:
    async def test_what_comes_while_it_is_closed_is_counted(self, visit, engine_double):
        engine_double.delay_s = 1
        page = await visit()
        await page.locator(".launch").click()
        await inside(page).locator("textarea").fill("hallo")
        await inside(page).locator("textarea").press("Enter")
        await inside(page).locator(".mine").wait_for()
        await page.keyboard.press("Escape")
        await expect(page.locator(".n")).to_have_text("2")  # that a bot answers, and the answer
        await expect(page.locator(".launch")).to_have_attribute("aria-label", "Fragen? Chat öffnen (2 ungelesen)")
        await picture(page, "unread")
        await page.locator(".launch").click()
        await expect(page.locator(".n")).to_be_hidden()


class TestTheShopsSide:
    async def test_calls_before_the_loader_are_kept(self, visit, shop, context):
        page = await (await context()).new_page()
        await page.add_init_script("(window.Zusage = []).push(['open'])")
        await page.goto(shop.url)
        await inside(page).locator("textarea").wait_for()

    async def test_events_tell_that_something_happened_never_what_was_said(self, visit):
        page = await visit()
        await page.evaluate(
            "window.heard = []; for (const name of ['open', 'close', 'message', 'unread'])"
            "Zusage.on(name, (detail) => heard.push([name, detail ?? null]))"
        )
        await page.evaluate("Zusage.open()")
        await say_in(page, "mein Geheimnis")
        await page.evaluate("Zusage.close()")
        heard = await page.evaluate("heard")
        assert heard[0] == ["open", None]
        assert ["message", {"author": "customer", "number": 1}] in heard
        assert heard[-1] == ["close", None]
        assert "Geheimnis" not in str(heard)

    async def test_the_language_follows_the_page(self, visit):
        page = await visit()
        await page.locator(".launch").click()
        await expect(inside(page).locator("textarea")).to_have_attribute("placeholder", "Ihre Nachricht")
        await page.evaluate("Zusage.language('en')")
        await expect(inside(page).locator("textarea")).to_have_attribute("placeholder", "Your message")

    async def test_looks_are_options(self, visit, shop):
        shop.attributes = (
            'data-color="#ffd500" data-theme="dark" data-position="left" data-title="Kundendienst" data-language="en"'
        )
        page = await visit()
        box = await page.locator(".launch").bounding_box()
        assert box["x"] == 20
        await page.locator(".launch").click()
        await expect(inside(page).locator("h1")).to_have_text("Kundendienst")
        await expect(inside(page).locator("html")).to_have_attribute("data-scheme", "dark")
        await picture(page, "yellow-dark-left")

    async def test_no_greeting_unless_asked_for(self, visit):
        page = await visit()
        await page.wait_for_timeout(1500)
        await expect(page.locator(".hint")).to_have_count(0)

    async def test_a_greeting_comes_once_in_many_days(self, visit, shop):
        shop.attributes = 'data-proactive="Brauchen Sie Hilfe bei der Größe?" data-proactive-after="0.1"'
        page = await visit()
        await expect(page.locator(".hint")).to_contain_text("Hilfe bei der Größe")
        await picture(page, "greeting")
        await page.get_by_role("button", name="Hinweis schließen").click()
        await page.reload()
        await page.wait_for_timeout(1000)
        await expect(page.locator(".hint")).to_have_count(0)


class TestStrangers:
    async def test_a_page_that_is_not_allowed_cannot_frame_the_chat(self, context, settings, engine_double):
        port = free_port()
        stranger = Shop(port)
        async with serve(stranger.app, port), web_service(settings, engine_double) as service:
            stranger.service = service.url
            page = await (await context()).new_page()
            refused = asyncio.Event()
            page.on("console", lambda message: refused.set() if "frame-ancestors" in message.text else None)
            await page.goto(stranger.url)
            await page.locator(".launch").click()
            await asyncio.wait_for(refused.wait(), 10)
            await expect(inside(page).locator("textarea")).to_have_count(0)

    async def test_a_page_that_is_not_allowed_gets_no_socket(self, context, settings, engine_double):
        port = free_port()
        stranger = Shop(port)
        async with serve(stranger.app, port), web_service(settings, engine_double) as service:
            stranger.service = service.url
            page = await (await context(bypass_csp=True)).new_page()
            await page.goto(stranger.url)
            closed = await page.evaluate(
                "(url) => new Promise((done) => { const socket = new WebSocket(url);"
                "socket.onopen = () => done('open'); socket.onclose = (event) => done(event.code); })",
                service.url.replace("http", "ws") + "/chat",
            )
        assert closed == 1006

    async def test_messages_of_another_window_are_not_obeyed(self, visit, shop):
        page = await visit()
        await page.locator(".launch").click()
        frame = inside(page)
        await frame.locator("textarea").wait_for()
        # A frame of the shop's page, say an advertisement, pretends to be the chat and to be the shop.
        await page.evaluate(
            """() => {
                const chat = document.querySelector('zusage-chat').shadowRoot.querySelector('iframe').contentWindow;
                const data = {zusage: 'close'};
                dispatchEvent(new MessageEvent('message', {data, origin: 'https://evil.example', source: chat}));
                dispatchEvent(new MessageEvent('message', {data, source: window}));
            }"""
        )
        await expect(page.locator(".panel")).to_be_visible()


class TestWithoutWebSockets:
    async def test_the_chat_goes_over_to_requests(self, context, web: WebService):
        page = await (await context()).new_page()
        await page.add_init_script(
            "window.WebSocket = class { close() {} send() {}"
            "constructor() { setTimeout(() => this.onclose?.({code: 1006}), 50); } }"
        )
        await page.goto(f"{web.url}/chat?lang=de")
        await page.locator("textarea").wait_for()
        for words in ("eins", "zwei"):
            await say(page, words)
            await answer(page, f"echo: {words}")
        await page.reload()
        await answer(page, "echo: zwei")


async def say_in(page: Page, words: str) -> None:
    text = inside(page).locator("textarea")
    await text.fill(words)
    await text.press("Enter")
    await answer_in(page, f"echo: {words}")


async def answer_in(page: Page, words: str) -> None:
    await inside(page).locator(".theirs").filter(has_text=words).first.wait_for()
