"""Agents, their signed-in browsers and failed attempts to sign in."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.conversation import HandoffState
from bot.storage.tables import Agent, AgentSession, Handoff, SignInAttempt

__all__ = ["Agents", "Colleague", "FailedAttempts"]


@dataclass(frozen=True)
class FailedAttempts:
    """Failed attempts to sign in since some instant."""

    by_both: int
    by_account: int
    by_address: int
    earliest: datetime | None


@dataclass(frozen=True)
class Colleague:
    """An agent as others see them: who is there, and how many places are free."""

    id: int
    name: str
    role: str
    team: str | None
    presence: str
    here: bool
    places: int
    taken: int

    @property
    def free(self) -> int:
        """Places that are free now."""
        return max(0, self.places - self.taken)


class Agents:
    """Queries on one open transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def by_email(self, email: str) -> Agent | None:
        """Return the agent with a mail address, in whatever case it is written."""
        return await self.session.scalar(select(Agent).where(Agent.email == email.strip().lower()))

    async def get(self, agent_id: int) -> Agent | None:
        """Return an agent."""
        return await self.session.get(Agent, agent_id)

    async def all(self) -> list[Agent]:
        """Return all agents, disabled ones last."""
        query = select(Agent).order_by(Agent.disabled_at.is_not(None), func.lower(Agent.name))
        return list(await self.session.scalars(query))

    async def add(self, agent: Agent) -> Agent:
        """Store a new agent."""
        self.session.add(agent)
        await self.session.flush()
        return agent

    async def team_names(self) -> list[str]:
        """Return the names of all teams."""
        query = select(Agent.team).where(Agent.team.is_not(None), Agent.disabled_at.is_(None)).distinct()
        return sorted(name for name in await self.session.scalars(query) if name)

    # -- signed-in browsers

    async def add_session(self, session: AgentSession) -> AgentSession:
        """Store a new signed-in browser."""
        self.session.add(session)
        await self.session.flush()
        return session

    async def signed_in(self, token_hash: str, now: datetime) -> tuple[Agent, AgentSession] | None:
        """Return who a session's token belongs to, unless it expired, was revoked, or the agent is disabled."""
        query = (
            select(Agent, AgentSession)
            .join(AgentSession, AgentSession.agent_id == Agent.id)
            .where(
                AgentSession.token_hash == token_hash,
                AgentSession.expires_at > now,
                AgentSession.revoked_at.is_(None),
                Agent.disabled_at.is_(None),
            )
        )
        row = (await self.session.execute(query)).one_or_none()
        return None if row is None else (row[0], row[1])

    async def sessions_of(self, agent_id: int, now: datetime) -> list[AgentSession]:
        """Return an agent's signed-in browsers, the latest first."""
        query = (
            select(AgentSession)
            .where(AgentSession.agent_id == agent_id, AgentSession.expires_at > now, AgentSession.revoked_at.is_(None))
            .order_by(AgentSession.id.desc())
        )
        return list(await self.session.scalars(query))

    async def revoke(self, agent_id: int, now: datetime, *, only: int | None = None, but: int | None = None) -> int:
        """End an agent's signed-in browsers (all, one, or all but one) and return how many ended."""
        query = update(AgentSession).where(AgentSession.agent_id == agent_id, AgentSession.revoked_at.is_(None))
        if only is not None:
            query = query.where(AgentSession.id == only)
        if but is not None:
            query = query.where(AgentSession.id != but)
        result = await self.session.execute(query.values(revoked_at=now).returning(AgentSession.id))
        return len(result.all())

    # -- failed attempts

    async def failed(self, email_hash: str, address_hash: str, since: datetime) -> FailedAttempts:
        """Count failed attempts since an instant."""
        account, address = SignInAttempt.email_hash == email_hash, SignInAttempt.address_hash == address_hash
        query = select(
            func.count().filter(and_(account, address)),
            func.count().filter(account),
            func.count().filter(address),
            func.min(SignInAttempt.at),
        ).where(or_(account, address), SignInAttempt.at > since)
        both, by_account, by_address, earliest = (await self.session.execute(query)).one()
        return FailedAttempts(both, by_account, by_address, earliest)

    async def attempt(self, email_hash: str, address_hash: str, now: datetime) -> int:
        """Write an attempt before anything is checked, and return its key."""
        row = SignInAttempt(email_hash=email_hash, address_hash=address_hash, at=now)
        self.session.add(row)
        await self.session.flush()
        return row.id

    async def forgive(self, attempt: int) -> None:
        """Delete an attempt that turned out right."""
        await self.session.execute(delete(SignInAttempt).where(SignInAttempt.id == attempt))

    # -- presence and places

    async def seen(self, agent_id: int, now: datetime) -> None:
        """Write down that an agent's browser is there."""
        await self.session.execute(update(Agent).where(Agent.id == agent_id).values(seen_at=now))

    async def colleagues(self, here_since: datetime, now: datetime) -> list[Colleague]:
        """Return everybody who may take conversations, with places; ``here`` means seen since then."""
        taken = (
            select(Handoff.agent_id, func.count().label("taken"))
            .where(
                Handoff.state == HandoffState.ACCEPTED,
                or_(Handoff.snoozed_until.is_(None), Handoff.snoozed_until <= now),
            )
            .group_by(Handoff.agent_id)
            .subquery()
        )
        query = (
            select(Agent, func.coalesce(taken.c.taken, 0))
            .outerjoin(taken, taken.c.agent_id == Agent.id)
            .where(Agent.disabled_at.is_(None))
            .order_by(func.lower(Agent.name))
        )
        return [
            Colleague(
                id=agent.id,
                name=agent.name,
                role=agent.role,
                team=agent.team,
                presence=agent.presence,
                here=agent.seen_at is not None and agent.seen_at >= here_since,
                places=agent.places,
                taken=int(count),
            )
            for agent, count in (await self.session.execute(query)).all()
        ]

    async def names(self, agent_ids: Sequence[int]) -> dict[int, str]:
        """Return the names of agents."""
        rows = await self.session.execute(select(Agent.id, Agent.name).where(Agent.id.in_(agent_ids)))
        return {row.id: row.name for row in rows}
