"""Shows shop data in the words of docs/operations.md, and turns it into plain JSON."""

from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from bot.shop.models import (
    Line,
    Order,
    OrderSummary,
    Refund,
    RefundStatus,
    Return,
    Shipment,
    Stage,
    mask_email,
)
from bot.shop.order_state import delivered_at, expected_on, lateness, pieces, status_of
from bot.shop.policies import Policies
from bot.shop.rules.cancelling import can_cancel
from bot.shop.rules.changing import can_change_address, can_change_items, can_change_payment
from bot.shop.rules.claims import can_claim, can_claim_warranty, can_report_refund, can_search
from bot.shop.rules.exchanging import can_exchange
from bot.shop.rules.ground import Denied, Ground
from bot.shop.rules.redirecting import can_redirect
from bot.shop.rules.returning import can_return, returnable

__all__ = ["OpeningHours", "order_view", "plain", "possible", "shop_view", "summary_view"]

# What the order view answers under "possible": each rule's own first check.
CHECKS: dict[str, Callable[[Order, Ground], None]] = {
    "cancel_order": can_cancel,
    "change_delivery_address": can_change_address,
    "change_payment_method": can_change_payment,
    "change_items": can_change_items,
    "create_return": can_return,
    "exchange": can_exchange,
    "claim_item": can_claim,
    "search_parcel": can_search,
    "reschedule_delivery": can_redirect,
    "report_missing_refund": can_report_refund,
    "warranty_claim": can_claim_warranty,
}
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class OpeningHours(Protocol):
    """When people are there; bot/handoff/hours.py knows."""

    def spans(self, day: date) -> list[tuple[datetime, datetime]]:
        """Return the opening spans of a day."""
        ...


def plain(value: Any, zone: ZoneInfo) -> Any:
    """Turn values into JSON: instants with the shop's offset, days, decimal strings."""
    match value:
        case BaseModel():
            return plain(value.model_dump(by_alias=True), zone)
        case dict():
            return {str(key): plain(item, zone) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(item, zone) for item in value]
        case datetime():
            return value.astimezone(zone).isoformat(timespec="seconds")
        case date():
            return value.isoformat()
        case time():
            return value.strftime("%H:%M")
        case Enum():
            return value.value
        case Decimal():
            return str(value)
        case _:
            return value


def possible(order: Order, ground: Ground, abilities: frozenset[str]) -> dict[str, Any]:
    """Tell for every operation on orders whether it is open now, or the denial it would give."""
    answers: dict[str, Any] = {}
    for name, check in CHECKS.items():
        try:
            if name not in abilities:
                raise Denied("shop_cannot", operation=name)
            check(order, ground)
        except Denied as denial:
            answers[name] = {"allowed": False, "code": denial.code, "params": denial.params}
        else:
            answers[name] = {"allowed": True, "code": None, "params": {}}
    return answers


def order_view(order: Order, name: str, ground: Ground, abilities: frozenset[str]) -> dict[str, Any]:
    """Show an order as its customer may see it. ``name`` is the customer's."""
    late = lateness(order, ground.calendar, ground.now)
    payment = order.payment
    cancelled = order.stage is Stage.CANCELLED
    return {
        "number": order.number,
        "status": status_of(order, ground.calendar, ground.now),
        "stage": order.stage,
        "shop_status": order.shop_status,
        "placed_at": order.placed_at,
        "currency": order.currency,
        "customer": {"name": name, "first_name": name.partition(" ")[0], "email": mask_email(order.email)},
        "lines": [_line(order, line, ground) for line in order.lines],
        "subtotal": order.subtotal,
        "shipping_cost": order.shipping_cost,
        "discount": order.discount,
        "total": order.ordered_total if cancelled else order.total,
        "shipping_address": order.shipping_address,
        "billing_address": order.billing_address,
        "delivery_option": order.delivery_option,
        "promised_on": order.promised_on,
        "expected_on": expected_on(order),
        "delivered_at": delivered_at(order) if order.stage in {Stage.DELIVERED, Stage.RETURNED} else None,
        "cancelled_at": order.cancelled_at,
        "cancel_reason": order.cancel_reason,
        "late": {"is_late": late.is_late, "days": late.days, "cause": late.cause},
        "payment": payment
        and {
            "method": payment.kind,
            "label": payment.label,
            "status": payment.status,
            "paid_at": payment.paid_at,
            "amount": payment.amount,
            "pay_by": payment.pay_by,
        },
        "invoice_number": order.invoice_number,
        "shipments": [_shipment(shipment, ground.policies) for shipment in order.shipments],
        "returns": [_return(order, entry) for entry in order.returns],
        "refunds": [_refund(refund, ground.today) for refund in order.refunds],
        "claims": [
            {
                "number": claim.number,
                "kind": claim.kind,
                "status": claim.status,
                "line_ids": [part.line_id for part in claim.lines],
                "shipment_id": claim.shipment_id,
                "wish": claim.wish,
                "created_at": claim.created_at,
                "answer_by": claim.answer_by,
            }
            for claim in order.claims
        ],
        "possible": possible(order, ground, abilities),
    }


