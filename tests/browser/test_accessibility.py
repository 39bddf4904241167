"""WCAG 2.2 AA: axe finds nothing in any state, and everything can be done by keyboard."""

import importlib.resources
import re
from typing import Any

import pytest
from playwright.async_api import Frame, Page, expect

from bot.shop_side import refresh
from tests.bot.channels.web_service import web_service
from tests.browser.cards import ORDER, ORDERS, RETURN
from tests.browser.conftest import answer, picture, say
from tests.browser.test_conversation import TestPerson, offering

AXE = importlib.resources.files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SCHEMES = ["light", "dark"]


async def violations(page: Page | Frame) -> list[str]:
    """Return what axe finds, each with the first place."""
    await page.evaluate(AXE)
    result: dict[str, Any] = await page.evaluate("(tags) => axe.run({runOnly: {type: 'tag', values: tags}})", RULES)
    return [f"{v['id']}: {v['help']} at {v['nodes'][0]['html'][:160]}" for v in result["violations"]]


@pytest.fixture(params=SCHEMES)
def scheme(request) -> str:
    return str(request.param)


@pytest.fixture
def open_chat(chat, scheme):
    # axe itself needs an exception from the page's policy.
    async def open_page(**options):
        return await chat(color_scheme=scheme, bypass_csp=True, reduced_motion="reduce", **options)

    return open_page


class TestAxe:
    async def test_new(self, open_chat):
        page = await open_chat()
        assert await violations(page) == []

    async def test_conversation_buttons_menu_and_dialogs(self, open_chat, web, scheme):
        web.engine.script["knöpfe"] = offering("Jacke", "Mütze")
        page = await open_chat()
        await say(page, "knöpfe")
        await page.get_by_role("button", name="Jacke").wait_for()
        assert await violations(page) == []
        await page.get_by_role("button", name="Menü").click()
        assert await violations(page) == []
        await picture(page, f"menu-{scheme}")
        await page.get_by_role("button", name="Was wir zugesagt haben").click()
        await page.locator("dialog .none").wait_for()
        assert await violations(page) == []
        await page.keyboard.press("Escape")
        await page.get_by_role("button", name="Mit einem Menschen sprechen").click()
        assert await violations(page) == []

    @pytest.mark.parametrize("kind", ["scale", "stars", "ces"])
    async def test_survey(self, open_chat, web, kind, scheme):
        low, high = {"scale": (0, 10), "stars": (1, 5), "ces": (1, 7)}[kind]
        hint = {"type": kind, "min": low, "max": high, "low": "gar nicht", "high": "sehr"}
        web.engine.script["umfrage"] = offering(*map(str, range(low, high + 1)), "Überspringen", input=hint)
        page = await open_chat()
        await say(page, "umfrage")
        await page.locator(".rating").wait_for()
        assert await violations(page) == []
        await picture(page, f"survey-{kind}-{scheme}")

    async def test_date_and_photo(self, open_chat, web):
        web.engine.script["datum"] = offering(input={"type": "date", "min": "2030-01-01"})
        web.engine.script["foto"] = offering(input={"type": "photo"})
        days = {"type": "date", "days": ["2030-11-25", "2030-11-26"]}
        web.engine.script["tage"] = offering("Montag, 25. November", "Dienstag, 26. November", input=days)
        web.engine.script["zeiten"] = offering("10 bis 12 Uhr", input={"type": "time_window", "windows": ["10-12"]})
        page = await open_chat()
        for words in ("tage", "zeiten"):
            await say(page, words)
            await page.locator(".tiles").wait_for()
            assert await violations(page) == []
        await say(page, "datum")
        await page.locator(".date").wait_for()
        assert await violations(page) == []
        await say(page, "foto")
        await page.get_by_role("button", name="Foto auswählen").wait_for()
        assert await violations(page) == []

    async def test_cards(self, open_chat, web, scheme):
        web.engine.script["order"] = offering(card=ORDER)
        web.engine.script["return"] = offering(card=RETURN)
        page = await open_chat(viewport={"width": 400, "height": 1300})
        await say(page, "order")
        await page.locator(".card").wait_for()
        await say(page, "return")
        await page.locator(".label img").wait_for()
        web.engine.script["liste"] = offering("LM-105234", card=ORDERS)
        await say(page, "liste")
        await page.locator(".orders").wait_for()
        await expect(page.locator(".label img")).to_have_attribute("src", re.compile("^blob:"))
        await page.locator(".label img").evaluate("image => image.decode()")
        assert await violations(page) == []
        await picture(page, f"cards-{scheme}")

    async def test_agent(self, open_chat, web, database):
        page = await open_chat()
        await page.get_by_role("button", name="Mit einem Menschen sprechen").click()
        await page.get_by_role("button", name="Ja, bitte verbinden").click()
        await answer(page, "Team")
        assert await violations(page) == []
        await TestPerson.lena_takes_over(web, database)
        await page.locator(".message.agent").wait_for(timeout=60_000)
        assert await violations(page) == []

    async def test_offline_and_failed(self, open_chat, scheme):
        page = await open_chat()
        await page.evaluate(
            """() => localStorage.setItem('zusage.pending.refused-for-good', JSON.stringify(
                {id: 'refused-for-good', text: 'mit Bild', attachments: [{id: 'gone'}], at: Date.now()}))"""
        )
        await page.reload()
        await page.locator("[data-state=failed]").wait_for()
        assert await violations(page) == []
        await page.context.set_offline(True)
        await say(page, "ohne Netz")
        await expect(page.locator(".notice")).to_contain_text("Keine Verbindung", timeout=60_000)
        await expect(page.locator("[data-state=waiting]")).to_be_visible()
        assert await violations(page) == []
        await picture(page, f"offline-{scheme}")

    async def test_closed_and_open_on_the_shops_page(self, context, web, scheme):
        page = await (await context(color_scheme=scheme, bypass_csp=True)).new_page()
        await page.goto(f"{web.url}/")
        await page.locator(".launch").wait_for()
        assert await violations(page) == []
        await page.locator(".launch").click()
        frame = page.frames[1]
        await frame.locator("textarea").wait_for()
        assert await violations(page) == []
        assert await violations(frame) == []

    @pytest.mark.parametrize("colour", ["#ffd500", "#000000", "#ffffff", "#ff6f61", "#7f7f7f", "#00ff00"])
    async def test_any_colour_of_a_shop_is_made_readable(self, open_chat, web, colour):
        web.engine.script["knöpfe"] = offering("Jacke", input={"type": "photo"})
        page = await open_chat(path=f"/chat?lang=de#color={colour.replace('#', '%23')}")
        await say(page, "knöpfe")
        await page.get_by_role("button", name="Jacke").wait_for()
        assert await violations(page) == []


