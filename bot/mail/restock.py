"""Tells customers who asked for it that something is back in stock."""

from dataclasses import dataclass

from bot.clock import Clock
from bot.mail.mailer import Mailer
from bot.storage.database import Database
from bot.storage.stock_watches import StockWatches

__all__ = ["RestockNotices"]


@dataclass(frozen=True)
class RestockNotices:
    """A job for the timers: note and mail are one transaction, so everybody is told once."""

    database: Database
    mailer: Mailer
    clock: Clock

    async def tell(self) -> int:
        """Queue a mail for every wish that has come true; return how many."""
        now = self.clock()
        async with self.database.begin() as session:
            found = await StockWatches(session).to_tell(now)
            for wish in found:
                await self.mailer.queue(
                    session,
                    wish.email,
                    "restock_watch",
                    wish.language,
                    {
                        "name": wish.name,
                        "name_en": wish.name_en,
                        "variant": wish.variant,
                        "variant_en": wish.variant_en,
                        "product_url": wish.url,
                    },
                    key=f"restock:{wish.watch_id}:{now.isoformat()}",
                )
        return len(found)
