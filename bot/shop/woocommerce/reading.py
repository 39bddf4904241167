"""Reads WooCommerce's documents as ours. Field names are those of its REST API, version 3."""

import re
from collections.abc import Collection, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import blake2b
from typing import Annotated, Any

from bs4 import BeautifulSoup
from pydantic import BaseModel, BeforeValidator, Field

from bot.shop.backend import Proof
from bot.shop.import_formats import (
    AddressPart,
    CustomerDocument,
    LinePart,
    OrderDocument,
    PaymentPart,
    ProductDocument,
    RefundPart,
    ShipmentPart,
    VariantPart,
)
from bot.shop.models import (
    PaymentKind,
    PaymentStatus,
    RefundOrigin,
    RefundStatus,
    ShipmentStatus,
    Stage,
    Voucher,
    normal_email,
    normal_postcode,
)
from bot.shop.money import Money, parse_amount

__all__ = [
    "WooOrder",
    "WooProduct",
    "WooRefund",
    "WooVariation",
    "customer_of",
    "guest_key",
    "order_of",
    "product_of",
    "proof_of",
    "read_customer",
    "read_voucher",
]

# Orders in these states are no orders yet, or no more.
NO_ORDERS = frozenset({"trash", "auto-draft", "checkout-draft"})
# Both the official Shipment Tracking extension and the widespread Advanced Shipment Tracking keep parcels here.
TRACKING = "_wc_shipment_tracking_items"
PLENTY = 1000  # pieces, of goods whose number WooCommerce does not keep: more than anybody orders
KINDS = (
    (re.compile(r"apple"), PaymentKind.APPLE_PAY),
    (re.compile(r"google"), PaymentKind.GOOGLE_PAY),
    (re.compile(r"paypal|ppcp|ppec"), PaymentKind.PAYPAL),
    (re.compile(r"sepa|debit|lastschrift"), PaymentKind.DIRECT_DEBIT),
    (re.compile(r"invoice|rechnung|klarna_pay_later|billie"), PaymentKind.INVOICE),
    (re.compile(r"^bacs$|bank|vorkasse|prepay"), PaymentKind.PREPAYMENT),
    (re.compile(r"^cod$"), PaymentKind.CASH_ON_DELIVERY),
    (re.compile(r"stripe|card|mollie|woocommerce_payments|braintree|kreditkarte"), PaymentKind.CARD),
)


def _cents(value: object) -> int:
    return parse_amount(value if value not in (None, "") else "0")


def _text(value: object) -> str:
    return "" if value is None or value is False else str(value).strip()


def _day_time(value: object) -> datetime | None:
    """Read a time of a ``_gmt`` field; they come without an offset."""
    return datetime.fromisoformat(str(value)).replace(tzinfo=UTC) if value else None


Cents = Annotated[int, BeforeValidator(_cents)]
Text = Annotated[str, BeforeValidator(_text)]
Instant = Annotated[datetime | None, BeforeValidator(_day_time)]


class _Woo(BaseModel):
    """What we read of a document; the rest of it is left alone."""


class WooMeta(_Woo):
    """A value that a plugin keeps with something."""

    key: Text = ""
    value: Any = None
    display_key: Any = None
    display_value: Any = None


class WooAddress(_Woo):
    """A postal address."""

    first_name: Text = ""
    last_name: Text = ""
    company: Text = ""
    address_1: Text = ""
    address_2: Text = ""
    postcode: Text = ""
    city: Text = ""
    country: Text = ""
    email: Text = ""
    phone: Text = ""

    def part(self) -> AddressPart | None:
        """Return it as ours; None if nothing is in it."""
        if not (self.address_1 or self.postcode or self.city):
            return None
        name = f"{self.first_name} {self.last_name}".strip() or self.company
        extra = ", ".join(filter(None, (self.company if name != self.company else "", self.address_2)))
        return AddressPart(
            name=name[:200],
            street=self.address_1[:200],
            extra=extra[:200] or None,
            postcode=self.postcode[:12],
            city=self.city[:200],
            country=self.country.upper() if re.fullmatch(r"[A-Za-z]{2}", self.country) else "DE",
        )


class WooLine(_Woo):
    """A line of an order or of a refund."""

    id: int
    name: Text = ""
    product_id: int = 0
    variation_id: int = 0
    quantity: int = 0
    subtotal: Cents = 0
    subtotal_tax: Cents = 0
    total: Cents = 0
    total_tax: Cents = 0
    taxes: list[dict[str, Any]] = Field(default_factory=list)
    sku: Text = ""
    meta_data: list[WooMeta] = Field(default_factory=list)

    @property
    def refunded_line(self) -> int | None:
        """In a refund: the line of the order that it is about."""
        return next((int(meta.value) for meta in self.meta_data if meta.key == "_refunded_item_id"), None)


