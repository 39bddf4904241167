"""Parcels: ways and times of delivery, and what to do when one is late."""

import re
from collections.abc import Mapping
from typing import Any, ClassVar

from actions import reading
from actions.answers import ShopAnswer
from actions.flows import Change
from actions.knowledge import answer_from_product
from actions.order_flow import OrderFlow
from actions.shop_client import Denied, Done
from actions.status import item_list, order_card, promise_delivery, status_buttons, status_text
from actions.turn import Button, Turn, choose

__all__ = ["DeliveryLate", "DeliveryOptions", "DeliveryTime", "Reschedule", "SearchParcel"]

_KINDS: Mapping[str, tuple[str, ...]] = {
    "day": ("anderer tag", "an einem anderen tag", "another day", "different day", "später", "later"),
    "window": (
        "uhrzeit",
        "zeitfenster",
        "time window",
        "time slot",
        "vormittags",
        "nachmittags",
        "abends",
        "morning",
        "afternoon",
        "evening",
    ),
    "locker": ("packstation", "paketstation", "parcel locker", "locker"),
    "neighbour": ("nachbar", "nachbarn", "nachbarin", "neighbour", "neighbor"),
    "store": ("laden", "filiale", "abholen", "selbst abholen", "store", "shop", "pick it up"),
    "safe_place": (
        "ablageort",
        "ablegen",
        "garage",
        "terrasse",
        "schuppen",
        "vor die tür",
        "safe place",
        "porch",
        "leave it",
        "shed",
    ),
}
_NEEDS_PLACE = ("neighbour", "safe_place", "locker", "store")
_MOST_DAYS = 7
_ABOUT_SHIPPING = re.compile(
    r"versand|verschick|liefer|porto|zustell|shipping|ship\b|deliver|postage|send", re.IGNORECASE
)
_NOT_NEEDED = "-"
"""Value of a step that this wish does not need."""


class DeliveryLate(OrderFlow):
    """Tells how late an order is, why, when it comes, and what can be done."""

    form = "delivery_late_form"
    intents = ("delivery_late",)
    steps = ("order_number", "proof")
    matter = "waiting"

    async def finish(self, turn: Turn) -> None:
        """The truth about the delay: whether there is one, how long, the new day, the way out."""
        order = await self.order(turn)
        late = order["late"]
        opening = ""
        if late["is_late"] and late["days"] > 0:
            opening = turn.t("utter_late_one_day" if late["days"] == 1 else "utter_late_days", count=late["days"])
        elif order["status"] in ("processing", "shipped", "out_for_delivery", "partly_shipped"):
            opening = turn.t("utter_not_late_yet")
        own = turn.t("utter_acknowledge_late") if late["is_late"] else None
        search = order["possible"].get("search_parcel", {}).get("allowed") and late["is_late"]
        if search:
            turn.set("offer", {"form": SearchParcel.form, "slots": {"order_number": order["number"]}})
        turn.say(
            opening,
            status_text(turn, order),
            turn.t("utter_offer_search") if search else "",
            buttons=[
                *(turn.buttons("utter_offer_search") if search else status_buttons(turn, order)),
                *turn.buttons("utter_offer_person"),
            ],
            card=order_card(turn, order),
            acknowledgement=own,
        )
        promise_delivery(turn, order)


