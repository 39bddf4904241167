"""The shopper's whole way with everything real: trained assistant, service, database, demo shop, console, browser.

``ZUSAGE_PICTURES=docs/images`` keeps the pictures of the documentation.
"""

import asyncio
import re
from typing import Any

import pytest
from playwright.async_api import Frame, Page, expect

from bot.clock import utc_now
from bot.console.auth import new_agent
from bot.shop.models import Order, ReturnStatus
from bot.storage.agents import Agents
from bot.storage.database import Database
from tests.browser.conftest import answer, picture, say, texts
from tests.dialogue.conftest import dialogue_settings, engine, service, shop, telegram  # noqa: F401 - fixtures
from tests.dialogue.shop import DemoShop

PASSWORD = "correct horse battery"
SIZES: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 860}},
    "phone": {
        "viewport": {"width": 390, "height": 780},
        "has_touch": True,
        "is_mobile": True,
        "device_scale_factor": 2,
    },
}
WORDS: dict[str, dict[str, str]] = {
    "de": {
        "where": "wo bleibt meine Bestellung?",
        "number?": "Bestellnummer",
        "postcode?": "Postleitzahl",
        "status": "zugestellt",
        "return": "die Jacke passt nicht, ich will sie zurückschicken",
        "place": "Paketshop",
        "yes": "Ja, so machen",
        "label": "ist angemeldet",
        "code": "QR-Code für die Abgabestelle",
        "bye": "danke, das wars",
        "thanks": "Danke für Ihre Antworten",
        "no": "Nein, danke",
    },
    "en": {
        "where": "where is my order?",
        "number?": "order number",
        "postcode?": "postcode",
        "status": "delivered",
        "return": "the jacket doesn't fit, I want to send it back",
        "place": "Parcel shop",
        "yes": "Yes, go ahead",
        "label": "is set up",
        "code": "QR code for the drop-off point",
        "bye": "thanks, that's all",
        "thanks": "Thank you for your answers",
        "no": "No, thanks",
    },
}


def one_jacket(order: Order) -> bool:
    return len(order.lines) == 1 and order.lines[0].quantity == 1 and "jacke" in order.lines[0].name.lower()


async def open_chat(page: Page, address: str, language: str) -> Frame:
    """Open the demo shop's page, and the chat on it."""
    await page.goto(f"{address}/?lang={language}")
    return await press_launcher(page)


async def press_launcher(page: Page) -> Frame:
    await page.locator(".launch").click()
    return await chat_of(page)


async def chat_of(page: Page) -> Frame:
    frame = await (await page.locator("iframe").element_handle()).content_frame()
    assert frame is not None
    await frame.locator("textarea").wait_for()
    return frame


async def answer_survey(chat: Frame, words: dict[str, str]) -> None:
    """Press the best mark of every question, and leave the free text out, until the thanks."""
    said = chat.locator(".message.theirs")
    for _ in range(6):
        count = await said.count()
        marks = chat.locator(".rating button")
        skip_text = chat.locator(".answers").get_by_role("button", name=words["no"])
        await expect(marks.or_(skip_text).first).to_be_visible()
        await (marks.last if await marks.count() else skip_text).click()
        await expect(said.nth(count)).to_be_visible()
        if words["thanks"] in await said.last.inner_text():
            return
    raise AssertionError(f"the survey does not end: {await texts(chat)}")


