"""Where an order is, what is in it, and cancelling it."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from actions.choices import chosen_lines, pieces, refund_sentence
from actions.denials import explain
from actions.flows import Halt
from actions.order_flow import OrderFlow
from actions.shop_client import Denied, Done
from actions.status import item_list, order_card, promise_delivery, status_buttons, status_text
from actions.steps import LineStep, ReasonStep, RefundTarget
from actions.turn import Turn, choose

__all__ = ["CancelOrder", "GetInvoice", "OrderConfirmation", "OrderDetails", "TrackOrder"]


class TrackOrder(OrderFlow):
    """Tells where an order is."""

    form = "track_order_form"
    intents = ("track_order",)
    steps = ("order_number", "proof")
    matter = "waiting"

    async def finish(self, turn: Turn) -> None:
        """Status, carrier, expected day, and what happens if it is late."""
        order = await self.order(turn)
        own = (
            turn.t("utter_acknowledge_late_days", count=order["late"]["days"])
            if order["late"]["is_late"] and order["late"]["days"] > 1
            else None
        )
        turn.say(
            status_text(turn, order),
            buttons=status_buttons(turn, order),
            card=order_card(turn, order),
            acknowledgement=own,
        )
        promise_delivery(turn, order)


class OrderDetails(OrderFlow):
    """Tells what was ordered, for how much, where it goes and how it is paid."""

    form = "order_details_form"
    intents = ("order_details",)
    steps = ("order_number", "proof")

    async def settle_order_number(self, turn: Turn) -> str | None:
        """Whoever may see several orders is shown the list."""
        result = await turn.look_up("my_orders", limit=5)
        if isinstance(result, Done) and len(result.data["orders"]) > 1:
            raise Halt
        return await super().settle_order_number(turn)

    async def finish(self, turn: Turn) -> None:
        """The order, or the list of orders."""
        if turn.slot("order_number") is None:
            return await self._list(turn)
        order = await self.order(turn)
        address = order["shipping_address"] or {}
        payment = order["payment"] or {}
        turn.say(
            turn.t(
                "utter_order_details",
                order_number=order["number"],
                placed_on=turn.texts.on_day(order["placed_at"]) if order["placed_at"] else turn.t("utter_earlier"),
                items=item_list(turn, order["lines"], limit=12),
                total=turn.texts.money(order["total"]),
                shipping=turn.texts.money(order["shipping_cost"]),
            ),
            turn.t(
                "utter_order_details_address", **{key: address.get(key) or "" for key in ("street", "postcode", "city")}
            )
            if address
            else "",
            turn.t(
                "utter_order_details_payment",
                label=payment["label"],
                state=turn.t(f"utter_payment_word_{payment['status']}"),
            )
            if payment
            else "",
            turn.t("utter_order_details_status", status=turn.t(f"utter_status_word_{order['status']}")),
            buttons=[turn.button("utter_button_track_order", "/track_order"), *status_buttons(turn, order)],
            card=order_card(turn, order),
        )
        return None

    async def _list(self, turn: Turn) -> None:
        result = await turn.look_up("my_orders", limit=5)
        if isinstance(result, Denied):
            return explain(turn, "order", result)
        orders = result.data["orders"]
        entries = [
            turn.t(
                "utter_order_in_list",
                order_number=order["number"],
                day=turn.texts.day(order["placed_on"]) if order["placed_on"] else "",
                summary=turn.texts.named(order, "summary"),
                total=turn.texts.money(order["total"]),
                status=turn.t(f"utter_status_word_{order['status']}"),
            )
            for order in orders
        ]
        turn.say(
            "\n".join(
                [turn.t("utter_your_orders"), *entries, *([turn.t("utter_more_orders")] if result.data["more"] else [])]
            ),
            buttons=[
                {
                    "title": order["number"],
                    "payload": "/order_details" + choose(order_number=order["number"]).removeprefix("/inform"),
                }
                for order in orders
            ],
            card={
                "type": "orders",
                "orders": [
                    {
                        "number": order["number"],
                        "status": order["status"],
                        "status_text": turn.t(f"utter_status_word_{order['status']}"),
                        "placed_on": turn.texts.day(order["placed_on"]) if order["placed_on"] else None,
                        "summary": turn.texts.named(order, "summary"),
                        "total": turn.texts.money(order["total"]),
                    }
                    for order in orders
                ],
            },
        )
        return None


class CancelOrder(RefundTarget, LineStep, ReasonStep):
    """Cancels an order, or single items of it, before dispatch."""

    form = "cancel_order_form"
    intents = ("cancel_order",)
    steps = ("order_number", "proof", "line", "reason", "confirm")
    operation = "cancel_order"
    later = ("partly_dispatched",)
    reasons = ("no_longer_needed", "ordered_by_mistake", "found_cheaper", "too_late")
    whole_order = "utter_button_whole_order"
    solvable: ClassVar[dict[str, str]] = {"reason_needed": "reason", "reason_not_accepted": "reason"}

    async def accepted_reasons(self, turn: Turn) -> Sequence[str] | None:
        """The reasons policy insists on, None where it wants none."""
        args = await self.args(turn)
        denied = await turn.preview("cancel_order", {**args, "reason": None})
        if isinstance(denied, Denied) and denied.code == "reason_needed":
            return [str(reason) for reason in denied.params.get("reasons") or []]
        return None

    def eligible(self, line: Mapping[str, Any]) -> bool:
        """What has not been sent."""
        return pieces(line, "open") > 0

    async def args(self, turn: Turn) -> dict[str, Any]:
        """Single items; of a partly sent order all that are left; with none the whole order."""
        lines = chosen_lines(turn.slot("line"))
        if not lines:
            left = await self.eligible_lines(turn)
            lines = [str(line["id"]) for line in left] if len(left) < len((await self.order(turn))["lines"]) else []
        return {
            "order_number": turn.slot("order_number"),
            "line_ids": lines or None,
            "reason": turn.slot("reason"),
            "refund_to": turn.slot("refund_to"),
        }

    async def announce(self, turn: Turn, data: dict[str, Any]) -> list[str]:
        """What exactly will be cancelled, and what money comes back when."""
        return [
            turn.t(
                "utter_confirm_cancel_order" if data["scope"] == "order" else "utter_confirm_cancel_lines",
                order_number=data["order_number"],
                items=item_list(turn, data["lines"]),
                new_total=turn.texts.money(data["new_total"]),
            ),
            refund_sentence(turn, data, none="utter_nothing_paid"),
            turn.t("utter_cancellation_fee", fee=turn.texts.money(data["fee"])) if float(data["fee"]["amount"]) else "",
        ]

    async def report(self, turn: Turn, data: dict[str, Any]) -> None:
        """What was cancelled, and what happens with the money."""
        money = refund_sentence(turn, data, none="utter_nothing_to_pay")
        turn.say(
            turn.t(
                "utter_cancelled_order" if data["scope"] == "order" else "utter_cancelled_lines",
                order_number=data["order_number"],
                items=item_list(turn, data["lines"]),
            ),
            money,
            turn.t("utter_anything_else"),
        )
        refund = data.get("refund")
        if refund and refund.get("expected_on"):
            turn.promise("refund", money, refund["expected_on"], order=data["order_number"])


class GetInvoice(OrderFlow):
    """Sends the invoice again."""

    form = "get_invoice_form"
    intents = ("get_invoice",)
    steps = ("order_number", "proof")
    operation = "resend_invoice"

    async def finish(self, turn: Turn) -> None:
        """Send it, and say where to."""
        result = await turn.carry_out("resend_invoice", {"order_number": turn.slot("order_number")})
        if isinstance(result, Denied):
            raise Halt(result)
        turn.tell("utter_invoice_sent", invoice_number=result.data["invoice_number"], sent_to=result.data["sent_to"])


class OrderConfirmation(OrderFlow):
    """Sends the order confirmation again."""

    form = "order_confirmation_form"
    intents = ("order_confirmation_missing",)
    steps = ("order_number", "proof")
    matter = "waiting"
    operation = "resend_confirmation"

    async def finish(self, turn: Turn) -> None:
        """Send it, and say that the order is there."""
        result = await turn.carry_out("resend_confirmation", {"order_number": turn.slot("order_number")})
        if isinstance(result, Denied):
            raise Halt(result)
        placed = result.data.get("placed_at")
        turn.tell(
            "utter_confirmation_sent",
            order_number=turn.slot("order_number"),
            placed_on=turn.texts.on_day(placed) if placed else turn.t("utter_earlier"),
            sent_to=result.data["sent_to"],
        )
