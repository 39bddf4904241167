"""Changes to a shop's data, as data: what the rules decided on and a backend carries out, once."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from bot.shop.models import (
    Address,
    ClaimKind,
    DeliveryWish,
    Label,
    Line,
    LineQuantity,
    PaymentOption,
    PaymentStatus,
    RefundOrigin,
    Replacement,
    ReturnKind,
    ReturnLine,
)
from bot.shop.money import Money

__all__ = [
    "Applied",
    "CancelLines",
    "Change",
    "ChangeAddress",
    "ChangeItems",
    "ChangePayment",
    "FileRequest",
    "OpenClaim",
    "OpenReturn",
    "RecordWithdrawal",
    "RedirectShipment",
    "RefundPlan",
    "SetNewsletter",
    "WatchStock",
]


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True)


class RefundPlan(_Data):
    """Money that goes back."""

    amount: Money
    to: PaymentOption
    origin: RefundOrigin
    expected_on: date
    at_once: bool = Field(False, description="nothing has to arrive or be checked first")


class _OrderChange(_Data):
    """A change to one order, planned on one version of it."""

    order_number: str
    version: str = Field(description="of the order the plan was made on; a backend refuses another")
    operation: str = Field(description="counted towards the order's limits")
    at: datetime


class CancelLines(_OrderChange):
    """Take pieces out of an order before they leave."""

    kind: Literal["cancel_lines"] = "cancel_lines"
    lines: tuple[LineQuantity, ...]
    reason: str | None = None
    fee: Money
    refund: RefundPlan | None = None


class ChangeAddress(_Data):
    """Send an order elsewhere, or keep another default address, or both."""

    kind: Literal["change_address"] = "change_address"
    order_number: str | None = None
    version: str | None = None
    operation: str
    at: datetime
    customer_id: str
    address: Address
    make_default: bool
    shipping_cost: Money | None = Field(None, description="of the order, from now on")
    expected_on: date | None = None
    difference: Money | None = Field(None, description="positive: the customer pays more")
    charge: PaymentOption | None = None
    refund: RefundPlan | None = None


class ChangePayment(_OrderChange):
    """Pay an order another way."""

    kind: Literal["change_payment"] = "change_payment"
    to: PaymentOption
    amount: Money
    status: PaymentStatus
    pay_by: date | None = None
    refund: RefundPlan | None = None


class ChangeItems(_OrderChange):
    """Swap variants, quantities or lines before dispatch."""

    kind: Literal["change_items"] = "change_items"
    lines: tuple[Line, ...] = Field(description="lines as they will be, changed or new")
    stock: tuple[tuple[str, int], ...] = Field(description="pieces that come back (positive) or are taken, by number")
    difference: Money = Field(description="positive: the customer pays more")
    charge: PaymentOption | None = None
    refund: RefundPlan | None = None


class OpenReturn(_OrderChange):
    """Announce goods on their way back, with a label."""

    kind: Literal["open_return"] = "open_return"
    return_kind: ReturnKind
    lines: tuple[ReturnLine, ...]
    drop_off: str
    label: Label
    carrier: str | None
    hand_in_by: date
    pickup_on: date | None = None
    refund: RefundPlan | None = Field(None, description="paid when the goods are in, unless at_once")
    replacement: Replacement | None = None
    charge: PaymentOption | None = None
    difference: Money | None = None


class OpenClaim(_OrderChange):
    """Record that something went wrong, and what is done about it."""

    kind: Literal["open_claim"] = "open_claim"
    claim_kind: ClaimKind
    lines: tuple[LineQuantity, ...] = ()
    shipment_id: str | None = None
    refund_id: str | None = None
    wish: Literal["replacement", "refund"] | None = None
    description: str | None = None
    photo: str | None = None
    answer_by: date | None = None
    decided: bool = False
    refund: RefundPlan | None = None
    replacements: tuple[tuple[LineQuantity, Replacement], ...] = ()
    send_back: OpenReturn | None = None


class RedirectShipment(_OrderChange):
    """Have a parcel on its way delivered at another time or place."""

    kind: Literal["redirect_shipment"] = "redirect_shipment"
    shipment_id: str
    wish: DeliveryWish
    expected_on: date | None = None


class WatchStock(_Data):
    """Tell a customer when a variant is back."""

    kind: Literal["watch_stock"] = "watch_stock"
    sku: str
    email: str
    language: str
    at: datetime


class SetNewsletter(_Data):
    """Begin a newsletter subscription (to be confirmed by mail) or end it."""

    kind: Literal["set_newsletter"] = "set_newsletter"
    email: str
    subscribe: bool
    language: str
    at: datetime


class FileRequest(_Data):
    """File a data-protection request."""

    kind: Literal["file_request"] = "file_request"
    request: Literal["access", "erasure", "rectification", "objection"]
    customer_id: str
    note: str | None = None
    answer_by: date
    at: datetime


class RecordWithdrawal(_Data):
    """Keep the evidence of a withdrawal from the contract, exactly as declared."""

    kind: Literal["record_withdrawal"] = "record_withdrawal"
    name: str
    contract: str
    receipt_to: str
    goods: str | None = None
    statement: str | None = None
    language: str = "de"
    at: datetime


Change = Annotated[
    CancelLines
    | ChangeAddress
    | ChangePayment
    | ChangeItems
    | OpenReturn
    | OpenClaim
    | RedirectShipment
    | WatchStock
    | SetNewsletter
    | FileRequest
    | RecordWithdrawal,
    Field(discriminator="kind"),
]


class Applied(_Data):
    """What exists only once a change was carried out."""

    number: str | None = Field(None, description="of the return, claim, request or withdrawal")
    label: Label | None = None
    return_number: str | None = Field(None, description="of the return that belongs to a claim")
    return_label: Label | None = None
    line_ids: tuple[str, ...] = Field((), description="of lines that were added")
