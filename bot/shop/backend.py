"""What any shop system must be able to do for us. bot/storage/shop.py and woocommerce.py do it."""

from dataclasses import dataclass
from typing import Protocol

from bot.errors import Unavailable
from bot.shop.changes import Applied, Change
from bot.shop.models import Customer, Order, Product, Voucher

__all__ = [
    "CannotDo",
    "Found",
    "NoStock",
    "Proof",
    "ShopBackend",
    "ShopUnavailable",
    "Stale",
]


class ShopUnavailable(Unavailable):
    """The shop system does not answer, or refuses for now."""

    code = "shop_unavailable"


class CannotDo(Exception):
    """The shop system has no such function."""


class Stale(Exception):
    """The order is no longer the version that the change was planned on."""


class NoStock(Exception):
    """There are fewer pieces than the change needs."""

    def __init__(self, sku: str, stock: int) -> None:
        super().__init__(f"{sku}: {stock} left")
        self.sku = sku
        self.stock = stock


@dataclass(frozen=True)
class Proof:
    """What proves that an order is somebody's. All values as normal_email and normal_postcode make them."""

    number: str
    customer_id: str
    email: str
    emails: frozenset[str]
    postcodes: frozenset[str]
    language: str = "de"


@dataclass(frozen=True)
class Found:
    """A product that fits a search; ``score`` is 0..1."""

    product: Product
    score: float


class ShopBackend(Protocol):
    """A shop's data.

    Every method may raise ShopUnavailable. Numbers are looked up as normal_number makes them, so
    ``lm 104217`` finds ``LM-104217``.
    """

    @property
    def abilities(self) -> frozenset[str]:
        """Names of the operations this shop system can carry out."""
        ...

    async def proof(self, order_number: str) -> Proof | None:
        """Return what proves an order, or None if there is none of this number."""
        ...

    async def order(self, order_number: str) -> Order | None:
        """Return one order, whole."""
        ...

    async def orders_of(self, customer_id: str, limit: int) -> list[Order]:
        """Return a customer's orders, newest first."""
        ...

    async def customer(self, customer_id: str) -> Customer | None:
        """Return a customer with addresses and kept ways to pay."""
        ...

    async def customer_by_email(self, email: str) -> Customer | None:
        """Return the customer of a mail address; an account before a guest."""
        ...

    async def product(self, product_id: str) -> Product | None:
        """Return a product with its variants."""
        ...

    async def product_of(self, sku: str) -> Product | None:
        """Return the product that has this variant."""
        ...

    async def search_products(self, query: str, category: str | None, limit: int) -> list[Found]:
        """Return products that fit the words of a query, best first."""
        ...

    async def voucher(self, code: str) -> Voucher | None:
        """Return a discount code or gift card."""
        ...

    async def open_request(self, customer_id: str, request: str) -> tuple[str, str] | None:
        """Return number and answer-by day (ISO) of an open data-protection request."""
        ...

    async def applied(self, key: str) -> Applied | None:
        """Return what a change gave when it was carried out under this key, or None if it never was."""
        ...

    async def apply(self, change: Change, key: str) -> Applied:
        """Carry out a change. The same key again changes nothing and returns what the first time gave.

        Raises:
            Stale: the order changed since the plan was made; nothing was changed.
            NoStock: goods are gone; nothing was changed.
            CannotDo: this shop system has no such function.
        """
        ...
