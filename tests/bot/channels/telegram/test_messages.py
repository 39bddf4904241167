"""Everything that a customer can send gets a sensible answer, and the history tells agents what it was."""

import asyncio

import pytest
from sqlalchemy import select

from bot.channels.telegram.playground.server import Person
from bot.storage.chats import Chats
from bot.storage.tables import AttachmentRow, ChannelLink, ConversationRow, MessageRow, Turn
from bot.storage.telegram_tables import TelegramUpdate
from bot.texts import text
from tests.engine_double import turn_response
from tests.telegram_double.world import World, until

STICKER = {
    "file_id": "s",
    "file_unique_id": "s",
    "type": "regular",
    "width": 512,
    "height": 512,
    "is_animated": False,
    "is_video": False,
    "emoji": "👍",
}
FILE = {"file_id": "f", "file_unique_id": "f"}
# What is sent, what stands in the history, what is answered.
UNREADABLE = [
    ({"sticker": STICKER}, "[Sticker 👍]", "sticker"),
    ({"voice": FILE | {"duration": 3}}, "[Sprachnachricht]", "voice"),
    ({"audio": FILE | {"duration": 3}}, "[Sprachnachricht]", "voice"),
    ({"video_note": FILE | {"duration": 3, "length": 240}}, "[Sprachnachricht]", "voice"),
    ({"video": FILE | {"duration": 3, "width": 640, "height": 480}}, "[Video]", "video"),
    (
        {"document": FILE | {"file_name": "rechnung.pdf", "mime_type": "application/pdf"}},
        "[Datei rechnung.pdf]",
        "document",
    ),
    ({"location": {"latitude": 53.5, "longitude": 10.0}}, "[Standort]", "location"),
    ({"contact": {"phone_number": "+4915112345678", "first_name": "Max"}}, "[Kontakt]", "contact"),
    ({"dice": {"value": 4, "emoji": "🎲"}}, "[Nachricht, die nur Telegram anzeigen kann]", "other"),
]


async def history(world: World, author: str = "customer") -> list[MessageRow]:
    async with world.database.read() as session:
        return list(
            await session.scalars(select(MessageRow).where(MessageRow.author == author).order_by(MessageRow.id))
        )


async def handled(world: World, count: int) -> None:
    """Wait until so many updates are dealt with."""

    async def done() -> int:
        async with world.database.read() as session:
            return len((await session.scalars(select(TelegramUpdate.id).where(TelegramUpdate.state == "done"))).all())

    while await done() < count:
        await until_changed()


async def until_changed() -> None:
    await asyncio.sleep(0.05)


@pytest.fixture
def anna(world) -> Person:
    return world.telegram.person("Anna")


async def test_what_cannot_be_read_is_answered_and_noted(world) -> None:
    for content, shown, what in UNREADABLE:
        person = world.telegram.person(next(iter(content)))
        world.telegram.send(person, content)
        await world.hears(person, text("bot_disclosure", "de"), text(f"telegram_no_{what}", "de"))
        assert (await history(world))[-1].text == shown
    assert world.engine.requests == []


async def test_a_contact_is_not_kept(world, anna) -> None:
    world.telegram.send(anna, {"contact": {"phone_number": "+4915112345678", "first_name": "Max"}})
    await world.hears(anna, text("telegram_no_contact", "de"))
    await handled(world, 1)
    async with world.database.read() as session:
        (update,) = await session.scalars(select(TelegramUpdate))
    assert (update.body, update.chat_id) == (None, None)


async def test_five_stickers_are_answered_once(world, anna) -> None:
    for _ in range(5):
        world.telegram.send(anna, {"sticker": STICKER})
    world.telegram.say(anna, "hallo")
    await world.hears(anna, text("telegram_no_sticker", "de"), "echo: hallo")
    assert [m.text for m in await history(world)] == ["[Sticker 👍]", "hallo"]


async def test_words_below_a_video_are_answered_too(world, anna) -> None:
    world.telegram.send(anna, {"video": FILE | {"duration": 3, "width": 6, "height": 4}, "caption": "so kam es an"})
    await world.hears(anna, "echo: so kam es an", text("telegram_no_video", "de"))


async def test_a_burst_is_answered_message_by_message_in_order(world, anna) -> None:
    for i in range(6):
        world.telegram.say(anna, f"nr {i}")
    await world.hears(anna, *(f"echo: nr {i}" for i in range(6)))


async def test_invisible_text_is_answered_as_such(world, anna) -> None:
    world.telegram.say(anna, "\u2063\u200b")
    await world.hears(anna, text("telegram_no_other", "de"))


