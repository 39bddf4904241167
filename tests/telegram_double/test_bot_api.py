"""The Telegram that is played here, against python-telegram-bot's own parsing and error classes."""

from collections.abc import AsyncIterator

import pytest
from telegram import (
    Bot,
    BotCommand,
    CallbackQuery,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    LinkPreviewOptions,
    MenuButtonCommands,
    MessageEntity,
    Update,
)
from telegram.constants import ChatMemberStatus, ChatType, MessageEntityType
from telegram.error import BadRequest, Conflict, Forbidden, InvalidToken, NetworkError, RetryAfter, TimedOut
from telegram.request import HTTPXRequest

from bot.channels.telegram.bot_api import wait_of
from bot.channels.telegram.playground.faults import Faults
from bot.channels.telegram.playground.server import FakeTelegram, Person
from tests.engine_double import serve

PICTURE = b"\xff\xd8\xff\xe0 not really a picture"


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    telegram = FakeTelegram(per_chat_s=0.0)
    async with serve(telegram.app) as url:
        telegram.url = url
        yield telegram
        await telegram.close()


def bot_for(telegram: FakeTelegram, token: str | None = None, timeout_s: float = 5) -> Bot:
    request = HTTPXRequest(read_timeout=timeout_s, httpx_kwargs={"trust_env": False})
    updates = HTTPXRequest(httpx_kwargs={"trust_env": False})
    return Bot(
        token or telegram.token,
        base_url=f"{telegram.url}/bot",
        base_file_url=f"{telegram.url}/file/bot",
        request=request,
        get_updates_request=updates,
    )


@pytest.fixture
async def bot(telegram: FakeTelegram) -> AsyncIterator[Bot]:
    async with bot_for(telegram) as bot:
        yield bot


@pytest.fixture
def anna(telegram: FakeTelegram) -> Person:
    return telegram.person("Anna", username="anna")


class TestUpdates:
    async def test_a_text_is_a_message_of_a_private_chat(self, telegram, bot, anna) -> None:
        telegram.say(anna, "Hallo 👋")
        (update,) = await bot.get_updates()
        assert isinstance(update, Update)
        assert update.message.text == "Hallo 👋"
        assert update.message.chat.type == ChatType.PRIVATE
        assert (update.effective_user.first_name, update.effective_user.language_code) == ("Anna", "de")
        assert not update.api_kwargs
        assert not update.message.api_kwargs

    async def test_a_command_is_marked_as_one(self, telegram, bot, anna) -> None:
        telegram.say(anna, "/start abc")
        (update,) = await bot.get_updates()
        (entity,) = update.message.entities
        assert (entity.type, entity.offset, entity.length) == (MessageEntityType.BOT_COMMAND, 0, 6)

    async def test_updates_come_again_until_later_ones_are_asked_for(self, telegram, bot, anna) -> None:
        telegram.say(anna, "eins")
        telegram.say(anna, "zwei")
        first, second = await bot.get_updates()
        assert [u.update_id for u in await bot.get_updates()] == [first.update_id, second.update_id]
        assert second.update_id == first.update_id + 1
        assert [u.update_id for u in await bot.get_updates(offset=second.update_id)] == [second.update_id]
        assert await bot.get_updates(offset=second.update_id + 1) == ()

    async def test_an_edited_message_keeps_its_id(self, telegram, bot, anna) -> None:
        message = telegram.say(anna, "eins")
        telegram.edit(anna, message["message_id"], "zwei")
        _, update = await bot.get_updates()
        assert update.edited_message.text == "zwei"
        assert update.edited_message.message_id == message["message_id"]
        assert update.edited_message.edit_date is not None

    async def test_a_photo_can_be_fetched(self, telegram, bot, anna) -> None:
        telegram.send_photo(anna, PICTURE, caption="kaputt", group="album")
        (update,) = await bot.get_updates()
        assert (update.message.caption, update.message.media_group_id) == ("kaputt", "album")
        file = await bot.get_file(update.message.photo[-1].file_id)
        assert bytes(await file.download_as_bytearray()) == PICTURE

    async def test_blocking_and_coming_back_are_changes_of_membership(self, telegram, bot, anna) -> None:
        telegram.say(anna, "hallo")
        telegram.block(anna)
        telegram.unblock(anna)
        _, blocked, back = await bot.get_updates()
        assert blocked.my_chat_member.new_chat_member.status == ChatMemberStatus.BANNED
        assert back.my_chat_member.new_chat_member.status == ChatMemberStatus.MEMBER

    async def test_only_asked_for_kinds_are_sent(self, telegram, bot, anna) -> None:
        await bot.get_updates(allowed_updates=["message"])
        message = telegram.say(anna, "eins")
        telegram.edit(anna, message["message_id"], "zwei")
        assert [u.message.text for u in await bot.get_updates()] == ["eins"]


