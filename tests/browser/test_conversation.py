"""The chat as a shopper uses it: typing, pressing, coming back, in one tab and in two."""

import asyncio
import io
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import expect
from sqlalchemy import select

from bot.clock import utc_now
from bot.conversation import Author, Reply
from bot.storage.conversations import Conversations
from bot.storage.tables import ConversationRow, MessageRow, PromiseRow
from tests.bot.channels.test_web_chat import rows
from tests.browser.cards import ORDER, ORDERS, RETURN
from tests.browser.conftest import answer, picture, say, texts
from tests.engine_double import turn_response


def content(path: Path) -> bytes:
    return path.read_bytes()


def offering(*titles: str, **reply):
    """Return a script for the engine that offers buttons."""

    def script(body):
        response = turn_response(body, ["Bitte wählen Sie."])
        response["replies"][0] |= {"buttons": [{"title": t, "payload": f"/inform{{{t!r}}}"} for t in titles]} | reply
        return response

    return script


class TestFirstContact:
    async def test_it_says_that_no_person_answers_and_where_privacy_is_explained(self, chat):
        page = await chat()
        await expect(page.locator(".intro")).to_contain_text("digitale Assistent")
        await expect(page.locator(".intro")).to_contain_text("kein Mensch")
        await expect(page.locator(".intro a")).to_have_attribute("href", re.compile("datenschutz"))

    async def test_a_starter_is_sent_as_if_typed(self, chat, web):
        page = await chat()
        await page.get_by_role("button", name="Wo ist meine Bestellung?").click()
        await answer(page, "echo: Wo ist meine Bestellung?")
        await expect(page.locator(".starters")).to_be_hidden()


class TestSending:
    async def test_a_message_is_shown_at_once_and_marked_when_it_is_stored(self, chat, web):
        web.engine.delay_s = 1
        page = await chat()
        await say(page, "Grüße aus Köln")
        await expect(page.locator(".mine .bubble")).to_have_text("Grüße aus Köln")
        await expect(page.locator(".typing")).to_be_visible()
        await answer(page, "echo: Grüße aus Köln")
        await expect(page.locator(".typing")).to_be_hidden()
        await expect(page.locator("[data-state]")).to_have_count(0)

    async def test_shift_enter_makes_a_line_and_enter_sends(self, chat):
        page = await chat()
        await page.locator("textarea").press_sequentially("eins")
        await page.locator("textarea").press("Shift+Enter")
        await page.locator("textarea").press_sequentially("zwei")
        await page.locator("textarea").press("Enter")
        await answer(page, "echo: eins")
        assert (await texts(page))[0] == "eins\nzwei"

    async def test_too_long_a_text_is_counted_and_not_sent(self, chat):
        page = await chat()
        await say(page, "x" * 1005)
        await expect(page.locator(".count")).to_have_text("5 Zeichen zu viel")
        await expect(page.get_by_role("button", name="Senden", exact=True)).to_be_disabled()
        assert await texts(page) == []

    async def test_a_message_that_is_refused_for_good_says_why_and_can_be_dropped(self, chat, web, database):
        page = await chat()
        await page.evaluate(
            """() => {
                const message = {id: 'refused-for-good', text: 'mit Bild', attachments: [{id: 'gone'}], at: Date.now()};
                localStorage.setItem('zusage.pending.refused-for-good', JSON.stringify(message));
            }"""
        )
        await page.reload()
        await expect(page.locator("[data-state=failed]")).to_contain_text(
            "Nicht gesendet – Das Bild ist nicht mehr verfügbar."
        )
        await picture(page, "failed")
        await page.get_by_role("button", name="Verwerfen").click()
        await expect(page.locator("[data-state=failed]")).to_have_count(0)