class TestTheWholeWay:
    @pytest.mark.parametrize("size", SIZES)
    @pytest.mark.parametrize("language", WORDS)
    async def test_from_the_question_to_the_thanks(
        self,
        context,
        service: str,  # noqa: F811
        shop: DemoShop,  # noqa: F811
        language: str,
        size: str,
    ) -> None:
        words, taken = WORDS[language], shop.take("delivered", one_jacket)
        profile = await context(locale="de-DE" if language == "de" else "en-GB", **SIZES[size])
        page = await profile.new_page()
        chat = await open_chat(page, service, language)
        await picture(page, f"chat-start-{language}-{size}")

        await say(chat, words["where"])
        await answer(chat, words["number?"])
        await say(chat, taken.number)
        await answer(chat, words["postcode?"])
        await say(chat, taken.values["postcode"])
        await answer(chat, words["status"])
        await expect(chat.locator(".card").last).to_contain_text(taken.number)
        await picture(page, f"chat-order-{language}-{size}")

        # A reload in the middle: all is there, once, and it goes on.
        before = await texts(chat)
        await page.reload()
        chat = await (press_launcher(page) if size == "phone" else chat_of(page))
        await answer(chat, words["status"])
        await expect(chat.locator(".messages .bubble")).to_have_text(before)

        # Nothing has moved out of sight.
        head, foot, panel = [
            await place.bounding_box() or {}
            for place in (chat.locator(".bar"), chat.locator(".composer"), page.locator(".panel"))
        ]
        assert head["y"] == pytest.approx(panel["y"], abs=1)
        assert foot["y"] + foot["height"] == pytest.approx(panel["y"] + panel["height"], abs=1)

        # A second tab has the same conversation, and follows.
        other = await profile.new_page()
        await other.goto(f"{service}/chat?lang={language}")
        await answer(other, words["status"])

        await say(chat, words["return"])
        await chat.locator(".answers").get_by_role("button", name=words["place"]).click()
        await chat.locator(".answers").get_by_role("button", name=words["yes"]).click()
        await answer(chat, words["label"])
        code = chat.get_by_alt_text(words["code"])
        await expect(code).to_be_visible()
        await expect(code).to_have_attribute("src", re.compile("^blob:"))
        await code.evaluate("image => image.decode()")
        await answer(other, words["label"])
        await picture(page, f"chat-return-{language}-{size}")
        entry = (await asyncio.to_thread(shop.now, taken)).returns[-1]
        assert (entry.status, entry.drop_off) == (ReturnStatus.REQUESTED, "service_point")
        assert entry.lines[0].reason == "does_not_fit"

        await say(chat, words["bye"])
        await chat.locator(".answers").wait_for()
        await picture(page, f"chat-survey-{language}-{size}")
        await answer_survey(chat, words)
        await picture(page, f"chat-thanks-{language}-{size}")
        await answer(other, words["thanks"])
        assert await texts(other) == await texts(chat)


class TestAPersonAnswers:
    async def test_the_agents_words_arrive_while_the_customer_looks(
        self,
        context,
        service: str,  # noqa: F811
        dialogue_settings: Any,  # noqa: F811
    ) -> None:
        database = Database(dialogue_settings.database)
        try:
            async with database.begin() as session:
                await Agents(session).add(
                    new_agent("lena@shop.test", "Lena", "agent", PASSWORD, utc_now(), team="Service")
                )
        finally:
            await database.close()
        console = await (await context(viewport={"width": 1440, "height": 900})).new_page()
        await console.goto(f"{service}/console/")
        await console.get_by_label("E-Mail").fill("lena@shop.test")
        await console.get_by_label("Passwort").fill(PASSWORD)
        await console.locator("button.primary").click()
        await console.locator("#lists").wait_for()

        page = await (await context()).new_page()
        chat = await open_chat(page, service, "de")
        await say(chat, "Ich möchte mit einem Menschen sprechen")
        await expect(chat.locator(".sub")).to_contain_text("Team verständigt")
        await console.locator("#list-queue .row a").first.click()
        await console.locator("#head button.primary").click()
        await expect(chat.locator(".sub")).to_contain_text("Lena")

        await console.locator("#composer[data-mode=reply] #words").fill(
            "Guten Tag, hier ist Lena. Was kann ich für Sie tun?"
        )
        await console.locator("#words").press("Control+Enter")
        await answer(chat, "hier ist Lena")
        await expect(chat.locator(".agent .author")).to_have_text("Lena")
        await say(chat, "Schön, dass jemand da ist.")
        await expect(console.locator("#thread")).to_contain_text("Schön, dass jemand da ist.")
        await picture(page, "chat-agent")
        await expect(chat.locator(".answers")).to_have_count(0)
        assert re.search("Lena", " ".join(await chat.locator(".system").all_inner_texts()))
