"""Queries about customers who want to know when something is back in stock."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.storage.shop_tables import ProductRow, StockWatchRow, VariantRow

__all__ = ["BackInStock", "StockWatches"]


@dataclass(frozen=True)
class BackInStock:
    """Somebody's wish that has come true."""

    watch_id: int
    email: str
    language: str
    name: str
    name_en: str | None
    variant: str
    variant_en: str | None
    url: str | None


class StockWatches:
    """Queries on one open transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def to_tell(self, now: datetime, limit: int = 100) -> list[BackInStock]:
        """Mark wishes whose variant is in stock as told, and return them. Who came first is told first."""
        query = (
            select(StockWatchRow, VariantRow, ProductRow)
            .join(VariantRow, VariantRow.sku == StockWatchRow.sku)
            .join(ProductRow, ProductRow.id == VariantRow.product_id)
            .where(StockWatchRow.told_at.is_(None), VariantRow.stock > 0)
            .order_by(StockWatchRow.id)
            .limit(limit)
            .with_for_update(of=StockWatchRow, skip_locked=True)
        )
        found = []
        for watch, variant, product in (await self.session.execute(query)).all():
            watch.told_at = now
            found.append(
                BackInStock(
                    watch_id=watch.id,
                    email=watch.email,
                    language=watch.language,
                    name=product.name,
                    name_en=product.name_en,
                    variant=variant.name,
                    variant_en=variant.name_en,
                    url=product.url,
                )
            )
        return found