class SearchParcel(Change, OrderFlow):
    """Has the carrier trace a parcel that is marked delivered and did not come, or is overdue."""

    form = "search_parcel_form"
    intents = ("delivery_not_received",)
    steps = ("order_number", "proof", "shipment", "confirm")
    matter = "waiting"
    operation = "search_parcel"
    solvable: ClassVar[dict[str, str]] = {"several_shipments": "shipment"}
    later = ("several_shipments",)
    question = "utter_shall_i_search"

    async def settle_shipment(self, turn: Turn) -> str | None:
        """The only parcel there is."""
        parcels = (await self.order(turn))["shipments"]
        return str(parcels[0]["id"]) if len(parcels) == 1 else None

    async def ask_shipment(self, turn: Turn) -> None:
        """Which of the parcels."""
        order = await self.order(turn)
        self.pose(turn, "shipment", buttons=parcel_buttons(turn, order), order_number=order["number"])

    async def read_shipment(self, turn: Turn) -> str | None:
        """A parcel by what is in it, or by its place in the list."""
        return parcel_in(turn.text, await self.order(turn))

    async def args(self, turn: Turn) -> dict[str, Any]:
        """The order and the parcel."""
        return {"order_number": turn.slot("order_number"), "shipment_id": turn.slot("shipment")}

    async def announce(self, turn: Turn, data: dict[str, Any]) -> list[str]:
        """Where it was left, where to look first, and what the search brings when."""
        parcel = data["shipment"]
        delivered = parcel.get("delivered_at")
        return [
            turn.t(
                "utter_marked_delivered",
                carrier=parcel["carrier_name"],
                on_delivered=turn.texts.on_day(delivered),
                place=f" ({parcel['delivered_to']})" if parcel.get("delivered_to") else "",
            )
            if delivered
            else turn.t("utter_overdue_parcel", carrier=parcel["carrier_name"]),
            turn.t("utter_ask_neighbour", neighbour=data["neighbour"])
            if data.get("neighbour")
            else turn.t("utter_look_around")
            if delivered
            else "",
            turn.t("utter_search_takes", carrier=parcel["carrier_name"], by_day=turn.texts.by_day(data["answer_by"])),
        ]

    async def report(self, turn: Turn, data: dict[str, Any]) -> None:
        """The number of the search, and until when there is an answer."""
        answer = turn.t("utter_answer_by", by_day=turn.texts.by_day(data["answer_by"]))
        turn.say(turn.t("utter_search_opened", number=data["number"], carrier=data["shipment"]["carrier_name"]), answer)
        turn.promise("answer", answer, data["answer_by"], order=turn.slot("order_number"))


