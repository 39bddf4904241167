"""The demo shop behind the dialogues: orders to take, and how they ended up."""

import asyncio
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from babel.dates import format_date
from babel.numbers import format_currency

from bot.clock import utc_now
from bot.shop.calendar import Calendar
from bot.shop.demo import make_shop
from bot.shop.models import Order
from bot.shop.money import Money
from bot.shop.policies import load_policies
from bot.storage.database import Database
from bot.storage.shop import SqlShop
from bot.storage.shop_loading import ShopLoader

__all__ = ["DemoShop", "Taken", "euro", "on"]

SEED = 7


class Taken:
    """An order that one dialogue has for itself."""

    def __init__(self, order: Order) -> None:
        self.order = order
        assert order.shipping_address is not None
        self.values: dict[str, Any] = {
            "number": order.number,
            "postcode": order.shipping_address.postcode,
            "email": order.email,
            "item": order.lines[0].name,
            "total": euro(order.total),
        }

    @property
    def number(self) -> str:
        """The order's number."""
        return self.order.number


class DemoShop:
    """Hands out every order once, and shows its present state."""

    def __init__(self, settings: Any) -> None:
        self._settings = settings
        self._orders: dict[str, list[Order]] = {}

    async def fill(self) -> None:
        """Make the demo shop of today."""
        policies = load_policies(self._settings.policies)
        calendar = Calendar(self._settings.zone, self._settings.holidays)
        made = make_shop(SEED, utc_now(), policies, calendar)
        database = Database(self._settings.database)
        try:
            await ShopLoader(database).replace_all(
                "demo",
                customers=made.customers,
                products=made.products,
                orders=made.orders,
                vouchers=made.vouchers,
                state_key="demo",
                state={"samples": made.samples},
                now=utc_now(),
            )
        finally:
            await database.close()
        by_number = {order.number: order for order in made.orders}
        self._orders = {
            situation: [by_number[number] for number in numbers] for situation, numbers in made.samples.items()
        }
        self.vouchers = made.vouchers
        self.products = made.products

    def take(self, situation: str, fits: Callable[[Order], bool] = lambda order: True) -> Taken:
        """An order in this situation that no other dialogue has."""
        waiting = self._orders[situation]
        order = next((order for order in waiting if order.shipping_address and fits(order)), None)
        if order is None:
            raise LookupError(f"no order left in the situation {situation}")
        waiting.remove(order)
        return Taken(order)

    def now(self, taken: Taken) -> Order:
        """The order as it is now."""

        async def look() -> Order:
            database = Database(self._settings.database)
            try:
                order = await SqlShop(database).order(taken.number)
            finally:
                await database.close()
            assert order is not None
            return order

        return asyncio.run(look())


def euro(amount: Money, language: str = "de") -> str:
    """As the bot writes it."""
    locale = {"de": "de_DE", "en": "en_GB"}[language]
    return format_currency(Decimal(amount.amount), amount.currency, locale=locale).replace("\u00a0", " ")


def on(day: date, language: str = "de") -> str:
    """Weekday, day and month as the bot writes them."""
    pattern, locale = {"de": ("EEEE, d. MMMM", "de_DE"), "en": ("EEEE, d MMMM", "en_GB")}[language]
    return format_date(day, pattern, locale=locale)
