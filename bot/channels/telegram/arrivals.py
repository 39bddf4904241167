"""Takes updates in: stored and committed first, confirmed to Telegram afterwards, whichever way they came."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.channels.telegram.keyboards import Keyboards
from bot.channels.telegram.reading import chat_of
from bot.clock import Clock, utc_now
from bot.storage.database import Database
from bot.storage.telegram import Arrival, Telegram

__all__ = ["Arrivals"]

log = logging.getLogger(__name__)


@dataclass
class _Batch:
    """Updates that are committed together; ``new`` is known afterwards."""

    arrivals: list[Arrival] = field(default_factory=list)
    new: int | None = None


class Arrivals:
    """The door for updates. Once ``take`` returns they are safe, and Telegram may forget them."""

    def __init__(
        self,
        database: Database,
        bot_id: int,
        keyboards: Keyboards,
        announce: Callable[[], Awaitable[None]],
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._bot_id = bot_id
        self._keyboards = keyboards
        self._announce = announce
        self._clock = clock
        self._waiting = _Batch()
        self._storing = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def take(self, bodies: Sequence[Mapping[str, Any]]) -> int:
        """Store updates; repeated ones are recognised by their id. Return how many were new, others' among them.

        Raises:
            ValueError: one has no id, so it is none.
        """
        arrivals = []
        for body in bodies:
            update_id = body.get("update_id")
            if not isinstance(update_id, int):
                raise ValueError("an update needs an update_id")
            arrivals.append(Arrival(update_id, chat_of(body), dict(body)))
        new = await self._store(arrivals)
        for body in bodies:
            query = body.get("callback_query")
            if isinstance(query, dict) and isinstance(query.get("id"), str):
                # A person waits for the button to react; what it means can take its time.
                task = asyncio.create_task(self._keyboards.answer(query["id"]))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        if new:
            await self._announce()
        return new

    async def _store(self, arrivals: list[Arrival]) -> int:
        """Commit updates, together with those that come in at the same moment; return how many were new."""
        batch = self._waiting
        batch.arrivals += arrivals
        async with self._storing:
            if batch.new is None:
                self._waiting = _Batch()
                # One statement cannot name a row twice where it must say which were new.
                unique = list({arrival.update_id: arrival for arrival in batch.arrivals}.values())
                async with self._database.begin(short=True, urgent=True) as session:
                    batch.new = await Telegram(session).store(self._bot_id, unique, self._clock())
                if batch.new < len(batch.arrivals):
                    log.info("%d of %d updates were here already", len(batch.arrivals) - batch.new, len(batch.arrivals))
        return batch.new

    async def stop(self) -> None:
        """Let go of answers under way."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