class TestSending:
    async def test_a_message_comes_back_as_it_arrived(self, telegram, bot, anna) -> None:
        telegram.say(anna, "hallo")
        keyboard = InlineKeyboardMarkup(
            [[InlineKeyboardButton("Ja", callback_data="1"), InlineKeyboardButton("Karte", url="https://example.com")]]
        )
        sent = await bot.send_message(
            anna.id,
            "<b>Fett</b> &amp; <a href='https://example.com'>Link</a> 1 &lt; 2",
            parse_mode="HTML",
            reply_markup=keyboard,
            link_preview_options=LinkPreviewOptions(is_disabled=True),
        )
        assert sent.text == "Fett & Link 1 < 2"
        assert list(sent.entities) == [
            MessageEntity("bold", 0, 4),
            MessageEntity("text_link", 7, 4, url="https://example.com"),
        ]
        assert sent.reply_markup == keyboard
        assert sent.from_user.is_bot
        assert sent.link_preview_options.is_disabled

    async def test_a_press_is_a_callback_that_is_answered_once(self, telegram, bot, anna) -> None:
        telegram.say(anna, "hallo")
        keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("Ja", callback_data="wahl-1")]])
        sent = await bot.send_message(anna.id, "Wirklich?", reply_markup=keyboard)
        telegram.press(anna, sent.message_id, "Ja")
        query = (await bot.get_updates())[-1].callback_query
        assert isinstance(query, CallbackQuery)
        assert (query.data, query.message.message_id) == ("wahl-1", sent.message_id)
        assert await query.answer()
        with pytest.raises(BadRequest, match=r"(?i)query is too old"):
            await query.answer()

    async def test_a_keyboard_can_be_taken_away_once(self, telegram, bot, anna) -> None:
        telegram.say(anna, "hallo")
        keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("Ja", callback_data="1")]])
        sent = await bot.send_message(anna.id, "Wirklich?", reply_markup=keyboard)
        edited = await bot.edit_message_reply_markup(anna.id, sent.message_id)
        assert edited.reply_markup is None
        with pytest.raises(BadRequest, match=r"(?i)message is not modified"):
            await bot.edit_message_reply_markup(anna.id, sent.message_id)

    async def test_documents_and_photos_arrive(self, telegram, bot, anna) -> None:
        telegram.say(anna, "hallo")
        document = await bot.send_document(anna.id, b"%PDF-1.3", filename="RS-1.pdf", caption="Ihr Etikett")
        assert (document.document.file_name, document.caption) == ("RS-1.pdf", "Ihr Etikett")
        photo = await bot.send_photo(anna.id, PICTURE)
        assert telegram.files[photo.photo[-1].file_id][1] == PICTURE

    async def test_typing_is_seen(self, telegram, bot, anna) -> None:
        telegram.say(anna, "hallo")
        assert await bot.send_chat_action(anna.id, "typing")
        assert telegram.typing_in(anna.id)


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("", "message text is empty"),
            ("x" * 4097, "message is too long"),
            ("😀" * 2049, "message is too long"),
            ("<b>offen", "can't parse entities"),
            ("<blink>x</blink>", "can't parse entities"),
        ],
    )
    async def test_bad_texts(self, telegram, bot, anna, text, words) -> None:
        telegram.say(anna, "hallo")
        with pytest.raises(BadRequest, match=f"(?i){words}"):
            await bot.send_message(anna.id, text, parse_mode="HTML")

    async def test_too_long_callback_data(self, telegram, bot, anna) -> None:
        telegram.say(anna, "hallo")
        keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("Ja", callback_data="ü" * 33)]])
        with pytest.raises(BadRequest, match=r"(?i)BUTTON_DATA_INVALID"):
            await bot.send_message(anna.id, "x", reply_markup=keyboard)

    async def test_nobody_can_be_written_to_first(self, bot, anna) -> None:
        with pytest.raises(BadRequest, match=r"(?i)chat not found"):
            await bot.send_message(anna.id, "x")

    async def test_somebody_who_blocked_the_bot(self, telegram, bot, anna) -> None:
        telegram.say(anna, "hallo")
        telegram.block(anna)
        with pytest.raises(Forbidden, match=r"(?i)blocked by the user"):
            await bot.send_message(anna.id, "x")

    async def test_a_wrong_token(self, telegram) -> None:
        async with HTTPXRequest(httpx_kwargs={"trust_env": False}) as request:
            bot = Bot("4242:wrong", base_url=f"{telegram.url}/bot", request=request)
            with pytest.raises(InvalidToken):
                await bot.get_me()

    async def test_polling_beside_a_webhook(self, bot) -> None:
        await bot.set_webhook("https://example.com/hook", secret_token="s", drop_pending_updates=False)
        info = await bot.get_webhook_info()
        assert (info.url, info.pending_update_count) == ("https://example.com/hook", 0)
        with pytest.raises(Conflict):
            await bot.get_updates()
        await bot.delete_webhook()
        assert (await bot.get_webhook_info()).url == ""

    async def test_a_webhook_without_encryption(self, bot) -> None:
        with pytest.raises(BadRequest, match=r"(?i)HTTPS"):
            await bot.set_webhook("http://example.com/hook")


