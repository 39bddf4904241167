"""Commands: what the menu offers does what it says, in both languages."""

import json

import pytest
from sqlalchemy import inspect, select
from sqlalchemy import text as sql

from bot.channels.telegram.commands import MENU, command_of
from bot.channels.telegram.playground.server import Person
from bot.storage.tables import Audit, ChannelLink, ConversationRow, Handoff, MessageRow, Turn
from bot.texts import text
from tests.telegram_double.world import eventually, until


@pytest.fixture
def anna(world) -> Person:
    return world.telegram.person("Anna")


async def rows(world, table) -> list:
    async with world.database.read() as session:
        return list(await session.scalars(select(table).order_by(table.id)))


async def words_of_customers(world) -> list[str]:
    return [m.text for m in await rows(world, MessageRow) if m.author == "customer"]


@pytest.mark.parametrize(
    ("typed", "command"),
    [
        ("start", "start"),
        ("hilfe", "help"),
        ("help", "help"),
        ("mensch", "human"),
        ("human", "human"),
        ("sprache", "language"),
        ("language", "language"),
        ("meinedaten", "mydata"),
        ("mydata", "mydata"),
        ("stop", "stop"),
        ("trennen", "unlink"),
        ("unknown", None),
    ],
)
def test_commands_work_in_both_languages(typed, command) -> None:
    assert command_of(typed) == command


def test_both_menus_offer_the_same() -> None:
    assert set(MENU["de"].values()) == set(MENU["en"].values())


async def test_start_says_that_this_is_a_bot_and_where_the_privacy_page_is(world, anna) -> None:
    world.telegram.say(anna, "/start")
    await until(lambda: len(world.telegram.texts(anna)) == 2)
    disclosure, welcome = world.telegram.texts(anna)
    assert disclosure == text("bot_disclosure", "de")
    assert f"{world.url}/datenschutz" in welcome
    assert world.telegram.last(anna)["link_preview_options"]["is_disabled"]
    topics = [b["text"] for row in world.telegram.last(anna)["reply_markup"]["inline_keyboard"] for b in row]
    assert topics == ["Wo ist mein Paket?", "Etwas zurücksenden", "Mit jemandem sprechen"]
    world.telegram.press(anna, world.telegram.last(anna)["message_id"], "Wo ist mein Paket?")
    await until(lambda: world.engine.requests)
    assert world.engine.requests[0]["message"] == {"payload": "/track_order"}


async def test_help_lists_the_commands(world, anna) -> None:
    world.telegram.say(anna, f"/hilfe@{world.telegram.username}")
    await world.hears_something_with(anna, "/meinedaten – Ihre Daten ansehen oder löschen")


async def test_a_person_is_called_without_the_engine(world, anna) -> None:
    world.engine.fail_with = 500
    world.telegram.say(anna, "/mensch")
    await world.hears_something_with(anna, "Ich gebe Sie an unser Team weiter.")
    (handoff,) = await rows(world, Handoff)
    assert handoff.reason == "customer_asked"


async def test_the_language_can_be_chosen(world, anna) -> None:
    world.telegram.say(anna, "/sprache")
    await world.hears(anna, text("telegram_which_language", "de"))
    world.telegram.press(anna, world.telegram.last(anna)["message_id"], "English")
    await world.hears(anna, text("telegram_language_set", "en"))
    (conversation,) = await rows(world, ConversationRow)
    assert conversation.language == "en"


async def test_stop_ends_the_conversation_and_writes_no_more(world, anna) -> None:
    world.telegram.say(anna, "hallo")
    await world.hears(anna, "echo: hallo")
    world.telegram.say(anna, "/stop")
    await world.hears(anna, text("telegram_stopped", "de"))

    async def ended() -> tuple[str | None, bool]:
        (conversation,) = await rows(world, ConversationRow)
        (link,) = await rows(world, ChannelLink)
        return conversation.close_reason, link.dead_at is not None

    await eventually(ended, ("stopped", True))
    world.telegram.say(anna, "doch noch etwas")
    await world.hears(anna, text("telegram_stopped", "de"), "echo: doch noch etwas")


