"""The documents that `zusage shop import` reads. `zusage shop schema` prints them; docs/shop.md explains them."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from bot.shop.models import (
    PaymentKind,
    PaymentStatus,
    RefundOrigin,
    RefundStatus,
    ReturnKind,
    ReturnStatus,
    ShipmentStatus,
)
from bot.shop.money import parse_amount

__all__ = [
    "DOCUMENTS",
    "AddressPart",
    "CustomerDocument",
    "Document",
    "OrderDocument",
    "ProductDocument",
    "ReturnDocument",
    "ReturnPart",
    "ShipmentDocument",
    "ShipmentPart",
    "check_returns",
    "check_shipments",
    "schema",
]

Cents = Annotated[int, BeforeValidator(parse_amount, json_schema_input_type=str | float)]
Key = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=64)]
Number = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=40, pattern=r"\w")]
Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)]
Email = Annotated[str, StringConstraints(strip_whitespace=True, pattern=r"^[^@\s]+@[^@\s]+$", max_length=254)]
Currency = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
Pieces = Annotated[int, Field(ge=1, le=100_000)]


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AddressPart(_Document):
    """A postal address. ``name`` may be left out where it is the customer's."""

    name: Name = ""
    street: Name = ""
    extra: Name | None = None
    postcode: Annotated[str, StringConstraints(strip_whitespace=True, max_length=12)]
    city: Name = ""
    country: Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")] = "DE"


class OptionPart(_Document):
    """A way to pay kept with a customer."""

    id: Key
    kind: PaymentKind
    label: Name = ""
    balance: Cents | None = None


class CustomerDocument(_Document):
    """A customer."""

    type: Literal["customer"] = "customer"
    id: Key
    email: Email
    first_name: Annotated[str, StringConstraints(max_length=80)] = ""
    last_name: Annotated[str, StringConstraints(max_length=80)] = ""
    phone: Annotated[str, StringConstraints(max_length=40)] | None = None
    language: Literal["de", "en"] = "de"
    guest: bool = False
    newsletter: bool = False
    addresses: tuple[AddressPart, ...] = ()
    payment_options: tuple[OptionPart, ...] = ()


class VariantPart(_Document):
    """A variant of a product."""

    sku: Key
    name: Name = ""
    name_en: Name | None = None
    options: dict[str, str] = Field(default_factory=dict)
    price: Cents
    stock: Annotated[int, Field(ge=0)] = 0
    restock_on: date | None = None


class ProductDocument(_Document):
    """A product with its variants."""

    type: Literal["product"] = "product"
    id: Key
    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    name_en: Name | None = None
    category: Annotated[str, StringConstraints(max_length=80)] = ""
    description: str = ""
    description_en: str | None = None
    attributes: dict[str, str] = Field(default_factory=dict)
    url: Annotated[str, StringConstraints(max_length=300)] | None = None
    currency: Currency = "EUR"
    variants: tuple[VariantPart, ...] = Field(min_length=1)


class LinePart(_Document):
    """A line of an order. ``price`` is of one piece, with tax. Without ``id`` lines count from 1."""

    id: Key | None = None
    sku: Key
    product: Key | None = None
    name: Name
    name_en: Name | None = None
    variant: Name = ""
    variant_en: Name | None = None
    category: Annotated[str, StringConstraints(max_length=80)] = ""
    quantity: Pieces = 1
    cancelled: Annotated[int, Field(ge=0)] = 0
    price: Cents
    not_returnable: Annotated[str, StringConstraints(max_length=80)] | None = None

    @model_validator(mode="after")
    def _not_more(self) -> Self:
        if self.cancelled > self.quantity:
            raise ValueError("more pieces are cancelled than ordered")
        return self


class PaymentPart(_Document):
    """A payment of an order. Without ``amount`` it is the order's total."""

    kind: PaymentKind
    label: Annotated[str, StringConstraints(max_length=80)] = ""
    option: Key | None = None
    status: PaymentStatus = PaymentStatus.PAID
    amount: Cents | None = None
    paid_at: datetime | None = None
    pay_by: date | None = None


class QuantityPart(_Document):
    """Pieces of a line."""

    line: Key
    quantity: Pieces = 1


class EventPart(_Document):
    """Something a carrier reported."""

    at: datetime
    status: ShipmentStatus
    place: Name | None = None
    text: str = ""
    text_en: str | None = None


class WindowPart(_Document):
    """A time window."""

    start: Annotated[str, StringConstraints(pattern=r"^\d\d:\d\d$")] = Field(alias="from")
    end: Annotated[str, StringConstraints(pattern=r"^\d\d:\d\d$")] = Field(alias="to")


class ShipmentPart(_Document):
    """A parcel. Without ``lines`` it holds everything that was not cancelled."""

    id: Key | None = None
    carrier: Annotated[str, StringConstraints(max_length=40)] = ""
    tracking_number: Key | None = None
    tracking_url: Annotated[str, StringConstraints(max_length=300)] | None = None
    status: ShipmentStatus
    lines: tuple[QuantityPart, ...] = ()
    shipped_at: datetime | None = None
    promised_on: date | None = None
    expected_on: date | None = None
    window: WindowPart | None = None
    delivered_at: datetime | None = None
    delivered_to: Annotated[str, StringConstraints(max_length=120)] | None = None
    pickup_place: Name | None = None
    pickup_until: date | None = None
    events: tuple[EventPart, ...] = ()