class TestChoices:
    async def test_a_pressed_button_is_said_and_the_choices_go(self, chat, web):
        web.engine.script["zurück"] = offering("Jacke", "Mütze")
        page = await chat()
        await say(page, "zurück")
        await page.get_by_role("button", name="Jacke").click()
        await answer(page, "echo")
        assert (await texts(page))[-2] == "Jacke"
        await expect(page.locator(".answers")).to_have_count(0)

    async def test_after_a_press_by_keyboard_the_focus_is_at_the_text(self, chat, web):
        web.engine.script["zurück"] = offering("Jacke", "Mütze")
        page = await chat()
        await say(page, "zurück")
        await page.get_by_role("button", name="Mütze").focus()
        await page.keyboard.press("Enter")
        await expect(page.locator("textarea")).to_be_focused()

    async def test_zero_to_ten_is_one_row(self, chat, web):
        numbers = [str(i) for i in range(11)]
        hint = {"type": "scale", "min": 0, "max": 10, "low": "gar nicht", "high": "äußerst"}
        web.engine.script["nps"] = offering(*numbers, "Überspringen", input=hint)
        page = await chat(viewport={"width": 390, "height": 760})
        await say(page, "nps")
        row = page.locator(".scale button")
        await expect(row).to_have_count(11)
        tops = set(await row.evaluate_all("buttons => buttons.map((button) => button.getBoundingClientRect().top)"))
        assert len(tops) == 1
        assert [await row.nth(i).get_attribute("aria-label") for i in (0, 10)] == ["0 von 10", "10 von 10"]
        await expect(page.locator(".ends")).to_contain_text("äußerst")
        await page.get_by_role("button", name="9 von 10").click()
        await answer(page, "echo")
        assert (await texts(page))[-2] == "9"

    async def test_five_stars(self, chat, web):
        web.engine.script["sterne"] = offering("1", "2", "3", "4", "5", input={"type": "stars"})
        page = await chat()
        await say(page, "sterne")
        await page.get_by_role("button", name="4 Sterne von 5").click()
        await answer(page, "echo")
        assert (await texts(page))[-2] == "4"

    async def test_a_day_is_chosen_from_a_calendar(self, chat, web):
        web.engine.script["wann"] = offering("Egal", input={"type": "date", "min": "2030-01-01", "max": "2030-12-31"})
        page = await chat()
        await say(page, "wann")
        await page.get_by_label("Datum", exact=True).fill("2030-05-17")
        await page.get_by_role("button", name="Datum senden").click()
        await answer(page, "echo: 17.05.2030")

    async def test_of_possible_days_one_is_pressed(self, chat, web):
        days = ["2030-11-25", "2030-11-26", "2030-11-27"]
        titles = ["Montag, 25. November", "Dienstag, 26. November", "Mittwoch, 27. November"]
        web.engine.script["wann"] = offering(*titles, "Abbrechen", input={"type": "date", "days": days})
        page = await chat()
        await say(page, "wann")
        leaf = page.get_by_role("button", name="Dienstag, 26. November")
        await expect(leaf).to_have_text("Di26Nov")
        await expect(page.locator(".tiles button")).to_have_count(3)
        await expect(page.locator(".date")).to_have_count(0)  # any other day would be refused
        await expect(page.get_by_role("button", name="Abbrechen")).to_be_visible()
        await picture(page, "days")
        await leaf.click()
        await answer(page, "echo")
        assert (await texts(page))[-2] == "Dienstag, 26. November"
        assert web.engine.requests[-1]["message"] == {"payload": "/inform{'Dienstag, 26. November'}"}

    async def test_of_time_windows_one_is_pressed(self, chat, web):
        titles = ["10 bis 12 Uhr", "16 bis 18 Uhr"]
        hint = {"type": "time_window", "windows": ["10-12", "16-18"]}
        web.engine.script["uhrzeit"] = offering(*titles, input=hint)
        page = await chat()
        await say(page, "uhrzeit")
        await expect(page.locator(".tiles button")).to_have_count(2)
        await picture(page, "windows")
        await page.get_by_role("button", name="16 bis 18 Uhr").click()
        await answer(page, "echo")
        assert (await texts(page))[-2] == "16 bis 18 Uhr"

    async def test_a_photo_goes_with_the_message(self, chat, web, database, tmp_path: Path):
        out = io.BytesIO()
        Image.new("RGB", (600, 400), "#24406b").save(out, "PNG")
        page = await chat()
        await page.locator("input[type=file]").set_input_files(
            {"name": "riss.png", "mimeType": "image/png", "buffer": out.getvalue()}
        )
        await expect(page.locator(".mine img.photo")).to_be_visible()
        await answer(page, "echo")
        await expect(page.locator(".mine img.photo")).to_have_js_property("naturalWidth", 600)
        await picture(page, "photo")

    async def test_what_is_no_photo_is_explained(self, chat):
        page = await chat()
        await page.locator("input[type=file]").set_input_files(
            {"name": "x.png", "mimeType": "image/png", "buffer": b"<svg/>"}
        )
        await expect(page.locator(".notice")).to_contain_text("konnte nicht gelesen werden")


