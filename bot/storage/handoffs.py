"""Queries about handoffs: the queue, who has what, and how long it really took."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.conversation import HandoffState
from bot.storage.tables import Agent, Assignment, Handoff, PromiseRow

__all__ = ["Handoffs"]

_OPEN = (HandoffState.QUEUED, HandoffState.ACCEPTED)


class Handoffs:
    """Queries on one open transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def add(self, handoff: Handoff) -> Handoff:
        """Store a new handoff."""
        self.session.add(handoff)
        await self.session.flush()
        return handoff

    async def conversation_of(self, handoff_id: int) -> int | None:
        """Return the conversation that a handoff belongs to."""
        return await self.session.scalar(select(Handoff.conversation_id).where(Handoff.id == handoff_id))

    async def get(self, handoff_id: int) -> Handoff | None:
        """Return a handoff."""
        return await self.session.get(Handoff, handoff_id)

    async def locked(self, handoff_id: int) -> Handoff | None:
        """Return a handoff, locked for writing."""
        return await self.session.get(Handoff, handoff_id, with_for_update=True, populate_existing=True)

    async def open_of(self, conversation_id: int) -> Handoff | None:
        """Return the conversation's handoff that has not ended."""
        query = select(Handoff).where(Handoff.conversation_id == conversation_id, Handoff.state.in_(_OPEN))
        return (await self.session.scalars(query.order_by(Handoff.id.desc()).limit(1))).one_or_none()

    async def latest_of(self, conversation_id: int) -> Handoff | None:
        """Return the conversation's last handoff, ended or not."""
        query = select(Handoff).where(Handoff.conversation_id == conversation_id).order_by(Handoff.id.desc())
        return await self.session.scalar(query.limit(1))

    async def position(self, handoff: Handoff) -> int:
        """Return the place in the queue, counted from 1. Whoever is sent back to the queue keeps the old place."""
        query = select(func.count()).where(Handoff.state == HandoffState.QUEUED, Handoff.id <= handoff.id)
        return max(1, int(await self.session.scalar(query) or 1))

    async def queue_length(self) -> int:
        """Return how many wait."""
        return int(await self.session.scalar(select(func.count()).where(Handoff.state == HandoffState.QUEUED)) or 0)

    async def to_be_told_again(self, now: datetime) -> Sequence[int]:
        """Return what waits longer than was announced, and is due a word about it."""
        query = select(Handoff.id).where(Handoff.state == HandoffState.QUEUED, Handoff.notice_at <= now)
        return list(await self.session.scalars(query.order_by(Handoff.id)))

    # -- experience, for the estimate of waits

    async def in_hand_since(self, agent_ids: Sequence[int], now: datetime) -> list[datetime]:
        """Return since when each conversation is handled that takes one of these agents' places."""
        query = (
            select(Assignment.since)
            .join(Handoff, Handoff.id == Assignment.handoff_id)
            .where(
                Assignment.until.is_(None),
                Handoff.state == HandoffState.ACCEPTED,
                Handoff.agent_id.in_(agent_ids),
                or_(Handoff.snoozed_until.is_(None), Handoff.snoozed_until <= now),
            )
        )
        return list(await self.session.scalars(query))

    async def recent_handling_s(self, limit: int = 100) -> list[float]:
        """Return for how long the latest conversations took an agent's place, in seconds."""
        query = select(Assignment.since, Assignment.until).where(Assignment.until.is_not(None))
        rows = (await self.session.execute(query.order_by(Assignment.id.desc()).limit(limit))).all()
        return [(until - since).total_seconds() for since, until in rows if until is not None]

    async def recent_reactions_s(self, limit: int = 50) -> list[float]:
        """Return how long the latest customers waited who found a free place, in seconds."""
        query = (
            select(Handoff.queued_at, Handoff.accepted_at)
            .where(Handoff.accepted_at.is_not(None), Handoff.position <= Handoff.free_places)
            .order_by(Handoff.id.desc())
            .limit(limit)
        )
        rows = (await self.session.execute(query)).all()
        return [(accepted - queued).total_seconds() for queued, accepted in rows if accepted is not None]

    async def waits(self, now: datetime, limit: int = 150) -> list[tuple[float, float]]:
        """Return the latest customers' expected and real waits in seconds, the newest first.

        Those who still wait longer than expected come before all, with their wait so far.
        """
        known = Handoff.expected_wait_s > 0
        waiting = select(Handoff.queued_at, Handoff.expected_wait_s).where(known, Handoff.state == HandoffState.QUEUED)
        done = (
            select(Handoff.queued_at, Handoff.expected_wait_s, Handoff.accepted_at)
            .where(known, Handoff.accepted_at.is_not(None))
            .order_by(Handoff.accepted_at.desc())
            .limit(limit)
        )
        waits = [
            (expected or 0.0, (now - queued).total_seconds())
            for queued, expected in (await self.session.execute(waiting)).all()
        ]
        overdue = [(expected, real) for expected, real in waits if real > expected]
        return overdue + [
            (expected or 0.0, (accepted - queued).total_seconds())
            for queued, expected, accepted in (await self.session.execute(done)).all()
            if accepted is not None
        ]

    async def queued(self, limit: int = 100) -> Sequence[Handoff]:
        """Return what waits, the first in the queue first."""
        query = select(Handoff).where(Handoff.state == HandoffState.QUEUED).order_by(Handoff.id).limit(limit)
        return list(await self.session.scalars(query))

    async def broken_promise_open(self, conversation_id: int) -> bool:
        """Tell whether a promise of a conversation was broken and no handoff has begun since."""
        broken = await self.session.scalar(
            select(func.max(PromiseRow.settled_at)).where(
                PromiseRow.conversation_id == conversation_id, PromiseRow.state == "broken"
            )
        )
        if broken is None:
            return False
        since = select(Handoff.id).where(Handoff.conversation_id == conversation_id, Handoff.queued_at >= broken)
        return await self.session.scalar(since.limit(1)) is None

    # -- who had it from when to when

    def assign(self, handoff: Handoff, agent_id: int, how: str, now: datetime) -> None:
        """Give a handoff to an agent."""
        handoff.state = HandoffState.ACCEPTED
        handoff.agent_id = agent_id
        handoff.snoozed_until = None
        self.session.add(Assignment(handoff_id=handoff.id, agent_id=agent_id, how=how, since=now))

    async def end_assignment(self, handoff: Handoff, end: str, now: datetime) -> None:
        """Write down that an agent no longer has a handoff, and why."""
        await self.session.execute(
            update(Assignment)
            .where(Assignment.handoff_id == handoff.id, Assignment.until.is_(None))
            .values(until=now, end=end)
        )

    async def of_vanished_agents(self, seen_before: datetime, now: datetime) -> Sequence[int]:
        """Return accepted handoffs of agents whose browser has not been there since an instant.

        What an agent has put aside until later waits until then.
        """
        query = (
            select(Handoff.id)
            .join(Agent, Agent.id == Handoff.agent_id)
            .where(
                Handoff.state == HandoffState.ACCEPTED,
                or_(Agent.seen_at.is_(None), Agent.seen_at < seen_before, Agent.disabled_at.is_not(None)),
                or_(Handoff.snoozed_until.is_(None), Handoff.snoozed_until <= now),
            )
        )
        return list(await self.session.scalars(query))

    async def snoozed_until_now(self, now: datetime) -> Sequence[int]:
        """Return what was put aside until a time that has come."""
        query = select(Handoff.id).where(Handoff.state == HandoffState.ACCEPTED, Handoff.snoozed_until <= now)
        return list(await self.session.scalars(query))
