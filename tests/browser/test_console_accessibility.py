"""axe finds nothing on any page of the agents' console, light or dark, large or small."""

import pytest
from playwright.async_api import expect

from tests.browser.agents import WISH, person
from tests.browser.conftest import say
from tests.browser.test_accessibility import violations


class TestAxe:
    @pytest.fixture(params=["light", "dark"])
    def scheme(self, request) -> str:
        return str(request.param)

    async def test_signing_in(self, context, web, scheme) -> None:
        page = await (await context(color_scheme=scheme, bypass_csp=True)).new_page()
        await page.goto(f"{web.url}/console/")
        assert await violations(page) == []

    async def test_lists_conversation_and_dialogs(self, chat, console, web, scheme) -> None:
        web.engine.script[WISH] = person({"label": "anger", "valence": -0.9, "confidence": 0.9})
        await say(await chat(), WISH)
        page = await console(role="admin", color_scheme=scheme, bypass_csp=True)
        await expect(page.locator("#list-queue .row")).to_have_count(1)
        assert await violations(page) == []
        await page.locator("#list-queue .row a").click()
        await page.locator(".proof").wait_for()
        assert await violations(page) == []
        await page.locator("#head button.primary").click()
        await page.locator("#composer[data-mode=reply] #words").fill("Wir erstatten Ihnen 20 € innerhalb von 3 Tagen.")
        await page.locator(".hint-promise").wait_for()
        assert await violations(page) == []
        for dialog in ("transfer", "give-back", "keys"):
            await page.locator(f"[data-dialog={dialog}]").click()
            await page.locator(f"#{dialog}[open]").wait_for()
            assert await violations(page) == [], dialog
            await page.keyboard.press("Escape")

    async def test_other_pages(self, console, web, scheme) -> None:
        page = await console(role="admin", color_scheme=scheme, bypass_csp=True)
        for path in ("account", "account/totp", "saved-replies", "team", "audit", "nowhere"):
            await page.goto(f"{web.url}/console/{path}")
            assert await violations(page) == [], path

    async def test_on_a_phone(self, chat, console, web, scheme) -> None:
        web.engine.script[WISH] = person()
        await say(await chat(), WISH)
        page = await console(role="admin", color_scheme=scheme, bypass_csp=True)
        await page.set_viewport_size({"width": 390, "height": 800})
        await expect(page.get_by_label("Menü von Lena")).to_be_in_viewport(ratio=1)
        await page.locator("#list-queue .row a").click()
        await page.locator(".talk").wait_for()
        assert await violations(page) == []
        wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert not wide