class TestOnAPhone:
    async def test_head_and_text_field_stay_in_sight_however_long_it_gets(self, chat):
        page = await chat(viewport={"width": 390, "height": 700}, has_touch=True, is_mobile=True)
        for i in range(6):
            await say(page, f"Nachricht {i}")
            await answer(page, f"echo: Nachricht {i}")
        assert await page.evaluate("document.scrollingElement.scrollHeight <= innerHeight")
        await page.evaluate("document.querySelector('.messages > :last-child').scrollIntoView({block: 'start'})")
        assert (await page.locator(".bar").bounding_box() or {})["y"] == 0
        await expect(page.locator(".composer")).to_be_in_viewport(ratio=1)


class TestComingBack:
    async def test_a_reload_in_the_middle(self, chat, web):
        page = await chat()
        await say(page, "vorher")
        await answer(page, "echo: vorher")
        before = await texts(page)
        await page.reload()
        await answer(page, "echo: vorher")
        assert await texts(page) == before
        await say(page, "nachher")
        await answer(page, "echo: nachher")

    async def test_two_tabs_show_the_same(self, chat, context, web):
        profile = await context()
        one, two = await chat(profile), await chat(profile)
        await say(one, "aus dem ersten")
        await answer(two, "echo: aus dem ersten")
        await say(two, "aus dem zweiten")
        await answer(one, "echo: aus dem zweiten")
        assert await texts(one) == await texts(two)

    async def test_two_tabs_opened_at_once_are_one_visitor(self, context, web):
        profile = await context()
        pages = [await profile.new_page() for _ in range(3)]
        await asyncio.gather(*(page.goto(f"{web.url}/chat?lang=de") for page in pages))
        for page in pages:
            await page.locator("textarea").wait_for()
        await say(pages[0], "wer bin ich?")
        for page in pages:
            await answer(page, "echo: wer bin ich?")

    async def test_earlier_messages_are_fetched_on_request(self, chat, web, database):
        page = await chat()
        await say(page, "anfang")
        await answer(page, "echo: anfang")
        async with database.begin() as session:
            row = (await session.scalars(select(ConversationRow))).one()
            for i in range(120):
                await Conversations(session).add_message(row, Author.BOT, utc_now(), text=f"Nachricht {i}")
        await page.reload()
        await answer(page, "Nachricht 119")
        await expect(page.locator(".messages .bubble").filter(has_text="anfang")).to_have_count(0)
        await page.get_by_role("button", name="Frühere Nachrichten").click()
        await expect(page.locator(".messages .bubble").first).to_have_text("anfang")
        await expect(page.get_by_role("button", name="Frühere Nachrichten")).to_be_hidden()

    async def test_starting_over_forgets_and_the_other_tab_too(self, chat, context, web):
        profile = await context()
        one, two = await chat(profile), await chat(profile)
        await say(one, "geheim")
        await answer(two, "echo: geheim")
        await one.get_by_role("button", name="Menü").click()
        await one.get_by_role("button", name="Gespräch beenden und neu beginnen").click()
        await one.get_by_role("button", name="Neu beginnen", exact=True).click()
        for page in (one, two):
            await expect(page.locator(".messages .bubble")).to_have_count(0)
            await expect(page.locator(".starters")).to_be_visible()
        await say(two, "neu")
        await answer(one, "echo: neu")


class TestPerson:
    async def test_the_way_to_a_person_and_back(self, chat, web, database):
        page = await chat()
        await say(page, "hallo")
        await answer(page, "echo")
        await page.get_by_role("button", name="Mit einem Menschen sprechen").click()
        await expect(page.locator("dialog")).to_contain_text("Unser Team ist bis 23:59 Uhr da.")
        await picture(page, "person-dialog")
        await page.get_by_role("button", name="Ja, bitte verbinden").click()
        await expect(page.locator(".sub")).to_contain_text("Team verständigt")
        await self.lena_takes_over(web, database)
        await expect(page.locator(".sub")).to_contain_text("Lena", timeout=60_000)
        await answer(page, "Guten Tag, hier ist Lena.")
        await expect(page.locator(".agent .author")).to_have_text("Lena")
        await expect(page.locator(".person")).to_be_hidden()
        await picture(page, "agent")

    @staticmethod
    async def lena_takes_over(web, database) -> None:
        """What the console does, in the database; the chat finds it without being woken."""
        from bot.storage.tables import Agent, Handoff

        async with database.begin() as session:
            now = utc_now()
            agent = Agent(email="l@example.org", name="Lena", role="agent", password_hash="-", created_at=now)
            agent.seen_at = now
            session.add(agent)
            await session.flush()
            handoff = (await session.scalars(select(Handoff))).one()
            handoff.state, handoff.agent_id, handoff.accepted_at = "accepted", agent.id, utc_now()
            conversation = await Conversations(session).locked(handoff.conversation_id)
            conversation.state = "agent"
            reply = Reply(text="Guten Tag, hier ist Lena.", author=Author.AGENT, agent_name="Lena")
            await Conversations(session).add_reply(conversation, reply, utc_now())

    async def test_the_button_answers_even_without_an_engine(self, chat, web):
        web.engine.fail_with = 503
        page = await chat()
        await page.get_by_role("button", name="Mit einem Menschen sprechen").click()
        await page.get_by_role("button", name="Ja, bitte verbinden").click()
        await answer(page, "Team")

    async def test_escape_closes_the_question_and_gives_the_focus_back(self, chat):
        page = await chat()
        button = page.get_by_role("button", name="Mit einem Menschen sprechen")
        await button.click()
        await expect(page.locator("dialog")).to_be_visible()
        await page.keyboard.press("Escape")
        await expect(page.locator("dialog")).to_have_count(0)
        await expect(button).to_be_focused()


