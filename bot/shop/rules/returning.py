"""Sending back what was delivered."""

from dataclasses import dataclass
from datetime import date
from typing import Any

from bot.shop.arguments import CreateReturn
from bot.shop.changes import OpenReturn
from bot.shop.models import Label, Line, Order, PaymentStatus, RefundOrigin, ReturnKind, ReturnLine, Stage
from bot.shop.order_state import DEAD_RETURNS, delivered_at, expected_on, pieces, status_of
from bot.shop.policies import DropOffPlace
from bot.shop.rules.ground import (
    Denied,
    Ground,
    Plan,
    check_reason,
    check_stage,
    check_use,
    find_line,
    goods_value,
    line_view,
    money_back,
    refund_option,
    refund_view,
)

__all__ = ["HandIn", "Returnable", "can_return", "hand_in", "plan_return", "returnable", "returnable_pieces"]


@dataclass(frozen=True)
class Returnable:
    """Whether a line can go back: pieces, until when, and if not why."""

    quantity: int
    until: date | None
    code: str | None
    params: dict[str, Any]


@dataclass(frozen=True)
class HandIn:
    """How goods are handed in."""

    drop_off: str
    place: DropOffPlace
    label: Label
    by: date
    pickup_on: date | None


def returnable(order: Order, line: Line, ground: Ground) -> Returnable:
    """Tell for one line whether policy lets it go back now."""
    policy = ground.policies.operations.create_return
    count = pieces(order, line)
    came = delivered_at(order, line)
    until = ground.calendar.day(came) + policy.period if came is not None else None
    if count.delivered == 0:
        code = "already_cancelled" if line.kept == 0 else "not_delivered"
        return Returnable(0, None, code, {})
    if count.with_customer == 0:
        return Returnable(0, until, "already_returned", {"number": _return_of(order, line)})
    why = line.not_returnable or (policy.not_returnable.get(line.category) and line.category)
    if why:
        return Returnable(0, until, "not_returnable", {"line_id": line.id, "why": why})
    if until is not None and ground.today > until:
        return Returnable(0, until, "period_over", {"until": until, "days": policy.period_days})
    return Returnable(count.with_customer, until, None, {})


def can_return(order: Order, ground: Ground) -> None:
    """Deny returning anything of this order, with the closest reason."""
    policy = ground.policies.operations.create_return
    if order.stage is Stage.CANCELLED:
        raise Denied("already_cancelled")
    check_use(order, "create_return", policy)
    returnable_pieces(order, ground)
    check_stage(order, policy.stages, status_of(order, ground.calendar, ground.now))


def returnable_pieces(order: Order, ground: Ground) -> list[tuple[Line, int]]:
    """List what can go back; deny if there is nothing."""
    found = [(line, returnable(order, line, ground)) for line in order.lines]
    able = [(line, entry.quantity) for line, entry in found if entry.quantity]
    if able:
        return able
    codes = {entry.code: entry for _, entry in found}
    if "period_over" in codes:
        claim_period = ground.policies.operations.claim_item.period_days
        over = codes["period_over"]
        possible = over.until is not None and (ground.today - over.until).days + over.params["days"] <= claim_period
        raise Denied("period_over", **over.params, claim_possible=possible)
    for code in ("already_returned", "not_returnable"):
        if code in codes:
            raise Denied(code, **codes[code].params)
    if "not_delivered" in codes:
        raise Denied(
            "not_delivered",
            status=status_of(order, ground.calendar, ground.now),
            expected_on=expected_on(order),
            cancel_possible=any(pieces(order, line).open for line in order.lines),
        )
    raise Denied("nothing_to_return")