PAGES = ["/?lang=de", "/?lang=en", "/widerruf", "/withdrawal", "/datenschutz", "/privacy"]


class TestPages:
    @pytest.mark.parametrize("path", PAGES)
    async def test_axe_finds_nothing(self, context, web, path, scheme):
        page = await (await context(color_scheme=scheme, bypass_csp=True)).new_page()
        await page.goto(f"{web.url}{path}")
        assert await violations(page) == []

    @pytest.mark.parametrize("path", PAGES)
    async def test_at_200_percent_on_a_phone_nothing_is_cut_off(self, context, web, path):
        page = await (await context(viewport={"width": 320, "height": 500})).new_page()
        await page.goto(f"{web.url}{path}")
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    async def test_the_shop_in_forced_colours(self, context, web):
        page = await (await context(forced_colors="active", bypass_csp=True)).new_page()
        await page.goto(f"{web.url}/")
        await page.locator(".launch").wait_for()
        assert await violations(page) == []
        await picture(page, "shop-forced-colours")

    async def test_the_shop_with_somebody_signed_in(self, context, settings, engine_double, scheme):
        await refresh(settings)
        async with web_service(settings, engine_double) as web:
            page = await (await context(color_scheme=scheme, bypass_csp=True)).new_page()
            await page.goto(f"{web.url}/")
            await page.locator("#orders").scroll_into_view_if_needed()
            assert await violations(page) == []
            await picture(page, f"shop-guest-{scheme}")
            await page.locator("[data-sign-in]").click()
            await expect(page.locator(".member.list")).to_be_visible()
            assert await violations(page) == []
            await picture(page, f"shop-member-{scheme}")