class TestMenu:
    async def test_promises_are_listed(self, chat, web):
        promise = {
            "kind": "delivery",
            "order": "LM-1",
            "return": None,
            "wording": "Das Paket kommt am Freitag, 17. Mai.",
            "due": "2030-05-17T18:00:00+02:00",
        }
        web.engine.script["wann"] = lambda body: turn_response(body, ["Am Freitag."], promises=[promise])
        page = await chat()
        await say(page, "wann")
        await answer(page, "Am Freitag.")
        await page.get_by_role("button", name="Menü").click()
        await page.get_by_role("button", name="Was wir zugesagt haben").click()
        await expect(page.locator("dialog")).to_contain_text("Das Paket kommt am Freitag, 17. Mai.")
        await expect(page.locator("dialog")).to_contain_text("Bestellung LM-1")
        await expect(page.locator("dialog")).not_to_contain_text("gesagt am")
        await picture(page, "promises")

    async def test_a_promise_of_another_day_says_when_it_was_made(self, chat, web, database):
        promise = {"kind": "answer", "order": None, "return": None, "wording": "Wir melden uns bis morgen.", "due": ""}
        promise["due"] = (utc_now() + timedelta(days=1)).isoformat()
        web.engine.script["wann"] = lambda body: turn_response(body, ["Bis morgen."], promises=[promise])
        page = await chat()
        await say(page, "wann")
        await answer(page, "Bis morgen.")
        async with database.begin() as session:
            (row,) = await session.scalars(select(PromiseRow))
            row.made_at = datetime(2030, 5, 16, 12, tzinfo=UTC)
        await page.get_by_role("button", name="Menü").click()
        await page.get_by_role("button", name="Was wir zugesagt haben").click()
        await expect(page.locator("dialog")).to_contain_text("gesagt am Do., 16. Mai")

    async def test_the_conversation_is_saved_as_a_file(self, chat, web):
        page = await chat()
        await say(page, "bitte merken")
        await answer(page, "echo")
        await page.get_by_role("button", name="Menü").click()
        async with page.expect_download() as downloading:
            await page.get_by_role("button", name="Gespräch speichern").click()
        download = await downloading.value
        assert download.suggested_filename.endswith(".txt")
        assert "bitte merken" in content(await download.path()).decode()

    async def test_the_language_is_switched_and_stays(self, chat, web):
        page = await chat()
        await page.get_by_role("button", name="Menü").click()
        await page.get_by_role("button", name="English").click()
        await expect(page.locator(".intro h2")).to_have_text("Hello! How can we help?")
        await page.reload()
        await expect(page.locator("textarea")).to_have_attribute("placeholder", "Your message")
        await say(page, "hello")
        await answer(page, "echo: hello")
        assert web.engine.requests[-1]["context"]["default_language"] == "en"

    async def test_withdrawal_and_privacy_are_links(self, chat):
        page = await chat()
        await page.get_by_role("button", name="Menü").click()
        await expect(page.get_by_role("link", name="Vertrag widerrufen")).to_have_attribute(
            "href", re.compile("/widerruf$")
        )
        await expect(page.get_by_role("link", name="Datenschutz").first).to_have_attribute("rel", "noopener noreferrer")


