"""Sends recorded messages through their channels, marks what became of each, and tries again with back-off."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta

from bot.clock import Clock, utc_now
from bot.conversation import DeliveryState, PermanentFailure, Sender, TemporaryFailure
from bot.storage.conversations import Conversations, DueDelivery
from bot.storage.database import Database
from bot.storage.records import Records

__all__ = ["Outbox"]

log = logging.getLogger(__name__)

TRIES = 8
# A sending cut off by a crash is settled after this long; no channel takes longer to answer.
CUT_OFF_AFTER = timedelta(seconds=60)
LOOK_AGAIN_S = 2.0


class Outbox:
    """One worker per channel: order within an address is kept, a slow channel stops no other."""

    def __init__(self, database: Database, senders: Mapping[str, Sender], clock: Clock = utc_now) -> None:
        self._database = database
        self._senders = senders
        self._clock = clock
        self._news = {channel: asyncio.Event() for channel in senders}
        self._tasks: list[asyncio.Task[None]] = []

    async def wake(self, _conversation_id: int) -> None:
        """Look for work now."""
        for event in self._news.values():
            event.set()

    async def start(self) -> None:
        """Begin to send."""
        self._tasks = [asyncio.create_task(self._work(c), name=f"outbox-{c}") for c in self._senders]

    async def stop(self) -> None:
        """Stop after what is being sent now."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task

    async def _work(self, channel: str) -> None:
        news = self._news[channel]
        while True:
            news.clear()
            try:
                while await self.send_due(channel):
                    pass
            except Exception:
                log.exception("the outbox of %s stumbled; it goes on", channel)
            with suppress(TimeoutError):
                await asyncio.wait_for(news.wait(), LOOK_AGAIN_S)

    async def send_due(self, channel: str) -> int:
        """Send the next due message of every address of a channel; return how many were tried."""
        async with self._database.begin() as session:
            due = await Conversations(session).due_deliveries(channel, self._clock())
        await asyncio.gather(*(self._send(delivery) for delivery in due))
        return len(due)

    async def _send(self, delivery: DueDelivery) -> None:
        sender = self._senders[delivery.to.channel]
        state, external_id, error, again = DeliveryState.SENT, None, None, None
        try:
            external_id = await sender.send(delivery.to, delivery.message)
        except PermanentFailure as failure:
            state, error = DeliveryState.DEAD, str(failure)
        except TemporaryFailure as failure:
            error = str(failure)
            if failure.ambiguous:
                # It may have arrived. Saying a thing twice is worse than the rare loss, which is counted.
                state = DeliveryState.AMBIGUOUS
            elif delivery.tries >= TRIES:
                state = DeliveryState.DEAD
            else:
                state = DeliveryState.FAILED
                again = self._clock() + timedelta(seconds=failure.retry_after_s or min(300, 2**delivery.tries))
        async with self._database.begin() as session:
            conversations = Conversations(session)
            await conversations.settle_delivery(
                delivery.id, state, self._clock(), external_id=external_id, error=error, next_try_at=again
            )
            if state is DeliveryState.DEAD:
                await conversations.kill_address(delivery.to.channel, delivery.to.external_key, self._clock())
            if state in (DeliveryState.DEAD, DeliveryState.AMBIGUOUS):
                Records(session).signal(
                    "availability",
                    f"delivery_{state}",
                    self._clock(),
                    conversation_id=delivery.to.conversation_id,
                    data={"channel": delivery.to.channel},
                )

    async def settle_cut_off(self) -> None:
        """Mark sendings that a crash cut off as ambiguous, so that they block nothing."""
        async with self._database.begin() as session:
            now = self._clock()
            for row in await Conversations(session).interrupted_deliveries(now - CUT_OFF_AFTER):
                # The web chat reads by number after a reconnect, so nothing is lost there either way.
                row.state = DeliveryState.AMBIGUOUS
                Records(session).signal(
                    "availability",
                    "delivery_ambiguous",
                    now,
                    conversation_id=row.conversation_id,
                    data={"channel": row.channel},
                )
