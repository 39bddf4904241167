"""Cancelling before dispatch: a whole order or single lines."""

from bot.shop.arguments import CancelOrder
from bot.shop.changes import CancelLines
from bot.shop.models import Line, LineQuantity, Order, PaymentStatus, RefundOrigin, Stage
from bot.shop.order_state import delivered_at, expected_on, pieces, stage_after, status_of
from bot.shop.rules.ground import (
    Denied,
    Ground,
    Plan,
    check_reason,
    check_stage,
    check_use,
    find_line,
    line_view,
    money_back,
    refund_option,
    refund_view,
)
from bot.shop.rules.returning import can_return

__all__ = ["can_cancel", "plan_cancellation"]


def can_cancel(order: Order, ground: Ground) -> None:
    """Deny cancelling anything of this order, with the closest reason."""
    policy = ground.policies.operations.cancel_order
    if order.stage is Stage.CANCELLED:
        raise Denied("already_cancelled")
    if order.stage in {Stage.DELIVERED, Stage.RETURNED} and order.stage not in policy.stages:
        came = delivered_at(order)
        until = None
        if came is not None:
            until = ground.calendar.day(came) + ground.policies.operations.create_return.period
        raise Denied("already_delivered", return_possible=_return_possible(order, ground), return_until=until)
    if order.stage is Stage.SHIPPED and order.stage not in policy.stages:
        raise Denied("already_dispatched", expected_on=expected_on(order), return_possible=True)
    check_use(order, "cancel_order", policy)
    check_stage(order, policy.stages, status_of(order, ground.calendar, ground.now))
    if not _open_lines(order):
        raise Denied("already_dispatched", expected_on=expected_on(order), return_possible=True)


def plan_cancellation(order: Order, args: CancelOrder, ground: Ground) -> Plan:
    """Plan a cancellation: which pieces, what comes back, when."""
    can_cancel(order, ground)
    policy = ground.policies.operations.cancel_order
    open_lines = _open_lines(order)
    if args.line_ids is not None:
        chosen = [find_line(order, line_id) for line_id in dict.fromkeys(args.line_ids)]
        if not policy.single_lines and {line.id for line in chosen} != set(open_lines):
            raise Denied("state_not_allowed", status=order.stage, stage=order.stage, allowed=["whole_order"])
        for line in chosen:
            if line.kept == 0:
                raise Denied("already_cancelled")
            if line.id not in open_lines:
                raise Denied("partly_dispatched", open_line_ids=list(open_lines))
    else:
        if len(open_lines) < sum(1 for line in order.lines if line.kept):
            # Part has left: the customer must say that only the rest is meant.
            raise Denied("partly_dispatched", open_line_ids=list(open_lines))
        chosen = [line for line, _ in open_lines.values()]
    check_reason(args.reason, policy.reasons, required=policy.reason_required)

    parts = [open_lines[line.id] for line in chosen]
    after = _without(order, parts)
    whole = after.stage is Stage.CANCELLED
    # What the order costs less; so several cancellations add up to the cent.
    saved = order.total - after.total
    fee = ground.price(policy.fee, order)
    fee = fee if fee.cents <= saved.cents else saved
    to = refund_option(order, args.refund_to, policy.refund_to, ground)
    days = 0 if to.kind in policy.instant_refund_kinds else policy.refund_days
    back = ground.calendar.after(ground.today, days) if days else ground.today
    refund = money_back(order, saved - fee, to, RefundOrigin.CANCELLATION, back, at_once=True)
    change = CancelLines(
        order_number=order.number,
        version=order.version,
        operation="cancel_order",
        at=ground.now,
        lines=tuple(LineQuantity(line_id=line.id, quantity=count) for line, count in parts),
        reason=args.reason,
        fee=fee,
        refund=refund,
    )
    owed = order.payment is not None and order.payment.status in {PaymentStatus.OPEN, PaymentStatus.FAILED}
    return Plan(
        change,
        {
            "order_number": order.number,
            "scope": "order" if whole else "lines",
            "lines": [line_view(line, count) for line, count in parts],
            "fee": fee,
            "refund": refund_view(refund, days),
            "refund_options": list(policy.refund_to),
            "credit": saved - fee if owed else None,
            "new_total": after.total,
            "status": after.stage,
        },
    )


def _open_lines(order: Order) -> dict[str, tuple[Line, int]]:
    found = {line.id: (line, pieces(order, line).open) for line in order.lines}
    return {line_id: part for line_id, part in found.items() if part[1] > 0}


def _without(order: Order, parts: list[tuple[Line, int]]) -> Order:
    """The order as it will be."""
    gone = {line.id: count for line, count in parts}
    lines = tuple(line.model_copy(update={"cancelled": line.cancelled + gone.get(line.id, 0)}) for line in order.lines)
    cut = order.model_copy(update={"lines": lines})
    return cut.model_copy(update={"stage": stage_after(cut)})


def _return_possible(order: Order, ground: Ground) -> bool:
    try:
        can_return(order, ground)
    except Denied:
        return False
    return True
