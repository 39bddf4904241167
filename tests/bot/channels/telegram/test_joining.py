"""From the website to Telegram and back: one conversation, by one-time links that both sides agree to."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlalchemy import text as sql

from bot.channels.telegram.playground.server import Person
from bot.clock import utc_now
from bot.promises.checker import PromiseChecker
from bot.storage.promises import SqlPromiseFacts
from bot.storage.shop_tables import CustomerRow, OrderRow, ShipmentRow
from bot.storage.tables import ChannelLink, ConversationRow, Delivery, MessageRow, PromiseRow
from bot.storage.telegram_tables import JoinCode
from bot.texts import text
from tests.telegram_double.website import Browser
from tests.telegram_double.world import World, eventually, until


@pytest.fixture
def anna(world) -> Person:
    return world.telegram.person("Anna")


@pytest.fixture
async def browser(world) -> AsyncIterator[Browser]:
    browser = Browser(world.url)
    yield browser
    await browser.http.aclose()


async def code_for(browser: Browser) -> str:
    response = await browser.call("POST", "")
    assert response.status_code == 200, response.text
    address, _, code = response.json()["url"].partition("?start=")
    assert address == "https://t.me/zusage_demo_bot"
    assert len(code) <= 64
    return code


async def joined(world: World, browser: Browser, person: Person) -> None:
    """Go the whole way."""
    world.telegram.say(person, f"/start {await code_for(browser)}")
    await world.hears_something_with(person, "Haben Sie dort gerade selbst")
    world.telegram.press(person, world.telegram.last(person)["message_id"], text("telegram_join_yes", "de"))
    await eventually(lambda: state(browser), "agreed")
    assert (await browser.call("POST", "/confirm")).json() == {"state": "joined", "name": person.first_name}
    await world.hears_something_with(person, "Das Gespräch geht jetzt auch in Telegram weiter")


async def state(browser: Browser) -> str:
    return (await browser.call("GET", "")).json()["state"]


async def conversations(world: World) -> list[ConversationRow]:
    async with world.database.read() as session:
        return list(await session.scalars(select(ConversationRow).order_by(ConversationRow.id)))


async def test_a_conversation_goes_on_in_telegram(world, browser, anna) -> None:
    await browser.say("wo ist mein Paket?")
    await eventually(lambda: _last(browser), "echo: wo ist mein Paket?")
    await joined(world, browser, anna)
    world.telegram.say(anna, "und wann kommt es?")
    await world.hears_something_with(anna, "echo: und wann kommt es?")
    await eventually(
        browser.sees,
        [
            "wo ist mein Paket?",
            text("bot_disclosure", "de"),
            "echo: wo ist mein Paket?",
            text("telegram_joined", "de", name="Anna"),
            "und wann kommt es?",
            "echo: und wann kommt es?",
        ],
    )
    assert len(await conversations(world)) == 1
    # What was said last on the website is shown, so that one can go on from there.
    assert "echo: wo ist mein Paket?" in world.telegram.texts(anna)


async def test_what_is_asked_on_the_website_is_understood_in_telegram(world, browser, anna) -> None:
    await browser.say("hallo")
    await joined(world, browser, anna)
    await browser.say("wann kommt es?")
    await world.hears_something_with(anna, "Ihre Frage auf der Website:\nwann kommt es?")
    assert world.telegram.last(anna)["disable_notification"]


async def test_a_promise_made_on_the_website_that_will_not_hold_is_told_in_telegram(world, browser, anna) -> None:
    await browser.say("wo ist mein Paket?")
    await joined(world, browser, anna)
    (conversation,) = await conversations(world)
    now, late = utc_now(), (utc_now() + timedelta(days=5)).date()
    async with world.database.begin() as session:
        person = {"email": "a@example.org", "source": "import"}
        customer = CustomerRow(key="c1", email_key="a@example.org", first_name="A", last_name="B", **person)
        session.add(customer)
        await session.flush()
        order = OrderRow(number="LM-1", number_key="LM1", customer_id=customer.id, stage="shipped", **person)
        order.expected_on = late
        session.add(order)
        await session.flush()
        session.add(ShipmentRow(order_id=order.id, key="s1", carrier="DHL", status="in_transit", expected_on=late))
        promise = PromiseRow(kind="delivery", order_number="LM-1", wording="morgen", made_by="bot", state="open")
        promise.conversation_id, promise.made_at, promise.due_at = conversation.id, now, now + timedelta(days=1)
        session.add(promise)

    async def publish(_conversation_id: int) -> None: ...

    facts = SqlPromiseFacts(world.database)
    await PromiseChecker(world.database, facts, world.settings.zone, publish, utc_now).check()
    await world.hears_something_with(anna, "LM-1")
    assert any("LM-1" in words for words in await browser.sees())


class TestTheLink:
    async def test_works_once(self, world, browser, anna) -> None:
        await browser.say("hallo")
        code = await code_for(browser)
        world.telegram.say(anna, f"/start {code}")
        await world.hears_something_with(anna, "Haben Sie dort gerade selbst")
        eve = world.telegram.person("Eve")
        world.telegram.say(eve, f"/start {code}")
        await world.hears(eve, text("telegram_join_expired", "de"))
        assert (await browser.call("GET", "")).json() == {"state": "opened", "name": "Anna"}

    async def test_expires(self, world, browser, anna) -> None:
        await browser.say("hallo")
        code = await code_for(browser)
        async with world.database.begin() as session:
            await session.execute(update(JoinCode).values(expires_at=utc_now() - timedelta(seconds=1)))
        world.telegram.say(anna, f"/start {code}")
        await world.hears(anna, text("telegram_join_expired", "de"))
        assert await state(browser) == "none"

    async def test_is_void_once_another_was_made(self, world, browser, anna) -> None:
        await browser.say("hallo")
        first, second = await code_for(browser), await code_for(browser)
        world.telegram.say(anna, f"/start {first}")
        await world.hears(anna, text("telegram_join_expired", "de"))
        world.telegram.say(anna, f"/start {second}")
        await world.hears_something_with(anna, "Haben Sie dort gerade selbst")

    async def test_is_kept_only_as_a_hash_and_in_no_history(self, world, browser, anna) -> None:
        await browser.say("hallo")
        code = await code_for(browser)
        world.telegram.say(anna, f"/start {code}")
        await world.hears_something_with(anna, "Haben Sie dort gerade selbst")

        async def tables_with_it() -> list[str]:
            async with world.database.read() as session:
                hits = []
                for name in ("join_codes", "messages", "telegram_updates", "turns"):
                    rows = (await session.execute(sql(f"SELECT * FROM {name}"))).all()
                    hits += [name for row in rows if any(code in str(value) for value in row)]
                return hits

        await eventually(tables_with_it, [])

    async def test_without_a_yes_in_telegram_nothing_is_joined(self, world, browser, anna) -> None:
        await browser.say("hallo")
        world.telegram.say(anna, f"/start {await code_for(browser)}")
        await world.hears_something_with(anna, "Haben Sie dort gerade selbst")
        assert (await browser.call("POST", "/confirm")).status_code == 409
        world.telegram.press(anna, world.telegram.last(anna)["message_id"], text("telegram_join_no", "de"))
        await world.hears_something_with(anna, text("telegram_join_refused", "de"))
        assert (await browser.call("POST", "/confirm")).status_code == 409
        assert await state(browser) == "none"

    async def test_another_account_cannot_say_yes(self, world, browser, anna) -> None:
        await browser.say("hallo")
        world.telegram.say(anna, f"/start {await code_for(browser)}")
        await world.hears_something_with(anna, "Haben Sie dort gerade selbst")
        eve = world.telegram.person("Eve")
        world.telegram.say(eve, "hallo")
        await world.hears(eve, "echo: hallo")
        data = world.telegram.last(anna)["reply_markup"]["inline_keyboard"][0][0]["callback_data"]
        world.telegram.last(eve)["reply_markup"] = {"inline_keyboard": [[{"text": "Ja", "callback_data": data}]]}
        world.telegram.press(eve, world.telegram.last(eve)["message_id"], "Ja")
        await world.hears(eve, "echo: hallo", text("telegram_join_expired", "de"))
        assert await state(browser) == "opened"

    async def test_another_visitor_cannot_confirm(self, world, browser, anna) -> None:
        await browser.say("hallo")
        world.telegram.say(anna, f"/start {await code_for(browser)}")
        await world.hears_something_with(anna, "Haben Sie dort gerade selbst")
        world.telegram.press(anna, world.telegram.last(anna)["message_id"], text("telegram_join_yes", "de"))
        await eventually(lambda: state(browser), "agreed")
        other = Browser(world.url)
        await other.say("ich bin jemand anders")
        assert (await other.call("POST", "/confirm")).status_code == 409
        await other.http.aclose()

    async def test_needs_a_visitor_and_an_allowed_page(self, world, browser) -> None:
        assert (await browser.http.post("/chat/telegram")).status_code == 401
        await browser.exchange()
        strange = {"Authorization": f"Bearer {browser.visitor}", "Origin": "https://evil.example"}
        assert (await browser.http.post("/chat/telegram", headers=strange)).status_code == 403


class TestOneAccount:
    async def test_a_second_telegram_account_takes_the_place_of_the_first(self, world, browser, anna) -> None:
        await browser.say("hallo")
        await joined(world, browser, anna)
        bert = world.telegram.person("Bert")
        await joined(world, browser, bert)
        heard = len(world.telegram.texts(anna))
        await browser.say("nur noch Bert?")
        await world.hears_something_with(bert, "echo: nur noch Bert?")
        assert len(world.telegram.texts(anna)) == heard

    async def test_the_chats_own_conversation_ends(self, world, browser, anna) -> None:
        world.telegram.say(anna, "früher")
        await world.hears(anna, "echo: früher")
        await browser.say("hallo")
        await joined(world, browser, anna)
        earlier, now = await conversations(world)
        assert (earlier.state, earlier.close_reason) == ("closed", "joined")
        world.telegram.say(anna, "weiter")
        await world.hears_something_with(anna, "echo: weiter")
        async with world.database.read() as session:
            message = await session.scalar(select(MessageRow).where(MessageRow.text == "weiter"))
        assert message.conversation_id == now.id

    async def test_a_chat_that_is_with_people_is_not_taken_away_from_them(self, world, browser, anna) -> None:
        world.telegram.say(anna, "hallo")
        await world.hears(anna, "echo: hallo")
        world.telegram.say(anna, "/mensch")
        await world.hears_something_with(anna, "an unser Team weiter")
        await browser.say("hallo")
        world.telegram.say(anna, f"/start {await code_for(browser)}")
        await world.hears_something_with(anna, "Haben Sie dort gerade selbst")
        world.telegram.press(anna, world.telegram.last(anna)["message_id"], text("telegram_join_yes", "de"))
        await eventually(lambda: state(browser), "agreed")
        response = await browser.call("POST", "/confirm")
        assert (response.status_code, response.json()["error"]["code"]) == (409, "join_busy")


class TestApart:
    async def test_from_telegram(self, world, browser, anna) -> None:
        await browser.say("hallo")
        await joined(world, browser, anna)
        world.telegram.say(anna, "/trennen")
        await world.hears_something_with(anna, text("telegram_separated", "de"))
        assert await state(browser) == "none"
        world.telegram.say(anna, "allein")
        await world.hears_something_with(anna, "echo: allein")
        assert "allein" not in await browser.sees()
        assert len(await conversations(world)) == 2

    async def test_from_the_website(self, world, browser, anna) -> None:
        await browser.say("hallo")
        await joined(world, browser, anna)
        assert (await browser.call("DELETE", "")).status_code == 204
        await world.hears_something_with(anna, text("telegram_separated", "de"))
        heard = len(world.telegram.texts(anna))
        await browser.say("hört Anna das?")
        await eventually(lambda: _last(browser), "echo: hört Anna das?")
        assert len(world.telegram.texts(anna)) == heard

    async def test_where_nothing_is_joined(self, world, anna) -> None:
        world.telegram.say(anna, "/unlink")
        await world.hears(anna, text("telegram_not_joined", "de"))


class TestBack:
    async def way_back(self, world, person) -> str:
        world.telegram.say(person, "/website")
        await until(lambda: "#resume=" in (world.telegram.texts(person) or [""])[-1])
        return world.telegram.texts(person)[-1].partition("#resume=")[2].split()[0]

    async def test_a_conversation_begun_in_telegram_goes_on_in_a_browser(self, world, browser, anna) -> None:
        world.telegram.say(anna, "hallo")
        await world.hears(anna, "echo: hallo")
        code = await self.way_back(world, anna)
        response = await browser.http.post("/chat/telegram/return", json={"code": code})
        browser.visitor = response.json()["visitor"]
        assert (await browser.sees())[0] == "hallo"
        await browser.say("jetzt hier")
        await world.hears_something_with(anna, "echo: jetzt hier")
        assert len(await conversations(world)) == 1
        # The link works once.
        again = await browser.http.post("/chat/telegram/return", json={"code": code})
        assert (again.status_code, again.json()["error"]["code"]) == (404, "link_expired")

    async def test_apart_again_it_stays_where_it_began(self, world, browser, anna) -> None:
        world.telegram.say(anna, "hallo")
        await world.hears(anna, "echo: hallo")
        code = await self.way_back(world, anna)
        browser.visitor = (await browser.http.post("/chat/telegram/return", json={"code": code})).json()["visitor"]
        world.telegram.say(anna, "/trennen")
        await world.hears_something_with(anna, text("telegram_separated", "de"))
        assert await browser.sees() == []
        async with world.database.read() as session:
            assert (await session.scalars(select(ChannelLink.channel))).all() == ["telegram"]

    async def test_without_a_conversation_there_is_no_link(self, world, anna) -> None:
        world.telegram.say(anna, "/website")
        await world.hears(anna, text("telegram_nothing_to_return", "de"))

    async def test_a_guessed_code_opens_nothing(self, browser) -> None:
        response = await browser.http.post("/chat/telegram/return", json={"code": "x" * 32})
        assert response.status_code == 404


async def test_what_was_joined_stays_joined_in_the_next_conversation(world, browser, anna) -> None:
    await browser.say("hallo")
    await joined(world, browser, anna)
    async with world.database.begin() as session:
        long_ago = utc_now() - timedelta(days=10)
        await session.execute(update(ConversationRow).values(state="closed", closed_at=long_ago))
    world.telegram.say(anna, "ein neues Anliegen")
    await world.hears_something_with(anna, "echo: ein neues Anliegen")
    await eventually(lambda: _last(browser), "echo: ein neues Anliegen")
    async with world.database.read() as session:
        kinds = await session.scalars(
            select(Delivery.channel)
            .join(MessageRow, MessageRow.id == Delivery.message_id)
            .where(MessageRow.text == "echo: ein neues Anliegen")
        )
        assert sorted(kinds) == ["telegram", "web"]


async def _last(browser: Browser) -> str:
    return ([*await browser.sees()] or [""])[-1]