class Reschedule(Change, OrderFlow):
    """Has a parcel that is on its way brought on another day, at another time or to another place."""

    form = "reschedule_delivery_form"
    intents = ("reschedule_delivery",)
    steps = ("order_number", "proof", "shipment", "delivery_wish", "day", "window", "place", "confirm")
    matter = "waiting"
    operation = "reschedule_delivery"
    free_text = frozenset({"place"})
    depends: ClassVar[dict[str, tuple[str, ...]]] = {"delivery_wish": ("day", "window", "place")}
    solvable: ClassVar[dict[str, str]] = {
        "several_shipments": "shipment",
        "wish_unavailable": "delivery_wish",
        "day_needed": "day",
        "day_unavailable": "day",
        "window_unavailable": "window",
        "place_needed": "place",
    }
    later = ("several_shipments",)

    async def settle_shipment(self, turn: Turn) -> str | None:
        """The only parcel on its way."""
        moving = [parcel for parcel in (await self.order(turn))["shipments"] if parcel["status"] != "delivered"]
        return str(moving[0]["id"]) if len(moving) == 1 else None

    async def ask_shipment(self, turn: Turn) -> None:
        """Which of the parcels."""
        order = await self.order(turn)
        self.pose(turn, "shipment", buttons=parcel_buttons(turn, order), order_number=order["number"])

    async def read_shipment(self, turn: Turn) -> str | None:
        """A parcel by what is in it, or by its place in the list."""
        return parcel_in(turn.text, await self.order(turn))

    async def _wishes(self, turn: Turn) -> list[str]:
        obstacle = turn.slot("obstacle") or {}
        if obstacle.get("code") == "wish_unavailable" and obstacle["params"].get("options"):
            return list(obstacle["params"]["options"])
        info = await turn.look_up("shop_info")
        return list(info.data["delivery"].get("wishes") or _KINDS) if isinstance(info, Done) else list(_KINDS)

    async def settle_delivery_wish(self, turn: Turn) -> str | None:
        """What was said at the beginning: a place, a time, a day."""
        return await self._wish_in(turn, turn.slot("opening") or "", times_in(turn, opening=True))

    async def ask_delivery_wish(self, turn: Turn) -> None:
        """What can be changed."""
        wishes = await self._wishes(turn)
        self.pose(
            turn,
            "delivery_wish",
            buttons=[turn.button(f"utter_wish_{wish}", choose(delivery_wish=wish)) for wish in wishes],
        )

    async def read_delivery_wish(self, turn: Turn) -> str | None:
        """A kind of wish; a day or a time that is named is one."""
        return await self._wish_in(turn, turn.text, times_in(turn))

    async def _wish_in(self, turn: Turn, text: str, times: Mapping[str, Any]) -> str | None:
        kind = reading.choice(
            text, {wish: _KINDS[wish] for wish in await self._wishes(turn) if wish in _KINDS}, by_place=False
        )
        if kind in (None, "day", "window") and times.get("window"):
            return "window"
        return kind or ("day" if times.get("day") else None)

    async def settle_day(self, turn: Turn) -> str | None:
        """Needed for another day; for a time window the day expected is taken."""
        named = times_in(turn, opening=True).get("day")
        if named:
            return str(named)
        return (
            None
            if turn.slot("delivery_wish") == "day" or (turn.slot("obstacle") or {}).get("code") == "day_needed"
            else _NOT_NEEDED
        )

    async def ask_day(self, turn: Turn) -> None:
        """The day; days that are possible are choices."""
        days = ((turn.slot("obstacle") or {}).get("params") or {}).get("days") or await self._possible_days(turn)
        buttons = [{"title": turn.texts.day(day), "payload": choose(day=day)} for day in days[:_MOST_DAYS]]
        self.pose(turn, "day", buttons=buttons, expects={"type": "date", "days": days[:_MOST_DAYS]})

    async def _possible_days(self, turn: Turn) -> list[str]:
        """Days that the shop would deliver on; none if it does not say."""
        wish = {"kind": "day"}
        args = {"order_number": turn.slot("order_number"), "shipment_id": turn.slot("shipment"), "to": wish}
        denied = await turn.preview(self.operation, args)
        return list(denied.params.get("days") or []) if isinstance(denied, Denied) else []

    async def read_day(self, turn: Turn) -> str | None:
        """A day."""
        return times_in(turn).get("day")

    async def settle_window(self, turn: Turn) -> str | None:
        """Only for a time window."""
        named = times_in(turn, opening=True).get("window")
        return named or (None if turn.slot("delivery_wish") == "window" else _NOT_NEEDED)

    async def ask_window(self, turn: Turn) -> None:
        """The windows there are."""
        windows = ((turn.slot("obstacle") or {}).get("params") or {}).get("windows")
        if not windows:
            info = await turn.look_up("shop_info")
            windows = info.data["delivery"].get("windows") if isinstance(info, Done) else []
        self.pose(
            turn,
            "window",
            buttons=[
                {"title": _window_title(turn, window), "payload": choose(window=window)} for window in windows or []
            ],
            expects={"type": "time_window", "windows": list(windows or [])},
        )

    async def read_window(self, turn: Turn) -> str | None:
        """Two hours."""
        return times_in(turn).get("window")

    async def settle_place(self, turn: Turn) -> str | None:
        """Only for a place, and only where it needs a name."""
        return None if turn.slot("delivery_wish") in _NEEDS_PLACE else _NOT_NEEDED

    async def ask_place(self, turn: Turn) -> None:
        """Which neighbour, locker, store or spot; our stores are choices."""
        kind = turn.slot("delivery_wish")
        buttons = []
        if kind == "store":
            info = await turn.look_up("shop_info")
            stores = info.data["stores"] if isinstance(info, Done) else []
            stores = [store for store in stores if "pickup" in (store.get("services") or ["pickup"])]
            buttons = [{"title": store["name"][:60], "payload": choose(place=store["name"])} for store in stores]
        elif kind == "safe_place":
            buttons = [
                turn.button(f"utter_spot_{spot}", choose(place=turn.t(f"utter_spot_{spot}")))
                for spot in ("garage", "terrace", "shed", "door")
            ]
        turn.say(turn.t(f"utter_ask_place_{kind}"), buttons=buttons)

    async def read_place(self, turn: Turn) -> str | None:
        """The name of a place in any words."""
        return None if reading.is_question(turn.text) or len(turn.text) < 3 else turn.text[:110]

    async def args(self, turn: Turn) -> dict[str, Any]:
        """The parcel and the wish."""
        wish = {"kind": turn.slot("delivery_wish")}
        wish.update(
            {step: turn.slot(step) for step in ("day", "window", "place") if turn.slot(step) not in (None, _NOT_NEEDED)}
        )
        return {"order_number": turn.slot("order_number"), "shipment_id": turn.slot("shipment"), "to": wish}

    async def announce(self, turn: Turn, data: dict[str, Any]) -> list[str]:
        """What the carrier will be told."""
        return [
            turn.t("utter_confirm_reschedule", order_number=turn.slot("order_number"), wish=self._wish_text(turn, data))
        ]

    async def report(self, turn: Turn, data: dict[str, Any]) -> None:
        """What the carrier was told, and when the parcel comes."""
        text = turn.t("utter_rescheduled", wish=self._wish_text(turn, data))
        turn.say(text)
        if data.get("expected_on"):
            turn.promise("delivery", text, data["expected_on"], order=turn.slot("order_number"))

    def _wish_text(self, turn: Turn, data: Mapping[str, Any]) -> str:
        window = data.get("window")
        day = turn.texts.on_day(data["expected_on"]) if data.get("expected_on") else ""
        return turn.t(
            f"utter_wish_text_{turn.slot('delivery_wish')}",
            day=day,
            window=turn.texts.window(window) if isinstance(window, Mapping) else "",
            place=data.get("place") or turn.slot("place") or "",
        ).strip()


