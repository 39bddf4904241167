"""What a shop knows: customers, products, orders, parcels, returns, refunds. Facts only; rules are in rules/."""

import re
import unicodedata
from datetime import date, datetime
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from bot.shop.money import Money

__all__ = [
    "Address",
    "Claim",
    "ClaimKind",
    "ClaimStatus",
    "Customer",
    "DeliveryWish",
    "Done",
    "Label",
    "Line",
    "LineQuantity",
    "LocalText",
    "Order",
    "OrderSummary",
    "Payment",
    "PaymentKind",
    "PaymentOption",
    "PaymentStatus",
    "Product",
    "Refund",
    "RefundOrigin",
    "RefundStatus",
    "Replacement",
    "Return",
    "ReturnKind",
    "ReturnLine",
    "ReturnStatus",
    "Shipment",
    "ShipmentStatus",
    "Stage",
    "Status",
    "TrackingEvent",
    "Variant",
    "Voucher",
    "Window",
    "mask_email",
    "normal_email",
    "normal_number",
    "normal_postcode",
]


class Stage(StrEnum):
    """How far an order has come; what policies speak of."""

    AWAITING_PAYMENT = "awaiting_payment"
    ON_HOLD = "on_hold"
    PROCESSING = "processing"
    PARTLY_SHIPPED = "partly_shipped"
    SHIPPED = "shipped"
    DELIVERED = "delivered"
    RETURNED = "returned"
    CANCELLED = "cancelled"


class Status(StrEnum):
    """What a customer is told about an order: its stage, or something closer."""

    AWAITING_PAYMENT = "awaiting_payment"
    ON_HOLD = "on_hold"
    PROCESSING = "processing"
    PARTLY_SHIPPED = "partly_shipped"
    SHIPPED = "shipped"
    DELAYED = "delayed"
    OUT_FOR_DELIVERY = "out_for_delivery"
    DELIVERY_FAILED = "delivery_failed"
    READY_FOR_PICKUP = "ready_for_pickup"
    LOST = "lost"
    DELIVERED = "delivered"
    RETURN_REQUESTED = "return_requested"
    RETURN_IN_TRANSIT = "return_in_transit"
    RETURN_RECEIVED = "return_received"
    REFUNDED = "refunded"
    RETURNED = "returned"
    CANCELLED = "cancelled"


class PaymentKind(StrEnum):
    """A way to pay."""

    PAYPAL = "paypal"
    CARD = "card"
    INVOICE = "invoice"
    DIRECT_DEBIT = "direct_debit"
    PREPAYMENT = "prepayment"
    GIFT_CARD = "gift_card"
    APPLE_PAY = "apple_pay"
    GOOGLE_PAY = "google_pay"
    CASH_ON_DELIVERY = "cash_on_delivery"
    OTHER = "other"


class PaymentStatus(StrEnum):
    """Where the money of an order is."""

    OPEN = "open"
    PAID = "paid"
    FAILED = "failed"
    PARTLY_REFUNDED = "partly_refunded"
    REFUNDED = "refunded"
    VOID = "void"  # given up before money moved


class ShipmentStatus(StrEnum):
    """Where a shipment is."""

    ANNOUNCED = "announced"  # label printed, not yet handed to the carrier
    IN_TRANSIT = "in_transit"
    DELAYED = "delayed"
    OUT_FOR_DELIVERY = "out_for_delivery"
    DELIVERY_FAILED = "delivery_failed"
    READY_FOR_PICKUP = "ready_for_pickup"
    DELIVERED = "delivered"
    LOST = "lost"
    RETURNED_TO_SENDER = "returned_to_sender"


class ReturnKind(StrEnum):
    """Why goods go back."""

    RETURN = "return"
    EXCHANGE = "exchange"
    CLAIM = "claim"
    WITHDRAWAL = "withdrawal"


class ReturnStatus(StrEnum):
    """How far goods on their way back have come."""

    REQUESTED = "requested"
    IN_TRANSIT = "in_transit"
    RECEIVED = "received"
    COMPLETED = "completed"
    REJECTED = "rejected"
    EXPIRED = "expired"