class WooShippingLine(_Woo):
    """A way of shipping that an order uses."""

    id: int
    method_title: Text = ""


class WooRefund(_Woo):
    """Money that went back. Lines and quantities in it are negative."""

    id: int
    date_created_gmt: Instant = None
    amount: Cents = 0
    reason: Text = ""
    refunded_payment: bool = False
    line_items: list[WooLine] = Field(default_factory=list)
    meta_data: list[WooMeta] = Field(default_factory=list)


class WooOrder(_Woo):
    """An order."""

    id: int
    number: Text
    status: Text
    currency: Text = "EUR"
    customer_id: int = 0
    date_created_gmt: Instant = None
    date_paid_gmt: Instant = None
    date_completed_gmt: Instant = None
    date_modified_gmt: Instant = None
    total: Cents = 0
    payment_method: Text = ""
    payment_method_title: Text = ""
    billing: WooAddress = WooAddress()
    shipping: WooAddress = WooAddress()
    line_items: list[WooLine] = Field(default_factory=list)
    shipping_lines: list[WooShippingLine] = Field(default_factory=list)
    refunds: list[dict[str, Any]] = Field(default_factory=list)
    meta_data: list[WooMeta] = Field(default_factory=list)

    def meta(self, key: str) -> Any:
        """Return what a plugin keeps with the order under a key."""
        return next((entry.value for entry in self.meta_data if entry.key == key), None)

    @property
    def is_real(self) -> bool:
        """Whether customers know of it: not thrown away, not a draft, with goods and somebody who ordered."""
        return self.status not in NO_ORDERS and bool(self.line_items) and "@" in self.billing.email

    @property
    def is_paid(self) -> bool:
        """Whether money has come in."""
        return self.date_paid_gmt is not None


class WooVariation(_Woo):
    """A variant of a product."""

    id: int
    sku: Text = ""
    price: Cents = 0
    manage_stock: Any = False
    stock_quantity: int | None = None
    stock_status: Text = "instock"
    attributes: list[dict[str, Any]] = Field(default_factory=list)

    @property
    def stock(self) -> int:
        """Pieces that can be ordered."""
        if self.stock_status != "instock":
            return 0
        return max(0, self.stock_quantity) if self.manage_stock and self.stock_quantity is not None else PLENTY


class WooProduct(WooVariation):
    """A product. One without variations is its own only variant."""

    name: Text
    type: Text = "simple"
    status: Text = "publish"
    parent_id: int = 0
    permalink: Text = ""
    description: Text = ""
    short_description: Text = ""
    categories: list[dict[str, Any]] = Field(default_factory=list)
    variations: list[int] = Field(default_factory=list)


def guest_key(email: str) -> str:
    """Return the key of somebody who ordered without an account: the same address is the same person."""
    return f"guest-{blake2b(normal_email(email).encode(), digest_size=12).hexdigest()}"


def proof_of(order: WooOrder) -> Proof:
    """Return what proves an order."""
    addresses = [part for part in (order.shipping.part(), order.billing.part()) if part is not None]
    return Proof(
        number=order.number,
        customer_id=guest_key(order.billing.email) if order.customer_id == 0 else str(order.customer_id),
        email=order.billing.email,
        emails=frozenset({normal_email(order.billing.email)}),
        postcodes=frozenset(normal_postcode(part.postcode) for part in addresses if part.postcode),
        language=_language(order),
    )


def customer_of(order: WooOrder) -> CustomerDocument:
    """Return the customer of an order, as the order tells of them."""
    guest = order.customer_id == 0
    return CustomerDocument(
        id=guest_key(order.billing.email) if guest else str(order.customer_id),
        email=order.billing.email,
        first_name=order.billing.first_name[:80],
        last_name=order.billing.last_name[:80],
        phone=order.billing.phone[:40] or None,
        language=_language(order),
        guest=guest,
        addresses=_addresses(order.shipping, order.billing),
    )


def read_customer(data: dict[str, Any], language: str) -> CustomerDocument:
    """Read an account."""
    billing, shipping = WooAddress(**data.get("billing") or {}), WooAddress(**data.get("shipping") or {})
    return CustomerDocument(
        id=str(data["id"]),
        email=_text(data.get("email")) or billing.email,
        first_name=(_text(data.get("first_name")) or billing.first_name)[:80],
        last_name=(_text(data.get("last_name")) or billing.last_name)[:80],
        phone=billing.phone[:40] or None,
        language="en" if language == "en" else "de",
        addresses=_addresses(shipping, billing),
    )


