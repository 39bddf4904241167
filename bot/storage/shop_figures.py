"""Sums about the shop's orders: what was sent back, and whose customers came back."""

from collections import Counter, defaultdict
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import and_, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.storage.base import UtcDateTime
from bot.storage.figure_tables import ConversationFact
from bot.storage.shop_tables import CustomerRow, OrderRow, ReturnRow

__all__ = ["AGAIN_WITHIN", "CONTACT_WITHIN", "ShopFigures"]

AGAIN_WITHIN = timedelta(days=90)
CONTACT_WITHIN = timedelta(days=30)


class ShopFigures:
    """Queries on one open transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def orders(self, since: datetime | None, now: datetime, zone: ZoneInfo) -> dict[date, list[dict[str, Any]]]:
        """Return the sums of the orders of every day since then, by the day they were placed.

        ``order`` counts orders. ``order_returned`` counts delivered ones by whether a return was registered.
        ``order_again`` counts those placed at least 90 days ago and not cancelled by whether the customer had a
        conversation within 30 days after it (``with``, ``without``) and ordered again within 90 days.
        """
        following = (
            select(
                OrderRow.id,
                func.lead(OrderRow.placed_at, type_=UtcDateTime())
                .over(partition_by=OrderRow.customer_id, order_by=(OrderRow.placed_at, OrderRow.id))
                .label("next_at"),
            )
            .where(OrderRow.placed_at.is_not(None))
            .subquery()
        )
        talked = (
            select(func.min(ConversationFact.started_at))
            .where(ConversationFact.customer == CustomerRow.key, ConversationFact.started_at >= OrderRow.placed_at)
            .correlate(CustomerRow, OrderRow)
            .scalar_subquery()
        )
        query = (
            select(
                OrderRow.placed_at,
                OrderRow.cancelled_at,
                OrderRow.delivered_at,
                exists().where(ReturnRow.order_id == OrderRow.id),
                following.c.next_at,
                talked,
            )
            .join(CustomerRow, CustomerRow.id == OrderRow.customer_id)
            .join(following, following.c.id == OrderRow.id)
            .where(and_(OrderRow.placed_at <= now, OrderRow.placed_at >= since) if since else OrderRow.placed_at <= now)
        )
        days: dict[date, Counter[tuple[str, str]]] = defaultdict(Counter)
        result = await self.session.stream(query.execution_options(yield_per=5000))
        async for placed_at, cancelled_at, delivered_at, returned, next_at, talked_at in result:
            counts = days[placed_at.astimezone(zone).date()]
            counts["order", ""] += 1
            if delivered_at is not None:
                counts["order_returned", "yes" if returned else "no"] += 1
            if cancelled_at is None and placed_at + AGAIN_WITHIN <= now:
                contact = "with" if talked_at is not None and talked_at - placed_at <= CONTACT_WITHIN else "without"
                again = "yes" if next_at is not None and next_at - placed_at <= AGAIN_WITHIN else "no"
                counts["order_again", f"{contact}:{again}"] += 1
        cell = {"channel": "", "language": "", "topic": "", "handler": "", "total": 0.0, "squares": 0.0}
        return {
            day: [{"measure": measure, "detail": detail, "n": n, **cell} for (measure, detail), n in counts.items()]
            for day, counts in days.items()
        }
