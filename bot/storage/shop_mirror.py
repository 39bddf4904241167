"""Our own tables as the mirror of another shop system: keeps what was read there, and what it has no place for."""

from collections.abc import Callable, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select

from bot.shop.backend import ShopUnavailable
from bot.shop.changes import Applied, Change
from bot.shop.import_formats import Document
from bot.shop.models import normal_number
from bot.shop.policies import Policies
from bot.storage.database import Collision, Database
from bot.storage.shop import SqlShop, applied_before
from bot.storage.shop_events import shop_event
from bot.storage.shop_import import ShopImport
from bot.storage.shop_tables import OrderChangeRow, OrderRow

__all__ = ["SqlMirror"]


class SqlMirror(SqlShop):
    """A Mirror (bot/shop/woocommerce/shop.py) in the service's own database."""

    def __init__(self, database: Database, policies: Policies, zone: ZoneInfo, clock: Callable[[], datetime]) -> None:
        super().__init__(database)
        self._import = ShopImport(database, policies, zone)
        self._clock = clock

    async def put(self, documents: Sequence[Document]) -> None:
        """Keep what was read.

        Raises:
            ShopUnavailable: something of it cannot be kept.
        """
        for last in (False, True):
            try:
                errors = await self._import.put(documents, self._clock())
                break
            except Collision:  # another process kept the same at the same moment: now it is there
                if last:
                    raise
        if errors:
            raise ShopUnavailable(f"what the shop system answered cannot be kept: {errors[0].message}")

    async def record(self, change: Change, key: str) -> Applied:
        """Note that a change was carried out elsewhere."""
        number = getattr(change, "order_number", None)
        async with self._database.begin() as session:
            statement = select(OrderRow).where(OrderRow.number_key == normal_number(number or "")).with_for_update()
            row = (await session.scalars(statement)).one_or_none()
            earlier = await applied_before(session, key)
            if earlier is not None:
                return earlier
            applied = Applied()
            session.add(
                OrderChangeRow(
                    key=key,
                    order_id=row.id if row is not None else None,
                    operation=getattr(change, "operation", change.kind),
                    applied=applied.model_dump(mode="json"),
                    at=change.at,
                )
            )
            if row is not None:
                row.version += 1
                session.add(shop_event(row, change, applied))
            return applied
