"""On in Telegram and back, as a shopper does it: a link, a question on both sides, one conversation in both."""

import re
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Page, expect

from tests.bot.channels.web_service import WebService, web_service
from tests.browser.conftest import answer, picture, say, texts
from tests.browser.test_accessibility import violations


@pytest.fixture
async def web(settings, engine_double) -> AsyncIterator[WebService]:
    """A service that plays Telegram itself."""
    async with web_service(settings, engine_double, telegram_playground=True) as service:
        yield service


@pytest.fixture
def telegram(context, web):
    """Open the played Telegram on another device."""

    async def open_telegram(name: str = "Anna") -> Page:
        page = await (await context()).new_page()
        await page.goto(f"{web.url}/telegram")
        await page.get_by_label("Name").fill(name)
        await page.get_by_role("button", name="Get Telegram").click()
        await page.locator("#write:not([inert])").wait_for()
        return page

    return open_telegram


async def write(page: Page, text: str) -> None:
    await page.locator("#text").fill(text)
    await page.locator("#text").press("Enter")


async def ask_for_link(page: Page) -> str:
    await page.get_by_role("button", name="Menü").click()
    await page.get_by_role("button", name="Weiter in Telegram").click()
    link = page.get_by_role("link", name="Telegram öffnen")
    return await link.get_attribute("href") or ""


async def join(page: Page, there: Page) -> None:
    await write(there, await ask_for_link(page))
    await there.get_by_role("button", name="Ja, das war ich").click()
    await page.get_by_role("button", name="Ja, verbinden").click()
    await expect(page.locator("dialog")).to_contain_text("ist mit Telegram verbunden (Anna)")


class TestOn:
    async def test_one_conversation_in_both(self, chat, telegram):
        page, there = await chat(bypass_csp=True), await telegram()
        await say(page, "auf der Website")
        await answer(page, "echo: auf der Website")
        link = await ask_for_link(page)
        assert link.startswith("https://t.me/")
        await expect(page.get_by_alt_text("QR-Code des Links")).to_have_attribute("src", re.compile("^(blob|https?):"))
        await page.get_by_alt_text("QR-Code des Links").evaluate("image => image.decode()")
        assert await violations(page) == []
        await picture(page, "telegram-link")

        await write(there, link)
        await there.get_by_role("button", name="Ja, das war ich").click()
        await expect(page.locator("dialog")).to_contain_text("„Anna“")
        assert await violations(page) == []
        await picture(page, "telegram-question")
        await page.get_by_role("button", name="Ja, verbinden").click()
        await expect(page.locator("dialog")).to_contain_text("ist mit Telegram verbunden (Anna)")
        assert await violations(page) == []
        await page.get_by_role("button", name="Zurück zum Gespräch").click()

        await write(there, "in Telegram")
        await answer(page, "echo: in Telegram")
        await say(page, "wieder hier")
        await expect(there.locator("#chat")).to_contain_text("echo: wieder hier")
        assert [t for t in await texts(page) if t.startswith("echo")] == [
            "echo: auf der Website",
            "echo: in Telegram",
            "echo: wieder hier",
        ]

    async def test_who_is_not_the_customer_is_kept_out(self, chat, telegram):
        page, there = await chat(), await telegram("Mallory")
        await say(page, "geheim")
        await answer(page, "echo: geheim")
        await write(there, await ask_for_link(page))
        await there.get_by_role("button", name="Ja, das war ich").click()
        await expect(page.locator("dialog")).to_contain_text("„Mallory“")
        await page.locator("dialog").get_by_role("button", name="Nein").click()
        await expect(page.locator("dialog")).to_have_count(0)
        await write(there, "und?")
        await expect(there.locator("#chat")).to_contain_text("echo: und?")
        await expect(there.locator("#chat")).not_to_contain_text("geheim")
        assert "und?" not in await texts(page)

    async def test_apart_again(self, chat, telegram):
        page, there = await chat(), await telegram()
        await say(page, "hallo")
        await answer(page, "echo: hallo")
        await join(page, there)
        await page.get_by_role("button", name="Verbindung trennen").click()
        await expect(page.locator("dialog")).to_have_count(0)
        await say(page, "nur hier")
        await answer(page, "echo: nur hier")
        await write(there, "nur dort")
        await expect(there.locator("#chat")).to_contain_text("echo: nur dort")
        await expect(there.locator("#chat")).not_to_contain_text("nur hier")
        assert "nur dort" not in await texts(page)

    async def test_without_telegram_nothing_is_offered(self, context, settings, engine_double):
        async with web_service(settings, engine_double) as service:
            page = await (await context()).new_page()
            await page.goto(f"{service.url}/chat?lang=de")
            await page.get_by_role("button", name="Menü").click()
            await expect(page.get_by_role("link", name="Vertrag widerrufen")).to_be_visible()
            await expect(page.get_by_role("button", name="Weiter in Telegram")).to_have_count(0)


class TestBack:
    async def test_the_link_from_telegram_opens_the_conversation_here(self, chat, telegram, web):
        there = await telegram()
        await write(there, "in Telegram begonnen")
        await expect(there.locator("#chat")).to_contain_text("echo: in Telegram begonnen")
        await write(there, "/website")
        link = there.locator("#chat a[href*='#resume=']")
        address = await link.get_attribute("href") or ""
        page = await chat(path=address.removeprefix(web.url))
        await answer(page, "echo: in Telegram begonnen")
        assert "resume" not in page.url
        await say(page, "hier weiter")
        await expect(there.locator("#chat")).to_contain_text("echo: hier weiter")

        spent = await chat(path=address.removeprefix(web.url))
        await expect(spent.locator(".notice")).to_contain_text("Der Link aus Telegram gilt nicht mehr")
        await expect(spent.locator(".starters")).to_be_visible()
        await picture(spent, "telegram-spent")
