"""Queries about programs' tokens."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.storage.figure_tables import ApiToken

__all__ = ["ApiTokens"]


class ApiTokens:
    """Queries on one open transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def add(self, token: ApiToken) -> ApiToken:
        """Store a new token."""
        self.session.add(token)
        await self.session.flush()
        return token

    async def by_hash(self, token_hash: str) -> ApiToken | None:
        """Return a token by the hash of what the caller sent."""
        return await self.session.scalar(select(ApiToken).where(ApiToken.token_hash == token_hash))

    async def by_name(self, name: str) -> ApiToken | None:
        """Return a token by its name."""
        return await self.session.scalar(select(ApiToken).where(ApiToken.name == name))

    async def all(self) -> Sequence[ApiToken]:
        """Return all tokens, the oldest first."""
        return list(await self.session.scalars(select(ApiToken).order_by(ApiToken.id)))

    async def used(self, token: ApiToken, now: datetime) -> None:
        """Note that a token was used."""
        row = await self.session.get_one(ApiToken, token.id)
        row.last_used_at = now