async def test_commands_are_answered_while_a_person_has_the_conversation(world, anna) -> None:
    world.telegram.say(anna, "hallo")
    await world.hears(anna, "echo: hallo")
    await world.agent_says("Moin, Lena hier.")
    world.telegram.say(anna, "/hilfe")
    await world.hears_something_with(anna, "/stop – Gespräch beenden")
    world.telegram.say(anna, "für Lena")
    await eventually(lambda: words_of_customers(world), ["hallo", "/hilfe", "für Lena"])
    assert [turn.state for turn in await rows(world, Turn)] == ["done", "done", "with_person"]
    assert len(world.engine.requests) == 1


class TestMyData:
    async def test_a_copy_has_everything_and_nothing_of_others(self, world, anna) -> None:
        bert = world.telegram.person("Bert")
        world.telegram.say(anna, "kanarienvogel")
        world.telegram.say(bert, "papagei")
        await world.hears(anna, "echo: kanarienvogel")
        await world.hears(bert, "echo: papagei")
        world.telegram.say(anna, "/meinedaten")
        await world.hears_something_with(anna, "Nachrichten (3), Bilder (0)")
        world.telegram.press(anna, world.telegram.last(anna)["message_id"], "Kopie schicken")
        await world.hears_something_with(anna, text("telegram_mydata_here", "de"))
        document = world.telegram.last(anna)["document"]
        copy = json.loads(world.telegram.files[document["file_id"]][1])
        assert [m["text"] for m in copy["messages"] if m["author"] == "customer"] == ["kanarienvogel", "/meinedaten"]
        assert "papagei" not in json.dumps(copy)
        assert "turns" in copy
        assert [row.action for row in await rows(world, Audit)] == ["privacy.copy"]

    async def test_erasure_asks_first_and_leaves_nothing(self, world, anna, picture) -> None:
        bert = world.telegram.person("Bert")
        world.telegram.say(anna, "kanarienvogel")
        world.telegram.send_photo(anna, picture, caption="kanarienvogel zwei")
        world.telegram.say(bert, "papagei")
        await world.hears_something_with(anna, "echo: /inform")
        await world.hears(bert, "echo: papagei")
        world.telegram.say(anna, "/meinedaten")
        await world.hears_something_with(anna, "Bilder (1)")
        world.telegram.press(anna, world.telegram.last(anna)["message_id"], "Alles löschen")
        await world.hears(anna, text("telegram_mydata_sure", "de"))
        assert await found(world, "kanarienvogel")
        world.telegram.press(anna, world.telegram.last(anna)["message_id"], "Ja, endgültig löschen")
        await world.hears(anna, text("telegram_erased", "de"))

        await eventually(lambda: found(world, "kanarienvogel"), [])
        await eventually(lambda: found(world, str(anna.id)), [])
        assert list((world.settings.data_dir / "uploads").iterdir()) == []
        assert await found(world, "papagei")
        world.telegram.say(anna, "neu hier")
        await world.hears(anna, text("bot_disclosure", "de"), "echo: neu hier")
        assert len([c for c in await rows(world, ConversationRow) if str(anna.id) in c.external_key]) == 1

    async def test_it_can_be_kept(self, world, anna) -> None:
        world.telegram.say(anna, "/mydata")
        await world.hears_something_with(anna, "gespeichert")
        world.telegram.press(anna, world.telegram.last(anna)["message_id"], "Alles löschen")
        await world.hears(anna, text("telegram_mydata_sure", "de"))
        world.telegram.press(anna, world.telegram.last(anna)["message_id"], "Nein, behalten")
        await world.hears(anna, text("telegram_mydata_kept", "de"))
        assert await rows(world, MessageRow)


async def found(world, canary: str) -> list[str]:
    """Return every table in which a value stands."""
    async with world.database.read() as session:
        connection = await session.connection()
        names = await connection.run_sync(lambda c: inspect(c).get_table_names())
        hits = []
        for name in names:
            for row in (await session.execute(sql(f'SELECT * FROM "{name}"'))).all():
                if any(canary in str(value) for value in row):
                    hits.append(name)
        return hits
