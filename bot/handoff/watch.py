"""What happens to handoffs by itself: notices of longer waits, vanished agents, assignment, times that have come."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from bot.clock import Clock
from bot.conversation import Listener
from bot.errors import ZusageError
from bot.handoff.service import HandoffService
from bot.handoff.waiting import PRESENT_FOR
from bot.storage.agents import Agents, Colleague
from bot.storage.database import Database, Session
from bot.storage.handoffs import Handoffs
from bot.storage.wakeup import Notice

__all__ = ["HandoffWatch"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class HandoffWatch:
    """Jobs for the timers. Each handles one handoff per transaction, so that none waits for another.

    Attributes:
        vanished_after: an agent whose browser was not there for this long loses their conversations to the queue.
        automatic: whether the queue is dealt out to agents with free places.
    """

    database: Database
    handoffs: HandoffService
    publish: Listener
    announce: Callable[[Notice], Awaitable[None]]
    clock: Clock
    vanished_after: timedelta
    automatic: bool

    async def look(self) -> None:
        """Do everything that is due."""
        await self.tell_longer_waits()
        await self.return_vanished()
        await self.wake_snoozed()
        if self.automatic:
            await self.deal_out()

    async def tell_longer_waits(self) -> None:
        """Tell everyone whose announced wait is over."""
        async with self.database.read() as session:
            due = await Handoffs(session).to_be_told_again(self.clock())
        await self._each(due, lambda session, key: self.handoffs.tell_longer(session, key, self.clock()))

    async def return_vanished(self) -> None:
        """Send what vanished agents had back to the queue."""
        since = self.clock() - self.vanished_after
        async with self.database.read() as session:
            due = await Handoffs(session).of_vanished_agents(since, self.clock())
        await self._each(due, lambda session, key: self.handoffs.return_vanished(session, key, since, self.clock()))

    async def wake_snoozed(self) -> None:
        """Take up what was put aside until now."""
        async with self.database.read() as session:
            due = await Handoffs(session).snoozed_until_now(self.clock())
        await self._each(due, lambda session, key: self.handoffs.wake_up(session, key, self.clock()))

    async def deal_out(self) -> None:
        """Give what waits, in its order, to the available agent with the most free places."""
        now = self.clock()
        async with self.database.read() as session:
            queue = await Handoffs(session).queued()
            colleagues = await Agents(session).colleagues(now - PRESENT_FOR, now)
        free = {c.id: c.free for c in colleagues if c.here and c.presence == "available"}
        dealt = False
        for handoff in queue:
            chosen = _most_free(colleagues, free, handoff.team)
            if chosen is None:
                continue
            free[chosen] -= 1
            dealt |= await self._assign(handoff.id, handoff.conversation_id, chosen)
        if dealt:
            await self.announce(Notice("team"))

    async def _assign(self, handoff_id: int, conversation_id: int, agent_id: int) -> bool:
        try:
            async with self.database.begin() as session:
                agent = await Agents(session).get(agent_id)
                if agent is None:
                    return False
                await self.handoffs.accept(session, handoff_id, agent, self.clock(), how="automatic")
        except ZusageError:  # somebody was quicker: the next look deals with what is left
            return False
        await self.publish(conversation_id)
        return True

    async def _each(self, handoff_ids: Sequence[int], work: Callable[[Session, int], Awaitable[int | None]]) -> None:
        """Do one thing to each handoff; what fails with one is no reason to leave the others alone."""
        for handoff_id in handoff_ids:
            try:
                async with self.database.begin() as session:
                    conversation_id = await work(session, handoff_id)
            except Exception:
                log.exception("handoff %s could not be looked after; it is tried again", handoff_id)
                continue
            if conversation_id is not None:
                await self.publish(conversation_id)


def _most_free(colleagues: Sequence[Colleague], free: dict[int, int], team: str | None) -> int | None:
    """Return who should get the next conversation: whoever has most free places, of the right team."""
    able = [c.id for c in colleagues if free.get(c.id, 0) > 0 and (team is None or c.team == team)]
    return max(able, key=lambda agent_id: free[agent_id], default=None)
