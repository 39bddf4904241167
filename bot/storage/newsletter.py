"""Queries about newsletter subscriptions."""

from datetime import datetime

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from bot.shop.models import normal_email
from bot.storage.shop_tables import NewsletterRow

__all__ = ["Newsletters"]


class Newsletters:
    """Queries on one open transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def at(self, address: str) -> NewsletterRow | None:
        """Return the subscription of an address."""
        return await self.session.get(NewsletterRow, normal_email(address), populate_existing=True)

    async def confirm(self, address: str, now: datetime) -> None:
        """Turn a subscription that was asked for into a real one. One that was ended since stays ended."""
        await self.session.execute(
            update(NewsletterRow)
            .where(NewsletterRow.email_key == normal_email(address), NewsletterRow.state == "asked")
            .values(state="subscribed", changed_at=now)
        )
