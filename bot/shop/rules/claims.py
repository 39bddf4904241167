"""What went wrong: damaged, wrong or missing goods, lost parcels, missing refunds, warranty."""

from datetime import date, timedelta
from typing import Any, NoReturn

from bot.shop.arguments import ClaimItem, ReportMissingRefund, SearchParcel, WarrantyClaim
from bot.shop.changes import OpenClaim, OpenReturn, RefundPlan
from bot.shop.models import (
    Claim,
    ClaimKind,
    ClaimStatus,
    Line,
    LineQuantity,
    Order,
    PaymentStatus,
    Product,
    Refund,
    RefundOrigin,
    RefundStatus,
    Replacement,
    ReturnKind,
    ReturnLine,
    Shipment,
    ShipmentStatus,
    Stage,
)
from bot.shop.order_state import DISPATCHED, ON_THE_WAY, delivered_at, expected_on, pieces, status_of
from bot.shop.rules.exchanging import replacement_arrives
from bot.shop.rules.ground import (
    Denied,
    Ground,
    Plan,
    check_stage,
    check_use,
    find_line,
    goods_value,
    line_view,
    money_back,
    refund_option,
    refund_view,
)
from bot.shop.rules.returning import hand_in

__all__ = [
    "can_claim",
    "can_claim_warranty",
    "can_report_refund",
    "can_search",
    "plan_claim",
    "plan_refund_report",
    "plan_search",
    "plan_warranty",
]

ITEM_CLAIMS = frozenset({ClaimKind.DAMAGED, ClaimKind.WRONG, ClaimKind.MISSING})
# What a bank needs to book a refund that the shop has sent.
BOOKING_DAYS = 3


# Damaged, wrong, missing


def can_claim(order: Order, ground: Ground) -> None:
    """Deny claiming damaged, wrong or missing goods of this order."""
    policy = ground.policies.operations.claim_item
    if order.stage is Stage.CANCELLED:
        raise Denied("already_cancelled")
    check_use(order, "claim_item", policy)
    delivered = [line for line in order.lines if pieces(order, line).delivered]
    if not delivered:
        _not_delivered(order, ground)
    check_stage(order, policy.stages, status_of(order, ground.calendar, ground.now))
    codes = [_claimable(order, line, ground) for line in delivered]
    if None not in codes:
        raise next(code for code in codes if code is not None)


def plan_claim(order: Order, args: ClaimItem, products: dict[str, Product], ground: Ground) -> Plan:
    """Plan what is done about goods that came broken, wrong or not at all.

    Up to the policy's value the wish is granted at once; above, a person looks first. What is worth little the
    customer keeps.
    """
    can_claim(order, ground)
    policy = ground.policies.operations.claim_item
    parts: list[tuple[Line, int]] = []
    for given in args.lines:
        line = find_line(order, given.line_id)
        if pieces(order, line).delivered == 0:
            _not_delivered(order, ground)
        problem = _claimable(order, line, ground)
        if problem is not None:
            raise problem
        count = pieces(order, line)
        available = count.with_customer
        quantity = given.quantity or available
        if quantity > available or any(line.id == earlier.id for earlier, _ in parts):
            raise Denied("quantity_too_high", line_id=line.id, available=available)
        parts.append((line, quantity))
    if args.kind in policy.photo_for and args.photo is None:
        raise Denied("photo_needed", kind=args.kind)
    if args.wish is None and len(policy.wishes) > 1:
        raise Denied("wish_needed", options=list(policy.wishes))
    wish = args.wish or policy.wishes[0]
    if wish not in policy.wishes:
        raise Denied("wish_unavailable", options=list(policy.wishes))

    value = goods_value(order, parts)
    decided = value.cents <= policy.decide_up_to.cents
    refund: RefundPlan | None = None
    replacements: list[tuple[LineQuantity, Replacement]] = []
    owed = order.payment is not None and order.payment.status is PaymentStatus.OPEN
    if wish == "refund":
        to = refund_option(order, "original", ("original",), ground)
        back = ground.calendar.after(ground.today, policy.refund_days)
        refund = money_back(order, value, to, RefundOrigin.CLAIM, back, at_once=True)
    else:
        replacements = [_replacement(line, quantity, products, policy.wishes, ground) for line, quantity in parts]
    send_back = None
    if decided and args.kind != "missing" and value.cents >= policy.send_back_from.cents:
        send_back = _send_back(order, args.kind, parts, ground)
    answer_by = None if decided else ground.calendar.after(ground.today, policy.answer_days)
    change = OpenClaim(
        order_number=order.number,
        version=order.version,
        operation="claim_item",
        at=ground.now,
        claim_kind=ClaimKind(args.kind),
        lines=tuple(LineQuantity(line_id=line.id, quantity=quantity) for line, quantity in parts),
        wish=wish,
        description=args.description,
        photo=args.photo,
        answer_by=answer_by,
        decided=decided,
        refund=refund if decided else None,
        replacements=tuple(replacements) if decided else (),
        send_back=send_back,
    )
    return Plan(
        change,
        {
            "order_number": order.number,
            "number": None,
            "kind": args.kind,
            "lines": [line_view(line, quantity) for line, quantity in parts],
            "wish": wish,
            "decided": decided,
            "answer_by": answer_by,
            "replacement": {"expected_on": max(entry.expected_on for _, entry in replacements if entry.expected_on)}
            if decided and replacements
            else None,
            "refund": refund_view(refund, policy.refund_days) if decided else None,
            "credit": value if decided and wish == "refund" and refund is None and owed else None,
            "send_back": send_back is not None,
            "return": {"number": None, "label": send_back.label, "hand_in_by": send_back.hand_in_by}
            if send_back
            else None,
        },
    )


