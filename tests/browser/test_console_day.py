"""The agents' console in a real browser: two agents, three customers, and everything live."""

import asyncio
import re

from playwright.async_api import Page, expect

from bot.shop_side import ShopDesk, refresh
from bot.storage.shop import SqlShop
from bot.storage.tables import Handoff, Survey
from tests.bot.channels.test_web_chat import rows
from tests.browser.agents import WISH, german_days, person, row, write
from tests.browser.conftest import answer, picture, say
from tests.engine_double import turn_response


class TestADayAtTheDesk:
    """The recorded run: ZUSAGE_PICTURES=docs/images keeps its pictures."""

    async def test_two_agents_and_three_customers(self, chat, console, web, database, settings) -> None:
        await refresh(settings)
        web.engine.script[WISH] = person()
        web.engine.script["Wo bleibt meine Bestellung?"] = lambda body: turn_response(
            body, ["Ich sehe gern nach. Wie lautet Ihre Bestellnummer?"]
        )
        web.engine.intents["Danke, es ist dringend"] = "thank"
        web.engine.find_entities = german_days
        web.engine.script["Das ist doch unglaublich!"] = person({"label": "anger", "valence": -0.9, "confidence": 0.93})

        # Three customers ask for a person; both agents see all three, in order.
        anna, bert, cem = [await chat() for _ in range(3)]
        await say(anna, "Wo bleibt meine Bestellung?")
        await answer(anna, "Bestellnummer")
        await say(anna, WISH)
        await answer(anna, "Ich gebe Sie an unser Team weiter.")
        lena, murat = await console("Lena"), await console("Murat", color_scheme="dark", locale="en-GB")
        await say(bert, "Das ist doch unglaublich!")
        await say(cem, WISH)
        for page in (lena, murat):
            await expect(page.locator("#list-queue .row")).to_have_count(3)
        await expect(lena.locator("#list-queue .row").nth(1)).to_contain_text("wütend")
        await picture(lena, "console-queue")

        # Both press "accept" on the first at once: one has it, the other is told and sees it with the colleague.
        for page in (lena, murat):
            await page.locator("#list-queue .row a").first.click()
            await page.locator("#head button.primary").wait_for()
        await asyncio.gather(
            *(page.locator("#head button.primary").click(no_wait_after=True) for page in (lena, murat))
        )
        await expect(lena.locator("#composer")).to_have_attribute("data-mode", re.compile("reply|colleague"))
        await expect(murat.locator("#composer")).to_have_attribute("data-mode", re.compile("reply|colleague"))
        (first, *_) = await rows(database, Handoff)
        winner, loser = (lena, murat) if await lena.locator("#composer[data-mode=reply]").count() else (murat, lena)
        assert first.state == "accepted"
        await expect(loser.locator("#composer")).to_have_attribute("data-mode", "colleague")
        await expect(loser.locator(".toast").first).to_contain_text(re.compile("schneller|quicker"))
        name = "Lena" if winner is lena else "Murat"
        await answer(anna, f"{name} ist jetzt für Sie da.")

        # Words both ways, live.
        await write(winner, "Guten Tag, ich sehe gleich nach.")
        await answer(anna, "Guten Tag, ich sehe gleich nach.")
        await say(anna, "Danke, es ist dringend")
        await expect(winner.locator("#thread")).to_contain_text("Danke, es ist dringend")
        await expect(winner.locator("#thread .delivery").last).to_contain_text(
            re.compile("zugestellt|delivered|gesehen|seen")
        )

        # An order is proved, and cancelled by the bot's rules.
        sample = {s.status: s for s in await ShopDesk(settings, database).samples()}["processing"]
        await expect(winner.locator(".proof")).to_contain_text(re.compile("Nicht verifiziert|Not verified"))
        await winner.locator("[name=order_number]").fill(sample.number)
        await winner.locator("[name=proof]").fill(sample.postcode)
        await winner.locator(".verify button").click()
        await winner.locator(".order summary").first.click()
        await winner.locator(".operations").wait_for()
        await picture(winner, "console-order")
        await winner.locator(".operations button").filter(has_text=re.compile("Stornieren|Cancel")).click()
        await winner.locator("#operation input[name=line]").first.wait_for()
        for box in await winner.locator("#operation input[name=line]").all():
            await box.check()
        await winner.locator("#operation select[name=reason]").select_option("no_longer_needed")
        await winner.locator("#operation button", has_text=re.compile("Prüfen|Check")).click()
        await winner.locator("#operation .preview").wait_for()
        for box in await winner.locator("#operation input[name=line]").all():
            await expect(box).to_be_checked()
        await picture(winner, "console-operation")
        assert (await SqlShop(database).order(sample.number)).stage == "processing"
        await winner.locator("#operation button", has_text=re.compile("Ausführen|Carry out")).click()
        await winner.locator("#operation [data-insert]").click()
        assert (await SqlShop(database).order(sample.number)).stage == "cancelled"
        await expect(winner.locator("#words")).to_have_value(re.compile("storniert"))
        await expect(winner.locator(".hint-promise").first).to_be_visible()
        (day,) = german_days(await winner.locator("#words").input_value())
        await expect(winner.locator(".hint-promise input[type=date]").first).to_have_value(day["value"])
        await picture(winner, "console-promise")
        await winner.locator("#words").press("Control+Enter")
        await answer(anna, "storniert")

        # Passed on to the colleague with a note that the customer never sees.
        other = "Murat" if winner is lena else "Lena"
        await winner.locator("[data-dialog=transfer]").click()
        await winner.locator("#transfer select").select_option(label=await _option(winner, other))
        await winner.locator("#transfer textarea").fill("Bitte die Erstattung im Blick behalten")
        await winner.locator("#transfer button.primary").click()
        await answer(anna, f"{other} ist jetzt für Sie da.")
        await expect(loser.locator("#list-mine .row")).to_have_count(1)
        await loser.locator("#list-mine .row a").click()
        await expect(loser.locator(".message.note")).to_contain_text("Erstattung im Blick")
        assert "Erstattung im Blick" not in await anna.locator("body").inner_text()

        # Back to the bot: the customer hears that no person answers any more, and the bot does.
        await loser.locator("[data-dialog=give-back]").click()
        await loser.locator("#give-back button.primary").click()
        await answer(anna, "kein Mensch")
        await say(anna, "Was kostet der Versand?")
        await answer(anna, "echo: Was kostet der Versand?")

        # The angry customer: a draft that passes over the anger is told; then closed, and the survey appears.
        await row(loser, "queue", "unglaublich").locator("a").click()
        await loser.locator("#head button.primary").click()
        await loser.locator("#composer[data-mode=reply] #words").press_sequentially("Ihr Paket ist unterwegs.")
        await expect(loser.locator(".hint-feeling")).to_be_visible()
        await picture(loser, "console-dark")
        await loser.locator("#words").fill("Das tut mir sehr leid, das ist ärgerlich. Ich kläre es.")
        await expect(loser.locator(".hint-feeling")).to_be_hidden()
        await loser.locator("#words").press("Control+Enter")
        await answer(bert, "Das tut mir sehr leid")
        await loser.locator("#head summary", has_text=re.compile("Beenden|Close")).click()
        await loser.locator("#head details[open] .menu-body button").first.click()
        await expect(loser.locator("#composer")).to_have_attribute("data-mode", "closed")
        await answer(bert, "hat das Gespräch beendet")
        await bert.locator(".answers button").first.wait_for()
        await picture(bert, "console-survey")
        assert len(await rows(database, Survey)) == 1
        await expect(lena.locator("#list-queue .row")).to_have_count(1)


async def _option(page: Page, name: str) -> str:
    """Return the label of the option that names a colleague."""
    return (await page.locator("#transfer option", has_text=name).first.inner_text()).strip()
