"""Turns orders, customers and products into rows and back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from bot.shop.models import (
    Address,
    Claim,
    Customer,
    DeliveryWish,
    Done,
    Label,
    Line,
    LineQuantity,
    Order,
    Payment,
    PaymentOption,
    Product,
    Refund,
    Replacement,
    Return,
    ReturnLine,
    Shipment,
    TrackingEvent,
    Variant,
    Window,
    normal_email,
    normal_number,
)
from bot.shop.money import Money
from bot.storage.shop_tables import (
    ClaimRow,
    CustomerAddressRow,
    CustomerRow,
    LineRow,
    OrderChangeRow,
    OrderRow,
    PaymentOptionRow,
    PaymentRow,
    ProductRow,
    RefundRow,
    ReturnLineRow,
    ReturnRow,
    ShipmentLineRow,
    ShipmentRow,
    VariantRow,
)

__all__ = [
    "OrderParts",
    "address_values",
    "claim_values",
    "customer_from",
    "customer_values",
    "line_values",
    "option_values",
    "order_from",
    "order_values",
    "product_from",
    "product_values",
    "refund_values",
    "return_line_values",
    "return_values",
    "shipment_values",
    "variant_values",
]


@dataclass
class OrderParts:
    """The rows that belong to one order."""

    lines: list[LineRow] = field(default_factory=list)
    payments: list[PaymentRow] = field(default_factory=list)
    shipments: list[ShipmentRow] = field(default_factory=list)
    shipment_lines: list[ShipmentLineRow] = field(default_factory=list)
    returns: list[ReturnRow] = field(default_factory=list)
    return_lines: list[ReturnLineRow] = field(default_factory=list)
    refunds: list[RefundRow] = field(default_factory=list)
    claims: list[ClaimRow] = field(default_factory=list)
    changes: list[OrderChangeRow] = field(default_factory=list)


def order_from(row: OrderRow, customer_key: str, parts: OrderParts) -> Order:
    """Put an order together."""
    currency = row.currency

    def money(cents: int) -> Money:
        return Money(cents=cents, currency=currency)

    return Order(
        number=row.number,
        customer_id=customer_key,
        email=row.email,
        language=row.language,
        stage=row.stage,
        shop_status=row.shop_status,
        placed_at=row.placed_at,
        currency=currency,
        lines=tuple(
            Line(
                id=line.key,
                sku=line.sku,
                product_id=line.product_key,
                name=line.name,
                name_en=line.name_en,
                variant=line.variant,
                variant_en=line.variant_en,
                category=line.category,
                quantity=line.quantity,
                cancelled=line.cancelled,
                price=money(line.price_cents),
                not_returnable=line.not_returnable,
            )
            for line in parts.lines
        ),
        shipping_cost=money(row.shipping_cents),
        discount=money(row.discount_cents),
        shipping_address=Address.model_validate(row.shipping_address) if row.shipping_address else None,
        billing_address=Address.model_validate(row.billing_address) if row.billing_address else None,
        delivery_option=row.delivery_option,
        promised_on=row.promised_on,
        expected_on=row.expected_on,
        late_cause=row.late_cause,
        delivered_at=row.delivered_at,
        cancelled_at=row.cancelled_at,
        cancel_reason=row.cancel_reason,
        invoice_number=row.invoice_number,
        payments=tuple(
            Payment(
                id=payment.key,
                kind=payment.kind,
                label=payment.label,
                option_id=payment.option_key,
                status=payment.status,
                amount=money(payment.amount_cents),
                paid_at=payment.paid_at,
                pay_by=payment.pay_by,
            )
            for payment in parts.payments
        ),
        shipments=tuple(_shipment_from(shipment, parts.shipment_lines) for shipment in parts.shipments),
        returns=tuple(_return_from(entry, parts.return_lines, currency) for entry in parts.returns),
        refunds=tuple(
            Refund(
                id=refund.key,
                amount=money(refund.amount_cents),
                to=PaymentOption.model_validate(refund.to),
                status=refund.status,
                origin=refund.origin,
                return_number=refund.return_number,
                created_at=refund.created_at,
                issued_at=refund.issued_at,
                expected_on=refund.expected_on,
            )
            for refund in parts.refunds
        ),
        claims=tuple(
            Claim(
                number=claim.number,
                kind=claim.kind,
                status=claim.status,
                lines=tuple(LineQuantity.model_validate(part) for part in claim.lines),
                shipment_id=claim.shipment_key,
                refund_id=claim.refund_key,
                wish=claim.wish,
                description=claim.description,
                photo=claim.photo,
                created_at=claim.created_at,
                answer_by=claim.answer_by,
            )
            for claim in parts.claims
        ),
        done=tuple(Done(operation=change.operation, at=change.at) for change in parts.changes),
        version=str(row.version),
    )


def _shipment_from(row: ShipmentRow, lines: Iterable[ShipmentLineRow]) -> Shipment:
    return Shipment(
        id=row.key,
        carrier=row.carrier,
        tracking_number=row.tracking_number,
        tracking_url=row.tracking_url,
        status=row.status,
        lines=tuple(
            LineQuantity(line_id=part.line_key, quantity=part.quantity)
            for part in lines
            if part.shipment_key == row.key
        ),
        shipped_at=row.shipped_at,
        promised_on=row.promised_on,
        expected_on=row.expected_on,
        window=Window.model_validate(row.window) if row.window else None,
        delivered_at=row.delivered_at,
        delivered_to=row.delivered_to,
        pickup_place=row.pickup_place,
        pickup_until=row.pickup_until,
        wish=DeliveryWish.model_validate(row.wish) if row.wish else None,
        replacement_for=row.replacement_for,
        events=tuple(TrackingEvent.model_validate(event) for event in row.events),
    )


def _return_from(row: ReturnRow, lines: Iterable[ReturnLineRow], currency: str) -> Return:
    return Return(
        number=row.number,
        kind=row.kind,
        status=row.status,
        lines=tuple(
            ReturnLine(line_id=part.line_key, quantity=part.quantity, reason=part.reason)
            for part in lines
            if part.return_id == row.id
        ),
        drop_off=row.drop_off,
        label=Label(kind=row.label_kind, reference=row.label_reference, url=row.label_url),
        carrier=row.carrier,
        tracking_number=row.tracking_number,
        created_at=row.created_at,
        hand_in_by=row.hand_in_by,
        pickup_on=row.pickup_on,
        received_at=row.received_at,
        refund_amount=Money(cents=row.refund_cents, currency=currency) if row.refund_cents is not None else None,
        refund_to=PaymentOption.model_validate(row.refund_to) if row.refund_to else None,
        refund_expected_on=row.refund_expected_on,
        replacement=Replacement.model_validate(row.replacement) if row.replacement else None,
        events=tuple(TrackingEvent.model_validate(event) for event in row.events),
    )


def order_values(order: Order, order_id: int, customer_id: int, source: str) -> dict[type[Any], list[dict[str, Any]]]:
    """Return the rows of an order by table, except returns (their keys are the database's) and claims."""
    return {
        OrderRow: [
            {
                "id": order_id,
                "number": order.number,
                "number_key": normal_number(order.number),
                "customer_id": customer_id,
                "email": order.email,
                "language": order.language,
                "stage": order.stage.value,
                "shop_status": order.shop_status,
                "placed_at": order.placed_at,
                "currency": order.currency,
                "shipping_cents": order.shipping_cost.cents,
                "discount_cents": order.discount.cents,
                "shipping_address": _dump(order.shipping_address),
                "billing_address": _dump(order.billing_address),
                "delivery_option": order.delivery_option,
                "promised_on": order.promised_on,
                "expected_on": order.expected_on,
                "late_cause": order.late_cause,
                "delivered_at": order.delivered_at,
                "cancelled_at": order.cancelled_at,
                "cancel_reason": order.cancel_reason,
                "invoice_number": order.invoice_number,
                "version": 1,
                "source": source,
            }
        ],
        LineRow: [line_values(line, order_id, position) for position, line in enumerate(order.lines)],
        PaymentRow: [
            {
                "order_id": order_id,
                "key": payment.id,
                "position": position,
                "kind": payment.kind.value,
                "label": payment.label,
                "option_key": payment.option_id,
                "status": payment.status.value,
                "amount_cents": payment.amount.cents,
                "paid_at": payment.paid_at,
                "pay_by": payment.pay_by,
            }
            for position, payment in enumerate(order.payments)
        ],
        ShipmentRow: [shipment_values(shipment, order_id, at) for at, shipment in enumerate(order.shipments)],
        ShipmentLineRow: [
            {"order_id": order_id, "shipment_key": shipment.id, "line_key": part.line_id, "quantity": part.quantity}
            for shipment in order.shipments
            for part in shipment.lines
        ],
        RefundRow: [refund_values(refund, order_id, position) for position, refund in enumerate(order.refunds)],
    }


def line_values(line: Line, order_id: int, position: int) -> dict[str, Any]:
    """Return the row of a line."""
    return {
        "order_id": order_id,
        "key": line.id,
        "position": position,
        "sku": line.sku,
        "product_key": line.product_id,
        "name": line.name,
        "name_en": line.name_en,
        "variant": line.variant,
        "variant_en": line.variant_en,
        "category": line.category,
        "quantity": line.quantity,
        "cancelled": line.cancelled,
        "price_cents": line.price.cents,
        "not_returnable": line.not_returnable,
    }


def shipment_values(shipment: Shipment, order_id: int, position: int) -> dict[str, Any]:
    """Return the row of a shipment."""
    return {
        "order_id": order_id,
        "key": shipment.id,
        "position": position,
        "carrier": shipment.carrier,
        "tracking_number": shipment.tracking_number,
        "tracking_url": shipment.tracking_url,
        "status": shipment.status.value,
        "shipped_at": shipment.shipped_at,
        "promised_on": shipment.promised_on,
        "expected_on": shipment.expected_on,
        "window": _dump(shipment.window),
        "delivered_at": shipment.delivered_at,
        "delivered_to": shipment.delivered_to,
        "pickup_place": shipment.pickup_place,
        "pickup_until": shipment.pickup_until,
        "wish": _dump(shipment.wish),
        "replacement_for": shipment.replacement_for,
        "events": [_dump(event) for event in shipment.events],
    }


def return_values(entry: Return, order_id: int) -> dict[str, Any]:
    """Return the row of a return, without its key."""
    return {
        "order_id": order_id,
        "number": entry.number,
        "kind": entry.kind.value,
        "status": entry.status.value,
        "drop_off": entry.drop_off,
        "label_kind": entry.label.kind,
        "label_reference": entry.label.reference,
        "label_url": entry.label.url,
        "carrier": entry.carrier,
        "tracking_number": entry.tracking_number,
        "created_at": entry.created_at,
        "hand_in_by": entry.hand_in_by,
        "pickup_on": entry.pickup_on,
        "received_at": entry.received_at,
        "refund_cents": entry.refund_amount.cents if entry.refund_amount is not None else None,
        "refund_to": _dump(entry.refund_to),
        "refund_expected_on": entry.refund_expected_on,
        "replacement": _dump(entry.replacement),
        "events": [_dump(event) for event in entry.events],
    }


def return_line_values(entry: Return, return_id: int) -> list[dict[str, Any]]:
    """Return the rows of what a return holds."""
    return [
        {"return_id": return_id, "line_key": part.line_id, "quantity": part.quantity, "reason": part.reason}
        for part in entry.lines
    ]


def refund_values(refund: Refund, order_id: int, position: int) -> dict[str, Any]:
    """Return the row of a refund."""
    return {
        "order_id": order_id,
        "key": refund.id,
        "position": position,
        "amount_cents": refund.amount.cents,
        "to": _dump(refund.to),
        "status": refund.status.value,
        "origin": refund.origin.value,
        "return_number": refund.return_number,
        "created_at": refund.created_at,
        "issued_at": refund.issued_at,
        "expected_on": refund.expected_on,
    }


def claim_values(claim: Claim, order_id: int) -> dict[str, Any]:
    """Return the row of a claim, without its key."""
    return {
        "order_id": order_id,
        "number": claim.number,
        "kind": claim.kind.value,
        "status": claim.status.value,
        "lines": [_dump(part) for part in claim.lines],
        "shipment_key": claim.shipment_id,
        "refund_key": claim.refund_id,
        "wish": claim.wish,
        "description": claim.description,
        "photo": claim.photo,
        "created_at": claim.created_at,
        "answer_by": claim.answer_by,
    }


def customer_values(customer: Customer, customer_id: int, source: str) -> dict[str, Any]:
    """Return the row of a customer."""
    return {
        "id": customer_id,
        "key": customer.id,
        "email": customer.email,
        "email_key": normal_email(customer.email),
        "first_name": customer.first_name,
        "last_name": customer.last_name,
        "phone": customer.phone,
        "language": customer.language,
        "guest": customer.guest,
        "source": source,
    }


def address_values(customer: Customer, customer_id: int) -> list[dict[str, Any]]:
    """Return the rows of a customer's addresses."""
    return [
        {"customer_id": customer_id, "position": position, "address": _dump(address)}
        for position, address in enumerate(customer.addresses)
    ]


def option_values(customer: Customer, customer_id: int) -> list[dict[str, Any]]:
    """Return the rows of the ways to pay kept with a customer."""
    return [
        {
            "customer_id": customer_id,
            "key": option.id,
            "position": position,
            "kind": option.kind.value,
            "label": option.label,
            "balance_cents": option.balance.cents if option.balance is not None else None,
            "currency": option.balance.currency if option.balance is not None else "EUR",
        }
        for position, option in enumerate(customer.payment_options)
    ]


def customer_from(
    row: CustomerRow, addresses: Sequence[CustomerAddressRow], options: Sequence[PaymentOptionRow]
) -> Customer:
    """Put a customer together."""
    return Customer(
        id=row.key,
        email=row.email,
        first_name=row.first_name,
        last_name=row.last_name,
        phone=row.phone,
        language=row.language,
        guest=row.guest,
        addresses=tuple(Address.model_validate(entry.address) for entry in addresses),
        payment_options=tuple(
            PaymentOption(
                id=option.key,
                kind=option.kind,
                label=option.label,
                balance=Money(cents=option.balance_cents, currency=option.currency)
                if option.balance_cents is not None
                else None,
            )
            for option in options
        ),
    )


def product_values(product: Product, product_id: int, words: str, source: str) -> dict[str, Any]:
    """Return the row of a product; ``words`` is what it is found by."""
    return {
        "id": product_id,
        "key": product.id,
        "name": product.name,
        "name_en": product.name_en,
        "category": product.category,
        "description": product.description,
        "description_en": product.description_en,
        "attributes": product.attributes,
        "url": product.url,
        "search_words": words,
        "source": source,
    }


def variant_values(variant: Variant, product_id: int, position: int) -> dict[str, Any]:
    """Return the row of a variant, without its key."""
    return {
        "product_id": product_id,
        "sku": variant.sku,
        "position": position,
        "name": variant.name,
        "name_en": variant.name_en,
        "options": variant.options,
        "price_cents": variant.price.cents,
        "currency": variant.price.currency,
        "stock": variant.stock,
        "restock_on": variant.restock_on,
    }


def product_from(row: ProductRow, variants: Sequence[VariantRow]) -> Product:
    """Put a product together."""
    return Product(
        id=row.key,
        name=row.name,
        name_en=row.name_en,
        category=row.category,
        description=row.description,
        description_en=row.description_en,
        attributes=row.attributes,
        url=row.url,
        variants=tuple(
            Variant(
                sku=variant.sku,
                name=variant.name,
                name_en=variant.name_en,
                options=variant.options,
                price=Money(cents=variant.price_cents, currency=variant.currency),
                stock=max(0, variant.stock),
                restock_on=variant.restock_on,
            )
            for variant in variants
        ),
    )


def _dump(value: Any) -> Any:
    return value.model_dump(mode="json") if value is not None else None
