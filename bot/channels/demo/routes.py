"""The demo shop's pages: something to sell, somebody signed in, and orders to ask about."""

import asyncio
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Protocol

import jwt
from babel.dates import format_date
from babel.numbers import format_currency
from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader
from pydantic import BaseModel

from bot.channels.demo.pictures import picture
from bot.channels.web.assets import Assets
from bot.clock import Clock, utc_now
from bot.conversation import Language
from bot.errors import NotFound, Unavailable
from bot.settings import Settings
from bot.shop.backend import ShopBackend
from bot.shop.calendar import Calendar
from bot.shop.models import Customer, Order, Product
from bot.shop.money import Money
from bot.shop.order_state import status_of
from bot.shop.policies import Policies
from bot.shop.samples import Sample
from bot.shop.verification import TOKEN_AUDIENCE

__all__ = ["demo_routes"]

HERE = Path(__file__).parent
SIGNED_IN_FOR = timedelta(hours=1)
ON_SHOW = (
    "rj-sylt",
    "tr-hooge",
    "gs-ebbe",
    "ls-wyk",
    "ta-rucksack",
    "mu-bake",
    "zu-laterne",
    "wj-husum",
    "st-deich",
    "zu-becher",
    "ki-regenjacke",
    "sc-boje",
)
# What is most worth trying, in this order.
TO_TRY = ("in_transit", "delivered", "processing", "delayed", "return_in_transit", "part_delivered", "out_for_delivery")


class SampleFinder(Protocol):
    """Finds orders to try things with (bot/shop_side.py does)."""

    async def samples(self) -> list[Sample]:
        """Return one order of every situation."""
        ...


class SignedIn(BaseModel):
    """The demo's customer, signed in."""

    name: str
    token: str


def demo_routes(
    settings: Settings, policies: Policies, backend: ShopBackend, samples: SampleFinder, clock: Clock = utc_now
) -> APIRouter:
    """Return the demo's pages.

    Args:
        settings: language, time zone and the key that signs customers in.
        policies: the shop's name and links.
        backend: the shop's data.
        samples: orders to try.
        clock: the time.
    """
    router = APIRouter(include_in_schema=False)
    assets = Assets(HERE / "static")
    pages = Environment(autoescape=True, loader=FileSystemLoader(HERE / "templates"))
    calendar = Calendar(settings.zone, settings.holidays)

    @router.get("/")
    async def shop(lang: Annotated[Language | None, Query()] = None) -> HTMLResponse:
        language = lang or settings.default_language
        found = await asyncio.gather(*(backend.product(product_id) for product_id in ON_SHOW))
        products = [_goods(product, language) for product in found if product is not None]
        to_try = _worth_trying(await samples.samples())
        customer = await _regular(to_try)
        orders = await backend.orders_of(customer.id, 5) if customer else []
        html = pages.get_template("shop.html").render(
            language=language,
            shop=policies.shop,
            base=f"/demo/static/{assets.version}",
            products=products,
            customer=customer,
            orders=[_order(order, language) for order in orders],
            samples=[_sample(sample, language) for sample in to_try],
            free_from=_money(policies.delivery.free_from, language) if policies.delivery.free_from else None,
            year=clock().year,
        )
        return HTMLResponse(html, headers=_HEADERS)

    @router.get("/demo/static/{version}/{name:path}")
    async def static(request: Request, version: str, name: str) -> Response:
        return assets.respond(request, name, version=version)

    @router.get("/demo/pictures/{name}.svg")
    async def product_picture(name: str, colour: str | None = None) -> Response:
        """Draw a product by its id, or a variant by its SKU."""
        product = await backend.product_of(name)
        product_id = product.id if product else name
        if product is not None:
            colour = next((v.options.get("Farbe") for v in product.variants if v.sku == name), None)
        headers = {"Cache-Control": "public, max-age=86400", "Content-Security-Policy": "default-src 'none'"}
        return Response(picture(product_id, colour), media_type="image/svg+xml", headers=headers)

    @router.post("/demo/sign-in")
    async def sign_in() -> SignedIn:
        """Sign the demo's customer in, as a real shop's server would for its own."""
        customer = await _regular(_worth_trying(await samples.samples()))
        if customer is None:
            raise NotFound("The demo shop has no customers; fill it with: zusage shop demo")
        if not settings.identity_key:
            raise Unavailable("Set ZUSAGE_SHOP_TOKEN_KEY to try signing in.")
        now = clock()
        claims = {"sub": customer.id, "aud": TOKEN_AUDIENCE, "iat": now, "exp": now + SIGNED_IN_FOR}
        return SignedIn(name=customer.name, token=jwt.encode(claims, settings.identity_key, algorithm="HS256"))

    async def _regular(to_try: Sequence[Sample]) -> Customer | None:
        """Return the customer with an account who has most to show."""
        best: tuple[int, Customer] | None = None
        for sample in to_try:
            customer = await backend.customer_by_email(sample.email)
            if customer is None or customer.guest:
                continue
            count = len(await backend.orders_of(customer.id, 5))
            if best is None or count > best[0]:
                best = (count, customer)
        return best[1] if best else None

    def _order(order: Order, language: Language) -> dict[str, Any]:
        status = status_of(order, calendar, clock())
        return {
            "number": order.number,
            "status": status,
            "words": _STATUS[language].get(status, status),
            "placed": _day(order.placed_at, language),
            "total": _money(order.total, language),
            "lines": [
                {
                    "name": (line.name_en if language == "en" else None) or line.name,
                    "variant": (line.variant_en if language == "en" else None) or line.variant,
                    "quantity": line.quantity,
                    "picture": _picture(line.product_id or "", _colour_of(line.variant)),
                }
                for line in order.lines
            ],
        }

    def _sample(sample: Sample, language: Language) -> dict[str, Any]:
        ask = sample.ask.en if sample.ask and language == "en" else sample.ask.de if sample.ask else ""
        return {
            "number": sample.number,
            "postcode": sample.postcode,
            "email": sample.email,
            "words": _STATUS[language].get(sample.status, sample.status),
            "status": sample.status,
            "ask": ask,
        }

    return router