class ReturnLinePart(_Document):
    """Pieces on their way back."""

    line: Key
    quantity: Pieces = 1
    reason: str | None = None


class ReturnPart(_Document):
    """Goods on their way back."""

    number: Number
    kind: ReturnKind = ReturnKind.RETURN
    status: ReturnStatus
    lines: tuple[ReturnLinePart, ...] = Field(min_length=1)
    drop_off: Annotated[str, StringConstraints(max_length=20)] = "service_point"
    label: Literal["qr", "pdf"] = "pdf"
    label_reference: Annotated[str, StringConstraints(max_length=40)] | None = None
    label_url: Annotated[str, StringConstraints(max_length=300)] | None = None
    carrier: Annotated[str, StringConstraints(max_length=40)] | None = None
    tracking_number: Key | None = None
    created_at: datetime
    hand_in_by: date | None = None
    received_at: datetime | None = None
    refund_amount: Cents | None = None
    refund_expected_on: date | None = None


class RefundPart(_Document):
    """Money on its way back. Without ``kind`` it goes where the payment came from."""

    id: Key | None = None
    amount: Cents
    kind: PaymentKind | None = None
    label: Annotated[str, StringConstraints(max_length=80)] = ""
    status: RefundStatus = RefundStatus.PENDING
    origin: RefundOrigin = RefundOrigin.RETURN
    return_number: Number | None = None
    created_at: datetime
    issued_at: datetime | None = None
    expected_on: date | None = None


class OrderDocument(_Document):
    """An order with all that belongs to it. ``status`` is one of our stages or a word of policies.yml's ``states``."""

    type: Literal["order"] = "order"
    number: Number
    customer: Key
    email: Email | None = None
    language: Literal["de", "en"] | None = None
    status: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=60)]
    placed_at: datetime | None = None
    currency: Currency = "EUR"
    lines: tuple[LinePart, ...] = Field(min_length=1)
    shipping_cost: Cents = 0
    discount: Cents = 0
    shipping_address: AddressPart | None = None
    billing_address: AddressPart | None = None
    delivery_option: Annotated[str, StringConstraints(max_length=40)] | None = None
    promised_on: date | None = None
    expected_on: date | None = None
    late_cause: Literal["stock", "carrier", "payment"] | None = None
    delivered_at: datetime | None = None
    cancelled_at: datetime | None = None
    cancel_reason: Annotated[str, StringConstraints(max_length=200)] | None = None
    invoice_number: Annotated[str, StringConstraints(max_length=40)] | None = None
    payments: tuple[PaymentPart, ...] = ()
    shipments: tuple[ShipmentPart, ...] = ()
    returns: tuple[ReturnPart, ...] = ()
    refunds: tuple[RefundPart, ...] = ()
    done: tuple[str, ...] = Field((), description="operations that were used on this order before")

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        lines = {part.id or str(position): part.quantity for position, part in enumerate(self.lines, start=1)}
        if len(lines) < len(self.lines):
            raise ValueError("two lines have the same id")
        check_shipments(self.shipments, lines)
        check_returns(self.returns, lines)
        return self


def check_shipments(shipments: Iterable[ShipmentPart], lines: Mapping[str, int]) -> None:
    """Check that shipments hold nothing but an order's lines.

    Raises:
        ValueError: naming the line.
    """
    for shipment in shipments:
        for entry in shipment.lines:
            if entry.line not in lines:
                raise ValueError(f"a shipment holds line {entry.line!r}, which the order does not have")


def check_returns(returns: Iterable[ReturnPart], lines: Mapping[str, int]) -> None:
    """Check that returns hold nothing but an order's lines, and not more of them than there are.

    Raises:
        ValueError: naming the line.
    """
    for entry in returns:
        for part in entry.lines:
            if part.line not in lines:
                raise ValueError(f"return {entry.number} holds line {part.line!r}, which the order does not have")
            if part.quantity > lines[part.line]:
                raise ValueError(f"return {entry.number} holds more of line {part.line!r} than were ordered")


class ShipmentDocument(ShipmentPart):
    """A parcel of an order that is there already; the same ``id`` replaces it."""

    type: Literal["shipment"] = "shipment"
    order: Number
    id: Key


class ReturnDocument(ReturnPart):
    """A return of an order that is there already; the same ``number`` replaces it."""

    type: Literal["return"] = "return"
    order: Number


Document = CustomerDocument | ProductDocument | OrderDocument | ShipmentDocument | ReturnDocument
DOCUMENTS: dict[str, type[Document]] = {
    "customer": CustomerDocument,
    "product": ProductDocument,
    "order": OrderDocument,
    "shipment": ShipmentDocument,
    "return": ReturnDocument,
}


def schema() -> dict[str, Any]:
    """Return the JSON schema of every kind of document."""
    return {name: document.model_json_schema(by_alias=True) for name, document in DOCUMENTS.items()}
