"""What every rule stands on: the policies, the clock, denials, and how amounts are reckoned."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from bot.shop.calendar import Calendar
from bot.shop.changes import Change, RefundPlan
from bot.shop.mailing import Mail
from bot.shop.models import (
    Customer,
    Line,
    Order,
    PaymentKind,
    PaymentOption,
    PaymentStatus,
    RefundOrigin,
    RefundStatus,
    Stage,
)
from bot.shop.money import Money
from bot.shop.policies import OperationPolicy, Policies

__all__ = [
    "Denied",
    "Ground",
    "Plan",
    "Settlement",
    "check_reason",
    "check_stage",
    "check_use",
    "find_line",
    "goods_value",
    "line_view",
    "money_back",
    "option_view",
    "payment_options",
    "refund_option",
    "refund_view",
    "settle",
    "still_paid",
]


class Denied(Exception):
    """The wish cannot be granted; ``code`` and ``params`` are documented in docs/operations.md."""

    def __init__(self, code: str, **params: Any) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


@dataclass(frozen=True)
class Ground:
    """The shop's rules at one instant, for one customer."""

    policies: Policies
    calendar: Calendar
    now: datetime
    customer: Customer | None = None

    @property
    def today(self) -> date:
        """The shop's calendar day."""
        return self.calendar.day(self.now)

    def zero(self, order: Order) -> Money:
        """No money, in the order's currency."""
        return Money(cents=0, currency=order.currency)

    def price(self, of_policy: Money, order: Order) -> Money:
        """A fee or cost of the policy file, which knows one currency, on an order."""
        return Money(cents=of_policy.cents, currency=order.currency)


@dataclass(frozen=True)
class Plan:
    """A change that policy allows, what it means in the words of docs/operations.md, and the mails it brings.

    ``change`` is None where only mails are sent. A mail's data is completed with the plan's own.
    """

    change: Change | None
    data: dict[str, Any]
    mails: tuple[Mail, ...] = ()


def check_use(order: Order, name: str, policy: OperationPolicy) -> None:
    """Deny an operation that this order has used up, or that another one has closed."""
    if not policy.enabled:
        raise Denied("shop_cannot", operation=name)
    for other in policy.not_after:
        if any(done.operation == other for done in order.done):
            raise Denied("changed_before", operation=other)
    if policy.limit is not None:
        counted = {name, *policy.limit_with}
        if sum(done.operation in counted for done in order.done) >= policy.limit:
            raise Denied("limit_reached", operation=name, limit=policy.limit, shared_with=list(policy.limit_with))


def check_stage(order: Order, stages: Iterable[Stage], status: str) -> None:
    """Deny an operation in a stage that policy does not list."""
    allowed = list(stages)
    if order.stage not in allowed:
        raise Denied("state_not_allowed", status=status, stage=order.stage, allowed=allowed)


def check_reason(given: str | None, accepted: tuple[str, ...], *, required: bool) -> None:
    """Deny a missing reason where policy wants one, and one that policy does not accept."""
    if given is None:
        if required:
            raise Denied("reason_needed", reasons=list(accepted))
    elif accepted and given not in accepted:
        raise Denied("reason_not_accepted", reasons=list(accepted))


def find_line(order: Order, line_id: str) -> Line:
    """Return a line or deny."""
    line = order.line(line_id)
    if line is None:
        raise Denied("unknown_line", line_id=line_id, line_ids=[line.id for line in order.lines])
    return line


def goods_value(order: Order, parts: Iterable[tuple[Line, int]]) -> Money:
    """Reckon what was charged for some pieces: their price less their share of the order's discount."""
    value = sum((line.price * count for line, count in parts), Money(cents=0, currency=order.currency))
    return value - order.discount_on(value)


def still_paid(order: Order) -> Money:
    """Reckon what the shop holds of the customer's money: paid, and neither refunded nor about to be."""
    zero = Money(cents=0, currency=order.currency)
    money_in = {PaymentStatus.PAID, PaymentStatus.PARTLY_REFUNDED, PaymentStatus.REFUNDED}
    paid = sum((payment.amount for payment in order.payments if payment.status in money_in), zero)
    back = sum((refund.amount for refund in order.refunds if refund.status is not RefundStatus.FAILED), zero)
    announced = sum(
        (
            entry.refund_amount
            for entry in order.returns
            if entry.refund_amount is not None
            and entry.status in {"requested", "in_transit", "received"}
            and not any(refund.return_number == entry.number for refund in order.refunds)
        ),
        zero,
    )
    return Money(cents=max(0, (paid - back - announced).cents), currency=order.currency)


def refund_option(order: Order, wish: str | None, allowed: Iterable[str], ground: Ground) -> PaymentOption:
    """Decide where money goes back to: the way it came, unless the customer wishes a gift card and policy has it."""
    options = list(allowed)
    target = wish or options[0]
    if target not in options:
        raise Denied("refund_to_unavailable", options=options)
    if target == "gift_card":
        kept = ground.customer.payment_options if ground.customer is not None else ()
        card = next((option for option in kept if option.kind is PaymentKind.GIFT_CARD), None)
        return card or PaymentOption(id="new_gift_card", kind=PaymentKind.GIFT_CARD, label="Geschenkkarte")
    payment = order.payment
    if payment is None:
        return PaymentOption(id="original", kind=PaymentKind.OTHER, label="")
    return PaymentOption(id=payment.option_id or payment.kind, kind=payment.kind, label=payment.label)


