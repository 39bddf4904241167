"""The same small shop in every shop system that has a backend: three orders, two customers, one product."""

import copy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bot.shop.backend import ShopBackend
from bot.shop.import_formats import DOCUMENTS
from bot.shop.woocommerce.client import WooClient
from bot.shop.woocommerce.shop import WooShop
from bot.storage.shop import SqlShop
from bot.storage.shop_import import ShopImport
from bot.storage.shop_mirror import SqlMirror
from tests.bot.shop.conftest import policies_of
from tests.engine_double import serve
from tests.woocommerce_double import CUSTOMER, KEY, PRODUCT, SECRET, VARIATIONS, WooDouble

NOW = datetime(2026, 11, 11, 9, 30, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
ADDRESS = {"name": "Jana Müller", "street": "Lindenstraße 4", "postcode": "20257", "city": "Hamburg", "country": "DE"}
LINES = [
    {"id": "315", "sku": "RJ-M", "product": "93", "name": "Regenjacke Sylt", "quantity": 1, "price": "149.00"},
    {"id": "316", "sku": "WS-3", "name": "Wollsocken", "quantity": 2, "price": "19.00"},
]


def documents() -> list[dict[str, Any]]:
    """The shop as import documents."""
    order = {
        "type": "order",
        "customer": "26",
        "email": "Jana@Example.org",
        "lines": LINES,
        "shipping_cost": "4.90",
        "shipping_address": ADDRESS,
        "billing_address": ADDRESS,
    }
    paid = {"kind": "paypal", "label": "PayPal", "status": "paid", "paid_at": "2026-11-09T16:28:08+00:00"}
    return [
        {
            "type": "customer",
            "id": "26",
            "email": "jana@example.org",
            "first_name": "Jana",
            "last_name": "Müller",
            "addresses": [ADDRESS],
        },
        {
            "type": "product",
            "id": "93",
            "name": "Regenjacke Sylt",
            "category": "Jacken",
            "description": "Wasserdichte Jacke",
            "variants": [
                {"sku": "RJ-M", "name": "M", "options": {"Größe": "M"}, "price": "149.00", "stock": 7},
                {"sku": "RJ-L", "name": "L", "options": {"Größe": "L"}, "price": "149.00", "stock": 0},
            ],
        },
        {
            **order,
            "number": "727",
            "status": "processing",
            "placed_at": "2026-11-09T16:28:02+00:00",
            "payments": [paid],
        },
        {
            **order,
            "number": "728",
            "status": "awaiting_payment",
            "placed_at": "2026-11-10T16:28:02+00:00",
            "payments": [{"kind": "prepayment", "label": "Vorkasse", "status": "open"}],
        },
        {
            **order,
            "number": "720",
            "status": "delivered",
            "placed_at": "2026-11-01T10:00:00+00:00",
            "delivered_at": "2026-11-06T10:00:00+00:00",
            "payments": [paid],
        },
    ]


@asynccontextmanager
async def sql_shop(database: Any) -> AsyncIterator[ShopBackend]:
    work = ShopImport(database, policies_of(), BERLIN)
    read = [DOCUMENTS[entry["type"]].model_validate(entry) for entry in documents()]
    assert await work.put(read, NOW) == []
    yield SqlShop(database)


def woo_double() -> WooDouble:
    """The same shop as WooCommerce has it."""
    double = WooDouble()
    double.customers[26] = copy.deepcopy(CUSTOMER)
    double.products[93] = copy.deepcopy(PRODUCT)
    double.variations[93] = copy.deepcopy(VARIATIONS)
    double.add_order(727)
    double.add_order(
        728,
        status="on-hold",
        date_created_gmt="2026-11-10T16:28:02",
        date_paid_gmt=None,
        payment_method="bacs",
        payment_method_title="Vorkasse",
    )
    double.add_order(
        720, status="completed", date_created_gmt="2026-11-01T10:00:00", date_completed_gmt="2026-11-03T10:00:00"
    )
    return double


@asynccontextmanager
async def woo_shop(database: Any, double: WooDouble, **settings: Any) -> AsyncIterator[WooShop]:
    async with serve(double.app) as url:
        client = WooClient(url, KEY, SECRET, deadline_s=settings.pop("deadline_s", 20.0))
        shop = WooShop(
            client,
            SqlMirror(database, policies_of(), BERLIN, lambda: NOW),
            states=frozenset(),
            currency="EUR",
            transit=timedelta(days=3),
            by_number=settings.pop("by_number", False),
            clock=lambda: NOW,
            fresh_s=3600,  # however slow the machine
        )
        yield shop
        await client.close()


@pytest.fixture
def double() -> WooDouble:
    return woo_double()


@pytest.fixture(params=["own tables", "WooCommerce"])
async def shop(request: pytest.FixtureRequest, database: Any, double: WooDouble) -> AsyncIterator[ShopBackend]:
    """Every backend there is. A new one is added here, and must pass."""
    if request.param == "own tables":
        async with sql_shop(database) as backend:
            yield backend
    else:
        async with woo_shop(database, double) as backend:
            await backend.read_catalogue()
            yield backend
