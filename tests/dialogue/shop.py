"""The demo shop behind the dialogues: orders to take, and how they ended up."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any
from unittest.mock import patch

from babel.dates import format_date
from babel.numbers import format_currency
from sqlalchemy import delete, select, update

from bot.clock import utc_now
from bot.shop.calendar import Calendar
from bot.shop.demo import SCENARIOS, make_shop
from bot.shop.models import Customer, Order, Product, Variant, normal_number
from bot.shop.money import Money
from bot.shop.policies import load_policies
from bot.storage.database import Database
from bot.storage.shop import SqlShop
from bot.storage.shop_loading import ShopLoader, insert_rows
from bot.storage.shop_tables import OrderRow, VariantRow

__all__ = ["DemoShop", "Taken", "euro", "on"]

SEED = 7
# Times as many orders of every situation as the demo has: each dialogue takes one for itself.
MANY = 4


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

    def values_in(self, language: str) -> dict[str, Any]:
        """The values of a script, as the bot writes them in this language."""
        line = self.order.lines[0]
        name = (line.name_en or line.name) if language == "en" else line.name
        return self.values | {"item": name, "total": euro(self.order.total, language)}

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
        many = {name: replace(scenario, count=scenario.count * MANY) for name, scenario in SCENARIOS.items()}
        with patch.dict(SCENARIOS, many):
            made = make_shop(SEED, utc_now(), policies, calendar)
        products = [_with_prices(product) for product in made.products]
        database = Database(self._settings.database)
        try:
            await ShopLoader(database).replace_all(
                "demo",
                customers=made.customers,
                products=products,
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
        self.products = products
        self.customers = {customer.id: customer for customer in made.customers}

    def take(self, situation: str, fits: Callable[[Order], bool] = lambda order: True) -> Taken:
        """An order in this situation that no other dialogue has."""
        waiting = self._orders[situation]
        order = next((order for order in waiting if order.shipping_address and fits(order)), None)
        if order is None:
            raise LookupError(f"no order left in the situation {situation}")
        waiting.remove(order)
        return Taken(order)

    def make(self, situation: str, change: Callable[[Order], Order], fits: Callable[[Order], bool] = bool) -> Taken:
        """Take an order and make it different before anybody talks about it."""
        changed = change(self.take(situation, fits).order)

        async def write(database: Database) -> None:
            async with database.begin() as session:
                key = normal_number(changed.number)
                row = (await session.scalars(select(OrderRow).where(OrderRow.number_key == key))).one()
                customer = row.customer_id
                await session.execute(delete(OrderRow).where(OrderRow.id == row.id))
                rows: Any = defaultdict(list)
                await ShopLoader(database)._add_orders(
                    session, rows, [changed], {changed.customer_id: customer}, "demo"
                )
                await insert_rows(session, rows)

        self._in_database(write)
        return Taken(changed)

    def now(self, taken: Taken) -> Order:
        """The order as it is now."""
        order = self._in_database(lambda database: SqlShop(database).order(taken.number))
        assert order is not None
        return order

    def customer_now(self, taken: Taken) -> Customer:
        """The order's customer as the database has them now."""
        customer = self._in_database(lambda database: SqlShop(database).customer(taken.order.customer_id))
        assert customer is not None
        return customer

    def product_of(self, taken: Taken) -> Product:
        """The product of the order's first line."""
        return next(product for product in self.products if product.id == taken.order.lines[0].product_id)

    def set_stock(self, sku: str, pieces: int) -> None:
        """Say how many there are, as if others had bought the rest."""

        async def write(database: Database) -> None:
            async with database.begin() as session:
                await session.execute(update(VariantRow).where(VariantRow.sku == sku).values(stock=pieces))

        self._in_database(write)

    def rows(self, table: Any, **where: Any) -> list[Any]:
        """Rows of a table of the service, oldest first."""

        async def look(database: Database) -> list[Any]:
            async with database.read() as session:
                return list(await session.scalars(select(table).filter_by(**where)))

        return self._in_database(look)

    def _in_database[T](self, work: Callable[[Database], Awaitable[T]]) -> T:
        async def run() -> T:
            database = Database(self._settings.database)
            try:
                return await work(database)
            finally:
                await database.close()

        return asyncio.run(run())


def _with_prices(product: Product) -> Product:
    """The smallest size costs 10 euros less and the largest 10 more, so that changes have a price."""
    if len(product.variants) < 3 or "Größe" not in product.variants[0].options:
        return product
    sizes = [variant.options["Größe"] for variant in product.variants]

    def priced(variant: Variant) -> Variant:
        size = variant.options["Größe"]
        cents = -1000 if size == sizes[0] else 1000 if size == sizes[-1] else 0
        return variant.model_copy(update={"price": variant.price + Money(cents=cents)})

    return product.model_copy(update={"variants": tuple(priced(variant) for variant in product.variants)})


def euro(amount: Money, language: str = "de") -> str:
    """As the bot writes it."""
    locale = {"de": "de_DE", "en": "en_GB"}[language]
    return format_currency(Decimal(amount.amount), amount.currency, locale=locale).replace("\u00a0", " ")


def on(day: date, language: str = "de") -> str:
    """Weekday, day and month as the bot writes them."""
    pattern, locale = {"de": ("EEEE, d. MMMM", "de_DE"), "en": ("EEEE, d MMMM", "en_GB")}[language]
    return format_date(day, pattern, locale=locale)
