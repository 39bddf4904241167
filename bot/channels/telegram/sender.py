"""Sends messages through the Bot API, part by part."""

import asyncio
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from telegram import Bot, LinkPreviewOptions
from telegram import Message as TelegramMessage
from telegram.constants import ParseMode
from telegram.error import BadRequest, TelegramError

from bot.channels.telegram.bot_api import CHANNEL, bot_id_of, chat_id_of, failure_of, is_gone
from bot.channels.telegram.pictures import PROGRESS, STEPS, code_picture, progress_picture
from bot.channels.telegram.rendering import Part, render
from bot.channels.web.labels import label_pdf
from bot.clock import Clock, utc_now
from bot.conversation import Destination, Language, Message, PermanentFailure, Sent
from bot.settings import Settings
from bot.storage.database import Database
from bot.storage.telegram import Context, Telegram
from bot.texts import text

__all__ = ["TelegramSender"]

log = logging.getLogger(__name__)


class TelegramSender:
    """The outbox's way to Telegram.

    One call sends one part; the outbox asks for the next when there is room for it. So every part is paced,
    tried again and counted by itself, and none is sent twice because a later one failed.
    """

    def __init__(
        self, settings: Settings, database: Database, bot: Bot, uploads: Path, shop: str, clock: Clock = utc_now
    ) -> None:
        self._bot = bot
        self._bot_id = bot_id_of(settings)
        self._database = database
        self._uploads = uploads
        self._shop = shop
        self._clock = clock

    async def send(self, to: Destination, message: Message) -> Sent:
        """Send the next part of a message.

        Raises:
            TemporaryFailure: may be tried again, or is ambiguous.
            PermanentFailure: must not be tried again.
        """
        if not to.external_key.startswith(f"{self._bot_id}:"):
            raise PermanentFailure("this chat belongs to another bot, which is no longer in use")
        async with self._database.read() as session:
            context = await Telegram(session).context_of(message.id, CHANNEL)
        parts = render(message, context.language, asked=context.asked_elsewhere)
        if to.part >= len(parts):
            return Sent()
        part, more = parts[to.part], to.part + 1 < len(parts)
        try:
            sent = await self._send(chat_id_of(to.external_key), part, context)
        except TelegramError as error:
            failure = failure_of(error, more=more)
            log.warning("a message could not be sent to Telegram: %s (%s)", type(error).__name__, failure)
            raise failure from error
        if sent is None:
            return Sent(more=more)
        if part.keyboard is not None:
            async with self._database.begin() as session:
                await Telegram(session).keyboard_shown(to.external_key, sent.message_id, message.id, self._clock())
        return Sent(external_id=str(sent.message_id), more=more)

    async def _send(self, chat_id: int, part: Part, context: Context) -> TelegramMessage | None:
        """Send a part; None if it was only for the eye and Telegram does not take it."""
        # An answer to what was written on the website is read there; here it need not ring.
        quiet = context.asked_elsewhere is not None
        if part.label_of is not None:
            return await self._send_label(chat_id, part, part.label_of, context.language, quiet)
        if part.picture is not None:
            path = self._uploads / context.files.get(part.picture.id, "missing")
            try:
                data = await asyncio.to_thread(path.read_bytes)
            except FileNotFoundError:
                raise PermanentFailure("the picture is no longer there", address_gone=False) from None
            return await self._bot.send_photo(chat_id, data, disable_notification=quiet)
        if part.picture_url is not None:
            try:
                return await self._bot.send_photo(chat_id, part.picture_url, disable_notification=quiet)
            except BadRequest as error:
                if is_gone(error):
                    raise
                log.warning("Telegram cannot fetch the picture of a card: %s", error.message)
                return None
        if part.progress_of is not None and (sent := await self._send_progress(chat_id, part, context, quiet)):
            return sent
        return await self._bot.send_message(
            chat_id,
            part.html,
            parse_mode=ParseMode.HTML,
            link_preview_options=LinkPreviewOptions(is_disabled=True),
            reply_markup=part.keyboard,
            disable_notification=quiet,
        )

    async def _send_progress(self, chat_id: int, part: Part, context: Context, quiet: bool) -> TelegramMessage | None:
        """Send an order's card with a picture of how far it has come; None if Telegram does not take it."""
        status = part.progress_of or ""
        names = [text(f"telegram_step_{step}", context.language) for step in STEPS]
        picture = await asyncio.to_thread(progress_picture, PROGRESS[status], names, late=status == "delayed")
        try:
            return await self._bot.send_photo(
                chat_id,
                picture,
                filename="order.png",
                caption=part.html,
                parse_mode=ParseMode.HTML,
                reply_markup=part.keyboard,
                disable_notification=quiet,
            )
        except BadRequest as error:
            if is_gone(error):
                raise
            log.warning("Telegram did not take the picture of an order: %s", error.message)
            return None

    async def _send_label(
        self, chat_id: int, part: Part, card: Mapping[str, Any], language: Language, quiet: bool
    ) -> TelegramMessage:
        """Send a return label: to print as a document, to show at the counter as a picture of its code."""
        label = card["label"]
        reference, number = str(label.get("reference") or ""), str(card.get("number", ""))
        if label["kind"] == "qr":
            code = await asyncio.to_thread(code_picture, reference)
            return await self._bot.send_photo(
                chat_id, code, caption=part.html, parse_mode=ParseMode.HTML, disable_notification=quiet
            )
        page = await asyncio.to_thread(
            label_pdf,
            shop=self._shop,
            number=number,
            order_number=str(card.get("order_number", "")),
            reference=reference,
            hand_in_by=str(card.get("hand_in_text") or ""),
            language=language,
        )
        return await self._bot.send_document(
            chat_id,
            page,
            filename=f"{number or 'label'}.pdf",
            caption=part.html,
            parse_mode=ParseMode.HTML,
            disable_notification=quiet,
        )
