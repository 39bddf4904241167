"""Queries about handoffs: the queue, who has what, and how long it really took."""

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.conversation import HandoffState
from bot.storage.tables import Agent, Handoff

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

    async def locked(self, handoff_id: int) -> Handoff | None:
        """Return a handoff, locked for writing."""
        return await self.session.get(Handoff, handoff_id, with_for_update=True)

    async def open_of(self, conversation_id: int) -> Handoff | None:
        """Return the conversation's handoff that has not ended."""
        query = select(Handoff).where(Handoff.conversation_id == conversation_id, Handoff.state.in_(_OPEN))
        return (await self.session.scalars(query.order_by(Handoff.id.desc()).limit(1))).one_or_none()

    async def open_handoffs(self) -> list[Handoff]:
        """Return all that wait or are being handled, the longest waiting first."""
        return list(await self.session.scalars(select(Handoff).where(Handoff.state.in_(_OPEN)).order_by(Handoff.id)))

    async def position(self, handoff: Handoff) -> int:
        """Return the place in the queue, counted from 1."""
        query = select(func.count()).where(Handoff.state == HandoffState.QUEUED, Handoff.id <= handoff.id)
        return int(await self.session.scalar(query) or 1)

    async def queue_length(self) -> int:
        """Return how many wait."""
        return int(await self.session.scalar(select(func.count()).where(Handoff.state == HandoffState.QUEUED)) or 0)

    async def recent_waits_s(self, limit: int = 50) -> list[float]:
        """Return how long the last accepted customers waited within service hours, in seconds."""
        query = (
            select(Handoff.queued_at, Handoff.accepted_at)
            .where(Handoff.accepted_at.is_not(None), Handoff.outside_hours.is_(False))
            .order_by(Handoff.id.desc())
            .limit(limit)
        )
        rows = (await self.session.execute(query)).all()
        return [(accepted - queued).total_seconds() for queued, accepted in rows if accepted is not None]

    async def waiting_longer_than_told(self, now: datetime) -> list[Handoff]:
        """Return queued handoffs whose announced wait is over and whose customer has not been told."""
        query = select(Handoff).where(
            Handoff.state == HandoffState.QUEUED, Handoff.delay_told.is_(False), Handoff.announced_wait_s.is_not(None)
        )
        rows = (await self.session.scalars(query)).all()
        return [row for row in rows if (now - row.queued_at).total_seconds() > (row.announced_wait_s or 0)]

    async def agents_present(self, since: datetime) -> int:
        """Return how many agents are signed in, available and were seen since then."""
        query = select(func.count()).where(
            Agent.disabled_at.is_(None), Agent.presence == "available", Agent.seen_at >= since
        )
        return int(await self.session.scalar(query) or 0)