def _line(order: Order, line: Line, ground: Ground) -> dict[str, Any]:
    count = pieces(order, line)
    able = returnable(order, line, ground)
    if line.kept == 0:
        status = "cancelled"
    elif count.returned:
        status = "returned"
    elif count.returning:
        status = "return_announced"
    elif count.delivered >= line.kept:
        status = "delivered"
    else:
        status = "in_transit" if count.shipped else "open"
    return {
        "id": line.id,
        "sku": line.sku,
        "product_id": line.product_id,
        "name": line.name,
        "name_en": line.name_en,
        "variant": line.variant,
        "variant_en": line.variant_en,
        "category": line.category,
        "quantity": line.quantity,
        "price": line.price,
        "total": line.price * line.quantity,
        "status": status,
        "cancelled": line.cancelled,
        "open": count.open,
        "shipped": count.shipped,
        "delivered": count.delivered,
        "returned": count.returning + count.returned,
        "returnable": {
            "allowed": able.code is None,
            "until": able.until,
            "quantity": able.quantity,
            "code": able.code,
            "params": able.params,
        },
    }


def _shipment(shipment: Shipment, policies: Policies) -> dict[str, Any]:
    return {
        "id": shipment.id,
        "carrier": shipment.carrier,
        "carrier_name": policies.delivery.carriers.get(shipment.carrier, shipment.carrier),
        "tracking_number": shipment.tracking_number,
        "tracking_url": shipment.tracking_url,
        "status": shipment.status,
        "lines": shipment.lines,
        "shipped_at": shipment.shipped_at,
        "promised_on": shipment.promised_on,
        "expected_on": shipment.expected_on,
        "window": shipment.window,
        "delivered_at": shipment.delivered_at,
        "delivered_to": shipment.delivered_to,
        "pickup": {"place": shipment.pickup_place, "until": shipment.pickup_until} if shipment.pickup_place else None,
        "delivery_wish": shipment.wish,
        "replacement_for": shipment.replacement_for,
        "events": sorted(shipment.events, key=lambda event: event.at),
    }


def _return(order: Order, entry: Return) -> dict[str, Any]:
    lines = []
    for part in entry.lines:
        line = order.line(part.line_id)
        lines.append(
            {
                "line_id": part.line_id,
                "quantity": part.quantity,
                "reason": part.reason,
                "name": line.name if line else part.line_id,
                "name_en": line.name_en if line else None,
                "variant": line.variant if line else "",
                "variant_en": line.variant_en if line else None,
            }
        )
    refund = None
    if entry.refund_amount is not None:
        to = entry.refund_to
        refund = {
            "amount": entry.refund_amount,
            "to": {"kind": to.kind, "label": to.label} if to else None,
            "expected_on": entry.refund_expected_on,
        }
    return {
        "number": entry.number,
        "kind": entry.kind,
        "status": entry.status,
        "lines": lines,
        "drop_off": entry.drop_off,
        "label": entry.label,
        "carrier": entry.carrier,
        "tracking_number": entry.tracking_number,
        "created_at": entry.created_at,
        "hand_in_by": entry.hand_in_by,
        "pickup_on": entry.pickup_on,
        "received_at": entry.received_at,
        "refund": refund,
        "replacement": entry.replacement,
        "events": sorted(entry.events, key=lambda event: event.at),
    }


def _refund(refund: Refund, today: date) -> dict[str, Any]:
    return {
        "id": refund.id,
        "amount": refund.amount,
        "to": {"kind": refund.to.kind, "label": refund.to.label},
        "status": refund.status,
        "origin": refund.origin,
        "return_number": refund.return_number,
        "created_at": refund.created_at,
        "issued_at": refund.issued_at,
        "expected_on": refund.expected_on,
        "is_overdue": refund.status is RefundStatus.PENDING
        and refund.expected_on is not None
        and refund.expected_on < today,
    }


def summary_view(summary: OrderSummary, zone: ZoneInfo) -> dict[str, Any]:
    """Show one order in a list."""
    view = summary.model_dump(exclude={"placed_at", "delivered_at"})
    return {
        **view,
        "placed_on": summary.placed_at.astimezone(zone).date() if summary.placed_at else None,
        "delivered_on": summary.delivered_at.astimezone(zone).date() if summary.delivered_at else None,
        "total": summary.total,
    }


