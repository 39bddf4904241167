"""Fetches updates by long polling. An update is confirmed by asking for later ones, so only after its commit."""

import asyncio
import logging
from typing import Any

from telegram import Bot
from telegram.error import Conflict, InvalidToken, RetryAfter, TelegramError

from bot.channels.telegram.arrivals import Arrivals
from bot.channels.telegram.bot_api import ALLOWED_UPDATES, wait_of

__all__ = ["Poller"]

log = logging.getLogger(__name__)

WAIT_S = 25  # how long Telegram lets a request wait for news
BATCH = 100
LONGEST_BACK_OFF_S = 30.0


class Poller:
    """Asks Telegram for updates, for as long as it runs. Only the process that holds the lease runs it."""

    def __init__(self, bot: Bot, arrivals: Arrivals) -> None:
        self._bot = bot
        self._arrivals = arrivals
        self._offset: int | None = None

    async def run(self) -> None:
        """Fetch until cancelled. Where it was interrupted, Telegram brings again what was not confirmed."""
        back_off = 1.0
        while True:
            try:
                bodies = await self._fetch()
                if bodies:
                    await self._arrivals.take(bodies)
                    self._offset = max(body["update_id"] for body in bodies) + 1
                back_off = 1.0
                continue
            except RetryAfter as error:
                back_off = wait_of(error)
            except Conflict as error:
                log.error("another program receives this bot's updates: %s", error.message)
                back_off = min(LONGEST_BACK_OFF_S, back_off * 2)
            except InvalidToken:
                log.error("Telegram refuses the bot token; check ZUSAGE_TELEGRAM_TOKEN")
                back_off = LONGEST_BACK_OFF_S
            except TelegramError as error:
                log.warning("Telegram does not answer (%s); trying again", type(error).__name__)
                back_off = min(LONGEST_BACK_OFF_S, back_off * 2)
            except Exception:
                # The database, most likely. Nothing was confirmed, so nothing is lost.
                log.exception("updates could not be stored; they are fetched again")
                back_off = min(LONGEST_BACK_OFF_S, back_off * 2)
            await asyncio.sleep(back_off)

    async def _fetch(self) -> list[dict[str, Any]]:
        # As raw JSON: an update that the library cannot read must not keep the others from being stored. The
        # capital letter tells it that its own, parsing method is not wanted; Telegram does not mind.
        result: Any = await self._bot.do_api_request(
            "GetUpdates",
            api_kwargs={
                "timeout": WAIT_S,
                "limit": BATCH,
                "allowed_updates": ALLOWED_UPDATES,
                **({"offset": self._offset} if self._offset is not None else {}),
            },
            read_timeout=WAIT_S + 10,
        )
        return list(result)
