"""Answers presses at once, and takes buttons away once they are used or passed by."""

import logging

from telegram import Bot
from telegram.error import BadRequest, RetryAfter, TelegramError

from bot.channels.telegram.bot_api import chat_id_of
from bot.channels.telegram.rendering import chosen_keyboard
from bot.clock import Clock, utc_now
from bot.storage.database import Database
from bot.storage.telegram import Telegram

__all__ = ["Keyboards"]

log = logging.getLogger(__name__)


class Keyboards:
    """What is done to buttons. All of it is for the eye: a failure is noted and changes nothing else.

    A button that is still there can be pressed again all the same; whether it counts is decided by the turn.
    """

    def __init__(self, database: Database, bot: Bot, clock: Clock = utc_now) -> None:
        self._database = database
        self._bot = bot
        self._clock = clock

    async def answer(self, callback_id: str) -> None:
        """Let the pressed button stop turning."""
        try:
            await self._bot.answer_callback_query(callback_id)
        except BadRequest as error:
            log.debug("a callback was no longer waiting: %s", error.message)  # pressed while we were down
        except TelegramError as error:
            log.warning("a callback could not be answered: %s", type(error).__name__)

    async def close(self, address: str, telegram_id: int, title: str = "") -> None:
        """Close one keyboard that nothing is known about, leaving what was chosen."""
        try:
            await self._bot.edit_message_reply_markup(
                chat_id_of(address), telegram_id, reply_markup=chosen_keyboard(title) if title else None
            )
        except TelegramError as error:
            log.debug("a keyboard could not be closed: %s", error.message)

    async def move_on(self, address: str, *, pressed: int | None = None, title: str = "") -> None:
        """Close all open keyboards of a chat, because the customer has gone on.

        Args:
            address: of the chat.
            pressed: Telegram's id of the message whose button was pressed, if one was.
            title: what was chosen; it stays to be seen.
        """
        async with self._database.read() as session:
            open_ones = await Telegram(session).open_keyboards(address)
        for telegram_id in open_ones:
            try:
                await self._bot.edit_message_reply_markup(
                    chat_id_of(address),
                    telegram_id,
                    reply_markup=chosen_keyboard(title) if telegram_id == pressed and title else None,
                )
            except BadRequest as error:
                log.debug("a keyboard was gone already: %s", error.message)
            except RetryAfter:
                return  # with the customer's next message
            except TelegramError as error:
                log.warning("a keyboard could not be closed: %s", type(error).__name__)
                return
            async with self._database.begin() as session:
                await Telegram(session).keyboard_closed(address, telegram_id, self._clock())
