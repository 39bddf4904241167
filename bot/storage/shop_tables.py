"""Tables of the shop side: customers, products, orders and what became of them, and who proved what.

Amounts are whole hundredths of the order's currency. Rows of an order carry the order's key and their own
key within it; tracking events and postal addresses are kept as documents, because they are read whole.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Boolean, Date, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from bot.storage.base import Base, BigInt, Json, UtcDateTime

__all__ = [
    "ClaimRow",
    "CodeRow",
    "CustomerAddressRow",
    "CustomerRow",
    "GrantRow",
    "LineRow",
    "NewsletterRow",
    "OperationRow",
    "OrderChangeRow",
    "OrderRow",
    "PaymentOptionRow",
    "PaymentRow",
    "ProductRow",
    "ProofAttemptRow",
    "RefundRow",
    "RequestRow",
    "ReturnLineRow",
    "ReturnRow",
    "ShipmentLineRow",
    "ShipmentRow",
    "ShopEventRow",
    "ShopStateRow",
    "StockWatchRow",
    "VariantRow",
    "VoucherRow",
    "WithdrawalRow",
]


class CustomerRow(Base):
    """A person who bought something."""

    __tablename__ = "shop_customers"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)  # the shop's own
    email: Mapped[str] = mapped_column(String(254))
    email_key: Mapped[str] = mapped_column(String(254), index=True)
    first_name: Mapped[str] = mapped_column(String(80))
    last_name: Mapped[str] = mapped_column(String(80))
    phone: Mapped[str | None] = mapped_column(String(40))
    language: Mapped[str] = mapped_column(String(5), default="de")
    guest: Mapped[bool] = mapped_column(Boolean, default=False)
    source: Mapped[str] = mapped_column(String(12), index=True)  # demo, import
    # Hash of the imported document: the same document again leaves the row, and what was done to it since, alone.
    fingerprint: Mapped[str | None] = mapped_column(String(32))


class CustomerAddressRow(Base):
    """An address kept with a customer."""

    __tablename__ = "shop_customer_addresses"

    customer_id: Mapped[int] = mapped_column(ForeignKey("shop_customers.id", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)  # 0: the default one
    address: Mapped[dict[str, Any]] = mapped_column(Json)


class PaymentOptionRow(Base):
    """A way to pay kept with a customer."""

    __tablename__ = "shop_payment_options"

    customer_id: Mapped[int] = mapped_column(ForeignKey("shop_customers.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, default=0)
    kind: Mapped[str] = mapped_column(String(20))
    label: Mapped[str] = mapped_column(String(80))
    balance_cents: Mapped[int | None] = mapped_column(BigInt)
    currency: Mapped[str] = mapped_column(String(3), default="EUR")


class ProductRow(Base):
    """A product."""

    __tablename__ = "shop_products"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    key: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    name_en: Mapped[str | None] = mapped_column(String(200))
    category: Mapped[str] = mapped_column(String(80), index=True)
    description: Mapped[str] = mapped_column(Text, default="")
    description_en: Mapped[str | None] = mapped_column(Text)
    attributes: Mapped[dict[str, str]] = mapped_column(Json, default=dict)
    url: Mapped[str | None] = mapped_column(String(300))
    search_words: Mapped[str] = mapped_column(Text, default="")  # folded words of all texts, for finding
    source: Mapped[str] = mapped_column(String(12), index=True)
    # Hash of the imported document: the same document again leaves the row, and what was done to it since, alone.
    fingerprint: Mapped[str | None] = mapped_column(String(32))


class VariantRow(Base):
    """A variant of a product, with its stock."""

    __tablename__ = "shop_variants"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    product_id: Mapped[int] = mapped_column(ForeignKey("shop_products.id", ondelete="CASCADE"), index=True)
    sku: Mapped[str] = mapped_column(String(64), unique=True)
    position: Mapped[int] = mapped_column(Integer, default=0)
    name: Mapped[str] = mapped_column(String(200), default="")
    name_en: Mapped[str | None] = mapped_column(String(200))
    options: Mapped[dict[str, str]] = mapped_column(Json, default=dict)
    price_cents: Mapped[int] = mapped_column(BigInt)
    currency: Mapped[str] = mapped_column(String(3), default="EUR")
    stock: Mapped[int] = mapped_column(Integer, default=0)
    restock_on: Mapped[date | None] = mapped_column(Date)


class OrderRow(Base):
    """An order."""

    __tablename__ = "shop_orders"
    __table_args__ = (Index("ix_shop_orders_customer", "customer_id", "placed_at"),)

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    number: Mapped[str] = mapped_column(String(40))
    number_key: Mapped[str] = mapped_column(String(40), unique=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("shop_customers.id", ondelete="CASCADE"))
    email: Mapped[str] = mapped_column(String(254))
    language: Mapped[str] = mapped_column(String(5), default="de")
    stage: Mapped[str] = mapped_column(String(20))
    shop_status: Mapped[str | None] = mapped_column(String(60))
    placed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    currency: Mapped[str] = mapped_column(String(3), default="EUR")
    shipping_cents: Mapped[int] = mapped_column(BigInt, default=0)
    discount_cents: Mapped[int] = mapped_column(BigInt, default=0)
    shipping_address: Mapped[dict[str, Any] | None] = mapped_column(Json)
    billing_address: Mapped[dict[str, Any] | None] = mapped_column(Json)
    delivery_option: Mapped[str | None] = mapped_column(String(40))
    promised_on: Mapped[date | None] = mapped_column(Date)
    expected_on: Mapped[date | None] = mapped_column(Date)
    late_cause: Mapped[str | None] = mapped_column(String(12))
    delivered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cancelled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    cancel_reason: Mapped[str | None] = mapped_column(String(200))
    invoice_number: Mapped[str | None] = mapped_column(String(40))
    version: Mapped[int] = mapped_column(Integer, default=1)
    source: Mapped[str] = mapped_column(String(12))
    # Hash of the imported document: the same document again leaves the row, and what was done to it since, alone.
    fingerprint: Mapped[str | None] = mapped_column(String(32))


class LineRow(Base):
    """A line of an order."""

    __tablename__ = "shop_order_lines"

    order_id: Mapped[int] = mapped_column(ForeignKey("shop_orders.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, default=0)
    sku: Mapped[str] = mapped_column(String(64))
    product_key: Mapped[str | None] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(200))
    name_en: Mapped[str | None] = mapped_column(String(200))
    variant: Mapped[str] = mapped_column(String(200), default="")
    variant_en: Mapped[str | None] = mapped_column(String(200))
    category: Mapped[str] = mapped_column(String(80), default="")
    quantity: Mapped[int] = mapped_column(Integer)
    cancelled: Mapped[int] = mapped_column(Integer, default=0)
    price_cents: Mapped[int] = mapped_column(BigInt)
    not_returnable: Mapped[str | None] = mapped_column(String(80))


class PaymentRow(Base):
    """A payment of an order, or a promise to pay."""

    __tablename__ = "shop_payments"

    order_id: Mapped[int] = mapped_column(ForeignKey("shop_orders.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, default=0)
    kind: Mapped[str] = mapped_column(String(20))
    label: Mapped[str] = mapped_column(String(80))
    option_key: Mapped[str | None] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(20))
    amount_cents: Mapped[int] = mapped_column(BigInt)
    paid_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    pay_by: Mapped[date | None] = mapped_column(Date)


class ShipmentRow(Base):
    """A parcel, with the carrier's reports."""

    __tablename__ = "shop_shipments"

    order_id: Mapped[int] = mapped_column(ForeignKey("shop_orders.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, default=0)
    carrier: Mapped[str] = mapped_column(String(40))
    tracking_number: Mapped[str | None] = mapped_column(String(64))
    tracking_url: Mapped[str | None] = mapped_column(String(300))
    status: Mapped[str] = mapped_column(String(20))
    shipped_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    promised_on: Mapped[date | None] = mapped_column(Date)
    expected_on: Mapped[date | None] = mapped_column(Date)
    window: Mapped[dict[str, str] | None] = mapped_column(Json)
    delivered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    delivered_to: Mapped[str | None] = mapped_column(String(120))
    pickup_place: Mapped[str | None] = mapped_column(String(200))
    pickup_until: Mapped[date | None] = mapped_column(Date)
    wish: Mapped[dict[str, Any] | None] = mapped_column(Json)
    replacement_for: Mapped[str | None] = mapped_column(String(40))
    events: Mapped[list[dict[str, Any]]] = mapped_column(Json, default=list)


class ShipmentLineRow(Base):
    """What is in a parcel."""

    __tablename__ = "shop_shipment_lines"

    order_id: Mapped[int] = mapped_column(ForeignKey("shop_orders.id", ondelete="CASCADE"), primary_key=True)
    shipment_key: Mapped[str] = mapped_column(String(64), primary_key=True)
    line_key: Mapped[str] = mapped_column(String(64), primary_key=True)
    quantity: Mapped[int] = mapped_column(Integer)


class ReturnRow(Base):
    """Goods on their way back."""

    __tablename__ = "shop_returns"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("shop_orders.id", ondelete="CASCADE"), index=True)
    number: Mapped[str] = mapped_column(String(40), unique=True)
    kind: Mapped[str] = mapped_column(String(12))
    status: Mapped[str] = mapped_column(String(12), index=True)
    drop_off: Mapped[str] = mapped_column(String(20))
    label_kind: Mapped[str] = mapped_column(String(4))
    label_reference: Mapped[str | None] = mapped_column(String(40))
    label_url: Mapped[str | None] = mapped_column(String(300))
    carrier: Mapped[str | None] = mapped_column(String(40))
    tracking_number: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    hand_in_by: Mapped[date | None] = mapped_column(Date)
    pickup_on: Mapped[date | None] = mapped_column(Date)
    received_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    refund_cents: Mapped[int | None] = mapped_column(BigInt)
    refund_to: Mapped[dict[str, Any] | None] = mapped_column(Json)
    refund_expected_on: Mapped[date | None] = mapped_column(Date)
    replacement: Mapped[dict[str, Any] | None] = mapped_column(Json)
    events: Mapped[list[dict[str, Any]]] = mapped_column(Json, default=list)


class ReturnLineRow(Base):
    """Pieces of a line on their way back, and why."""

    __tablename__ = "shop_return_lines"

    return_id: Mapped[int] = mapped_column(ForeignKey("shop_returns.id", ondelete="CASCADE"), primary_key=True)
    line_key: Mapped[str] = mapped_column(String(64), primary_key=True)
    quantity: Mapped[int] = mapped_column(Integer)
    reason: Mapped[str | None] = mapped_column(Text)


class RefundRow(Base):
    """Money on its way back."""

    __tablename__ = "shop_refunds"

    order_id: Mapped[int] = mapped_column(ForeignKey("shop_orders.id", ondelete="CASCADE"), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    position: Mapped[int] = mapped_column(Integer, default=0)
    amount_cents: Mapped[int] = mapped_column(BigInt)
    to: Mapped[dict[str, Any]] = mapped_column(Json)
    status: Mapped[str] = mapped_column(String(12))
    origin: Mapped[str] = mapped_column(String(20))
    return_number: Mapped[str | None] = mapped_column(String(40))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    issued_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expected_on: Mapped[date | None] = mapped_column(Date)


class ClaimRow(Base):
    """A complaint about an order that the shop looks into."""

    __tablename__ = "shop_claims"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("shop_orders.id", ondelete="CASCADE"), index=True)
    number: Mapped[str] = mapped_column(String(40), unique=True)
    kind: Mapped[str] = mapped_column(String(20))
    status: Mapped[str] = mapped_column(String(12))
    lines: Mapped[list[dict[str, Any]]] = mapped_column(Json, default=list)
    shipment_key: Mapped[str | None] = mapped_column(String(64))
    refund_key: Mapped[str | None] = mapped_column(String(64))
    wish: Mapped[str | None] = mapped_column(String(12))
    description: Mapped[str | None] = mapped_column(Text)
    photo: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    answer_by: Mapped[date | None] = mapped_column(Date)


class OrderChangeRow(Base):
    """A change that was carried out, once per key. Written in the same transaction as the change itself."""

    __tablename__ = "shop_changes"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    key: Mapped[str] = mapped_column(String(200), unique=True)
    order_id: Mapped[int | None] = mapped_column(ForeignKey("shop_orders.id", ondelete="CASCADE"), index=True)
    operation: Mapped[str] = mapped_column(String(40))
    applied: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)


