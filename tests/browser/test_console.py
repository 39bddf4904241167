"""The agents' console in a real browser: what a reload shows, keys alone, sound and notices, sessions that end."""

import asyncio
import re

import pytest
from playwright.async_api import Page, Route, expect

from bot.clock import utc_now
from bot.console import live
from bot.storage.agents import Agents
from bot.storage.tables import Handoff
from tests.bot.channels.test_web_chat import rows
from tests.browser.agents import WISH, person
from tests.browser.conftest import answer, say

# Notes what the page asks of the machine, and lets it have it; the page itself is behind another window.
EARS = """
window.heard = {tones: 0, notices: []};
const start = OscillatorNode.prototype.start;
window.heard.played = new Promise((played) => {
  OscillatorNode.prototype.start = function (...when) {
    if (++window.heard.tones === 2) played(true);
    return start.apply(this, when);
  };
});
window.Notification = class extends Notification {
  constructor(title, options) { super(title, options); window.heard.notices.push(options.body); }
};
Object.defineProperty(document, "hidden", {get: () => window.behind ?? false});
"""


async def take(page: Page) -> None:
    """Open the conversation that waits, and accept it by mouse."""
    await page.locator("#list-queue .row a").click()
    await page.locator("#head button.primary").click()
    await page.locator("#composer[data-mode=reply]").wait_for()


async def prefer(page: Page, **wishes: bool) -> None:
    """Choose in the dialog of keys and manners, and wait until the page has come back with it."""
    await page.locator("[data-dialog=keys]").click()
    for name, wanted in wishes.items():
        await page.locator(f"#keys [name={name}]").set_checked(wanted)
    async with page.expect_response(lambda response: "/console/lists" in response.url):
        await page.locator("#keys button.primary").click()


class TestTruth:
    async def test_a_reload_shows_the_same_page_with_the_draft(self, chat, console, web) -> None:
        web.engine.script[WISH] = person()
        await say(await chat(), WISH)
        page = await console()
        await take(page)
        async with page.expect_response(lambda response: response.url.endswith("/draft")):
            await page.locator("#words").fill("Halber Satz")
        await page.reload()
        await expect(page.locator("#words")).to_have_value("Halber Satz")
        await expect(page.locator("#list-mine .row")).to_have_count(1)
        await expect(page.locator("#thread")).to_contain_text(WISH)

    async def test_whoever_accepts_and_types_at_once_loses_neither_words_nor_place(self, chat, console, web) -> None:
        web.engine.script[WISH] = person()
        await say(await chat(), WISH)
        page = await console()
        await page.locator("#list-queue .row a").click()
        await page.locator("#words").fill("Schon")
        await page.locator("#head button.primary").dispatch_event("click")
        await page.locator("#composer[data-mode=reply]").wait_for()
        await expect(page.locator("#words")).to_be_focused()
        await page.keyboard.type(" benutzt")  # letters that are keys elsewhere: b, e, n, t, z
        await expect(page.locator("#words")).to_have_value("Schon benutzt")

    async def test_what_arrives_late_is_not_put_into_the_next_conversation(self, chat, console, web) -> None:
        web.engine.script[WISH] = person()
        anna, bert = await chat(), await chat()
        await say(anna, WISH)
        page = await console()
        await take(page)
        await say(bert, WISH)
        await page.locator("#list-queue .row a").wait_for()

        released, held = asyncio.Event(), []

        async def hold(route: Route) -> None:
            held.append(route)
            await released.wait()
            await route.continue_()

        await page.route("**/live?*", hold)
        async with page.expect_request("**/live?*"):
            await say(anna, "Sind Sie noch da?")
        await page.locator("#list-queue .row a").click()
        await page.locator("#composer[data-mode=accept]").wait_for()
        berts = await page.locator("#head h2").inner_text()
        async with page.expect_response("**/live?*"):
            released.set()
        await expect(page.locator("#list-mine .row")).to_contain_text("Sind Sie noch da?")
        assert await page.locator("#head h2").inner_text() == berts
        await page.locator("#head button.primary").click()
        await page.locator("#composer[data-mode=reply]").wait_for()
        await answer(bert, "Lena ist jetzt für Sie da.")
        assert held

    async def test_typing_is_seen_on_both_sides(self, chat, console, web) -> None:
        web.engine.script[WISH] = person()
        customer = await chat()
        await say(customer, WISH)
        page = await console()
        await take(page)
        await answer(customer, "Lena ist jetzt für Sie da.")
        await page.locator("#words").press_sequentially("Moment")
        await expect(customer.get_by_role("img", name="Lena schreibt")).to_be_visible()
        await customer.locator("textarea").press_sequentially("Ich schreibe noch")
        await expect(page.locator("#typing")).to_have_text("schreibt …")


