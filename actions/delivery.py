"""Parcels: ways and times of delivery, and what to do when one is late."""

from collections.abc import Mapping
from typing import Any

from actions.answers import ShopAnswer
from actions.order_flow import OrderFlow
from actions.status import order_card, promise_delivery, status_buttons, status_text
from actions.turn import Turn

__all__ = ["DeliveryLate", "DeliveryOptions", "DeliveryTime"]


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
        turn.say(
            opening,
            status_text(turn, order),
            buttons=[*status_buttons(turn, order), *turn.buttons("utter_offer_person")],
            card=order_card(turn, order),
            acknowledgement=own,
        )
        promise_delivery(turn, order)


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
        turn.say("\n".join([turn.t("utter_delivery_time"), *lines]), "\n" + turn.t("utter_delivery_time_known"), buttons=turn.buttons("utter_delivery_time"))


class DeliveryCosts(ShopAnswer):
    """Tells what shipping costs."""

    def name(self) -> str:
        """Name of the action."""
        return "action_delivery_costs"

    async def tell(self, turn: Turn, info: Mapping[str, Any]) -> None:
        """The price of each way, and from where it is free."""
        delivery = info["delivery"]
        prices = [
            turn.t("utter_delivery_cost_option", name=turn.texts.local(option["name"]), price=_price(turn, option["price"])) for option in delivery["options"]
        ]
        turn.say("\n".join([turn.t("utter_delivery_costs"), *prices]), "\n" + _free_from(turn, delivery), buttons=turn.buttons("utter_delivery_costs"))


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
    return turn.t("utter_free_from", amount=turn.texts.money(delivery["free_from"])) if delivery.get("free_from") else ""


def _arrival(turn: Turn, first: str, last: str) -> str:
    """The day, or the two days between which, an order of now would come."""
    if first == last:
        return turn.t("utter_arrives_on", on_day=turn.texts.on_day(first))
    return turn.t("utter_arrives_between", first=turn.texts.day(first), last=turn.texts.day(last))
