"""Tells the shop system of changes made here: in their order, until it has heard, with growing pauses."""

import logging
from datetime import timedelta

from bot.clock import Clock, utc_now
from bot.logs import mask
from bot.shop.telling import CannotTell, ShopListener
from bot.storage.database import Database
from bot.storage.shop_events import DueEvent, ShopEvents

__all__ = ["ShopPush"]

log = logging.getLogger(__name__)

AT_ONCE = 20
# Longer than telling takes. What was taken by a process that died is told again: hearing twice does no harm.
LEASE = timedelta(minutes=2)
# Pauses between tries, in seconds: three days in all. After that `zusage shop changes --untold` has it.
PAUSES_S = (10, 60, 300, 1800, 7200, 21600, 43200, 86400, 86400)


class ShopPush:
    """A job for the timers. Any number of processes may run one each on the same database."""

    def __init__(self, database: Database, listener: ShopListener, clock: Clock = utc_now) -> None:
        self._database = database
        self._listener = listener
        self._clock = clock

    async def tell_due(self) -> int:
        """Tell everything that is due; return how much was heard."""
        heard = 0
        while True:
            async with self._database.begin() as session:
                due = await ShopEvents(session).take_due(self._clock(), AT_ONCE, LEASE)
            if not due:
                return heard
            for entry in due:
                heard += await self._tell(entry)

    async def _tell(self, entry: DueEvent) -> bool:
        row_id, event, tries = entry
        state, error, again = "sent", None, None
        try:
            await self._listener.tell(event)
        except CannotTell as failure:
            now, error = self._clock(), mask(str(failure))
            if failure.final or tries > len(PAUSES_S):
                state = "dead"
                log.error("the shop system was not told of %s of an order: %s", event.operation, error)
            else:
                state, again = "waiting", now + timedelta(seconds=PAUSES_S[tries - 1])
                log.warning("the shop system was not told of %s, try %d: %s", event.operation, tries, error)
        async with self._database.begin() as session:
            await ShopEvents(session).settle(row_id, state, self._clock(), error=error, next_try_at=again)
        return state == "sent"
