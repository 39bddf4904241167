"""What each operation is called with."""

from datetime import date
from decimal import Decimal
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

__all__ = [
    "AddressGiven",
    "CancelOrder",
    "ChangeAddressArgs",
    "ChangeItemsArgs",
    "ChangePaymentArgs",
    "CheckVoucher",
    "ClaimItem",
    "ConfirmCode",
    "CreateReturn",
    "Exchange",
    "ItemWish",
    "LineGiven",
    "MyOrders",
    "Newsletter",
    "NoArguments",
    "NotifyRestock",
    "OrderOnly",
    "PrivacyRequest",
    "ProductAvailability",
    "ProductSearch",
    "ReportMissingRefund",
    "Reschedule",
    "ResendLabel",
    "ReturnLineGiven",
    "SearchParcel",
    "SendCode",
    "Verify",
    "WarrantyClaim",
    "WishGiven",
    "WithdrawContract",
]

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1000)]
Short = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=120)]
DropOffGiven = Literal["service_point", "parcel_locker", "store", "collection"]
LabelGiven = Literal["qr", "pdf"]
RefundToGiven = Literal["original", "gift_card"]


class _Args(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NoArguments(_Args):
    """Nothing."""


class OrderOnly(_Args):
    """An order's number."""

    order_number: Short


class Verify(OrderOnly):
    """Proof that an order is the customer's."""

    email: Short | None = None
    postcode: Short | None = None

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.email is None and self.postcode is None:
            raise ValueError("give email or postcode")
        return self


class SendCode(_Args):
    """Whom to send a one-time code to."""

    order_number: Short | None = None
    email: Short | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.order_number is None) == (self.email is None):
            raise ValueError("give order_number or email")
        return self


class ConfirmCode(_Args):
    """A one-time code."""

    code: Short


class MyOrders(_Args):
    """How many orders."""

    limit: int = Field(10, ge=1, le=50)


class ProductSearch(_Args):
    """Words to find products by."""

    query: Text
    category: Short | None = None
    limit: int = Field(5, ge=1, le=20)


class ProductAvailability(_Args):
    """Which product or variant."""

    sku: Short | None = None
    query: Text | None = None
    order_number: Short | None = None
    line_id: Short | None = None
    wish: Short | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.order_number is None) != (self.line_id is None):
            raise ValueError("order_number and line_id go together")
        if sum(value is not None for value in (self.sku, self.query, self.line_id)) != 1:
            raise ValueError("give one of sku, query, or order_number and line_id")
        return self


class CancelOrder(OrderOnly):
    """What to cancel and why."""

    line_ids: tuple[Short, ...] | None = Field(None, min_length=1)
    reason: Text | None = None
    refund_to: RefundToGiven | None = None


class AddressGiven(_Args):
    """An address as the customer says it; what is missing is a denial, not an error."""

    name: Short | None = None
    street: Short | None = None
    extra: Short | None = None
    postcode: Short | None = None
    city: Short | None = None
    country: Annotated[str, StringConstraints(to_upper=True, pattern=r"^[A-Za-z]{2}$")] | None = None


class ChangeAddressArgs(_Args):
    """A new address for an order or for the customer."""

    order_number: Short | None = None
    address: AddressGiven
    make_default: bool = False


class ChangePaymentArgs(OrderOnly):
    """Another way to pay, by the id of an option."""

    method: Short | None = None


class ItemWish(_Args):
    """How one line should be. Without line_id: something to add."""

    line_id: Short | None = None
    sku: Short | None = None
    wish: Short | None = None
    quantity: int | None = Field(None, ge=0, le=99)

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.line_id is None and self.sku is None:
            raise ValueError("give line_id, or sku to add")
        if self.sku is None and self.wish is None and self.quantity is None:
            raise ValueError("give sku, wish or quantity")
        return self


class ChangeItemsArgs(OrderOnly):
    """Changed lines."""

    changes: tuple[ItemWish, ...] = Field(min_length=1, max_length=50)
    settle_with: Short | None = None


class ReturnLineGiven(_Args):
    """Pieces of a line to send back; without quantity: all that can go back."""

    line_id: Short
    quantity: int | None = Field(None, ge=1)
    reason: Text | None = None


class CreateReturn(OrderOnly):
    """What goes back, and how."""

    lines: tuple[ReturnLineGiven, ...] | None = Field(None, min_length=1)
    drop_off: DropOffGiven | None = None
    label: LabelGiven | None = None
    refund_to: RefundToGiven | None = None
    pickup_on: date | None = None


class ResendLabel(OrderOnly):
    """Whose label to send again."""

    return_number: Short | None = None
    label: LabelGiven | None = None


class Exchange(OrderOnly):
    """What to swap for what."""

    line_id: Short
    quantity: int | None = Field(None, ge=1)
    sku: Short | None = None
    wish: Short | None = None
    reason: Text | None = None
    drop_off: DropOffGiven | None = None
    label: LabelGiven | None = None
    settle_with: Short | None = None


class LineGiven(_Args):
    """Pieces of a line; without quantity: all of it."""

    line_id: Short
    quantity: int | None = Field(None, ge=1)


class ClaimItem(OrderOnly):
    """What is wrong with which goods."""

    kind: Literal["damaged", "wrong", "missing"]
    lines: tuple[LineGiven, ...] = Field(min_length=1)
    wish: Literal["replacement", "refund"] | None = None
    description: Text | None = None
    photo: Short | None = None


class SearchParcel(OrderOnly):
    """Which parcel to look for."""

    shipment_id: Short | None = None


class WishGiven(_Args):
    """Where or when a parcel should come."""

    kind: Literal["day", "window", "locker", "neighbour", "store", "safe_place"]
    day: date | None = None
    window: Short | None = None
    place: Short | None = None


class Reschedule(OrderOnly):
    """Another time or place for a parcel."""

    shipment_id: Short | None = None
    to: WishGiven


class ReportMissingRefund(OrderOnly):
    """Which refund did not come."""

    refund_id: Short | None = None


class WarrantyClaim(OrderOnly):
    """What broke, and how."""

    line_id: Short
    description: Text | None = None
    photo: Short | None = None


class NotifyRestock(_Args):
    """What to watch for whom."""

    sku: Short | None = None
    query: Text | None = None
    wish: Short | None = None
    email: Short | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.sku is None) == (self.query is None):
            raise ValueError("give sku or query")
        return self


class CheckVoucher(_Args):
    """A voucher's code."""

    code: Short
    order_total: Decimal | None = Field(None, ge=0)


class Newsletter(_Args):
    """On or off."""

    subscribe: bool
    email: Short | None = None


class PrivacyRequest(_Args):
    """A data subject's request."""

    kind: Literal["access", "erasure", "rectification", "objection"]
    note: Text | None = None


class WithdrawContract(_Args):
    """A declaration of withdrawal, as the law has it: name, contract, where the receipt goes."""

    name: Short
    contract: Text
    receipt_to: Short
    lines: Text | None = None
    statement: Text | None = None
    language: Literal["de", "en"] = "de"