def shop_view(ground: Ground, hours: OpeningHours) -> dict[str, Any]:
    """Show who the shop is and what its rules are, as customers may know them."""
    policies, today = ground.policies, ground.today
    operations, delivery = policies.operations, policies.delivery
    returns = operations.create_return
    return {
        "name": policies.shop.name,
        "contact": {
            "email": policies.shop.email,
            "phone": policies.shop.phone,
            "website": policies.shop.website,
        },
        "service_hours": {
            "timezone": str(ground.calendar.zone),
            "days": _weekly(ground, hours),
            "closed_on": [{"day": day, "name": name} for day, name in ground.calendar.closed_days(today, 14)],
        },
        "delivery": {
            "cutoff": delivery.cutoff,
            "free_from": delivery.free_from,
            "carriers": delivery.carriers,
            "options": [
                {
                    "id": key,
                    "name": option.name,
                    "text": option.text,
                    "price": option.price,
                    "free_from": delivery.free_from if option.free else None,
                    "working_days": {"min": option.min_days, "max": option.max_days},
                    "countries": list(option.countries or delivery.countries),
                    "arrives": dict(zip(("from", "to"), arrival(ground, key), strict=True)),
                }
                for key, option in delivery.options.items()
            ],
            "countries": [
                {"code": code, "name": country.name, "extra_cost": country.extra_cost, "extra_days": country.extra_days}
                for code, country in delivery.countries.items()
            ],
            "wishes": delivery.wishes,
            "windows": delivery.windows,
        },
        "payment": {
            "methods": [
                {"id": key, "name": method.name, "text": method.text, "limit": method.limit}
                for key, method in policies.payment.items()
            ]
        },
        "returns": {
            "period_days": returns.period_days,
            "cost": min((place.cost for place in returns.drop_offs.values()), key=lambda cost: cost.cents),
            "drop_offs": [
                {"id": key, "name": place.name, "text": place.text, "cost": place.cost, "labels": place.labels}
                for key, place in returns.drop_offs.items()
            ],
            "labels": returns.labels,
            "refund_working_days": returns.refund_days,
            "refund_to": returns.refund_to,
            "hand_in_days": returns.hand_in_days,
            "not_returnable": [{"category": key, "name": name} for key, name in returns.not_returnable.items()],
            "text": returns.text,
        },
        "cancellation": {
            "until": "dispatch",
            "fee": operations.cancel_order.fee,
            "refund_working_days": operations.cancel_order.refund_days,
            "reasons": operations.cancel_order.reasons,
        },
        "withdrawal": {
            "period_days": operations.withdraw_contract.period_days,
            "path": operations.withdraw_contract.path,
        },
        "warranty": {"years": operations.warranty_claim.years, "text": operations.warranty_claim.text},
        "stores": [{"id": key, **store.model_dump()} for key, store in policies.shop.stores.items()],
        "account": policies.shop.account,
        "newsletter": policies.shop.newsletter,
        "privacy": {"email": policies.shop.email, "url": policies.shop.privacy_url},
    }


def arrival(ground: Ground, option_key: str, country: str | None = None) -> tuple[date, date]:
    """Return the first and last day on which goods ordered now would arrive."""
    delivery = ground.policies.delivery
    option = delivery.options[option_key]
    extra = delivery.countries[country].extra_days if country in delivery.countries else 0
    local = ground.now.astimezone(ground.calendar.zone)
    in_time = ground.calendar.is_working(ground.today) and local.time() < delivery.cutoff
    leaves = ground.today if in_time else ground.calendar.after(ground.today + timedelta(days=1), 0)
    return (
        ground.calendar.delivered_after(leaves, option.min_days + extra),
        ground.calendar.delivered_after(leaves, option.max_days + extra),
    )


def _weekly(ground: Ground, hours: OpeningHours) -> list[dict[str, Any]]:
    """Read the weekly hours off the coming days, leaving public holidays out; days alike stand together."""
    weekly: dict[int, tuple[tuple[str, str], ...]] = {}
    for ahead in range(28):
        day = ground.today + timedelta(days=ahead)
        spans = tuple((start.strftime("%H:%M"), end.strftime("%H:%M")) for start, end in hours.spans(day))
        if day.weekday() not in weekly or len(spans) > len(weekly[day.weekday()]):
            weekly[day.weekday()] = spans
    groups: list[dict[str, Any]] = []
    for number in sorted(weekly):
        for start, end in weekly[number]:
            alike = next((group for group in groups if (group["from"], group["to"]) == (start, end)), None)
            if alike is None:
                groups.append({"days": [DAYS[number]], "from": start, "to": end})
            else:
                alike["days"].append(DAYS[number])
    return groups
