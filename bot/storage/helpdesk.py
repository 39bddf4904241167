"""Queries about handoffs that go to the shop's own help desk."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.conversation import HandoffState
from bot.storage.tables import Handoff, HelpDeskCase

__all__ = ["HelpDeskCases"]


class HelpDeskCases:
    """Queries on one open transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def not_filed(self, waiting_since: datetime) -> Sequence[int]:
        """Return handoffs in the queue that are to go out: the answer's address is known, or it never came."""
        query = (
            select(Handoff.id)
            .outerjoin(HelpDeskCase, HelpDeskCase.handoff_id == Handoff.id)
            .where(
                Handoff.state == HandoffState.QUEUED,
                HelpDeskCase.id.is_(None),
                or_(Handoff.contact.is_not(None), Handoff.queued_at <= waiting_since),
            )
            .order_by(Handoff.id)
        )
        return list(await self.session.scalars(query))

    async def of_handoff(self, handoff_id: int) -> HelpDeskCase | None:
        """Return a handoff's case."""
        return await self.session.scalar(select(HelpDeskCase).where(HelpDeskCase.handoff_id == handoff_id))

    async def locked(self, case_id: int) -> HelpDeskCase | None:
        """Return a case, locked for writing."""
        return await self.session.get(HelpDeskCase, case_id, with_for_update=True, populate_existing=True)

    async def add(self, case: HelpDeskCase) -> HelpDeskCase:
        """Store a new case."""
        self.session.add(case)
        await self.session.flush()
        return case

    async def take_due(self, now: datetime, limit: int, lease: timedelta) -> list[HelpDeskCase]:
        """Return cases whose time has come, as another process would find them only after ``lease``."""
        query = (
            select(HelpDeskCase)
            .where(HelpDeskCase.state == "waiting", HelpDeskCase.next_try_at <= now)
            .order_by(HelpDeskCase.next_try_at, HelpDeskCase.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        due = list(await self.session.scalars(query))
        for case in due:
            case.tries += 1
            case.next_try_at = now + lease
        return due

    async def taken_without_address(self) -> Sequence[int]:
        """Return handoffs that the desk has, whose customer left an address only afterwards."""
        query = (
            select(Handoff.id)
            .join(HelpDeskCase, HelpDeskCase.handoff_id == Handoff.id)
            .where(Handoff.state == HandoffState.QUEUED, HelpDeskCase.state == "taken", Handoff.contact.is_not(None))
        )
        return list(await self.session.scalars(query))