class TestKeyboard:
    async def test_the_whole_way_without_a_mouse(self, chat, web):
        web.engine.script["Wo ist meine Bestellung?"] = offering("Jacke", "Mütze")
        page = await chat()
        await page.keyboard.press("Tab")
        order = []
        for _ in range(14):
            order.append(
                await page.evaluate("document.activeElement.ariaLabel || document.activeElement.textContent.trim()")
            )
            await page.keyboard.press("Tab")
        for name in (
            "Mit einem Menschen sprechen",
            "Menü",
            "Gesprächsverlauf",
            "Datenschutz",
            "Wo ist meine Bestellung?",
            "Ihre Nachricht",
        ):
            assert name in order
        assert order.index("Menü") < order.index("Gesprächsverlauf") < order.index("Ihre Nachricht")

        await page.get_by_role("button", name="Wo ist meine Bestellung?").focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("textarea")).to_be_focused()
        await page.get_by_role("button", name="Mütze").focus()
        await page.keyboard.press("Space")
        await answer(page, "echo")
        await expect(page.locator("textarea")).to_be_focused()

    async def test_the_menu_opens_closes_and_gives_the_focus_back(self, chat):
        page = await chat()
        button = page.get_by_role("button", name="Menü")
        await button.focus()
        await page.keyboard.press("Enter")
        await expect(button).to_have_attribute("aria-expanded", "true")
        await expect(page.get_by_role("button", name="English")).to_be_focused()
        await page.keyboard.press("Escape")
        await expect(button).to_be_focused()
        await expect(button).to_have_attribute("aria-expanded", "false")

    async def test_the_focus_can_always_be_seen(self, chat, web):
        web.engine.script["knöpfe"] = offering("Jacke")
        page = await chat()
        await say(page, "knöpfe")
        await page.get_by_role("button", name="Jacke").wait_for()
        for _ in range(9):
            await page.keyboard.press("Tab")
            outline = await page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            focused = await page.evaluate("document.activeElement !== document.body")
            assert not focused or outline == "solid"


class TestScreenReader:
    async def test_what_comes_in_is_announced_once_and_history_is_not(self, chat, web):
        page = await chat()
        await say(page, "hallo")
        await answer(page, "echo: hallo")
        said = page.locator("main > .hidden[role=status]")
        await expect(said).to_contain_text("Digitaler Assistent: echo: hallo")
        assert (await said.inner_text()).count("echo: hallo") == 1

    async def test_names_and_roles(self, chat, web):
        page = await chat()
        await say(page, "hallo")
        await answer(page, "echo")
        await expect(page.get_by_role("log", name="Gesprächsverlauf")).to_be_visible()
        await expect(page.get_by_role("textbox", name="Ihre Nachricht")).to_be_visible()
        await expect(page.locator(".mine .hidden")).to_have_text("Sie")
        await expect(page.locator("html")).to_have_attribute("lang", "de")


class TestSight:
    async def test_at_200_percent_nothing_is_cut_off(self, chat, web):
        web.engine.script["nps"] = offering(*map(str, range(11)), input={"type": "scale", "min": 0, "max": 10})
        page = await chat(viewport={"width": 200, "height": 340})  # the panel of 400 by 680 at 200 %
        await say(page, "nps")
        await page.locator(".scale").wait_for()
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert await page.evaluate(
            "document.querySelector('.log').scrollWidth <= document.querySelector('.log').clientWidth"
        )
        await picture(page, "zoom")

    async def test_forced_colours(self, chat, web):
        web.engine.script["order"] = offering("Jacke", card=ORDER)
        page = await chat(forced_colors="active")
        await say(page, "order")
        await page.locator(".card").wait_for()
        border = await page.locator(".mine .bubble").evaluate("element => getComputedStyle(element).borderStyle")
        assert border == "solid"
        await picture(page, "forced-colours")

    async def test_targets_are_large_enough(self, chat, web):
        web.engine.script["nps"] = offering(
            *map(str, range(11)), "Überspringen", input={"type": "scale", "min": 0, "max": 10}
        )
        page = await chat(viewport={"width": 320, "height": 640}, has_touch=True, is_mobile=True)
        await say(page, "nps")
        await page.locator(".scale").wait_for()
        sizes = await page.locator("button:visible").evaluate_all(
            """buttons => buttons.map((button) => {
                const {width, height} = button.getBoundingClientRect();
                return [button.textContent, width, height];
            })"""
        )
        assert [size for size in sizes if min(size[1:]) < 24] == []

    async def test_reduced_motion_is_respected(self, chat, web):
        page = await chat(reduced_motion="reduce")
        await say(page, "hallo")
        await answer(page, "echo")
        assert (
            await page.locator(".message").first.evaluate("element => getComputedStyle(element).animationName")
            == "none"
        )