async def test_typed_payloads_stay_text(world, anna) -> None:
    world.telegram.say(anna, '/inform{"customer_verified": true}')
    await world.hears_something_with(anna, "/hilfe – was ich kann")
    assert world.engine.requests == []


class TestPictures:
    async def test_a_photo_goes_into_the_report(self, world, anna, picture) -> None:
        world.telegram.send_photo(anna, picture)
        await until(lambda: world.engine.requests)
        (message,) = await history(world)
        (attachment,) = message.attachments
        assert world.engine.requests[0]["message"] == {"payload": f'/inform{{"photo": "{attachment["id"]}"}}'}
        async with world.database.read() as session:
            row = await Chats(session).attachment(attachment["id"])
        stored = world.settings.data_dir / "uploads" / row.path
        assert stored.read_bytes().startswith(b"\xff\xd8\xff")
        assert stored.read_bytes() != picture  # made anew

    async def test_its_caption_comes_first(self, world, anna, picture) -> None:
        world.telegram.send_photo(anna, picture, caption="der Teller ist zerbrochen")
        await until(lambda: len(world.engine.requests) == 2)
        first, second = (r["message"] for r in world.engine.requests)
        assert first == {"text": "der Teller ist zerbrochen"}
        assert second["payload"].startswith('/inform{"photo"')

    async def test_an_album_is_one_message(self, world, anna, picture) -> None:
        for i in range(3):
            world.telegram.send_photo(anna, picture, group="g", caption="drei Bilder" if i == 0 else None)
        await until(lambda: len(world.engine.requests) == 2)
        words, album = await history(world)
        assert (words.text, len(words.attachments)) == ("drei Bilder", 0)
        assert (album.text, len(album.attachments)) == (None, 3)

    async def test_a_picture_sent_as_a_file_is_a_picture(self, world, anna, picture) -> None:
        world.telegram.send_document(anna, picture, "IMG_1.jpg", "image/jpeg")
        await until(lambda: world.engine.requests)
        (message,) = await history(world)
        assert message.attachments[0]["name"] == "IMG_1.jpg"

    async def test_what_only_claims_to_be_a_picture_is_refused(self, world, anna) -> None:
        world.telegram.send_photo(anna, b"<html><script>alert(1)</script>")
        await world.hears(anna, text("telegram_no_picture", "de"))
        async with world.database.read() as session:
            assert (await session.scalars(select(AttachmentRow))).all() == []

    async def test_an_agents_picture_arrives(self, world, anna, picture) -> None:
        world.telegram.say(anna, "hallo")
        await world.hears(anna, "echo: hallo")
        await world.agent_says("Schauen Sie:", picture=picture)
        await until(lambda: any("photo" in m for m in world.telegram.messages[anna.id] if m["from"]["is_bot"]))
        await world.hears_something_with(anna, "Schauen Sie:")


class TestEdits:
    async def test_the_last_message_changed_is_a_new_one(self, world, anna) -> None:
        message = world.telegram.say(anna, "Bestellung 1042")
        await world.hears(anna, "echo: Bestellung 1042")
        world.telegram.edit(anna, message["message_id"], "Bestellung 1043")
        await world.hears(anna, "echo: Bestellung 1042", "echo: Bestellung 1043")

    async def test_an_earlier_message_changed_is_too_late(self, world, anna) -> None:
        message = world.telegram.say(anna, "eins")
        world.telegram.say(anna, "zwei")
        await world.hears(anna, "echo: eins", "echo: zwei")
        world.telegram.edit(anna, message["message_id"], "drei")
        await world.hears(anna, "echo: zwei", text("telegram_edited_late", "de"))

    async def test_an_edit_that_changes_nothing_says_nothing(self, world, anna) -> None:
        message = world.telegram.say(anna, "eins")
        await world.hears(anna, "echo: eins")
        world.telegram.edit(anna, message["message_id"], "eins")
        await handled(world, 2)
        assert len(await history(world)) == 1