def _claimable(order: Order, line: Line, ground: Ground) -> Denied | None:
    came = delivered_at(order, line)
    if came is not None:
        until = ground.calendar.day(came) + timedelta(days=ground.policies.operations.claim_item.period_days)
        if ground.today > until:
            return Denied("period_over", until=until)
    earlier = _open_claim(order, ITEM_CLAIMS, line.id)
    if earlier is not None:
        return Denied("already_claimed", number=earlier.number, answer_by=earlier.answer_by)
    if pieces(order, line).with_customer == 0:
        return Denied("already_returned", number=None)
    return None


def _replacement(
    line: Line, quantity: int, products: dict[str, Product], wishes: tuple[str, ...], ground: Ground
) -> tuple[LineQuantity, Replacement]:
    product = products.get(line.sku)
    variant = next((v for v in product.variants if v.sku == line.sku), None) if product else None
    if variant is None or variant.stock < quantity:
        raise Denied(
            "out_of_stock",
            sku=line.sku,
            stock=variant.stock if variant else 0,
            restock_on=variant.restock_on if variant else None,
            refund_possible="refund" in wishes,
            options=[],
        )
    return LineQuantity(line_id=line.id, quantity=quantity), Replacement(
        sku=line.sku,
        name=line.name,
        name_en=line.name_en,
        variant=line.variant,
        variant_en=line.variant_en,
        quantity=quantity,
        price=line.price,
        ships="now",
        expected_on=replacement_arrives(ground),
    )


def _send_back(order: Order, kind: str, parts: list[tuple[Line, int]], ground: Ground) -> OpenReturn:
    way = hand_in(None, None, None, ground)
    reason = {"damaged": "damaged", "wrong": "wrong_item"}[kind]
    return OpenReturn(
        order_number=order.number,
        version=order.version,
        operation="claim_item",
        at=ground.now,
        return_kind=ReturnKind.CLAIM,
        lines=tuple(ReturnLine(line_id=line.id, quantity=quantity, reason=reason) for line, quantity in parts),
        drop_off=way.drop_off,
        label=way.label,
        carrier=way.place.carrier,
        hand_in_by=way.by,
    )


# A parcel that did not come


def can_search(order: Order, ground: Ground) -> None:
    """Deny having any parcel of this order searched."""
    if order.stage is Stage.CANCELLED:
        raise Denied("already_cancelled")
    check_use(order, "search_parcel", ground.policies.operations.search_parcel)
    _searchable(order, ground)


def plan_search(order: Order, args: SearchParcel, ground: Ground) -> Plan:
    """Plan a search order at the carrier, for a parcel that is overdue or was never handed to the customer."""
    can_search(order, ground)
    policy = ground.policies.operations.search_parcel
    shipment = _pick(order, args.shipment_id, _searchable(order, ground, args.shipment_id))
    answer_by = ground.calendar.after(ground.today, policy.answer_days)
    change = OpenClaim(
        order_number=order.number,
        version=order.version,
        operation="search_parcel",
        at=ground.now,
        claim_kind=ClaimKind.PARCEL_SEARCH,
        lines=shipment.lines,
        shipment_id=shipment.id,
        answer_by=answer_by,
    )
    return Plan(
        change,
        {
            "order_number": order.number,
            "number": None,
            "shipment": shipment_brief(shipment, ground),
            "neighbour": shipment.delivered_to,
            "answer_by": answer_by,
        },
    )


