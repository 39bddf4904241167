"""What is done about each thing that a person does in Telegram."""

import asyncio
import logging
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from telegram import Bot
from telegram.constants import ChatAction
from telegram.error import BadRequest, TelegramError

from bot.channels.telegram.bot_api import CHANNEL, address_of
from bot.channels.telegram.commands import ACTION, command_of, help_reply, language_reply, welcome
from bot.channels.telegram.joining import JOIN, Joining
from bot.channels.telegram.keyboards import Keyboards
from bot.channels.telegram.mydata import MyData
from bot.channels.telegram.reading import (
    Blocked,
    CameBack,
    Commanded,
    Event,
    InGroup,
    Origin,
    Pictured,
    Pressed,
    Said,
    Unreadable,
)
from bot.channels.telegram.rendering import DONE
from bot.channels.web.uploads import Uploads
from bot.clock import Clock, utc_now
from bot.conversation import Attachment, ConversationState, Incoming, Language, Reply
from bot.errors import InvalidInput
from bot.handoff.service import HandoffService
from bot.settings import Settings
from bot.shop.policies import Shop
from bot.storage.chats import Chats
from bot.storage.conversations import Conversations
from bot.storage.database import Database
from bot.storage.telegram import Chat, Telegram
from bot.texts import text
from bot.turn import TurnHandler

__all__ = ["Handling"]

log = logging.getLogger(__name__)

# An answer that is there at once needs no sign that it is coming.
TYPING_AFTER_S = 0.4
TYPING_AGAIN_S = 4.5
ANSWERING_AT_ONCE = 32
# Five stickers in a row are one thing to be said something about.
SAME_AGAIN_WITHIN = timedelta(seconds=30)


