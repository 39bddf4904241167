"""What of an order bears on promises, fetched for many orders at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

__all__ = ["OrderFacts", "PromiseFacts", "RefundFact", "ReturnFact"]


@dataclass(frozen=True)
class RefundFact:
    """A refund: ``issued_at`` is when the money left the shop, ``expected_on`` when it should arrive."""

    return_number: str | None
    created_at: datetime
    issued_at: datetime | None
    expected_on: date | None


@dataclass(frozen=True)
class ReturnFact:
    """A return: whether its label exists and whether the goods came back."""

    number: str
    label_ready: bool
    received_at: datetime | None


@dataclass(frozen=True)
class OrderFacts:
    """What of an order bears on promises. ``expected_on`` is the day of the latest part not yet delivered."""

    cancelled_at: datetime | None = None
    delivered_at: datetime | None = None
    expected_on: date | None = None
    replacement_delivered_at: datetime | None = None
    replacement_expected_on: date | None = None
    refunds: tuple[RefundFact, ...] = ()
    returns: tuple[ReturnFact, ...] = ()


class PromiseFacts(Protocol):
    """Where the facts of orders come from."""

    async def order_facts(self, order_numbers: Sequence[str]) -> dict[str, OrderFacts]:
        """Return the facts of those orders that exist, by the number asked for."""
        ...