def order_of(
    order: WooOrder, refunds: Sequence[WooRefund], words: Collection[str], transit: timedelta, now: datetime
) -> OrderDocument:
    """Return an order as ours.

    Args:
        order: as WooCommerce has it.
        refunds: of it, with their lines.
        words: states that the policy file explains; others are read by their usual meaning.
        transit: how long parcels take: WooCommerce knows when an order left, not when it arrived.
        now: the present.
    """
    left = order.date_completed_gmt
    arrived = left + transit if left is not None else None
    delivered = order.status == "completed" and (arrived is None or arrived <= now)
    parcels = _parcels(order, delivered=delivered, arrived=arrived)
    status = order.status if order.status in words else _stage(order, delivered=delivered, parcels=bool(parcels)).value
    # Money for goods that had not left is a cancellation of them.
    gone = _pieces(refunds) if left is None and not parcels else {}
    goods = sum(_price(line) * line.quantity for line in order.line_items)
    net = sum(line.total + line.total_tax for line in order.line_items)
    refunded = sum(refund.amount for refund in refunds)
    return OrderDocument(
        number=order.number,
        customer=guest_key(order.billing.email) if order.customer_id == 0 else str(order.customer_id),
        email=order.billing.email,
        language=_language(order),
        status=status,
        placed_at=order.date_created_gmt,
        currency=order.currency,
        lines=tuple(_line(line, gone.get(line.id, 0)) for line in order.line_items),
        # Whatever is neither goods nor taken off them: shipping, and fees where there are any.
        shipping_cost=_amount(max(0, order.total - net)),
        discount=_amount(max(0, goods - net)),
        shipping_address=order.shipping.part() or order.billing.part(),
        billing_address=order.billing.part(),
        delivery_option=order.shipping_lines[0].method_title[:40] or None if order.shipping_lines else None,
        delivered_at=arrived if delivered else None,
        payments=(_payment(order, refunded),),
        shipments=parcels,
        refunds=tuple(_refund(refund, before_dispatch=left is None) for refund in refunds),
    )


def product_of(product: WooProduct, variations: Sequence[WooVariation], currency: str) -> ProductDocument:
    """Return a product as ours."""
    parts = [
        VariantPart(
            sku=entry.sku[:64] or f"#{entry.id}",
            name=", ".join(_options(entry).values())[:200] if entry is not product else "",
            options=_options(entry) if entry is not product else {},
            price=_amount(entry.price),
            stock=entry.stock,
        )
        for entry in (variations or [product])
    ]
    return ProductDocument(
        id=str(product.id),
        name=product.name[:200],
        category=_text(product.categories[0].get("name"))[:80] if product.categories else "",
        description=_plain(product.short_description or product.description),
        attributes={
            _text(entry.get("name")): ", ".join(map(str, entry.get("options") or ()))
            for entry in product.attributes
            if not entry.get("variation")
        },
        url=product.permalink[:300] or None,
        currency=currency,
        variants=tuple(parts),
    )


def read_voucher(data: dict[str, Any], currency: str) -> Voucher:
    """Read a coupon."""
    percent = data.get("discount_type") == "percent"
    limit, used = data.get("usage_limit"), data.get("usage_count") or 0
    least = _cents(data.get("minimum_amount"))
    expires = _day_time(data.get("date_expires"))
    return Voucher(
        code=_text(data.get("code")).upper(),
        kind="percent" if percent else "amount",
        percent=int(Decimal(str(data.get("amount") or 0))) if percent else None,
        value=None if percent else Money(cents=_cents(data.get("amount")), currency=currency),
        min_total=Money(cents=least, currency=currency) if least else None,
        valid_until=expires.date() - timedelta(days=1) if expires else None,  # it expires when that day begins
        uses_left=max(0, int(limit) - int(used)) if limit else None,
    )


def _stage(order: WooOrder, *, delivered: bool, parcels: bool) -> Stage:
    match order.status:
        case "pending" | "failed":
            return Stage.AWAITING_PAYMENT
        case "on-hold":  # where orders wait for a bank transfer
            return Stage.ON_HOLD if order.is_paid else Stage.AWAITING_PAYMENT
        case "completed":
            return Stage.DELIVERED if delivered else Stage.SHIPPED
        case "cancelled":
            return Stage.CANCELLED
        case "refunded":
            return Stage.RETURNED if order.date_completed_gmt is not None else Stage.CANCELLED
        case _:
            return Stage.SHIPPED if parcels else Stage.PROCESSING