def _searchable(order: Order, ground: Ground, shipment_id: str | None = None) -> list[Shipment]:
    policy = ground.policies.operations.search_parcel
    if not order.shipments:
        raise Denied("not_dispatched", expected_on=expected_on(order))
    chosen = [s for s in order.shipments if shipment_id is None or s.id == shipment_id]
    if not chosen:
        raise Denied("no_shipment", shipment_ids=[shipment.id for shipment in order.shipments])
    able: list[Shipment] = []
    denials: list[Denied] = []
    for shipment in chosen:
        running = next(
            (
                claim
                for claim in order.claims
                if claim.kind is ClaimKind.PARCEL_SEARCH
                and claim.status is ClaimStatus.OPEN
                and claim.shipment_id == shipment.id
            ),
            None,
        )
        if running is not None:
            denials.append(Denied("already_searching", number=running.number, answer_by=running.answer_by))
        elif shipment.status not in DISPATCHED:
            denials.append(Denied("not_dispatched", expected_on=shipment.expected_on))
        elif shipment.status is ShipmentStatus.DELIVERED:
            came = ground.calendar.day(shipment.delivered_at) if shipment.delivered_at else ground.today
            until = came + timedelta(days=policy.period_days)
            if ground.today > until:
                denials.append(Denied("period_over", until=until))
            else:
                able.append(shipment)
        elif _overdue(shipment, policy.overdue_days, ground.today):
            able.append(shipment)
        else:
            denials.append(Denied("not_overdue", expected_on=shipment.expected_on))
    if not able:
        raise denials[0]
    return able


def _overdue(shipment: Shipment, grace_days: int, today: date) -> bool:
    if shipment.status in {ShipmentStatus.LOST, ShipmentStatus.RETURNED_TO_SENDER}:
        return True
    due = shipment.promised_on or shipment.expected_on
    return due is not None and today > due + timedelta(days=grace_days)


def _pick(order: Order, shipment_id: str | None, able: list[Shipment]) -> Shipment:
    """One of several: a parcel under way before one that was delivered; the customer chooses among equals."""
    if shipment_id is None and len(able) > 1:
        underway = [shipment for shipment in able if shipment.status in ON_THE_WAY]
        if len(underway) != 1:
            raise Denied(
                "several_shipments",
                shipments=[
                    {
                        "id": shipment.id,
                        "status": shipment.status,
                        "carrier": shipment.carrier,
                        "tracking_number": shipment.tracking_number,
                        "delivered_at": shipment.delivered_at,
                        "lines": [
                            {"line_id": part.line_id, "name": line.name, "name_en": line.name_en}
                            for part in shipment.lines
                            if (line := order.line(part.line_id)) is not None
                        ],
                    }
                    for shipment in able
                ],
            )
        able = underway
    return able[0]


def shipment_brief(shipment: Shipment, ground: Ground) -> dict[str, Any]:
    """Show a parcel in a few words."""
    return {
        "id": shipment.id,
        "carrier": shipment.carrier,
        "carrier_name": ground.policies.delivery.carriers.get(shipment.carrier, shipment.carrier),
        "tracking_number": shipment.tracking_number,
        "tracking_url": shipment.tracking_url,
        "status": shipment.status,
        "expected_on": shipment.expected_on,
        "delivered_at": shipment.delivered_at,
        "delivered_to": shipment.delivered_to,
    }


# Money that did not come


def can_report_refund(order: Order, ground: Ground) -> None:
    """Deny reporting a refund of this order as missing."""
    check_use(order, "report_missing_refund", ground.policies.operations.report_missing_refund)
    if not order.refunds:
        pending = [entry for entry in order.returns if entry.refund_amount is not None]
        if pending:
            raise Denied(
                "not_due",
                expected_on=pending[-1].refund_expected_on,
                refund={"amount": pending[-1].refund_amount, "status": "awaiting_return"},
            )
        raise Denied("no_refund", return_possible=any(pieces(order, line).with_customer for line in order.lines))
    _missing(order, None, ground)


def plan_refund_report(order: Order, args: ReportMissingRefund, ground: Ground) -> Plan:
    """Plan to have a person look after a refund that should have been there."""
    can_report_refund(order, ground)
    policy = ground.policies.operations.report_missing_refund
    refund = _missing(order, args.refund_id, ground)
    answer_by = ground.calendar.after(ground.today, policy.answer_days)
    change = OpenClaim(
        order_number=order.number,
        version=order.version,
        operation="report_missing_refund",
        at=ground.now,
        claim_kind=ClaimKind.MISSING_REFUND,
        refund_id=refund.id,
        answer_by=answer_by,
    )
    return Plan(
        change,
        {"order_number": order.number, "number": None, "refund": _refund_brief(refund), "answer_by": answer_by},
    )


