"""Chooses one process to speak for the bot: to poll, to handle updates in order, to keep the limits for sending."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from bot.clock import Clock, utc_now
from bot.storage.database import Database
from bot.storage.leases import Leases

__all__ = ["Leader"]

log = logging.getLogger(__name__)

LENGTH = timedelta(seconds=15)
RENEW_S = 4.0
# The end of the lease as we see it, so that we have stopped before another process begins.
MARGIN = timedelta(seconds=3)


class Leader:
    """Holds a lease while it can, and says when it was won or lost.

    Telegram allows a bot thirty messages a second over all, which one process does with ease; so one is enough,
    and limits and order need no agreement between processes.
    """

    def __init__(
        self,
        database: Database,
        name: str,
        owner: str,
        *,
        won: Callable[[], Awaitable[None]],
        lost: Callable[[], Awaitable[None]],
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._name = name
        self._owner = owner
        self._won = won
        self._lost = lost
        self._clock = clock
        self._until: datetime | None = None

    @property
    def leads(self) -> bool:
        """Whether this process speaks for the bot."""
        return self._until is not None

    async def run(self) -> None:
        """Try for the lease until cancelled."""
        while True:
            await self._look()
            await asyncio.sleep(RENEW_S)

    async def give_back(self) -> None:
        """Let another process take over at once."""
        if self._until is not None:
            self._until = None
            await self._lost()
            if not self._database.is_sqlite:
                async with self._database.begin() as session:
                    await Leases(session).give_back(self._name, self._owner)

    async def _look(self) -> None:
        if self._database.is_sqlite:
            # No other process uses such a database, so there is nobody to agree with.
            if self._until is None:
                self._until = datetime.max.replace(tzinfo=UTC)
                await self._won()
            return
        now = self._clock()
        until = self._until
        try:
            async with asyncio.timeout(RENEW_S), self._database.begin() as session:
                taken = await Leases(session).take(self._name, self._owner, now, LENGTH)
            until = now + LENGTH if taken else None
        except Exception:
            log.exception("the lease %s could not be renewed", self._name)
            if until is not None and self._clock() > until - MARGIN:
                until = None
        led, self._until = self._until is not None, until
        if until is not None and not led:
            log.info("this process now speaks for %s", self._name)
            await self._won()
        elif until is None and led:
            log.warning("this process no longer speaks for %s", self._name)
            await self._lost()