class TestTelling:
    @pytest.fixture
    async def lena(self, context, console, web):
        """Open a console whose machine plays sounds and shows notices, and listens to both."""

        async def open_console(**wishes: bool) -> Page:
            page = await console(permissions=["notifications"])
            await page.add_init_script(EARS)
            await prefer(page, **wishes)
            return page

        return open_console

    async def test_who_comes_into_the_queue_is_heard_and_shown(self, chat, lena, web) -> None:
        web.engine.script[WISH] = person()
        customer = await chat()
        page = await lena(sound=True, notices=True)
        await page.evaluate("window.behind = true")
        await say(customer, WISH)
        await page.evaluate("window.heard.played")
        assert await page.evaluate("window.heard.notices") == ["Neu in der Warteschlange"]

    async def test_what_is_switched_off_stays_off(self, chat, lena, web) -> None:
        web.engine.script[WISH] = person()
        customer = await chat()
        page = await lena(sound=False, notices=False)
        await page.evaluate("window.behind = true; window.AudioContext = null")  # would throw
        await say(customer, WISH)
        await expect(page.locator("#list-queue .row")).to_have_count(1)
        assert await page.evaluate("[heard.tones, heard.notices]") == [0, []]

    async def test_who_looks_at_the_page_needs_no_notice(self, chat, lena, web) -> None:
        web.engine.script[WISH] = person()
        customer = await chat()
        page = await lena(sound=False, notices=True)
        await say(customer, WISH)
        await expect(page.locator("#list-queue .row")).to_have_count(1)
        assert await page.evaluate("window.heard.notices") == []


class TestSession:
    async def test_one_that_is_revoked_is_shut_out_at_the_next_heartbeat(self, console, database, monkeypatch) -> None:
        monkeypatch.setattr(live, "HEARTBEAT_S", 0.5)
        page = await console()
        async with database.begin() as session:
            agent = await Agents(session).by_email("lena@shop.test")
            await Agents(session).revoke(agent.id, utc_now())
        await expect(page.get_by_label(re.compile("Passwort"))).to_be_visible()


class TestKeyboard:
    async def test_a_whole_conversation_without_a_mouse(self, chat, console, web, database) -> None:
        web.engine.script[WISH] = person()
        customer = await chat()
        await say(customer, WISH)
        page = await console()
        await expect(page.locator("#list-queue .row")).to_have_count(1)
        await page.keyboard.press("j")
        await page.locator("#head button.primary").wait_for()
        await page.keyboard.press("a")
        await page.locator("#composer[data-mode=reply]").wait_for()
        await page.keyboard.press("r")
        await page.keyboard.type("Hallo vom Team")
        await page.keyboard.press("Control+Enter")
        await answer(customer, "Hallo vom Team")
        await expect(page.locator("#words")).to_have_value("")
        await page.locator("#thread").focus()
        await page.keyboard.press("n")
        await page.keyboard.type("Nur fürs Team")
        await page.keyboard.press("Control+Enter")
        await expect(page.locator(".message.note")).to_contain_text("Nur fürs Team")
        await page.locator("#thread").focus()
        await page.keyboard.press("e")
        await page.keyboard.press("Tab")
        await page.keyboard.press("Enter")
        await answer(customer, "hat das Gespräch beendet")
        assert [h.state for h in await rows(database, Handoff)] == ["closed"]

    async def test_single_keys_can_be_turned_off(self, chat, console, web) -> None:
        web.engine.script[WISH] = person()
        await say(await chat(), WISH)
        page = await console()
        await prefer(page, keys=False)
        await expect(page.locator("#list-queue .row")).to_have_count(1)
        await page.keyboard.press("j")
        await page.keyboard.press("?")
        await page.keyboard.press("/")
        assert await page.evaluate("document.activeElement === document.body")
        assert await page.locator(".talk, dialog[open]").count() == 0