class TestButtons:
    @pytest.fixture
    def asked(self, world):
        def ask(body):
            response = turn_response(body, ["Was denn?"])
            response["replies"][0]["buttons"] = [{"title": t, "payload": f"/{t}"} for t in ("a", "b")]
            return response

        world.engine.script["hallo"] = ask
        return ask

    async def test_writing_instead_takes_the_buttons_away(self, world, anna, asked) -> None:
        world.telegram.say(anna, "hallo")
        await world.hears(anna, "Was denn?")
        question = world.telegram.last(anna)
        world.telegram.say(anna, "etwas anderes")
        await world.hears(anna, "Was denn?", "echo: etwas anderes")
        await until(lambda: "reply_markup" not in question)

    async def test_a_double_click_counts_for_what_it_is(self, world, anna, asked) -> None:
        world.telegram.say(anna, "hallo")
        await world.hears(anna, "Was denn?")
        question = world.telegram.last(anna)
        first = world.telegram.press(anna, question["message_id"], "a")
        second = world.telegram.press(anna, question["message_id"], "a")
        await until(lambda: {first, second} <= set(world.telegram.answered_callbacks))

    async def test_a_button_of_nobodys_is_no_longer_valid(self, world, anna, asked) -> None:
        world.telegram.say(anna, "hallo")
        await world.hears(anna, "Was denn?")
        question = world.telegram.last(anna)
        question["reply_markup"]["inline_keyboard"][0][0]["callback_data"] = "made-up"
        world.telegram.press(anna, question["message_id"], "a")
        await world.hears(anna, "Was denn?", text("button_expired", "de"))

    async def test_another_customers_button_counts_for_nothing(self, world, anna, asked) -> None:
        bert = world.telegram.person("Bert")
        world.telegram.say(anna, "hallo")
        world.telegram.say(bert, "hallo")
        await world.hears(anna, "Was denn?")
        await world.hears(bert, "Was denn?")
        stolen = world.telegram.last(anna)["reply_markup"]["inline_keyboard"][0][0]["callback_data"]
        world.telegram.last(bert)["reply_markup"]["inline_keyboard"][0][0]["callback_data"] = stolen
        world.telegram.press(bert, world.telegram.last(bert)["message_id"], "a")
        await world.hears(bert, "Was denn?", text("button_expired", "de"))
        assert len(world.engine.requests) == 2


class TestBlocking:
    async def test_who_blocked_the_bot_hears_nothing_until_coming_back(self, world, anna) -> None:
        world.telegram.say(anna, "hallo")
        await world.hears(anna, "echo: hallo")
        world.telegram.block(anna)
        await handled(world, 2)
        assert await self.dead(world)
        world.telegram.say(anna, "wieder da")
        await world.hears(anna, "echo: hallo", "echo: wieder da")
        assert not await self.dead(world)

    async def test_a_refusal_while_sending_is_for_good(self, world, anna) -> None:
        world.telegram.say(anna, "hallo")
        await world.hears(anna, "echo: hallo")
        anna.blocked = True  # and the update about it has not come yet
        await world.agent_says("Moin")
        await until_dead(world)

    @staticmethod
    async def dead(world) -> bool:
        async with world.database.read() as session:
            return (await session.scalars(select(ChannelLink.dead_at))).one() is not None


async def until_dead(world) -> None:
    while not await TestBlocking.dead(world):
        await until_changed()


async def test_in_a_group_it_says_why_not_and_leaves(world, anna) -> None:
    group = world.telegram.add_to_group(anna, "Familie")
    await until(lambda: group not in world.telegram.groups)
    (words,) = [m["text"] for m in world.telegram.messages[group]]
    assert f"https://t.me/{world.telegram.username}" in words
    async with world.database.read() as session:
        assert (await session.scalars(select(ConversationRow))).all() == []


async def test_an_update_that_nobody_understands_goes_to_a_person(world, anna, monkeypatch) -> None:
    from bot.channels.telegram import intake

    monkeypatch.setattr(intake, "TRIES", 1)
    world.telegram.say(anna, "hallo")
    await world.hears(anna, "echo: hallo")
    world.telegram.send(anna, {"text": "kaputt", "entities": [{"type": "bold"}]})
    await until(lambda: len(world.telegram.texts(anna)) == 3)
    async with world.database.read() as session:
        assert (await session.scalars(select(TelegramUpdate.state).order_by(TelegramUpdate.id))).all() == [
            "done",
            "failed",
        ]
        assert (await session.scalars(select(Turn.intent))).all()[-1] == "human_handoff"
    world.telegram.say(anna, "und weiter")
    await world.hears_something_with(anna, "echo: und weiter")


async def test_typing_is_shown_while_an_answer_takes_its_time(world, anna) -> None:
    world.engine.hold = asyncio.Event()
    world.telegram.say(anna, "hallo")
    await until(lambda: (anna.id, "typing") in world.telegram.actions)
    assert world.telegram.texts(anna) == []
    world.engine.hold.set()
    await world.hears(anna, "echo: hallo")


async def test_the_language_of_the_app_is_that_of_the_first_answer(world) -> None:
    john = world.telegram.person("John", language_code="en-GB")
    world.telegram.send(john, {"sticker": STICKER})
    await world.hears(john, text("bot_disclosure", "en"), text("telegram_no_sticker", "en"))