def _missing(order: Order, refund_id: str | None, ground: Ground) -> Refund:
    chosen = [refund for refund in order.refunds if refund_id is None or refund.id == refund_id]
    if not chosen:
        raise Denied("no_refund", return_possible=False)
    reported = {
        claim.refund_id: claim
        for claim in order.claims
        if claim.kind is ClaimKind.MISSING_REFUND and claim.status is ClaimStatus.OPEN
    }
    due = [refund for refund in chosen if ground.today > _booked_by(refund, ground)]
    fresh = [refund for refund in due if refund.id not in reported]
    if fresh:
        return fresh[0]
    if due:
        claim = reported[due[0].id]
        raise Denied("already_reported", number=claim.number, answer_by=claim.answer_by)
    refund = chosen[-1]
    raise Denied("not_due", expected_on=_booked_by(refund, ground), refund=_refund_brief(refund))


def _booked_by(refund: Refund, ground: Ground) -> date:
    """The day from which a refund counts as missing."""
    if refund.status is RefundStatus.FAILED:
        return ground.today - timedelta(days=1)
    if refund.status is RefundStatus.ISSUED and refund.issued_at is not None:
        return ground.calendar.after(ground.calendar.day(refund.issued_at), BOOKING_DAYS)
    return refund.expected_on or ground.today - timedelta(days=1)


def _refund_brief(refund: Refund) -> dict[str, Any]:
    return {
        "id": refund.id,
        "amount": refund.amount,
        "to": {"kind": refund.to.kind, "label": refund.to.label},
        "status": refund.status,
        "expected_on": refund.expected_on,
        "issued_at": refund.issued_at,
    }


# Warranty


def can_claim_warranty(order: Order, ground: Ground) -> None:
    """Deny a warranty claim on anything of this order."""
    check_use(order, "warranty_claim", ground.policies.operations.warranty_claim)
    if order.stage is Stage.CANCELLED:
        raise Denied("already_cancelled")
    delivered = [line for line in order.lines if pieces(order, line).delivered]
    if not delivered:
        _not_delivered(order, ground)
    if all(ground.today > _warranty_until(order, line, ground) for line in delivered):
        raise Denied("period_over", until=max(_warranty_until(order, line, ground) for line in delivered))


def plan_warranty(order: Order, args: WarrantyClaim, ground: Ground) -> Plan:
    """Plan a warranty claim; a person decides."""
    can_claim_warranty(order, ground)
    policy = ground.policies.operations.warranty_claim
    line = find_line(order, args.line_id)
    if pieces(order, line).delivered == 0:
        _not_delivered(order, ground)
    until = _warranty_until(order, line, ground)
    if ground.today > until:
        raise Denied("period_over", until=until)
    earlier = _open_claim(order, frozenset({ClaimKind.WARRANTY}), line.id)
    if earlier is not None:
        raise Denied("already_claimed", number=earlier.number, answer_by=earlier.answer_by)
    if args.description is None:
        raise Denied("description_needed")
    answer_by = ground.calendar.after(ground.today, policy.answer_days)
    change = OpenClaim(
        order_number=order.number,
        version=order.version,
        operation="warranty_claim",
        at=ground.now,
        claim_kind=ClaimKind.WARRANTY,
        lines=(LineQuantity(line_id=line.id, quantity=1),),
        description=args.description,
        photo=args.photo,
        answer_by=answer_by,
    )
    return Plan(
        change,
        {
            "order_number": order.number,
            "number": None,
            "line": line_view(line, 1),
            "until": until,
            "answer_by": answer_by,
        },
    )


def _warranty_until(order: Order, line: Line, ground: Ground) -> date:
    came = delivered_at(order, line) or order.placed_at
    day = ground.calendar.day(came) if came is not None else ground.today
    years = ground.policies.operations.warranty_claim.years
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # 29 February
        return day.replace(year=day.year + years, day=28)


def _open_claim(order: Order, kinds: frozenset[ClaimKind], line_id: str) -> Claim | None:
    return next(
        (
            claim
            for claim in order.claims
            if claim.kind in kinds
            and claim.status in {ClaimStatus.OPEN, ClaimStatus.ACCEPTED}
            and any(part.line_id == line_id for part in claim.lines)
        ),
        None,
    )


def _not_delivered(order: Order, ground: Ground) -> NoReturn:
    raise Denied(
        "not_delivered",
        status=status_of(order, ground.calendar, ground.now),
        expected_on=expected_on(order),
        cancel_possible=any(pieces(order, line).open for line in order.lines),
    )
