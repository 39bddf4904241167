"""Words to a chat that belong to no conversation: sent at once, kept nowhere."""

import logging

from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, LinkPreviewOptions
from telegram.error import Forbidden

from bot.channels.telegram.bot_api import chat_id_of
from bot.channels.telegram.pacing import Pace

__all__ = ["Aside"]

log = logging.getLogger(__name__)


class Aside:
    """Sends what must not be in the history: one-time links, the question whether to join, a copy of all data.

    Only a customer's own doing brings these about, so they are few; the pace counts them all the same.
    """

    def __init__(self, bot: Bot, pace: Pace) -> None:
        self._bot = bot
        self._pace = pace

    async def say(self, address: str, words: str, choices: dict[str, str] | None = None) -> None:
        """Send plain text, with buttons by what stands behind them.

        Raises:
            TelegramError: it was not sent.
        """
        buttons = [[InlineKeyboardButton(title, callback_data=data)] for data, title in (choices or {}).items()]
        self._pace.begun(address)
        try:
            await self._bot.send_message(
                chat_id_of(address),
                words,
                reply_markup=InlineKeyboardMarkup(buttons) if buttons else None,
                link_preview_options=LinkPreviewOptions(is_disabled=True),
            )
        except Forbidden:
            log.info("a chat no longer wants to hear from us")
        finally:
            self._pace.ended(address)

    async def send_file(self, address: str, data: bytes, name: str, words: str) -> None:
        """Send a document.

        Raises:
            TelegramError: it was not sent.
        """
        self._pace.begun(address)
        try:
            await self._bot.send_document(chat_id_of(address), data, filename=name, caption=words)
        except Forbidden:
            log.info("a chat no longer wants to hear from us")
        finally:
            self._pace.ended(address)
