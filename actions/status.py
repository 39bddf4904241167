"""Says where an order is: its status, its parcels, the day it is expected and what happens if it is late."""

from collections.abc import Mapping
from typing import Any

from actions.turn import Button, Turn

__all__ = [
    "expected_day",
    "item_list",
    "last_report",
    "order_card",
    "promise_delivery",
    "status_buttons",
    "status_text",
]

_ON_THE_WAY = frozenset({"announced", "in_transit", "out_for_delivery", "delayed"})
_EXPECTED = frozenset({"processing", "partly_shipped", "shipped", "delayed", "out_for_delivery"})


def status_text(turn: Turn, order: Mapping[str, Any]) -> str:
    """The status in two to four sentences; each parcel for itself where there are several on their way."""
    moving = [parcel for parcel in order["shipments"] if parcel["status"] != "delivered"]
    if len(order["shipments"]) > 1 and moving:
        return _several_parcels(turn, order)
    parcel = _telling_parcel(order)
    status = order["status"]
    name = f"utter_status_{status}"
    values = _values(turn, order, parcel)
    if values.get("on_expected") is None and turn.texts.has(f"{name}_undated"):
        name = f"{name}_undated"
    return _join(
        turn.t(name, **values),
        last_report(turn, parcel) if parcel and status in ("shipped", "delayed", "delivery_failed") else "",
        turn.t("utter_tracking_number", **values)
        if parcel and parcel.get("tracking_number") and parcel["status"] in _ON_THE_WAY
        else "",
        turn.t("utter_if_late", **values)
        if status in ("shipped", "out_for_delivery") and values.get("on_expected")
        else "",
        turn.t("utter_if_changes", **values) if status == "processing" and values.get("on_expected") else "",
    )


def status_buttons(turn: Turn, order: Mapping[str, Any]) -> list[Button]:
    """What can usefully be done next in this status."""
    possible = {name: state["allowed"] for name, state in (order.get("possible") or {}).items()}
    offers = {
        "cancel_order": turn.button("utter_button_cancel_order", "/cancel_order"),
        "search_parcel": turn.button("utter_button_search_parcel", "/delivery_not_received"),
        "reschedule_delivery": turn.button("utter_button_reschedule", "/reschedule_delivery"),
        "create_return": turn.button("utter_button_return", "/return_item"),
    }
    return [button for name, button in offers.items() if possible.get(name)][:3]


def promise_delivery(turn: Turn, order: Mapping[str, Any]) -> None:
    """Report the expected day as a promise, where one was held out for the whole order."""
    day = expected_day(order)
    if day and order["status"] in _EXPECTED and day >= turn.texts.today.isoformat():
        turn.promise(
            "delivery", turn.t("utter_promise_delivery", on_expected=turn.texts.on_day(day)), day, order=order["number"]
        )


def expected_day(order: Mapping[str, Any]) -> str | None:
    """The day on which all of it should be there."""
    days = [
        parcel["expected_on"]
        for parcel in order["shipments"]
        if parcel["status"] in _ON_THE_WAY and parcel["expected_on"]
    ]
    return max(days) if days else order.get("expected_on")


def last_report(turn: Turn, parcel: Mapping[str, Any]) -> str:
    """What the carrier reported last, and where and when."""
    if not parcel["events"]:
        return ""
    event = parcel["events"][-1]
    place = f", {event['place']}" if event.get("place") else ""
    return turn.t(
        "utter_last_report",
        text=turn.texts.local(event["text"]).rstrip("."),
        place=place,
        day=turn.texts.day(event["at"]),
    )


def item_list(turn: Turn, lines: list[Mapping[str, Any]], *, limit: int = 4) -> str:
    """`Regenjacke Sylt (Marine, M) und 2 × Wollsocken`; a long list is cut and says so."""
    items = [turn.texts.item(line) for line in lines]
    if len(items) > limit:
        items = [*items[: limit - 1], turn.t("utter_more_items", count=len(items) - limit + 1)]
    return turn.texts.all_of(items)


