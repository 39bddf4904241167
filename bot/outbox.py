"""Sends recorded messages through their channels, marks what became of each, and tries again with back-off."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import Collection, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Protocol

from bot.clock import Clock, utc_now
from bot.conversation import DeliveryState, PermanentFailure, Sender, Sent, TemporaryFailure
from bot.storage.conversations import Conversations, DueDelivery
from bot.storage.database import Database
from bot.storage.records import Records

__all__ = ["Outbox", "Pace"]

log = logging.getLogger(__name__)

# What could not be delivered for this long is news no more. A channel that is down for an hour loses nothing.
GIVE_UP_AFTER = timedelta(hours=24)
LONGEST_BACK_OFF_S = 300
# A sending cut off by a crash is settled after this long; no channel takes longer to answer.
CUT_OFF_AFTER = timedelta(seconds=60)
LOOK_AGAIN_S = 2.0
AT_ONCE = 100
# How long a stop waits for what is being sent; what is not done then counts as cut off.
STOP_WITHIN_S = 10.0


class Pace(Protocol):
    """How fast a channel may send. A message is marked ``sending`` only once there is room for it."""

    def room(self) -> int:
        """Return how many messages may be sent now; none while this process must not send at all."""
        ...

    def resting(self) -> Collection[str]:
        """Return the addresses to which nothing may be sent now."""
        ...

    def begun(self, external_key: str) -> None:
        """Note that a sending begins."""
        ...

    def ended(self, external_key: str) -> None:
        """Note that a sending ended, well or not."""
        ...

    def free_in_s(self) -> float:
        """Return the seconds until there may be room again."""
        ...


class Outbox:
    """One worker per channel, any number of addresses at a time.

    Order within an address is kept: its next message waits until the one before has been sent or given up.
    A slow address stops no other, and a slow channel no other channel.
    """

    def __init__(
        self,
        database: Database,
        senders: Mapping[str, Sender],
        clock: Clock = utc_now,
        paces: Mapping[str, Pace] | None = None,
    ) -> None:
        self._database = database
        self._senders = senders
        self._clock = clock
        self._paces = paces or {}
        self._news = {channel: asyncio.Event() for channel in senders}
        self._under_way: defaultdict[str, set[asyncio.Task[None]]] = defaultdict(set)
        self._tasks: list[asyncio.Task[None]] = []
        # Channels that may be marked as out; unknown at first, because a process before this one may have done it.
        self._maybe_out = set(senders)

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
        under_way = set().union(*self._under_way.values())
        if under_way:
            _, late = await asyncio.wait(under_way, timeout=STOP_WITHIN_S)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _work(self, channel: str) -> None:
        news, under_way = self._news[channel], self._under_way[channel]
        while True:
            news.clear()
            due: list[DueDelivery] = []
            try:
                due = await self._take(channel)
            except Exception:
                log.exception("the outbox of %s stumbled; it goes on", channel)
            for delivery in due:
                task = asyncio.create_task(self._send(delivery))
                under_way.add(task)
                task.add_done_callback(lambda done: self._ended(channel, done))
            if not due:
                pace = self._paces.get(channel)
                with suppress(TimeoutError):
                    await asyncio.wait_for(news.wait(), min(LOOK_AGAIN_S, pace.free_in_s()) if pace else LOOK_AGAIN_S)

    def _ended(self, channel: str, task: asyncio.Task[None]) -> None:
        self._under_way[channel].discard(task)
        self._news[channel].set()
        if not task.cancelled() and (error := task.exception()) is not None:
            # It stays marked as being sent, and is settled like one that a crash cut off.
            log.error("a sending of %s failed unexpectedly", channel, exc_info=error)

    async def send_due(self, channel: str) -> int:
        """Send the next due message of every address of a channel; return how many were tried."""
        due = await self._take(channel)
        await asyncio.gather(*(self._send(delivery) for delivery in due))
        return len(due)

    async def _take(self, channel: str) -> list[DueDelivery]:
        """Mark what may be sent now as being sent, and return it."""
        room, pace = AT_ONCE - len(self._under_way[channel]), self._paces.get(channel)
        resting = pace.resting() if pace is not None else ()
        if pace is not None:
            room = min(room, pace.room())
        if room <= 0:
            return []
        async with self._database.read(short=True) as session:
            # Most wake-ups are about something else, and writers must queue.
            if not await Conversations(session).anything_due(channel, self._clock()):
                return []
        async with self._database.begin() as session:
            due = await Conversations(session).due_deliveries(channel, self._clock(), room, not_to=resting)
        if pace is not None:
            for delivery in due:
                pace.begun(delivery.to.external_key)
        return due

    async def _send(self, delivery: DueDelivery) -> None:
        channel, pace = delivery.to.channel, self._paces.get(delivery.to.channel)
        result: Sent | PermanentFailure | TemporaryFailure
        try:
            result = await self._senders[channel].send(delivery.to, delivery.message)
        except (PermanentFailure, TemporaryFailure) as failure:
            result = failure
        finally:
            if pace is not None:
                pace.ended(delivery.to.external_key)
        await self._settle(delivery, result)

    async def _settle(self, delivery: DueDelivery, result: Sent | PermanentFailure | TemporaryFailure) -> None:
        """Write down how a sending ended, and what follows from it."""
        now, channel = self._clock(), delivery.to.channel
        state, external_id, again, more = DeliveryState.SENT, None, None, False
        ambiguous = address_gone = unreachable = False
        match result:
            case Sent():
                external_id, more = result.external_id, result.more
            case PermanentFailure():
                state, address_gone = DeliveryState.DEAD, result.address_gone
            case TemporaryFailure(ambiguous=True):
                # It may have arrived. Saying a thing twice is worse than the rare loss, which is counted.
                state, more, ambiguous = DeliveryState.AMBIGUOUS, result.more, True
            case TemporaryFailure():
                unreachable = result.unreachable
                if now - delivery.created_at > GIVE_UP_AFTER:
                    state = DeliveryState.DEAD
                else:
                    state = DeliveryState.FAILED
                    back_off = result.retry_after_s or min(LONGEST_BACK_OFF_S, 2**delivery.tries)
                    again = now + timedelta(seconds=back_off)
        if more:
            state, again = DeliveryState.PENDING, now
        async with self._database.begin(short=True) as session:
            conversations, records = Conversations(session), Records(session)
            await conversations.settle_delivery(
                delivery.id,
                state,
                now,
                external_id=external_id,
                error=str(result) if isinstance(result, Exception) else None,
                next_try_at=again,
                part_done=more,
            )
            if address_gone:
                await conversations.kill_address(channel, delivery.to.external_key, now)
            if ambiguous or state is DeliveryState.DEAD:
                records.signal(
                    "availability",
                    "delivery_ambiguous" if ambiguous else "delivery_dead",
                    now,
                    conversation_id=delivery.to.conversation_id,
                    data={"channel": channel},
                )
            if unreachable:
                self._maybe_out.add(channel)
                await records.outage_seen(channel, now, str(result), message=delivery.tries == 1)
            elif channel in self._maybe_out and isinstance(result, Sent):
                await records.outage_over(channel, now)
                self._maybe_out.discard(channel)

    async def settle_cut_off(self, channel: str | None = None, *, after: timedelta = CUT_OFF_AFTER) -> None:
        """Mark sendings that a crash cut off as ambiguous, so that they block nothing.

        Args:
            channel: which channel's; all if not given.
            after: how long a sending may take; nothing where no process can be sending.
        """
        async with self._database.begin() as session:
            now = self._clock()
            for row in await Conversations(session).interrupted_deliveries(now - after, channel):
                # The web chat reads by number after a reconnect, so nothing is lost there either way.
                row.state = DeliveryState.AMBIGUOUS
                Records(session).signal(
                    "availability",
                    "delivery_ambiguous",
                    now,
                    conversation_id=row.conversation_id,
                    data={"channel": row.channel},
                )
