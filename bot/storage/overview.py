"""Counts of what is under way right now, for monitoring."""

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.storage.tables import ConversationRow, Delivery, Handoff, Outage, PromiseRow, Turn

__all__ = ["Gauges", "Overview"]

# name -> (help, label names, [(label values, number)])
Gauges = dict[str, tuple[str, list[str], list[tuple[tuple[str, ...], float]]]]


class Overview:
    """Queries on one open transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def gauges(self) -> Gauges:
        """Return the numbers of rows by state, of everything that has one."""
        gauges: Gauges = {}
        for name, help_text, column in (
            ("conversations", "Conversations by state", ConversationRow.state),
            ("turns", "Customer messages by state of their answer", Turn.state),
            ("deliveries", "Messages to customers by state of delivery", Delivery.state),
            ("handoffs", "Handoffs by state", Handoff.state),
            ("promises", "Promises by state", PromiseRow.state),
        ):
            rows = (await self.session.execute(select(column, func.count()).group_by(column))).all()
            gauges[name] = (help_text, ["state"], [((str(state),), float(count)) for state, count in rows])
        down = await self.session.scalars(select(Outage.part).where(Outage.ended_at.is_(None)))
        gauges["outage"] = ("Parts that do not answer now", ["part"], [((part,), 1.0) for part in set(down)])
        return gauges