class DeliveryOptions(ShopAnswer):
    """Tells the ways of shipping with price and time."""

    def name(self) -> str:
        """Name of the action."""
        return "action_delivery_options"

    async def tell(self, turn: Turn, info: Mapping[str, Any]) -> None:
        """Each way with its price and its working days."""
        delivery = info["delivery"]
        ways = [_way(turn, option) for option in delivery["options"]]
        turn.say(
            "\n".join([turn.t("utter_delivery_options"), *ways]),
            "\n" + _free_from(turn, delivery),
            buttons=turn.buttons("utter_delivery_options"),
        )


class DeliveryTime(ShopAnswer):
    """Tells how long delivery takes, and when an order placed now would arrive."""

    concrete = "track_order_form"

    def name(self) -> str:
        """Name of the action."""
        return "action_delivery_time"

    async def tell(self, turn: Turn, info: Mapping[str, Any]) -> None:
        """Working days of the usual way and of the quickest, with the days an order of now would come."""
        delivery = info["delivery"]
        lines = [
            turn.t(
                "utter_delivery_time_option",
                name=turn.texts.local(option["name"]),
                days=working_days(turn, option["working_days"]),
                arrival=_arrival(turn, option["arrives"]["from"], option["arrives"]["to"]),
            )
            for option in delivery["options"]
        ]
        turn.say(
            "\n".join([turn.t("utter_delivery_time"), *lines]),
            "\n" + turn.t("utter_delivery_time_known"),
            buttons=turn.buttons("utter_delivery_time"),
        )


class DeliveryCosts(ShopAnswer):
    """Tells what shipping costs."""

    async def answer(self, turn: Turn, offered: dict[str, Any] | None) -> None:
        """Who asks what an article costs has not asked for shipping."""
        if not _ABOUT_SHIPPING.search(turn.text) and await answer_from_product(turn):
            return
        await super().answer(turn, offered)

    def name(self) -> str:
        """Name of the action."""
        return "action_delivery_costs"

    async def tell(self, turn: Turn, info: Mapping[str, Any]) -> None:
        """The price of each way, and from where it is free."""
        delivery = info["delivery"]
        prices = [
            turn.t(
                "utter_delivery_cost_option", name=turn.texts.local(option["name"]), price=_price(turn, option["price"])
            )
            for option in delivery["options"]
        ]
        turn.say(
            "\n".join([turn.t("utter_delivery_costs"), *prices]),
            "\n" + _free_from(turn, delivery),
            buttons=turn.buttons("utter_delivery_costs"),
        )