@dataclass
class Handling:
    """Turns events into messages of the conversation, and into what the channel does by itself.

    Every method may run again for the same event, after a crash: messages carry Telegram's id and are recognised,
    and everything else comes out the same.
    """

    settings: Settings
    database: Database
    bot: Bot
    bot_id: int
    turns: TurnHandler
    handoffs: HandoffService
    keyboards: Keyboards
    uploads: Uploads
    joining: Joining
    mydata: MyData
    shop: Shop
    clock: Clock = utc_now
    _tasks: set[asyncio.Task[None]] = field(default_factory=set, init=False)
    _answering: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(ANSWERING_AT_ONCE), init=False)

    async def handle(self, event: Event, update_id: int) -> None:
        """Do what an event calls for. Once this returns, the customer's message is stored."""
        match event:
            case Said():
                await self._said(event, update_id)
            case Commanded():
                await self._commanded(event)
            case Pressed():
                await self._pressed(event)
            case Pictured():
                await self._pictured(event)
            case Unreadable():
                await self._unreadable(event)
            case Blocked():
                async with self.database.begin() as session:
                    await Conversations(session).kill_address(CHANNEL, self._address(event.chat_id), self.clock())
            case CameBack():
                async with self.database.begin() as session:
                    await Telegram(session).revive(CHANNEL, self._address(event.chat_id))
            case InGroup():
                await self._in_group(event)

    async def hand_over(self, chat_id: int | None, update_id: int) -> None:
        """Let a person look into what could not be handled."""
        if chat_id is None or chat_id < 0:
            return
        chat = await self._chat(chat_id)
        language = chat.language if chat else self.settings.default_language
        await self._take(
            Incoming(
                channel=CHANNEL,
                external_key=self._address(chat_id),
                external_id=f"failed.{update_id}",
                text=text("telegram_got_other", language),
                wants_person=True,
            ),
            chat_id,
        )

    async def stop(self) -> None:
        """Let go of answers under way. What is stored is answered after the next start."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- words

    async def _said(self, event: Said, update_id: int) -> None:
        external_id = f"{event.origin.message_id}.text" if event.caption else str(event.origin.message_id)
        if not event.edited:
            await self._message(event.origin, external_id, event.text)
            return
        async with self.database.read() as session:
            telegram = Telegram(session)
            before = await telegram.text_of(CHANNEL, self._address(event.origin.chat_id), external_id)
            chat = await telegram.chat(CHANNEL, self._address(event.origin.chat_id))
            last = await telegram.last_customer_message(chat.conversation_id) if chat else None
        if before == event.text:
            return  # Telegram tells of edits that change nothing that we read
        changed_id = f"{external_id}.{update_id}"
        if last is None or last.external_id in (external_id, changed_id):
            await self._message(event.origin, changed_id, event.text)  # it was the last word, so it still is
        else:
            await self._answer_ourselves(event.origin, changed_id, event.text, "telegram_edited_late")

    async def _message(self, origin: Origin, external_id: str, words: str) -> None:
        try:
            await self._take(await self._incoming(origin, external_id, text=words), origin.chat_id)
        except InvalidInput:
            await self._answer_ourselves(origin, external_id, "…", "telegram_no_other")
        self._in_background(self.keyboards.move_on(self._address(origin.chat_id)))

    async def _commanded(self, event: Commanded) -> None:
        origin, address = event.origin, self._address(event.origin.chat_id)
        language = await self._language(origin)
        match command_of(event.name):
            case "start" if event.argument:
                await self.joining.opened(event.argument, address, origin.name, language)
            case "website":
                await self.joining.way_back(address, language)
            case "unlink":
                await self.joining.separate_chat(address, language)
            case "stop":
                await self._stopped(event, language)
            case "human":
                incoming = await self._incoming(origin, str(origin.message_id), text=event.text, wants_person=True)
                await self._take(incoming, origin.chat_id)
            case "start":
                await self._reply(event, welcome(self.shop, language))
            case "language":
                await self._reply(event, language_reply(language))
            case "mydata":
                await self._reply(event, await self.mydata.overview(address, language))
            case _:
                await self._reply(event, help_reply(self.shop, language))
        self._in_background(self.keyboards.move_on(address))

    async def _reply(self, event: Commanded, reply: Reply) -> None:
        incoming = await self._incoming(event.origin, str(event.origin.message_id), text=event.text, answers=(reply,))
        await self._take(incoming, event.origin.chat_id)

    async def _stopped(self, event: Commanded, language: Language) -> None:
        """End the conversation, and write no more until the customer does."""
        address = self._address(event.origin.chat_id)
        incoming = await self._incoming(
            event.origin,
            str(event.origin.message_id),
            text=event.text,
            answers=(Reply(text=text("telegram_stopped", language)),),
        )
        receipt = await self.turns.handle_turn(incoming)
        async with self.database.begin() as session:
            conversation = await Conversations(session).locked(receipt.conversation_id)
            if conversation.state != ConversationState.CLOSED:
                await self.handoffs.abandon(session, conversation, self.clock())
                conversation.state = ConversationState.CLOSED
                conversation.closed_at = self.clock()
                conversation.close_reason = "stopped"
            await Telegram(session).mute(CHANNEL, address, self.clock())
        await self.turns.publish(receipt.conversation_id)
        await self.keyboards.move_on(address)

    # -- buttons

    async def _pressed(self, event: Pressed) -> None:
        origin, address = event.origin, self._address(event.origin.chat_id)
        if event.data == DONE:
            return
        if event.data.startswith(JOIN):
            await self.joining.answered(event.data, address, await self._language(origin))
            await self.keyboards.close(address, origin.message_id, event.title)
            return
        async with self.database.read() as session:
            payload = await Telegram(session).payload_of(CHANNEL, address, event.data)
        if payload is not None and payload.startswith(ACTION):
            await self._act(event, f"press.{event.callback_id}", payload.removeprefix(ACTION).split(":"))
        else:
            incoming = await self._incoming(
                origin, f"press.{event.callback_id}", text=event.title or None, button_id=event.data
            )
            await self._take(incoming, origin.chat_id)
        self._in_background(self.keyboards.move_on(address, pressed=origin.message_id, title=event.title))

    async def _act(self, event: Pressed, external_id: str, words: list[str]) -> None:
        """Do what a button of the channel's own stands for."""
        origin, address = event.origin, self._address(event.origin.chat_id)
        language = await self._language(origin)
        match words:
            case ["language", "de" | "en" as chosen]:
                await self._set_language(origin.chat_id, chosen)
                await self._answer_ourselves(origin, external_id, event.title, "telegram_language_set")
            case ["mydata", "copy"]:
                await self.mydata.send_copy(address, language)
            case ["mydata", "erase"]:
                question = self.mydata.question(language)
                incoming = await self._incoming(origin, external_id, text=event.title, answers=(question,))
                await self._take(incoming, origin.chat_id)
            case ["mydata", "erase", "sure"]:
                await self.mydata.erase(address, language)
                await self.keyboards.close(address, origin.message_id)
            case ["mydata", "keep"]:
                await self._answer_ourselves(origin, external_id, event.title, "telegram_mydata_kept")
            case _:
                await self._answer_ourselves(origin, external_id, event.title, "button_expired")

    async def _set_language(self, chat_id: int, language: Language) -> None:
        chat = await self._chat(chat_id)
        if chat is not None:
            async with self.database.begin() as session:
                (await Conversations(session).locked(chat.conversation_id)).language = language

    # -- everything else

    async def _pictured(self, event: Pictured) -> None:
        origin, external_id = event.origin, f"{event.origin.message_id}.{len(event.files)}"
        attachments = []
        try:
            for file_id, name in event.files:
                file = await self.bot.get_file(file_id)
                data = bytes(await file.download_as_bytearray())
                attachments.append(await self._keep(origin, data, name))
        except (BadRequest, InvalidInput) as error:
            log.info("a picture was not taken: %s", error)
            if not attachments:
                shown = text("telegram_got_other", await self._language(origin))
                await self._answer_ourselves(origin, external_id, shown, "telegram_no_picture")
                return
        await self._take(await self._incoming(origin, external_id, attachments=tuple(attachments)), origin.chat_id)

    async def _keep(self, origin: Origin, data: bytes, name: str) -> Attachment:
        attachment, file_name = await self.uploads.keep(data, name)
        now, address = self.clock(), self._address(origin.chat_id)
        try:
            async with self.database.begin() as session:
                conversations = Conversations(session)
                conversation = await conversations.at(CHANNEL, address) or await conversations.open(
                    CHANNEL, address, await self._language(origin), now
                )
                await Chats(session).add_attachment(conversation.id, attachment, file_name, now)
        except BaseException:
            self.uploads.drop(file_name)
            raise
        return attachment

    async def _unreadable(self, event: Unreadable) -> None:
        origin = event.origin
        chat, language = await self._chat(origin.chat_id), await self._language(origin)
        shown = text(f"telegram_got_{event.what}", language, detail=event.detail).replace(" ]", "]")
        with_agent = chat is not None and chat.state == ConversationState.AGENT
        if with_agent and event.what == "sticker":
            await self._message(origin, str(origin.message_id), shown)
            return
        if chat is not None and not with_agent:
            async with self.database.read() as session:
                last = await Telegram(session).last_customer_message(chat.conversation_id)
            same = last is not None and last.external_id != str(origin.message_id) and last.text == shown
            if same and last is not None and self.clock() - last.created_at < SAME_AGAIN_WITHIN:
                return
        await self._answer_ourselves(origin, str(origin.message_id), shown, f"telegram_no_{event.what}")

    async def _in_group(self, event: InGroup) -> None:
        """Say once why nothing is discussed in groups, and leave."""
        with suppress(TelegramError):  # it may have been removed meanwhile
            me = await self.bot.get_me()
            words = text("telegram_only_private", self.settings.default_language, bot=me.username)
            await self.bot.send_message(event.chat_id, words)
            await self.bot.leave_chat(event.chat_id)

    # -- into the conversation

    async def _answer_ourselves(self, origin: Origin, external_id: str, words: str, key: str) -> None:
        """Store what came in, and answer it with a text of ours."""
        answer = Reply(text=text(key, await self._language(origin)))
        await self._take(await self._incoming(origin, external_id, text=words, answers=(answer,)), origin.chat_id)

    async def _incoming(self, origin: Origin, external_id: str, **content: Any) -> Incoming:
        return Incoming(
            channel=CHANNEL,
            external_key=self._address(origin.chat_id),
            external_id=external_id,
            language=origin.language,
            **content,
        )

    async def _take(self, incoming: Incoming, chat_id: int) -> None:
        """Store a message, and have it answered while the next one may come in."""
        chat = await self._chat(chat_id)
        if chat is not None and chat.dead:
            async with self.database.begin() as session:
                await Telegram(session).revive(CHANNEL, incoming.external_key)
        receipt = await self.turns.receive(incoming)
        if not receipt.duplicate:
            await self.turns.publish(receipt.conversation_id)
        if receipt.answered_by_bot:
            self._in_background(self._answer(receipt.conversation_id, chat_id))

    async def _answer(self, conversation_id: int, chat_id: int) -> None:
        async with self._answering:
            typing = asyncio.create_task(self._show_typing(chat_id))
            try:
                await self.turns.answer(conversation_id)
            finally:
                typing.cancel()
                with suppress(asyncio.CancelledError):
                    await typing

    async def _show_typing(self, chat_id: int) -> None:
        await asyncio.sleep(TYPING_AFTER_S)
        while True:
            await self.type(chat_id)
            await asyncio.sleep(TYPING_AGAIN_S)

    async def type(self, chat_id: int) -> None:
        """Show in a chat that an answer is being written."""
        with suppress(TelegramError):
            await self.bot.send_chat_action(chat_id, ChatAction.TYPING)

    # -- where a chat stands

    def _address(self, chat_id: int) -> str:
        return address_of(self.bot_id, chat_id)

    async def _chat(self, chat_id: int) -> Chat | None:
        async with self.database.read() as session:
            return await Telegram(session).chat(CHANNEL, self._address(chat_id))

    async def _language(self, origin: Origin) -> Language:
        chat = await self._chat(origin.chat_id)
        return chat.language if chat is not None else origin.language or self.settings.default_language

    def _in_background(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("background work of the Telegram channel failed", exc_info=error)