def hand_in(drop_off: str | None, label: str | None, pickup_on: date | None, ground: Ground) -> HandIn:
    """Choose drop-off place and label, the policy's first where the customer has no wish.

    What the customer chose counts; a label that does not go with the place is denied, not swapped.
    """
    policy = ground.policies.operations.create_return
    places = policy.drop_offs
    options = [key for key, place in places.items() if label is None or label in place.labels]
    chosen = drop_off or next(iter(options or places))
    place = places.get(chosen)  # type: ignore[call-overload]
    if place is None:
        raise Denied("drop_off_unavailable", options=list(places))
    kinds = [kind for kind in place.labels if kind in policy.labels]
    if label is not None and label not in kinds:
        raise Denied("label_unavailable", options=kinds)
    by = ground.today + policy.hand_in
    collected = None
    if chosen == "collection":
        days = [day for day in ground.calendar.delivery_days(ground.today, 14) if ground.calendar.is_working(day)]
        collected = pickup_on or days[0]
        if collected not in days:
            raise Denied("day_unavailable", days=days[:5])
        by = collected
    return HandIn(chosen, place, Label(kind=label or kinds[0]), by, collected)


def plan_return(order: Order, args: CreateReturn, ground: Ground) -> Plan:
    """Plan a return: which pieces, how they travel, what comes back and when at the latest."""
    can_return(order, ground)
    policy = ground.policies.operations.create_return
    reasons: dict[str, str | None] = {}
    if args.lines is None:
        parts = returnable_pieces(order, ground)
        check_reason(None, policy.reasons, required=policy.reason_required)
    else:
        parts = []
        for given in args.lines:
            line = find_line(order, given.line_id)
            able = returnable(order, line, ground)
            if able.code == "not_delivered":
                raise Denied(
                    "not_delivered",
                    status=status_of(order, ground.calendar, ground.now),
                    expected_on=expected_on(order),
                    cancel_possible=pieces(order, line).open > 0,
                )
            if able.code is not None:
                raise Denied(able.code, **able.params)
            count = able.quantity if given.quantity is None else given.quantity
            count += sum(other for earlier, other in parts if earlier.id == line.id)
            if count > able.quantity:
                raise Denied("quantity_too_high", line_id=line.id, available=able.quantity)
            check_reason(given.reason, policy.reasons, required=policy.reason_required)
            parts = [part for part in parts if part[0].id != line.id] + [(line, count)]
            reasons[line.id] = given.reason or reasons.get(line.id)
    way = hand_in(args.drop_off, args.label, args.pickup_on, ground)
    to = refund_option(order, args.refund_to, policy.refund_to, ground)
    cost = ground.price(way.place.cost, order)
    value = goods_value(order, parts)
    worth = value - cost if cost.cents <= value.cents else ground.zero(order)
    transit = 0 if way.drop_off == "store" else policy.transit_days
    latest = ground.calendar.after(ground.calendar.after(way.by, transit), policy.refund_days)
    refund = money_back(order, worth, to, RefundOrigin.RETURN, latest)
    goods = sum((line.price * count for line, count in parts), ground.zero(order))
    owed = order.payment is not None and order.payment.status is PaymentStatus.OPEN
    change = OpenReturn(
        order_number=order.number,
        version=order.version,
        operation="create_return",
        at=ground.now,
        return_kind=ReturnKind.RETURN,
        lines=tuple(ReturnLine(line_id=line.id, quantity=count, reason=reasons.get(line.id)) for line, count in parts),
        drop_off=way.drop_off,
        label=way.label,
        carrier=way.place.carrier,
        hand_in_by=way.by,
        pickup_on=way.pickup_on,
        refund=refund,
    )
    return Plan(
        change,
        {
            "order_number": order.number,
            "number": None,
            "lines": [line_view(line, count) | {"reason": reasons.get(line.id)} for line, count in parts],
            "drop_off": way.drop_off,
            "label": way.label,
            "carrier": way.place.carrier,
            "hand_in_by": way.by,
            "pickup_on": way.pickup_on,
            "cost": cost,
            "discount_lost": goods - value,
            "refund": refund_view(refund, policy.refund_days, after="receipt"),
            "refund_options": list(policy.refund_to),
            "credit": worth if owed and refund is None else None,
        },
    )


def _return_of(order: Order, line: Line) -> str | None:
    return next(
        (
            entry.number
            for entry in reversed(order.returns)
            if entry.status not in DEAD_RETURNS and any(part.line_id == line.id for part in entry.lines)
        ),
        None,
    )
