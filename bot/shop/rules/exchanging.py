"""Swapping a delivered article for another variant of it."""

from datetime import date

from bot.shop.arguments import Exchange
from bot.shop.changes import OpenReturn
from bot.shop.models import Order, Product, Replacement, ReturnKind, ReturnLine, Stage
from bot.shop.order_state import expected_on, pieces, status_of
from bot.shop.rules.ground import (
    Denied,
    Ground,
    Plan,
    check_reason,
    check_stage,
    check_use,
    find_line,
    line_view,
    settle,
)
from bot.shop.rules.returning import hand_in, returnable, returnable_pieces
from bot.shop.rules.variants import choose_variant, stocked_options

__all__ = ["can_exchange", "plan_exchange", "replacement_arrives"]


def can_exchange(order: Order, ground: Ground) -> None:
    """Deny exchanging anything of this order, with the closest reason."""
    policy = ground.policies.operations.exchange
    if order.stage is Stage.CANCELLED:
        raise Denied("already_cancelled")
    check_use(order, "exchange", policy)
    returnable_pieces(order, ground)
    check_stage(order, policy.stages, status_of(order, ground.calendar, ground.now))


def plan_exchange(order: Order, args: Exchange, product: Product | None, other: Product | None, ground: Ground) -> Plan:
    """Plan an exchange: what goes back, what comes instead, the difference, and when.

    Args:
        order: of the customer.
        args: what the customer wants.
        product: of the line, None if the shop no longer has it.
        other: product of ``args.sku``, if it names one.
        ground: policies, clock and customer.
    """
    can_exchange(order, ground)
    operations = ground.policies.operations
    policy = operations.exchange
    line = find_line(order, args.line_id)
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
    quantity = args.quantity or able.quantity
    if quantity > able.quantity:
        raise Denied("quantity_too_high", line_id=line.id, available=able.quantity)
    check_reason(args.reason, policy.reasons, required=policy.reason_required)
    low = operations.notify_restock.low_stock
    foreign = args.sku is not None and (product is None or all(v.sku != args.sku for v in product.variants))
    if foreign and other is not None and policy.same_product:
        raise Denied("other_product")
    source = other if foreign else product
    if source is None:
        raise Denied("variant_unknown", options=[])
    if args.sku is None and args.wish is None:
        raise Denied("variant_unclear", options=stocked_options(source, quantity, low, but=line.sku))
    variant = choose_variant(source, sku=args.sku, wish=args.wish, line=line, low_stock=low)
    if variant.sku == line.sku:
        raise Denied("same_variant", options=stocked_options(source, quantity, low, but=line.sku))
    if variant.stock < quantity:
        raise Denied(
            "out_of_stock",
            sku=variant.sku,
            stock=variant.stock,
            restock_on=variant.restock_on,
            options=stocked_options(source, quantity, low, but=variant.sku),
        )
    way = hand_in(args.drop_off, args.label, None, ground)
    difference = (variant.price - line.price) * quantity
    returns = operations.create_return
    transit = 0 if way.drop_off == "store" else returns.transit_days
    arrived = ground.calendar.after(way.by, transit)
    settlement = settle(
        order,
        difference,
        args.settle_with,
        ground.calendar.after(arrived, returns.refund_days),
        ground,
        at_once=False,
    )
    arrives = replacement_arrives(ground, arrived if policy.ships == "after_receipt" else None)
    replacement = Replacement(
        sku=variant.sku,
        name=source.name,
        name_en=source.name_en,
        variant=variant.name,
        variant_en=variant.name_en,
        quantity=quantity,
        price=variant.price,
        ships=policy.ships,
        expected_on=arrives,
    )
    change = OpenReturn(
        order_number=order.number,
        version=order.version,
        operation="exchange",
        at=ground.now,
        return_kind=ReturnKind.EXCHANGE,
        lines=(ReturnLine(line_id=line.id, quantity=quantity, reason=args.reason),),
        drop_off=way.drop_off,
        label=way.label,
        carrier=way.place.carrier,
        hand_in_by=way.by,
        pickup_on=way.pickup_on,
        refund=settlement.refund,
        replacement=replacement,
        charge=settlement.charge,
        difference=difference,
    )
    return Plan(
        change,
        {
            "order_number": order.number,
            "number": None,
            "line": line_view(line, quantity),
            "to": replacement.model_dump(include={"sku", "name", "name_en", "variant", "variant_en"})
            | {"price": variant.price},
            "quantity": quantity,
            "difference": difference,
            "settlement": settlement.view(),
            "drop_off": way.drop_off,
            "label": way.label,
            "carrier": way.place.carrier,
            "hand_in_by": way.by,
            "pickup_on": way.pickup_on,
            "replacement_ships": policy.ships,
            "expected_on": arrives,
        },
    )


def replacement_arrives(ground: Ground, not_before: date | None = None) -> date:
    """Return the day by which a replacement is there: packed on the next working day, then the standard way."""
    first = next(iter(ground.policies.delivery.options.values()))
    start = ground.today if not_before is None else not_before
    return ground.calendar.delivered_after(ground.calendar.after(start, 1), first.max_days)
