"""Another day, time or place for a parcel on its way."""

import re
from datetime import timedelta

from bot.shop.arguments import Reschedule
from bot.shop.changes import RedirectShipment
from bot.shop.models import DeliveryWish, Order, Shipment, ShipmentStatus, Stage, Window
from bot.shop.order_state import expected_on
from bot.shop.rules.ground import Denied, Ground, Plan, check_use

__all__ = ["can_redirect", "plan_redirect"]

MOVABLE = frozenset(
    {
        ShipmentStatus.ANNOUNCED,
        ShipmentStatus.IN_TRANSIT,
        ShipmentStatus.DELAYED,
        ShipmentStatus.DELIVERY_FAILED,
    }
)
_HOURS = re.compile(r"(\d{1,2})(?::?(\d{2}))?\D+(\d{1,2})(?::?(\d{2}))?")


def can_redirect(order: Order, ground: Ground) -> None:
    """Deny changing anything about this order's parcels."""
    if order.stage is Stage.CANCELLED:
        raise Denied("already_cancelled")
    check_use(order, "reschedule_delivery", ground.policies.operations.reschedule_delivery)
    if not ground.policies.delivery.wishes:
        raise Denied("wish_unavailable", options=[])
    _movable(order, None)


def plan_redirect(order: Order, args: Reschedule, ground: Ground) -> Plan:
    """Plan another day, time window or place for a parcel."""
    can_redirect(order, ground)
    delivery = ground.policies.delivery
    shipment = _movable(order, args.shipment_id)
    wish = args.to
    if wish.kind not in delivery.wishes:
        raise Denied("wish_unavailable", options=list(delivery.wishes))
    due = max(shipment.expected_on or ground.today, ground.today + timedelta(days=1))
    earliest = due if ground.calendar.is_delivery(due) else ground.calendar.delivered_after(due, 1)
    days = [earliest, *ground.calendar.delivery_days(earliest, delivery.wish_days - 1)]
    if wish.kind == "day" and wish.day is None:
        raise Denied("day_needed", days=days)
    if wish.day is not None and wish.day not in days:
        raise Denied("day_unavailable", days=days)
    window = _window(wish.window, delivery.windows) if wish.window else None
    if wish.kind == "window" and window is None:
        raise Denied("window_unavailable", windows=list(delivery.windows))
    place = wish.place
    if wish.kind in {"locker", "neighbour", "safe_place", "store"} and place is None:
        raise Denied("place_needed", kind=wish.kind, options=_stores(ground) if wish.kind == "store" else [])
    if wish.kind == "store":
        place = _store(place or "", ground)
    day = wish.day or earliest
    chosen = DeliveryWish(kind=wish.kind, day=day, window=window, place=place)
    change = RedirectShipment(
        order_number=order.number,
        version=order.version,
        operation="reschedule_delivery",
        at=ground.now,
        shipment_id=shipment.id,
        wish=chosen,
        expected_on=day,
    )
    return Plan(
        change,
        {
            "order_number": order.number,
            "shipment_id": shipment.id,
            "from": {"expected_on": shipment.expected_on, "window": shipment.window, "wish": shipment.wish},
            "to": chosen,
            "expected_on": day,
            "window": window,
            "place": place,
        },
    )


def _movable(order: Order, shipment_id: str | None) -> Shipment:
    if not order.shipments:
        raise Denied("not_dispatched", expected_on=expected_on(order))
    chosen = [s for s in order.shipments if shipment_id is None or s.id == shipment_id]
    if not chosen:
        raise Denied("no_shipment", shipment_ids=[shipment.id for shipment in order.shipments])
    able = [shipment for shipment in chosen if shipment.status in MOVABLE]
    if len(able) > 1:
        raise Denied(
            "several_shipments",
            shipments=[
                {"id": shipment.id, "status": shipment.status, "expected_on": shipment.expected_on} for shipment in able
            ],
        )
    if able:
        return able[0]
    open_ones = [shipment for shipment in chosen if shipment.status is not ShipmentStatus.DELIVERED]
    if not open_ones:
        raise Denied(
            "already_delivered", delivered_at=max((s.delivered_at for s in chosen if s.delivered_at), default=None)
        )
    shipment = open_ones[0]
    if shipment.status is ShipmentStatus.OUT_FOR_DELIVERY:
        raise Denied("too_late_today", window=shipment.window)
    if shipment.status is ShipmentStatus.READY_FOR_PICKUP:
        raise Denied("ready_for_pickup", place=shipment.pickup_place, until=shipment.pickup_until)
    raise Denied("carrier_cannot", status=shipment.status)


def _window(words: str, windows: tuple[str, ...]) -> Window | None:
    """Read "16-18", "zwischen 16 und 18 Uhr" or "16:00-18:00"; only a window that policy offers."""
    match = _HOURS.search(words)
    if match is None:
        return None
    start, end = int(match[1]), int(match[3])
    if f"{start}-{end}" not in {entry.replace(" ", "") for entry in windows}:
        return None
    return Window(start=f"{start:02d}:00", end=f"{end:02d}:00")


def _stores(ground: Ground) -> list[dict[str, str]]:
    return [
        {"id": key, "name": store.name, "city": store.city}
        for key, store in ground.policies.shop.stores.items()
        if "pickup" in store.services
    ]


def _store(words: str, ground: Ground) -> str:
    said = words.casefold()
    for key, store in ground.policies.shop.stores.items():
        if "pickup" in store.services and (
            said == key or said in store.name.casefold() or store.city.casefold() in said
        ):
            return store.name
    raise Denied("place_needed", kind="store", options=_stores(ground))
