"""The shop's service: how to reach it, its stores, its terms of return, payment and cancellation."""

from collections.abc import Mapping
from typing import Any

from rasa_sdk.events import FollowupAction

from actions import reading
from actions.answers import ShopAnswer
from actions.turn import Turn

__all__ = [
    "AccountAnswer",
    "CancellationPolicy",
    "ContactInfo",
    "PaymentMethods",
    "RefundPolicy",
    "ReturnChannels",
    "ReturnPolicy",
    "StoreInfo",
]


class ContactInfo(ShopAnswer):
    """Tells phone, mail and opening hours."""

    def name(self) -> str:
        """Name of the action."""
        return "action_contact_info"

    async def tell(self, turn: Turn, info: Mapping[str, Any]) -> None:
        """How to reach a person, and when."""
        contact = info["contact"]
        turn.tell(
            "utter_contact_info",
            phone=contact["phone"],
            email=contact["email"],
            hours=service_hours(turn, info["service_hours"]["days"]),
        )


class StoreInfo(ShopAnswer):
    """Tells where the shops are and when they are open."""

    def name(self) -> str:
        """Name of the action."""
        return "action_store_info"

    async def tell(self, turn: Turn, info: Mapping[str, Any]) -> None:
        """Each store, or the honest word that there is none."""
        stores = [
            turn.t(
                "utter_store",
                name=store["name"],
                street=store["street"],
                postcode=store["postcode"],
                city=store["city"],
                hours=turn.texts.local(store["hours"]),
            )
            for store in info["stores"]
        ]
        if stores:
            turn.say("\n".join([turn.t("utter_store_info"), *stores]), buttons=turn.buttons("utter_store_info"))
        else:
            turn.tell("utter_no_stores", website=info["contact"]["website"])


class ReturnPolicy(ShopAnswer):
    """Tells period, cost and conditions of returns."""

    concrete = "return_item_form"

    def name(self) -> str:
        """Name of the action."""
        return "action_return_policy"

    async def tell(self, turn: Turn, info: Mapping[str, Any]) -> None:
        """The rules in a few sentences, what cannot go back, and how to begin."""
        returns = info["returns"]
        cost = returns["cost"]
        excluded = [turn.texts.local(item["name"]) for item in returns["not_returnable"]]
        turn.say(
            turn.texts.local(returns["text"]) or turn.t("utter_return_period", days=returns["period_days"]),
            turn.t("utter_return_costs", cost=turn.texts.money(cost))
            if float(cost["amount"])
            else turn.t("utter_return_costs_nothing"),
            turn.t("utter_not_returnable", items=turn.texts.all_of(excluded)) if excluded else "",
            turn.t("utter_refund_after_receipt", days=returns["refund_working_days"]),
            buttons=turn.buttons("utter_return_policy_buttons"),
        )


class ReturnChannels(ShopAnswer):
    """Tells where a return can be handed in."""

    def name(self) -> str:
        """Name of the action."""
        return "action_return_channels"

    async def tell(self, turn: Turn, info: Mapping[str, Any]) -> None:
        """Each way with its price."""
        places = [
            turn.t(
                "utter_return_channel",
                name=turn.texts.local(place["name"]),
                text=turn.texts.local(place["text"]),
                cost=f" ({turn.texts.money(place['cost'])})" if float(place["cost"]["amount"]) else "",
            )
            for place in info["returns"]["drop_offs"]
        ]
        turn.say("\n".join([turn.t("utter_return_channels"), *places]), buttons=turn.buttons("utter_return_channels"))


class RefundPolicy(ShopAnswer):
    """Tells when and how money comes back."""

    concrete = "refund_status_form"

    def name(self) -> str:
        """Name of the action."""
        return "action_refund_policy"

    async def tell(self, turn: Turn, info: Mapping[str, Any]) -> None:
        """After a return and after a cancellation."""
        turn.tell(
            "utter_refund_policy",
            return_days=info["returns"]["refund_working_days"],
            cancel_days=info["cancellation"]["refund_working_days"],
        )


class CancellationPolicy(ShopAnswer):
    """Tells until when an order can be cancelled and what that costs."""

    concrete = "cancel_order_form"

    def name(self) -> str:
        """Name of the action."""
        return "action_cancellation_policy"

    async def tell(self, turn: Turn, info: Mapping[str, Any]) -> None:
        """Until dispatch; the fee, if there is one; and what helps afterwards."""
        fee = info["cancellation"].get("fee")
        charged = fee and float(fee["amount"])
        turn.tell(
            "utter_cancellation_policy",
            fee=turn.t("utter_cancellation_costs", fee=turn.texts.money(fee))
            if charged
            else turn.t("utter_cancellation_costs_nothing"),
            days=info["returns"]["period_days"],
        )


class PaymentMethods(ShopAnswer):
    """Tells the ways to pay."""

    def name(self) -> str:
        """Name of the action."""
        return "action_payment_methods"

    async def tell(self, turn: Turn, info: Mapping[str, Any]) -> None:
        """Each way with its terms."""
        ways = [
            turn.t("utter_payment_method", name=turn.texts.local(method["name"]), text=turn.texts.local(method["text"]))
            for method in info["payment"]["methods"]
        ]
        turn.say("\n".join([turn.t("utter_payment_methods"), *ways]), buttons=turn.buttons("utter_payment_methods"))


class AccountAnswer(ShopAnswer):
    """Tells where in the shop's own pages the account is opened, entered, changed."""

    def name(self) -> str:
        """Name of the action."""
        return "action_account"

    async def tell(self, turn: Turn, info: Mapping[str, Any]) -> None:
        """The response of the intent, with the shop's addresses."""
        account = info["account"]
        if (
            turn.intent == "edit_account"
            and reading.means_account_address(turn.text)
            and not turn.tracker.active_loop.get("name")
        ):
            turn.events.append(FollowupAction("default_address_form"))
            return
        turn.tell(
            f"utter_{turn.intent}",
            register=account["register"],
            login=account["login"],
            password=account["password"],
            email=info["contact"]["email"],
            website=info["contact"]["website"],
            privacy_url=info["privacy"]["url"],
        )


def service_hours(turn: Turn, days: list[Mapping[str, Any]]) -> str:
    """`Montag bis Freitag von 8 bis 20 Uhr, Samstag von 10 bis 16 Uhr`."""
    return turn.texts.all_of(
        turn.t(
            "utter_hours",
            days=_day_range(turn, span["days"]),
            start=turn.texts.short_clock(span["from"]),
            end=turn.texts.short_clock(span["to"]),
        )
        for span in days
    )


_WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _day_range(turn: Turn, days: list[str]) -> str:
    names = [turn.texts.weekday(_WEEK.index(day)) for day in days]
    places = [_WEEK.index(day) for day in days]
    if len(days) > 2 and places == list(range(places[0], places[0] + len(places))):
        return turn.t("utter_from_to", first=names[0], last=names[-1])
    return turn.texts.all_of(names)