class RefundStatus(StrEnum):
    """How far money on its way back has come."""

    PENDING = "pending"
    ISSUED = "issued"
    FAILED = "failed"


class RefundOrigin(StrEnum):
    """What a refund is for."""

    CANCELLATION = "cancellation"
    RETURN = "return"
    CLAIM = "claim"
    PRICE_DIFFERENCE = "price_difference"
    PAYMENT_CHANGE = "payment_change"
    GOODWILL = "goodwill"
    WITHDRAWAL = "withdrawal"


class ClaimKind(StrEnum):
    """Something that went wrong and that the shop looks into."""

    DAMAGED = "damaged"
    WRONG = "wrong"
    MISSING = "missing"
    PARCEL_SEARCH = "parcel_search"
    MISSING_REFUND = "missing_refund"
    WARRANTY = "warranty"


class ClaimStatus(StrEnum):
    """Whether a claim is still worked on."""

    OPEN = "open"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    CLOSED = "closed"


class _Fact(BaseModel):
    model_config = ConfigDict(frozen=True)


class LocalText(_Fact):
    """A text in both languages."""

    de: str
    en: str


class Address(_Fact):
    """A postal address."""

    name: str
    street: str
    extra: str | None = None
    postcode: str
    city: str
    country: str = Field("DE", pattern=r"^[A-Z]{2}$", description="ISO 3166-1 alpha-2")


class PaymentOption(_Fact):
    """A way to pay that is open to a customer: one kept with the account, or one the shop offers to everyone."""

    id: str
    kind: PaymentKind
    label: str
    balance: Money | None = Field(None, description="what is left on a gift card")


class Customer(_Fact):
    """A person who bought something, with or without an account."""

    id: str
    email: str
    first_name: str
    last_name: str
    phone: str | None = None
    language: str = "de"
    guest: bool = False
    newsletter: bool = False
    addresses: tuple[Address, ...] = Field((), description="the default one first")
    payment_options: tuple[PaymentOption, ...] = ()

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}".strip()


class Variant(_Fact):
    """One thing that can be put in a basket."""

    sku: str
    name: str
    name_en: str | None = None
    options: dict[str, str] = Field(default_factory=dict, description='e.g. {"size": "M", "color": "Marine"}')
    price: Money
    stock: int = Field(ge=0, description="pieces")
    restock_on: date | None = None


class Product(_Fact):
    """A product and its variants."""

    id: str
    name: str
    name_en: str | None = None
    category: str
    description: str = ""
    description_en: str | None = None
    attributes: dict[str, str] = Field(default_factory=dict)
    url: str | None = None
    variants: tuple[Variant, ...] = ()


class Line(_Fact):
    """One line of an order. Quantities are pieces."""

    id: str
    sku: str
    product_id: str | None = None
    name: str
    name_en: str | None = None
    variant: str = ""
    variant_en: str | None = None
    category: str = ""
    quantity: int = Field(ge=1)
    cancelled: int = Field(0, ge=0)
    price: Money = Field(description="of one piece, tax included")
    not_returnable: str | None = Field(None, description="why it cannot be returned, e.g. hygiene")

    @property
    def kept(self) -> int:
        """Pieces that were not cancelled."""
        return self.quantity - self.cancelled


class LineQuantity(_Fact):
    """Some pieces of one line."""

    line_id: str
    quantity: int = Field(ge=1)


class Payment(_Fact):
    """How an order, or a part of it, is paid."""

    id: str
    kind: PaymentKind
    label: str
    option_id: str | None = None
    status: PaymentStatus
    amount: Money
    paid_at: datetime | None = None
    pay_by: date | None = None


class Window(_Fact):
    """A time window of one day, as HH:MM in the shop's time zone."""

    start: str = Field(serialization_alias="from", pattern=r"^\d\d:\d\d$")
    end: str = Field(serialization_alias="to", pattern=r"^\d\d:\d\d$")