class ShopEventRow(Base):
    """What the shop system has to hear of a change that was made here. Written in the same transaction."""

    __tablename__ = "shop_events"
    __table_args__ = (Index("ix_shop_events_due", "state", "next_try_at"),)

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(40), unique=True)  # by which the shop system knows it again
    order_id: Mapped[int] = mapped_column(ForeignKey("shop_orders.id", ondelete="CASCADE"), index=True)
    order_number: Mapped[str] = mapped_column(String(40))
    operation: Mapped[str] = mapped_column(String(40))
    change: Mapped[dict[str, Any]] = mapped_column(Json)
    applied: Mapped[dict[str, Any]] = mapped_column(Json)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    state: Mapped[str] = mapped_column(String(10), default="waiting")  # waiting, sent, dead
    tries: Mapped[int] = mapped_column(Integer, default=0)
    next_try_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    error: Mapped[str | None] = mapped_column(String(300))


class VoucherRow(Base):
    """A discount code or gift card."""

    __tablename__ = "shop_vouchers"

    code_key: Mapped[str] = mapped_column(String(40), primary_key=True)
    voucher: Mapped[dict[str, Any]] = mapped_column(Json)
    source: Mapped[str] = mapped_column(String(12), index=True)


class StockWatchRow(Base):
    """Somebody who wants to know when a variant is back."""

    __tablename__ = "shop_stock_watches"
    __table_args__ = (UniqueConstraint("sku", "email_key"),)

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    sku: Mapped[str] = mapped_column(String(64))
    email: Mapped[str] = mapped_column(String(254))
    email_key: Mapped[str] = mapped_column(String(254))
    language: Mapped[str] = mapped_column(String(5))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    told_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class NewsletterRow(Base):
    """A newsletter subscription."""

    __tablename__ = "shop_newsletter"

    email_key: Mapped[str] = mapped_column(String(254), primary_key=True)
    email: Mapped[str] = mapped_column(String(254))
    language: Mapped[str] = mapped_column(String(5))
    state: Mapped[str] = mapped_column(String(12))  # asked, subscribed, ended
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class RequestRow(Base):
    """A data-protection request."""

    __tablename__ = "shop_privacy_requests"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    number: Mapped[str] = mapped_column(String(40), unique=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("shop_customers.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(16))
    note: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    answer_by: Mapped[date] = mapped_column(Date)
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class WithdrawalRow(Base):
    """The evidence of a withdrawal from a contract. Kept for as long as the law wants it, see docs/shop.md."""

    __tablename__ = "shop_withdrawals"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    number: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(120))
    contract: Mapped[str] = mapped_column(Text)
    receipt_to: Mapped[str] = mapped_column(String(254))
    goods: Mapped[str | None] = mapped_column(Text)
    statement: Mapped[str | None] = mapped_column(Text)
    language: Mapped[str] = mapped_column(String(5), default="de")
    received_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    # The order it is about, where one was found, and the conversation in which the team sees to it.
    order_number: Mapped[str | None] = mapped_column(String(40))
    case_id: Mapped[int | None] = mapped_column(BigInt, index=True)


class ShopStateRow(Base):
    """What the shop side must remember about itself, e.g. the day the demo data was made for."""

    __tablename__ = "shop_state"

    key: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[dict[str, Any]] = mapped_column(Json)


class GrantRow(Base):
    """What a conversation has proved, until when."""

    __tablename__ = "shop_grants"
    __table_args__ = (UniqueConstraint("conversation_id", "customer_key", "order_key"),)

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    conversation_id: Mapped[str] = mapped_column(String(64))
    customer_key: Mapped[str] = mapped_column(String(64), index=True)
    order_key: Mapped[str] = mapped_column(String(40), default="")  # empty: all of the customer's
    proofs: Mapped[list[str]] = mapped_column(Json)
    level: Mapped[str] = mapped_column(String(8))
    granted_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class ProofAttemptRow(Base):
    """One try to prove something; written before anything is looked up, so that tries side by side all count."""

    __tablename__ = "shop_proof_attempts"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    conversation_id: Mapped[str] = mapped_column(String(64), index=True)
    address: Mapped[str | None] = mapped_column(String(80), index=True)
    subject: Mapped[str] = mapped_column(String(80), index=True)
    outcome: Mapped[str] = mapped_column(String(10))  # pending, failed, succeeded, refused, void
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class CodeRow(Base):
    """A one-time code sent by mail; only its hash is kept."""

    __tablename__ = "shop_codes"

    conversation_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    code_hash: Mapped[str] = mapped_column(String(64))
    customer_key: Mapped[str | None] = mapped_column(String(64))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)


class OperationRow(Base):
    """One operation that was asked for: the audit trail, and what makes a repeated call have one effect."""

    __tablename__ = "shop_operations"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    key: Mapped[str] = mapped_column(String(200), unique=True)
    conversation_id: Mapped[str] = mapped_column(String(64), index=True)
    turn_id: Mapped[str] = mapped_column(String(64))
    name: Mapped[str] = mapped_column(String(40), index=True)
    order_key: Mapped[str | None] = mapped_column(String(40), index=True)
    args: Mapped[dict[str, Any]] = mapped_column(Json)
    state: Mapped[str] = mapped_column(String(8))  # started, done, denied
    code: Mapped[str | None] = mapped_column(String(40))
    preview: Mapped[dict[str, Any] | None] = mapped_column(Json)
    answer: Mapped[dict[str, Any] | None] = mapped_column(Json)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