class DeliveryArea(ShopAnswer):
    """Tells which countries are served."""

    def name(self) -> str:
        """Name of the action."""
        return "action_delivery_area"

    async def tell(self, turn: Turn, info: Mapping[str, Any]) -> None:
        """The countries, with what they cost on top."""
        countries = info["delivery"]["countries"]
        named = turn.texts.all_of(turn.texts.local(country["name"]) for country in countries)
        turn.tell("utter_delivery_area", countries=named)


def parcel_buttons(turn: Turn, order: Mapping[str, Any]) -> list[Button]:
    """One button for each parcel, by what is in it."""
    return [
        {"title": title[:60], "payload": choose(shipment=str(parcel_id))}
        for parcel_id, title in _parcels(turn, order).items()
    ]


def parcel_in(text: str, order: Mapping[str, Any]) -> str | None:
    """The parcel that a text means: by an item in it, or by its place in the list."""
    named = [line_id for line_id in reading.items(text, order["lines"]) if line_id != reading.ALL]
    for parcel in order["shipments"]:
        if any(str(part["line_id"]) in named for part in parcel["lines"]):
            return str(parcel["id"])
    return reading.choice(text, {str(parcel["id"]): [parcel["tracking_number"] or ""] for parcel in order["shipments"]})


def _parcels(turn: Turn, order: Mapping[str, Any]) -> dict[str, str]:
    by_id = {str(line["id"]): line for line in order["lines"]}
    return {
        str(parcel["id"]): item_list(
            turn, [{**by_id[str(part["line_id"])], "quantity": part["quantity"]} for part in parcel["lines"]]
        )
        for parcel in order["shipments"]
    }


def times_in(turn: Turn, *, opening: bool = False) -> dict[str, str]:
    """Day (`2026-11-27`) and window (`16-18`) that a message names, or that its matter began with."""
    found: dict[str, str] = {}
    day = turn.heard("date", opening=opening)
    if isinstance(day, Mapping):
        day = day.get("from")
    if day:
        found["day"] = str(day)
    window = turn.heard("time_window", opening=opening)
    if isinstance(window, Mapping) and window.get("from") and window.get("to"):
        found["window"] = f"{window['from'][:2]}-{window['to'][:2]}"
    return found


def _window_title(turn: Turn, window: str) -> str:
    start, _, end = window.partition("-")
    return turn.t("utter_window", start=int(start[:2]), end=int(end[:2]))


def working_days(turn: Turn, days: Mapping[str, int]) -> str:
    """`1 bis 3 Werktage`, `1 working day`."""
    if days["min"] == days["max"]:
        return turn.t("utter_one_working_day" if days["max"] == 1 else "utter_working_days", count=days["max"])
    return turn.t("utter_working_days_range", least=days["min"], most=days["max"])


def _way(turn: Turn, option: Mapping[str, Any]) -> str:
    return turn.t(
        "utter_delivery_option",
        name=turn.texts.local(option["name"]),
        price=_price(turn, option["price"]),
        days=working_days(turn, option["working_days"]),
        text=turn.texts.local(option.get("text")),
    )


def _price(turn: Turn, price: Mapping[str, Any]) -> str:
    return turn.texts.money(price) if float(price["amount"]) else turn.t("utter_free")


def _free_from(turn: Turn, delivery: Mapping[str, Any]) -> str:
    return (
        turn.t("utter_free_from", amount=turn.texts.money(delivery["free_from"])) if delivery.get("free_from") else ""
    )


def _arrival(turn: Turn, first: str, last: str) -> str:
    """The day, or the two days between which, an order of now would come."""
    if first == last:
        return turn.t("utter_arrives_on", on_day=turn.texts.on_day(first))
    return turn.t("utter_arrives_between", first=turn.texts.day(first), last=turn.texts.day(last))
