"""Events for the shop system: written with the change, taken to be told, settled."""

import secrets
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import exists, select, update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from bot.shop.changes import Applied, Change
from bot.shop.telling import ShopEvent
from bot.storage.shop_tables import OrderRow, ShopEventRow

__all__ = ["DueEvent", "ShopEvents", "shop_event"]

DueEvent = tuple[int, ShopEvent, int]  # row, event, tries with this one


def shop_event(row: OrderRow, change: Change, applied: Applied) -> ShopEventRow:
    """Make the event of a change to an order."""
    return ShopEventRow(
        public_id=f"ev_{secrets.token_urlsafe(18)}",
        order_id=row.id,
        order_number=row.number,
        operation=getattr(change, "operation", change.kind),
        change=change.model_dump(mode="json", exclude_none=True),
        applied=applied.model_dump(mode="json", exclude_none=True),
        at=change.at,
        next_try_at=change.at,
    )


class ShopEvents:
    """Queries on one open transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def take_due(self, now: datetime, limit: int, lease: timedelta) -> list[DueEvent]:
        """Take the next events that are due. They are due again after the lease, unless they are settled.

        Events of one order are told in their order: one that waits for its next try holds back those after it.
        """
        earlier = aliased(ShopEventRow)
        held_back = exists().where(
            earlier.order_id == ShopEventRow.order_id, earlier.id < ShopEventRow.id, earlier.state == "waiting"
        )
        rows = list(
            await self.session.scalars(
                select(ShopEventRow)
                .where(ShopEventRow.state == "waiting", ShopEventRow.next_try_at <= now, ~held_back)
                .order_by(ShopEventRow.id)
                .limit(limit)
                .with_for_update(skip_locked=True)
            )
        )
        for row in rows:
            row.tries += 1
            row.next_try_at = now + lease
        return [(row.id, _event(row), row.tries) for row in rows]

    async def settle(
        self, row_id: int, state: str, now: datetime, *, error: str | None = None, next_try_at: datetime | None = None
    ) -> None:
        """Write down what became of telling an event."""
        values: dict[str, Any] = {"state": state, "error": error[:300] if error else None}
        if state == "sent":
            values["sent_at"] = now
        if next_try_at is not None:
            values["next_try_at"] = next_try_at
        await self.session.execute(update(ShopEventRow).where(ShopEventRow.id == row_id).values(values))

    async def since(self, since: datetime | None, *, untold: bool) -> AsyncIterator[ShopEvent]:
        """Yield events in their order.

        Args:
            since: from this instant on; None: from the first.
            untold: only those that the shop system has not heard of.
        """
        query = select(ShopEventRow).order_by(ShopEventRow.id)
        if since is not None:
            query = query.where(ShopEventRow.at >= since)
        if untold:
            query = query.where(ShopEventRow.state != "sent")
        async for row in await self.session.stream_scalars(query):
            yield _event(row)


def _event(row: ShopEventRow) -> ShopEvent:
    return ShopEvent(row.public_id, row.order_number, row.operation, row.at, row.change, row.applied)