class TestFaults:
    async def test_too_many_requests_say_how_long_to_wait(self, telegram, bot, anna) -> None:
        telegram.say(anna, "hallo")
        telegram.faults = Faults(too_many=1, retry_after_s=7)
        with pytest.raises(RetryAfter) as caught:
            await bot.send_message(anna.id, "x")
        assert wait_of(caught.value) == 7.0
        assert telegram.sendings == []

    async def test_a_time_out_after_accepting(self, telegram, anna) -> None:
        telegram.say(anna, "hallo")
        telegram.faults = Faults(hang=1, hang_s=3)
        async with bot_for(telegram, timeout_s=3.5) as bot:
            await bot.send_message(anna.id, "kommt an")
        async with HTTPXRequest(read_timeout=0.2, httpx_kwargs={"trust_env": False}) as request:
            impatient = Bot(telegram.token, base_url=f"{telegram.url}/bot", request=request)
            with pytest.raises(TimedOut):
                await impatient.send_message(anna.id, "kommt auch an")
        assert [s.text for s in telegram.sendings] == ["kommt an", "kommt auch an"]

    async def test_an_inner_error(self, telegram, bot, anna) -> None:
        telegram.say(anna, "hallo")
        telegram.faults = Faults(refuse=1)
        with pytest.raises(NetworkError):
            await bot.send_message(anna.id, "x")

    async def test_the_limits(self, telegram, bot, anna) -> None:
        telegram.say(anna, "hallo")
        telegram.per_chat_s = 1.0
        await bot.send_message(anna.id, "eins")
        with pytest.raises(RetryAfter):
            await bot.send_message(anna.id, "zwei")
        assert len(telegram.breaches) == 1


class TestSettings:
    async def test_menu_and_descriptions_are_kept_by_language(self, bot) -> None:
        commands = [BotCommand("hilfe", "was ich kann")]
        await bot.set_my_commands(commands, language_code="de")
        assert list(await bot.get_my_commands(language_code="de")) == commands
        assert await bot.get_my_commands() == ()
        await bot.set_chat_menu_button(menu_button=MenuButtonCommands())
        assert isinstance(await bot.get_chat_menu_button(), MenuButtonCommands)
        await bot.set_my_description("lang", language_code="de")
        await bot.set_my_short_description("kurz")
        assert (await bot.get_my_description(language_code="de")).description == "lang"
        assert (await bot.get_my_short_description()).short_description == "kurz"

    async def test_the_bot_knows_itself(self, telegram, bot) -> None:
        me = await bot.get_me()
        assert (me.username, me.is_bot, me.can_join_groups) == (telegram.username, True, False)
