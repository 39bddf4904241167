"""Leases: what only one process may do at a time, and which process that is."""

from datetime import datetime, timedelta

from sqlalchemy import or_, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from bot.storage.telegram_tables import Lease

__all__ = ["Leases"]


class Leases:
    """Queries on one open transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def take(self, name: str, owner: str, now: datetime, length: timedelta) -> bool:
        """Take or renew a lease; tell whether it is ours until ``now + length``."""
        row = {"name": name, "owner": None, "until": None}
        dialect = sqlite if self.session.get_bind().dialect.name == "sqlite" else postgresql
        await self.session.execute(dialect.insert(Lease).values(row).on_conflict_do_nothing())
        taken = await self.session.execute(
            update(Lease)
            .where(Lease.name == name, or_(Lease.owner.is_(None), Lease.owner == owner, Lease.until <= now))
            .values(owner=owner, until=now + length)
            .returning(Lease.name)
        )
        return taken.scalar_one_or_none() is not None

    async def give_back(self, name: str, owner: str) -> None:
        """Let the next process have it at once."""
        await self.session.execute(
            update(Lease).where(Lease.name == name, Lease.owner == owner).values(owner=None, until=None)
        )