class TestCards:
    async def test_an_order(self, chat, web):
        web.engine.script["order"] = offering(card=ORDER)
        page = await chat()
        await say(page, "order")
        card = page.locator(".card")
        await expect(card).to_contain_text("Bestellung LM-105234")
        await expect(card.locator("[aria-current=step]")).to_have_text("unterwegs")
        await expect(card.get_by_role("link")).to_have_attribute("href", ORDER["tracking_url"])
        await expect(card.locator("img").first).to_have_js_property("naturalWidth", 240)
        await picture(page, "card-order")

    async def test_a_return_with_code_and_page(self, chat, web):
        web.engine.script["return"] = offering(card=RETURN)
        page = await chat()
        await say(page, "return")
        card = page.locator(".card")
        await expect(card).to_contain_text("L-7719204")
        await expect(card.get_by_alt_text("QR-Code für die Abgabestelle")).to_be_visible()
        async with page.expect_download() as downloading:
            await card.get_by_role("button", name="Etikett zum Ausdrucken").click()
        assert content(await (await downloading.value).path()).startswith(b"%PDF")
        await picture(page, "card-return")

    async def test_a_list_of_orders(self, chat, web):
        web.engine.script["bestellungen"] = offering("LM-105234", "LM-104582", card=ORDERS)
        page = await chat()
        await say(page, "bestellungen")
        entries = page.locator(".card .orders > li")
        await expect(entries).to_have_count(2)
        await expect(entries.first).to_contain_text("Regenjacke Sylt")
        await expect(entries.first).to_contain_text("19. November · 187,00 €")
        await expect(entries.nth(1).locator(".trouble")).to_have_text("verspätet")
        await picture(page, "card-orders")
        await page.get_by_role("button", name="LM-104582").click()
        await answer(page, "echo")
        assert (await texts(page))[-2] == "LM-104582"

    @pytest.mark.parametrize(
        "card", [{"type": "horoscope", "text": "x"}, {}, {"type": "order"}, {"type": "orders"}, {"type": "return"}]
    )
    async def test_what_is_unknown_or_empty_does_no_harm(self, chat, web, card):
        web.engine.script["karte"] = offering(text="Der Text genügt.", card=card)
        page = await chat()
        await say(page, "karte")
        await answer(page, "Der Text genügt.")


class TestHostileText:
    EVIL = '<img src=x onerror="alert(1)"><script>alert(2)</script>'

    async def test_nothing_that_anybody_writes_runs(self, chat, web, database):
        card = {
            **ORDER,
            "number": self.EVIL,
            "status_text": self.EVIL,
            "carrier": self.EVIL,
            "tracking_url": "javascript:alert(3)",
            "lines": [{"sku": "../../x", "name": self.EVIL, "variant": self.EVIL, "quantity": 1, "price": self.EVIL}],
        }
        web.engine.script["liste"] = offering(
            card={"type": "orders", "orders": [dict.fromkeys(("number", "status_text", "summary", "total"), self.EVIL)]}
        )
        web.engine.script["karte"] = offering(
            self.EVIL, text=f"{self.EVIL} javascript:alert(4) https://example.org/ok", card=card
        )
        page = await chat()
        await say(page, self.EVIL)
        await answer(page, "echo")
        await say(page, "karte")
        await answer(page, "javascript:alert(4)")
        await say(page, "liste")
        await expect(page.locator(".orders")).to_contain_text(self.EVIL)
        async with database.begin() as session:
            row = (await session.scalars(select(ConversationRow))).one()
            await Conversations(session).add_message(row, Author.AGENT, utc_now(), text=self.EVIL, agent_name=self.EVIL)
        await expect(page.locator(".agent .bubble")).to_have_text(self.EVIL, timeout=60_000)
        links = await page.locator(".log a").evaluate_all("links => links.map((link) => link.href)")
        assert [link for link in links if not link.startswith("https://")] == [
            f"{web.url}/datenschutz"
        ]  # the first words
        assert await page.locator(".log script, .log img[onerror]").count() == 0

    async def test_a_file_name_is_only_a_name(self, chat, web, database):
        out = io.BytesIO()
        Image.new("RGB", (60, 40), "red").save(out, "JPEG")
        page = await chat()
        file = {"name": '"><img src=x onerror=alert(1)>.jpg', "mimeType": "image/jpeg", "buffer": out.getvalue()}
        await page.locator("input[type=file]").set_input_files(file)
        await answer(page, "echo")
        stored = [m for m in await rows(database, MessageRow) if m.attachments]
        assert "<" not in stored[0].attachments[0]["name"]