def money_back(
    order: Order,
    amount: Money,
    to: PaymentOption,
    origin: RefundOrigin,
    expected_on: date,
    *,
    at_once: bool = False,
) -> RefundPlan | None:
    """Plan a refund of at most what the shop holds; None when it holds nothing of it."""
    held = still_paid(order)
    cents = min(amount.cents, held.cents)
    if cents <= 0:
        return None
    return RefundPlan(
        amount=Money(cents=cents, currency=order.currency),
        to=to,
        origin=origin,
        expected_on=expected_on,
        at_once=at_once,
    )


def refund_view(refund: RefundPlan | None, working_days: int, *, after: str | None = None) -> dict[str, Any] | None:
    """Show a planned refund."""
    if refund is None:
        return None
    return {
        "amount": refund.amount,
        "to": {"kind": refund.to.kind, "label": refund.to.label},
        "expected_on": refund.expected_on,
        "working_days": working_days,
        "after": after,
    }


def line_view(line: Line, quantity: int) -> dict[str, Any]:
    """Show some pieces of a line."""
    return {
        "id": line.id,
        "line_id": line.id,
        "sku": line.sku,
        "name": line.name,
        "name_en": line.name_en,
        "variant": line.variant,
        "variant_en": line.variant_en,
        "quantity": quantity,
        "total": line.price * quantity,
    }


def payment_options(order: Order, amount: Money, ground: Ground) -> list[PaymentOption]:
    """List the ways to pay that are open: those kept with the account first, then what the shop offers everyone."""
    kept = list(ground.customer.payment_options) if ground.customer is not None else []
    kept_kinds = {option.kind for option in kept}
    offered = [
        PaymentOption(id=kind, kind=kind, label=method.name.de)
        for kind, method in ground.policies.payment.items()
        if method.changeable and kind not in kept_kinds and (method.limit is None or amount.cents <= method.limit.cents)
    ]
    return kept + offered


def option_view(option: PaymentOption, amount: Money) -> dict[str, Any]:
    """Show a way to pay, and whether it covers an amount."""
    return {
        "id": option.id,
        "kind": option.kind,
        "label": option.label,
        "balance": option.balance,
        "covers": option.balance is None or option.balance.cents >= amount.cents,
    }


@dataclass(frozen=True)
class Settlement:
    """How a price difference is settled: charged to a way to pay, given back, or added to what is still owed."""

    kind: Literal["charge", "refund", "owed", "none"]
    amount: Money
    charge: PaymentOption | None = None
    refund: RefundPlan | None = None

    def view(self) -> dict[str, Any]:
        """Show it in the words of docs/operations.md."""
        to = self.charge or (self.refund.to if self.refund else None)
        return {
            "kind": self.kind,
            "amount": self.amount,
            "to": {"id": to.id, "kind": to.kind, "label": to.label} if to else None,
            "expected_on": self.refund.expected_on if self.refund else None,
        }


def settle(
    order: Order, difference: Money, wish: str | None, refund_by: date, ground: Ground, *, at_once: bool = True
) -> Settlement:
    """Decide how a price difference is settled; positive: the customer pays more.

    Args:
        order: whose payment counts.
        difference: in the order's currency.
        wish: id of the way to pay that the customer chose; None: as the order was paid.
        refund_by: when money back arrives.
        ground: policies, clock and customer.
        at_once: money back is sent without waiting for goods.
    """
    if not difference:
        return Settlement("none", difference)
    payment = order.payment
    amount = Money(cents=abs(difference.cents), currency=difference.currency)
    if payment is not None and payment.status in {PaymentStatus.OPEN, PaymentStatus.FAILED}:
        return Settlement("owed", difference)
    options = payment_options(order, amount, ground)
    if wish is not None:
        chosen = next((option for option in options if option.id == wish), None)
        if chosen is None:
            raise Denied("method_unknown", options=[option_view(option, amount) for option in options])
    elif payment is not None:
        kept = (option for option in options if option.id == payment.option_id)
        chosen = next(kept, PaymentOption(id=payment.kind, kind=payment.kind, label=payment.label))
    else:
        chosen = PaymentOption(id="original", kind=PaymentKind.OTHER, label="")
    if difference.cents > 0:
        if chosen.balance is not None and chosen.balance.cents < amount.cents:
            raise Denied(
                "gift_card_too_small",
                balance=chosen.balance,
                amount=amount,
                options=[option_view(option, amount) for option in options],
            )
        return Settlement("charge", amount, charge=chosen)
    refund = money_back(order, amount, chosen, RefundOrigin.PRICE_DIFFERENCE, refund_by, at_once=at_once)
    return Settlement("refund", amount, refund=refund) if refund else Settlement("none", ground.zero(order))
