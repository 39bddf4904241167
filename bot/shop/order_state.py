"""What follows from an order's facts: how many pieces are where, what the customer is told, how late it is."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from bot.shop.calendar import Calendar
from bot.shop.models import (
    Line,
    Order,
    OrderSummary,
    RefundStatus,
    Return,
    ReturnKind,
    ReturnStatus,
    Shipment,
    ShipmentStatus,
    Stage,
    Status,
)

__all__ = [
    "Lateness",
    "Pieces",
    "delivered_at",
    "expected_on",
    "lateness",
    "pieces",
    "stage_after",
    "status_of",
    "summarise",
]

ON_THE_WAY = frozenset(
    {
        ShipmentStatus.IN_TRANSIT,
        ShipmentStatus.DELAYED,
        ShipmentStatus.OUT_FOR_DELIVERY,
        ShipmentStatus.DELIVERY_FAILED,
        ShipmentStatus.READY_FOR_PICKUP,
        ShipmentStatus.LOST,
        ShipmentStatus.RETURNED_TO_SENDER,
    }
)
# A parcel that is announced has a label, but the goods are still in the warehouse and can be stopped.
DISPATCHED = ON_THE_WAY | {ShipmentStatus.DELIVERED}
DEAD_RETURNS = frozenset({ReturnStatus.REJECTED, ReturnStatus.EXPIRED})
CLOSER = {
    ShipmentStatus.LOST: Status.LOST,
    ShipmentStatus.DELIVERY_FAILED: Status.DELIVERY_FAILED,
    ShipmentStatus.READY_FOR_PICKUP: Status.READY_FOR_PICKUP,
    ShipmentStatus.OUT_FOR_DELIVERY: Status.OUT_FOR_DELIVERY,
}


@dataclass(frozen=True)
class Pieces:
    """Where the pieces of one line are. All are counts; ``open`` is what could still be cancelled."""

    open: int
    shipped: int
    delivered: int
    returning: int
    returned: int

    @property
    def with_customer(self) -> int:
        """Delivered and neither sent back nor announced for return."""
        return max(0, self.delivered - self.returning - self.returned)


@dataclass(frozen=True)
class Lateness:
    """Whether and by how many calendar days an order is later than first promised."""

    is_late: bool
    days: int
    cause: str | None


def _own_shipments(order: Order) -> list[Shipment]:
    """Shipments of the goods ordered; replacements are counted by what they replace."""
    return [shipment for shipment in order.shipments if shipment.replacement_for is None]


def pieces(order: Order, line: Line) -> Pieces:
    """Count where the pieces of a line are.

    A shop that keeps no parcels tells by the order's stage alone.
    """
    own = _own_shipments(order)
    if own:
        shipped = _in_shipments(own, line, DISPATCHED)
        delivered = _in_shipments(own, line, {ShipmentStatus.DELIVERED})
    else:
        # Nobody knows which lines of a partly shipped order have left: none can be stopped.
        gone = {Stage.PARTLY_SHIPPED, Stage.SHIPPED, Stage.DELIVERED, Stage.RETURNED}
        shipped = line.kept if order.stage in gone else 0
        delivered = line.kept if order.stage in {Stage.DELIVERED, Stage.RETURNED} else 0
    returning = returned = 0
    for entry in order.returns:
        if entry.status in DEAD_RETURNS:
            continue
        count = sum(part.quantity for part in entry.lines if part.line_id == line.id)
        if entry.status in {ReturnStatus.RECEIVED, ReturnStatus.COMPLETED}:
            returned += count
        else:
            returning += count
    return Pieces(max(0, line.kept - shipped), shipped, delivered, returning, returned)


def _in_shipments(shipments: list[Shipment], line: Line, states: Collection[ShipmentStatus]) -> int:
    count = sum(
        part.quantity
        for shipment in shipments
        if shipment.status in states
        for part in shipment.lines
        if part.line_id == line.id
    )
    return min(count, line.kept)


def delivered_at(order: Order, line: Line | None = None) -> datetime | None:
    """Return when a line (or the last of all lines) was delivered, or None if it was not or nobody knows."""
    own = _own_shipments(order)
    if not own:
        return order.delivered_at
    instants = [
        shipment.delivered_at
        for shipment in own
        if shipment.status is ShipmentStatus.DELIVERED
        and shipment.delivered_at is not None
        and (line is None or any(part.line_id == line.id for part in shipment.lines))
    ]
    return max(instants, default=order.delivered_at)


def expected_on(order: Order) -> date | None:
    """Return the day the last open goods are expected, or None if nothing is open."""
    if order.stage in {Stage.DELIVERED, Stage.RETURNED, Stage.CANCELLED}:
        return None
    days = [
        shipment.expected_on
        for shipment in order.shipments
        if shipment.status is not ShipmentStatus.DELIVERED and shipment.expected_on is not None
    ]
    if order.expected_on is not None and (not days or order.stage is not Stage.SHIPPED):
        days.append(order.expected_on)
    return max(days, default=None)


def lateness(order: Order, calendar: Calendar, now: datetime) -> Lateness:
    """Compare what was promised with what is expected now.

    For an order that was delivered it is the day it came that counts.
    """
    today = calendar.day(now)
    promised = order.promised_on or max(
        (shipment.promised_on for shipment in order.shipments if shipment.promised_on), default=None
    )
    if promised is None or order.stage in {Stage.CANCELLED, Stage.RETURNED, Stage.AWAITING_PAYMENT}:
        return Lateness(False, 0, None)
    if order.stage is Stage.DELIVERED:
        came = delivered_at(order)
        late = (calendar.day(came) - promised).days if came is not None else 0
        return Lateness(late > 0, max(0, late), order.late_cause if late > 0 else None)
    due = expected_on(order)
    late = (max(due or promised, today if promised < today else promised) - promised).days
    cause = order.late_cause or ("carrier" if order.shipments else "stock")
    return Lateness(late > 0, max(0, late), cause if late > 0 else None)


def _active_return(order: Order) -> Return | None:
    alive = [entry for entry in order.returns if entry.status not in DEAD_RETURNS]
    return alive[-1] if alive else None


def _return_status(order: Order) -> Status | None:
    """What an unfinished return says of its order; a finished one only if everything went back."""
    entry = _active_return(order)
    if entry is None:
        return None
    if entry.status is ReturnStatus.REQUESTED:
        return Status.RETURN_REQUESTED
    if entry.status is ReturnStatus.IN_TRANSIT:
        return Status.RETURN_IN_TRANSIT
    if entry.kind is ReturnKind.EXCHANGE or (
        entry.status is ReturnStatus.COMPLETED and order.stage is not Stage.RETURNED
    ):
        return None
    refunds = [refund for refund in order.refunds if refund.return_number == entry.number]
    if refunds and all(refund.status is RefundStatus.ISSUED for refund in refunds):
        return Status.REFUNDED if order.stage is Stage.RETURNED else None
    return Status.RETURN_RECEIVED


def status_of(order: Order, calendar: Calendar, now: datetime) -> Status:
    """Tell what the customer is told: the stage, or what is closer to the truth."""
    if order.stage in {Stage.DELIVERED, Stage.RETURNED}:
        status = _return_status(order)
        if status is not None:
            return status
    if order.stage in {Stage.SHIPPED, Stage.PARTLY_SHIPPED}:
        underway = {shipment.status for shipment in order.shipments if shipment.status in ON_THE_WAY}
        for state, status in CLOSER.items():
            if state in underway:
                return status
    if order.stage in {Stage.SHIPPED, Stage.PARTLY_SHIPPED, Stage.PROCESSING} and (
        lateness(order, calendar, now).is_late or any(s.status is ShipmentStatus.DELAYED for s in order.shipments)
    ):
        return Status.DELAYED
    return Status(order.stage)


def stage_after(order: Order) -> Stage:
    """Reckon the stage anew from where the pieces are, after lines were cancelled or changed."""
    if all(line.kept == 0 for line in order.lines):
        return Stage.CANCELLED
    counts = [pieces(order, line) for line in order.lines if line.kept]
    if not any(count.shipped for count in counts):
        return order.stage if order.stage in {Stage.AWAITING_PAYMENT, Stage.ON_HOLD} else Stage.PROCESSING
    if any(count.open for count in counts):
        return Stage.PARTLY_SHIPPED
    kept = {line.id: line.kept for line in order.lines if line.kept}
    if all(count.delivered >= amount for count, amount in zip(counts, kept.values(), strict=True)):
        all_back = all(count.returned >= amount for count, amount in zip(counts, kept.values(), strict=True))
        return Stage.RETURNED if all_back else Stage.DELIVERED
    return Stage.SHIPPED


def summarise(order: Order, calendar: Calendar, now: datetime) -> OrderSummary:
    """Give the one-line view of an order: its first things by name, and how many more."""
    lines = [line for line in order.lines if line.kept] or list(order.lines)
    more = len(lines) - 2
    german = ", ".join(line.name for line in lines[:2]) + (f" und {more} weitere" if more > 0 else "")
    english = ", ".join(line.name_en or line.name for line in lines[:2]) + (f" and {more} more" if more > 0 else "")
    return OrderSummary(
        number=order.number,
        status=status_of(order, calendar, now),
        stage=order.stage,
        placed_at=order.placed_at,
        summary=german,
        summary_en=english,
        items=sum(line.quantity for line in lines),
        total=order.ordered_total if order.stage is Stage.CANCELLED else order.total,
        promised_on=order.promised_on,
        expected_on=expected_on(order),
        delivered_at=delivered_at(order),
    )