def _worth_trying(samples: Sequence[Sample]) -> list[Sample]:
    by_situation = {sample.situation: sample for sample in samples}
    chosen = [by_situation[situation] for situation in TO_TRY if situation in by_situation]
    return (chosen or list(samples))[:6]


def _goods(product: Product, language: Language) -> dict[str, Any]:
    english = language == "en"
    colours = list(dict.fromkeys(c for variant in product.variants if (c := variant.options.get("Farbe"))))
    return {
        "id": product.id,
        "name": (english and product.name_en) or product.name,
        "text": (english and product.description_en) or product.description,
        "price": _money(min((v.price for v in product.variants), key=lambda price: price.cents), language),
        "picture": _picture(product.id, colours[0] if colours else None),
        "colours": [{"name": colour, "picture": _picture(product.id, colour)} for colour in colours],
    }


def _picture(product_id: str, colour: str | None) -> str:
    return f"/demo/pictures/{product_id}.svg" + (f"?colour={colour}" if colour else "")


def _colour_of(variant: str) -> str | None:
    """Return the colour out of a variant's name such as ``Marine, M``."""
    return variant.split(",", maxsplit=1)[0].strip() or None


def _money(value: Money, language: Language) -> str:
    return str(format_currency(value.amount, value.currency, locale="de_DE" if language == "de" else "en_GB"))


def _day(at: datetime | date | None, language: Language) -> str:
    return str(format_date(at, "long", locale="de_DE" if language == "de" else "en_GB")) if at else ""


_HEADERS = {
    # As strict as a shop's page can be: the loader needs no exception but its own address.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}

_STATUS: dict[Language, dict[str, str]] = {
    "de": {
        "awaiting_payment": "wartet auf Zahlung",
        "on_hold": "angehalten",
        "processing": "in Bearbeitung",
        "partly_shipped": "teilweise unterwegs",
        "shipped": "unterwegs",
        "delayed": "verspätet",
        "out_for_delivery": "in Zustellung",
        "delivery_failed": "nicht angetroffen",
        "ready_for_pickup": "abholbereit",
        "lost": "verschollen",
        "delivered": "zugestellt",
        "return_requested": "Rücksendung angemeldet",
        "return_in_transit": "Rücksendung unterwegs",
        "return_received": "Rücksendung da",
        "refunded": "erstattet",
        "returned": "zurückgegeben",
        "cancelled": "storniert",
    },
    "en": {
        "awaiting_payment": "awaiting payment",
        "on_hold": "on hold",
        "processing": "in progress",
        "partly_shipped": "partly on its way",
        "shipped": "on its way",
        "delayed": "delayed",
        "out_for_delivery": "out for delivery",
        "delivery_failed": "nobody at home",
        "ready_for_pickup": "ready for pick-up",
        "lost": "lost",
        "delivered": "delivered",
        "return_requested": "return announced",
        "return_in_transit": "return on its way",
        "return_received": "return received",
        "refunded": "refunded",
        "returned": "returned",
        "cancelled": "cancelled",
    },
}
