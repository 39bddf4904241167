"""Queries about declared withdrawals: reading one again, and what the team has not been given yet."""

import re

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.shop.models import normal_number
from bot.storage.shop_tables import OrderRow, WithdrawalRow

__all__ = ["Withdrawals"]

# What in "the rain jacket from my order LM-104217 of Monday" may be an order's number.
_MAYBE_NUMBER = re.compile(r"[A-Za-z0-9][A-Za-z0-9#./_-]{3,38}")


class Withdrawals:
    """Queries on one open transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def by_number(self, number: str) -> WithdrawalRow | None:
        """Return one withdrawal."""
        return await self.session.scalar(select(WithdrawalRow).where(WithdrawalRow.number == number))

    async def not_filed(self, limit: int = 50) -> list[int]:
        """Return withdrawals that the team has not been given yet, by their keys, in order."""
        query = select(WithdrawalRow.id).where(WithdrawalRow.case_id.is_(None)).order_by(WithdrawalRow.id).limit(limit)
        return list(await self.session.scalars(query))

    async def locked(self, withdrawal_id: int) -> WithdrawalRow | None:
        """Return one withdrawal, locked for writing; None while another process has it."""
        query = select(WithdrawalRow).where(WithdrawalRow.id == withdrawal_id).with_for_update(skip_locked=True)
        return (await self.session.scalars(query.execution_options(populate_existing=True))).one_or_none()

    async def order_meant(self, contract: str) -> str | None:
        """Return the number of the one order that a description names; None if it names none, or several."""
        keys = {normal_number(part) for part in [contract, *_MAYBE_NUMBER.findall(contract)] if len(part) <= 40}
        found = await self.session.scalars(select(OrderRow.number).where(OrderRow.number_key.in_(keys)).limit(2))
        numbers = found.all()
        return numbers[0] if len(numbers) == 1 else None