class TrackingEvent(_Fact):
    """Something the carrier reported."""

    at: datetime
    status: ShipmentStatus
    place: str | None = None
    text: LocalText


class DeliveryWish(_Fact):
    """Where or when the customer wants a parcel that is on its way."""

    kind: Literal["day", "window", "locker", "neighbour", "store", "safe_place"]
    day: date | None = None
    window: Window | None = None
    place: str | None = None


class Shipment(_Fact):
    """One parcel of an order."""

    id: str
    carrier: str
    tracking_number: str | None = None
    tracking_url: str | None = None
    status: ShipmentStatus
    lines: tuple[LineQuantity, ...] = ()
    shipped_at: datetime | None = None
    promised_on: date | None = Field(None, description="the day first promised")
    expected_on: date | None = Field(None, description="the day expected now")
    window: Window | None = None
    delivered_at: datetime | None = None
    delivered_to: str | None = Field(None, description="e.g. neighbour Krüger")
    pickup_place: str | None = None
    pickup_until: date | None = None
    wish: DeliveryWish | None = None
    replacement_for: str | None = Field(None, description="number of the claim or exchange it answers")
    events: tuple[TrackingEvent, ...] = ()


class Label(_Fact):
    """A return label."""

    kind: Literal["qr", "pdf"]
    reference: str | None = None
    url: str | None = None


class Replacement(_Fact):
    """What is sent instead."""

    sku: str
    name: str
    name_en: str | None = None
    variant: str = ""
    variant_en: str | None = None
    quantity: int
    price: Money
    ships: Literal["now", "after_receipt"]
    expected_on: date | None = None


class ReturnLine(_Fact):
    """Pieces of a line on their way back."""

    line_id: str
    quantity: int = Field(ge=1)
    reason: str | None = None


class Return(_Fact):
    """Goods on their way back."""

    number: str
    kind: ReturnKind = ReturnKind.RETURN
    status: ReturnStatus
    lines: tuple[ReturnLine, ...]
    drop_off: str
    label: Label
    carrier: str | None = None
    tracking_number: str | None = None
    created_at: datetime
    hand_in_by: date | None = None
    pickup_on: date | None = None
    received_at: datetime | None = None
    refund_amount: Money | None = None
    refund_to: PaymentOption | None = None
    refund_expected_on: date | None = None
    replacement: Replacement | None = None
    events: tuple[TrackingEvent, ...] = ()


class Refund(_Fact):
    """Money on its way back."""

    id: str
    amount: Money
    to: PaymentOption
    status: RefundStatus
    origin: RefundOrigin
    return_number: str | None = None
    created_at: datetime
    issued_at: datetime | None = None
    expected_on: date | None = None


class Claim(_Fact):
    """A complaint about one order that the shop looks into."""

    number: str
    kind: ClaimKind
    status: ClaimStatus
    lines: tuple[LineQuantity, ...] = ()
    shipment_id: str | None = None
    refund_id: str | None = None
    wish: Literal["replacement", "refund"] | None = None
    description: str | None = None
    photo: str | None = None
    created_at: datetime
    answer_by: date | None = None


class Done(_Fact):
    """A change that was made to an order, by the name of its operation; limits count these."""

    operation: str
    at: datetime | None = None