def _parcels(order: WooOrder, *, delivered: bool, arrived: datetime | None) -> tuple[ShipmentPart, ...]:
    entries = order.meta(TRACKING)
    parcels = []
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict) or not _text(entry.get("tracking_number")):
            continue
        since = _text(entry.get("date_shipped"))
        link = _text(entry.get("custom_tracking_link")) or _text(entry.get("tracking_link"))
        parcels.append(
            ShipmentPart(
                id=_text(entry.get("tracking_id"))[:64] or None,
                carrier=(_text(entry.get("tracking_provider")) or _text(entry.get("custom_tracking_provider")))[:40],
                tracking_number=_text(entry.get("tracking_number"))[:64],
                tracking_url=link[:300] if link.startswith("https://") else None,
                status=ShipmentStatus.DELIVERED if delivered else ShipmentStatus.IN_TRANSIT,
                shipped_at=datetime.fromtimestamp(int(since), UTC) if since.isdecimal() else order.date_completed_gmt,
                delivered_at=arrived if delivered else None,
            )
        )
    return tuple(parcels)


def _line(line: WooLine, refunded: int) -> LinePart:
    options = [
        str(meta.display_value if meta.display_value not in (None, "") else meta.value)
        for meta in line.meta_data
        if not meta.key.startswith("_") and isinstance(meta.value, str)
    ]
    return LinePart(
        id=str(line.id),
        sku=line.sku[:64] or f"#{line.variation_id or line.product_id}",
        product=str(line.product_id) if line.product_id else None,
        name=line.name[:200],
        variant=", ".join(_plain(option) for option in options)[:200],
        quantity=max(1, line.quantity),
        cancelled=min(refunded, max(1, line.quantity)),
        price=_amount(_price(line)),
    )


def _price(line: WooLine) -> int:
    """Hundredths of one piece with tax, before what a coupon takes off."""
    return round((line.subtotal + line.subtotal_tax) / max(1, line.quantity))


def _pieces(refunds: Sequence[WooRefund]) -> dict[int, int]:
    pieces: dict[int, int] = {}
    for refund in refunds:
        for line in refund.line_items:
            if line.refunded_line is not None:
                pieces[line.refunded_line] = pieces.get(line.refunded_line, 0) + abs(line.quantity)
    return pieces


def _payment(order: WooOrder, refunded: int) -> PaymentPart:
    if order.is_paid:
        status = PaymentStatus.PAID
        if refunded:
            status = PaymentStatus.REFUNDED if refunded >= order.total else PaymentStatus.PARTLY_REFUNDED
    elif order.status == "failed":
        status = PaymentStatus.FAILED
    elif order.status in {"cancelled", "refunded"}:
        status = PaymentStatus.VOID
    else:
        status = PaymentStatus.OPEN
    return PaymentPart(
        kind=next((kind for words, kind in KINDS if words.search(order.payment_method.lower())), PaymentKind.OTHER),
        label=_plain(order.payment_method_title)[:80],
        status=status,
        amount=_amount(order.total),
        paid_at=order.date_paid_gmt,
    )


def _refund(refund: WooRefund, *, before_dispatch: bool) -> RefundPart:
    at = refund.date_created_gmt or datetime.now(UTC)
    return RefundPart(
        id=str(refund.id),
        amount=_amount(refund.amount),
        status=RefundStatus.ISSUED if refund.refunded_payment else RefundStatus.PENDING,
        origin=RefundOrigin.CANCELLATION if before_dispatch else RefundOrigin.RETURN,
        created_at=at,
        issued_at=at if refund.refunded_payment else None,
    )


def _language(order: WooOrder) -> Any:
    """What a multilingual plugin noted; else by the country."""
    noted = _text(order.meta("wpml_language") or order.meta("lang"))[:2].lower()
    if noted in {"de", "en"}:
        return noted
    return "de" if order.billing.country.upper() in {"DE", "AT", "CH", "LI", ""} else "en"


def _addresses(*addresses: WooAddress) -> tuple[AddressPart, ...]:
    parts = [part for address in addresses if (part := address.part()) is not None]
    return tuple(dict.fromkeys(parts))


def _options(entry: WooVariation) -> dict[str, str]:
    return {
        _text(option.get("name")): _text(option.get("option")) for option in entry.attributes if option.get("option")
    }


def _plain(html: str) -> str:
    return BeautifulSoup(html, "html.parser").get_text(" ", strip=True) if "<" in html or "&" in html else html


def _amount(cents: int) -> Any:
    """As the documents take amounts: a decimal string."""
    return f"{Decimal(cents) / 100:.2f}"