def order_card(turn: Turn, order: Mapping[str, Any]) -> dict[str, Any]:
    """What a channel may show beside the text."""
    parcel = _telling_parcel(order)
    day = expected_day(order)
    return {
        "type": "order",
        "number": order["number"],
        "status": order["status"],
        "status_text": turn.t(f"utter_status_word_{order['status']}"),
        "placed_on": turn.texts.day(order["placed_at"]) if order.get("placed_at") else None,
        "total": turn.texts.money(order["total"]),
        "lines": [
            {
                "sku": line["sku"],
                "name": turn.texts.named(line),
                "variant": turn.texts.named(line, "variant"),
                "quantity": line["quantity"],
                "price": turn.texts.money(line["price"]),
            }
            for line in order["lines"]
        ],
        "expected_on": day,
        "expected_text": turn.texts.day(day) if day and order["status"] in _EXPECTED else None,
        "carrier": parcel["carrier_name"] if parcel else None,
        "tracking_number": parcel["tracking_number"] if parcel else None,
        "tracking_url": parcel["tracking_url"] if parcel else None,
    }


def _telling_parcel(order: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The parcel that matters most: one on its way, else the last."""
    parcels = order["shipments"]
    moving = [parcel for parcel in parcels if parcel["status"] != "delivered"]
    return (moving or parcels or [None])[-1]


def _values(turn: Turn, order: Mapping[str, Any], parcel: Mapping[str, Any] | None) -> dict[str, Any]:
    texts = turn.texts
    expected = (parcel or {}).get("expected_on") or order.get("expected_on")
    promised = (parcel or {}).get("promised_on") or order.get("promised_on")
    delivered = (parcel or {}).get("delivered_at") or order.get("delivered_at")
    window = (parcel or {}).get("window")
    pickup = (parcel or {}).get("pickup") or {}
    payment = order.get("payment") or {}
    refunds = list(order.get("refunds") or [])
    delivered_to = (parcel or {}).get("delivered_to")
    if expected and expected < texts.today.isoformat():
        expected = None
    return {
        "order_number": order["number"],
        "items": item_list(turn, order["lines"]),
        "carrier": (parcel or {}).get("carrier_name") or turn.t("utter_the_carrier"),
        "tracking_number": (parcel or {}).get("tracking_number"),
        "on_expected": texts.on_day(expected) + (f" {texts.window(window)}" if window else "") if expected else None,
        "promised": texts.on_day(promised) if promised else turn.t("utter_earlier"),
        "on_delivered": texts.on_day(delivered) if delivered else "",
        "delivered_to": f" ({delivered_to})" if delivered_to else "",
        "place": pickup.get("place") or turn.t("utter_the_pickup_place"),
        "by_until": f" {texts.by_day(pickup['until'])}" if pickup.get("until") else "",
        "payment": payment.get("label") or "",
        "by_pay_by": f" {texts.by_day(payment['pay_by'])}" if payment.get("pay_by") else "",
        "total": texts.money(order["total"]),
        "refund": turn.t("utter_refund_follows", amount=texts.money(refunds[-1]["amount"]))
        if refunds and refunds[-1]["status"] != "issued"
        else "",
        "cause": turn.t(f"utter_late_cause_{order['late']['cause']}") if order["late"].get("cause") else "",
    }


def _several_parcels(turn: Turn, order: Mapping[str, Any]) -> str:
    by_id = {str(line["id"]): line for line in order["lines"]}
    paragraphs = [turn.t("utter_status_several", order_number=order["number"], count=len(order["shipments"]))]
    sent: dict[str, int] = {}
    for parcel in order["shipments"]:
        lines = []
        for part in parcel["lines"]:
            line_id = str(part["line_id"])
            sent[line_id] = sent.get(line_id, 0) + part["quantity"]
            lines.append({**by_id[line_id], "quantity": part["quantity"]})
        values = _values(turn, order, parcel)
        name = f"utter_parcel_{parcel['status']}"
        if not values["on_expected"] and turn.texts.has(f"{name}_undated"):
            name = f"{name}_undated"
        paragraphs.append(f"• {item_list(turn, lines)}: {turn.t(name, **values)}")
    waiting = [
        {**line, "quantity": line["quantity"] - line["cancelled"] - sent.get(line_id, 0)}
        for line_id, line in by_id.items()
        if line["quantity"] - line["cancelled"] - sent.get(line_id, 0) > 0
    ]
    if waiting:
        day = order.get("expected_on")
        known = day and day >= turn.texts.today.isoformat()
        text = (
            turn.t("utter_parcel_waiting", on_expected=turn.texts.on_day(day))
            if known
            else turn.t("utter_parcel_waiting_undated")
        )
        paragraphs.append(f"• {item_list(turn, waiting)}: {text}")
    return "\n".join(paragraphs)


def _join(*sentences: str) -> str:
    return " ".join(sentence for sentence in sentences if sentence)