class Order(_Fact):
    """One order, whole."""

    number: str
    customer_id: str
    email: str
    language: str = "de"
    stage: Stage
    shop_status: str | None = Field(None, description="the shop system's own word")
    placed_at: datetime | None = None
    currency: str = "EUR"
    lines: tuple[Line, ...]
    shipping_cost: Money
    discount: Money
    shipping_address: Address | None = None
    billing_address: Address | None = None
    delivery_option: str | None = None
    promised_on: date | None = None
    expected_on: date | None = None
    late_cause: Literal["stock", "carrier", "payment"] | None = None
    delivered_at: datetime | None = Field(None, description="where no parcel tells")
    cancelled_at: datetime | None = None
    cancel_reason: str | None = None
    invoice_number: str | None = None
    payments: tuple[Payment, ...] = ()
    shipments: tuple[Shipment, ...] = ()
    returns: tuple[Return, ...] = ()
    refunds: tuple[Refund, ...] = ()
    claims: tuple[Claim, ...] = ()
    done: tuple[Done, ...] = ()
    version: str = Field(description="changes whenever the order changes")

    @property
    def subtotal(self) -> Money:
        """Goods that were not cancelled, before discount and shipping."""
        return sum((line.price * line.kept for line in self.lines), Money(cents=0, currency=self.currency))

    @property
    def ordered_subtotal(self) -> Money:
        """All goods ordered, before discount and shipping; the discount was given on these."""
        return sum((line.price * line.quantity for line in self.lines), Money(cents=0, currency=self.currency))

    @property
    def total(self) -> Money:
        """What the customer pays for what was not cancelled; nothing when all was."""
        if all(line.kept == 0 for line in self.lines):
            return Money(cents=0, currency=self.currency)
        return self.subtotal - self.discount_on(self.subtotal) + self.shipping_cost

    @property
    def ordered_total(self) -> Money:
        """What the order came to before anything was cancelled."""
        return self.ordered_subtotal - self.discount_on(self.ordered_subtotal) + self.shipping_cost

    def discount_on(self, goods: Money) -> Money:
        """The share of the order's discount that some of its goods carry, rounded half up; at most their value."""
        whole = self.ordered_subtotal.cents
        if not self.discount or not whole:
            return Money(cents=0, currency=self.currency)
        share = (2 * self.discount.cents * goods.cents + whole) // (2 * whole)
        return Money(cents=min(share, goods.cents), currency=self.currency)

    @property
    def payment(self) -> Payment | None:
        """The payment in force: not given up, rather not refunded, the largest, the latest."""
        alive = [payment for payment in self.payments if payment.status is not PaymentStatus.VOID]
        kept = [payment for payment in alive if payment.status is not PaymentStatus.REFUNDED]
        candidates = kept or alive or list(self.payments)
        return max(reversed(candidates), key=lambda payment: payment.amount.cents, default=None)

    def line(self, line_id: str) -> Line | None:
        """Return a line by its id."""
        return next((line for line in self.lines if line.id == line_id), None)


class OrderSummary(_Fact):
    """One order in a list."""

    number: str
    status: Status
    stage: Stage
    placed_at: datetime | None
    summary: str
    summary_en: str
    items: int
    total: Money
    promised_on: date | None
    expected_on: date | None
    delivered_at: datetime | None


class Voucher(_Fact):
    """A discount code or a gift card."""

    code: str
    kind: Literal["percent", "amount", "gift_card"]
    percent: int | None = None
    value: Money | None = None
    balance: Money | None = None
    min_total: Money | None = None
    valid_from: date | None = None
    valid_until: date | None = None
    uses_left: int | None = None
    excluded_categories: tuple[str, ...] = ()


def normal_number(text: str) -> str:
    """Bring an order, return or voucher number into the form that is compared: letters and digits, upper case."""
    folded = unicodedata.normalize("NFKC", text).upper()
    return "".join(char for char in folded if char.isalnum())


def normal_email(text: str) -> str:
    """Bring a mail address into the form that is compared."""
    return unicodedata.normalize("NFKC", text).strip().strip("<>.,;").casefold()


def normal_postcode(text: str) -> str:
    """Bring a postcode into the form that is compared; a leading country (``D-20257``) does not matter."""
    folded = unicodedata.normalize("NFKC", text).upper().strip()
    folded = re.sub(r"^(D|DE|A|AT|CH)[\s-]+(?=\d)", "", folded)
    return "".join(char for char in folded if char.isalnum())


def mask_email(address: str) -> str:
    """Show enough of an address to recognise it: ``j•••@example.org``."""
    local, _, domain = address.partition("@")
    return f"{local[:1]}•••@{domain}" if domain else "•••"
