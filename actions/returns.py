"""Sending back, and where returns and refunds are."""

from collections.abc import Mapping
from typing import Any, ClassVar

from rasa_sdk import Tracker
from rasa_sdk.events import ActiveLoop, EventType, FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions import reading
from actions.changes import chosen_wish, named_variant, settlement_text, variant_buttons, wish_in
from actions.choices import chosen_lines, money_to, positive, refund_sentence
from actions.flows import Change, Halt, NotUsable, Reopen
from actions.order_flow import OrderFlow
from actions.shop_client import Denied
from actions.status import item_list
from actions.steps import DropOffStep, LineStep, ReasonStep, RefundTarget
from actions.turn import Turn, choose

__all__ = ["ExchangeItem", "MissingRefund", "RefundStatus", "ReturnItem", "ReturnLabel", "ReturnStatus"]

_OPEN_RETURNS = ("requested", "in_transit", "received")


class ReturnItem(RefundTarget, LineStep, ReasonStep, DropOffStep):
    """Opens a return: what, why, where it is handed in; label and refund are named before the yes."""

    form = "return_item_form"
    intents = ("return_item", "refund_request")
    steps = ("order_number", "proof", "line", "quantity", "reason", "drop_off", "confirm")
    matter = "goods"
    operation = "create_return"
    depends: ClassVar[dict[str, tuple[str, ...]]] = {"line": ("quantity",)}
    reasons = (
        "too_small",
        "too_large",
        "does_not_fit",
        "dislike",
        "not_as_described",
        "damaged",
        "too_late",
        "no_longer_needed",
        "ordered_too_many",
    )
    question = "utter_shall_i_return"
    solvable: ClassVar[dict[str, str]] = {
        "reason_needed": "reason",
        "reason_not_accepted": "reason",
        "drop_off_unavailable": "drop_off",
    }

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """As every flow; but "cancel it and refund me" wants a cancellation, whichever of the two sounds louder."""
        turn = Turn(dispatcher, tracker, domain)
        begins = turn.slot("goal") != self.form and turn.intent == "refund_request" and not turn.is_choice
        if begins and reading.means_cancelling(turn.text):
            return [SlotSet("requested_slot", None), ActiveLoop(None), FollowupAction("cancel_order_form")]
        return await super().run(dispatcher, tracker, domain)

    async def settle_proof(self, turn: Turn) -> str | None:
        """Whoever wants money that is on its way already is told about that."""
        try:
            shown = await super().settle_proof(turn)
        except Halt:
            if await self._money_is_coming(turn):
                raise Halt from None
            raise
        if shown and await self._money_is_coming(turn):
            raise Halt
        return shown

    async def _money_is_coming(self, turn: Turn) -> bool:
        if (turn.slot("opened_with") or {}).get("intent") != "refund_request" or not hasattr(turn, "order"):
            return False
        order = await self.order(turn)
        return bool(order["refunds"]) or any(entry["status"] in _OPEN_RETURNS for entry in order["returns"])

    async def finish(self, turn: Turn) -> None:
        """Set the return up; or say where the money is."""
        if turn.slot("line") is None:
            await RefundStatus().finish(turn)
            return
        await super().finish(turn)

    def eligible(self, line: Mapping[str, Any]) -> bool:
        """What policy lets go back now."""
        return bool(line["returnable"]["allowed"])

    def why_not(self, turn: Turn, line: Mapping[str, Any]) -> str:
        """The policy's reason for this item."""
        return why_not_returnable(turn, line)

    async def settle_quantity(self, turn: Turn) -> int | None:
        """How many pieces is asked only for one item of which there are several."""
        chosen = await self.chosen(turn)
        if len(chosen) != 1 or chosen[0]["returnable"]["quantity"] == 1:
            return 0
        return None

    async def ask_quantity(self, turn: Turn) -> None:
        """How many pieces of the item."""
        line = (await self.chosen(turn))[0]
        count = line["returnable"]["quantity"]
        self.pose(
            turn,
            "quantity",
            buttons=[
                {"title": str(number), "payload": choose(quantity=number)} for number in range(1, min(count, 6) + 1)
            ],
            item=turn.texts.item(line, quantity=1),
            count=count,
        )

    async def read_quantity(self, turn: Turn) -> int | None:
        """A number of pieces, or all of them; of several items together there is no number to ask for."""
        chosen = await self.chosen(turn)
        if turn.slot("line") is None or len(chosen) != 1:
            return None
        line = chosen[0]
        count = int(line["returnable"]["quantity"])
        number = turn.value("quantity")
        if number is None and turn.slot("requested_slot") == "quantity":
            number = reading.number(turn.text)
        if number is None and reading.items(turn.text, []) == [reading.ALL]:
            return count
        if number is not None and not 1 <= number <= count:
            raise NotUsable(turn.t("utter_quantity_too_high", count=count, item=turn.texts.item(line, quantity=1)))
        return number

    async def args(self, turn: Turn) -> dict[str, Any]:
        """The chosen items with quantity and reason."""
        ids = chosen_lines(turn.slot("line"))
        lines = [
            {
                key: value
                for key, value in (
                    ("line_id", str(line["id"])),
                    ("quantity", int(turn.slot("quantity") or 0) or line["returnable"]["quantity"]),
                    ("reason", turn.slot("reason")),
                )
                if value is not None
            }
            for line in await self.eligible_lines(turn)
            if not ids or str(line["id"]) in ids
        ]
        return {
            "order_number": turn.slot("order_number"),
            "lines": lines,
            "drop_off": turn.slot("drop_off"),
            "refund_to": turn.slot("refund_to"),
        }

    async def announce(self, turn: Turn, data: dict[str, Any]) -> list[str]:
        """What goes back, how, until when, and what money comes back when."""
        return [
            turn.t(
                "utter_confirm_return",
                order_number=data["order_number"],
                items=item_list(turn, data["lines"]),
                way=turn.t(f"utter_way_{data['drop_off']}"),
                on_day=turn.texts.on_day(data["hand_in_by"]),
            ),
            turn.t("utter_return_cost", cost=turn.texts.money(data["cost"]))
            if float(data["cost"]["amount"])
            else turn.t("utter_return_free"),
            turn.t("utter_discount_lost", amount=turn.texts.money(data["discount_lost"]))
            if positive(data.get("discount_lost"))
            else "",
            refund_sentence(turn, data, none="utter_no_refund_due"),
        ]

    async def report(self, turn: Turn, data: dict[str, Any]) -> None:
        """The return's number, the label, the last day and the money."""
        label = data["label"] or {}
        money = refund_sentence(turn, data, none="utter_no_refund_due")
        handing_in = turn.t(
            f"utter_hand_in_{data['drop_off']}",
            by_day=turn.texts.by_day(data["hand_in_by"]),
            on_day=turn.texts.on_day(data.get("pickup_on") or data["hand_in_by"]),
        )
        turn.say(
            turn.t("utter_return_opened", number=data["number"], items=item_list(turn, data["lines"])),
            turn.t(f"utter_label_{label['kind']}", reference=label["reference"]) if label.get("reference") else "",
            handing_in,
            money,
            card=return_card(turn, data),
        )
        refund = data.get("refund")
        if refund and refund.get("expected_on"):
            turn.promise(
                "refund", money, refund["expected_on"], order=data["order_number"], return_number=data["number"]
            )


class ExchangeItem(Change, LineStep, ReasonStep, DropOffStep):
    """Swaps a delivered item for another variant of it."""

    form = "exchange_item_form"
    intents = ("exchange_item",)
    steps = ("order_number", "proof", "line", "wish", "reason", "drop_off", "confirm")
    matter = "goods"
    operation = "exchange"
    several = False
    depends: ClassVar[dict[str, tuple[str, ...]]] = {"line": ("wish",)}
    reasons = ("too_small", "too_large", "does_not_fit", "dislike", "damaged")
    free_text = frozenset({"wish"})
    solvable: ClassVar[dict[str, str]] = {
        "variant_unknown": "wish",
        "variant_unclear": "wish",
        "other_product": "wish",
        "same_variant": "wish",
        "out_of_stock": "wish",
        "drop_off_unavailable": "drop_off",
    }

    def eligible(self, line: Mapping[str, Any]) -> bool:
        """What policy lets go back now."""
        return bool(line["returnable"]["allowed"])

    def why_not(self, turn: Turn, line: Mapping[str, Any]) -> str:
        """The policy's reason for this item."""
        return why_not_returnable(turn, line)

    async def explain(self, turn: Turn, denied: Denied) -> None:
        """Before dispatch, changing the order does what an exchange does afterwards."""
        possible = (await self.order(turn))["possible"] if denied.code == "not_delivered" else {}
        if not possible.get("change_items", {}).get("allowed"):
            await super().explain(turn, denied)
            return
        number = turn.slot("order_number")
        entry = {"form": "change_order_form", "slots": {"order_number": number}, "opening": turn.slot("opening")}
        turn.set("offer", entry)
        turn.tell("utter_offer_change_instead", order_number=number)

    async def settle_wish(self, turn: Turn) -> dict[str, Any] | None:
        """A variant named at the beginning."""
        wish = wish_in(turn, opening=True)
        return wish if wish and "wish" in wish else None

    async def settle_reason(self, turn: Turn) -> str | None:
        """Nothing more is asked about a variant that cannot be had."""
        await self._check_wish(turn)
        return await super().settle_reason(turn)

    async def settle_drop_off(self, turn: Turn) -> str | None:
        """The same where the reason was given with the wish."""
        await self._check_wish(turn)
        return await super().settle_drop_off(turn)

    async def _check_wish(self, turn: Turn) -> None:
        result = await turn.preview(self.operation, await self.args(turn))
        if isinstance(result, Denied) and self.solvable.get(result.code) == "wish":
            raise Reopen("wish", result)

    async def ask_wish(self, turn: Turn) -> None:
        """Which variant instead; those in stock are choices."""
        line = (await self.chosen(turn))[0]
        self.pose(turn, "wish", buttons=await variant_buttons(turn, line), item=turn.texts.item(line, quantity=1))

    async def read_wish(self, turn: Turn) -> dict[str, Any] | None:
        """A variant in the customer's words."""
        if turn.slot("requested_slot") == "wish":
            named = await named_variant(turn, (await self.chosen(turn))[0])
            if named:
                return named
        wish = wish_in(turn, asked=turn.slot("requested_slot") == "wish")
        return wish if wish and "wish" in wish else None

    async def args(self, turn: Turn) -> dict[str, Any]:
        """The item, what it is swapped for, and how it goes back."""
        return {
            "order_number": turn.slot("order_number"),
            "line_id": str((await self.chosen(turn))[0]["id"]),
            "reason": turn.slot("reason"),
            "drop_off": turn.slot("drop_off"),
            **chosen_wish(turn.slot("wish")),
        }

    async def announce(self, turn: Turn, data: dict[str, Any]) -> list[str]:
        """What goes back, what comes instead and when, and the difference."""
        return [
            turn.t(
                "utter_confirm_exchange",
                before=turn.texts.item(data["line"], quantity=1),
                after=turn.texts.named(data["to"], "variant"),
                way=turn.t(f"utter_way_{data['drop_off']}"),
                on_day=turn.texts.on_day(data["hand_in_by"]),
            ),
            settlement_text(turn, data),
            self._ships(turn, data),
        ]

    async def report(self, turn: Turn, data: dict[str, Any]) -> None:
        """The number, the label, the last day, and when the other one comes."""
        label = data["label"] or {}
        ships = self._ships(turn, data)
        turn.say(
            turn.t(
                "utter_exchange_opened",
                number=data["number"],
                before=turn.texts.item(data["line"], quantity=1),
                after=turn.texts.named(data["to"], "variant"),
            ),
            turn.t(f"utter_label_{label['kind']}", reference=label["reference"]) if label.get("reference") else "",
            turn.t(
                f"utter_hand_in_{data['drop_off']}",
                by_day=turn.texts.by_day(data["hand_in_by"]),
                on_day=turn.texts.on_day(data["hand_in_by"]),
            ),
            ships,
            settlement_text(turn, data),
            card=return_card(turn, {**data, "lines": [data["line"]]}),
        )
        if data.get("expected_on"):
            turn.promise(
                "replacement", ships, data["expected_on"], order=data["order_number"], return_number=data["number"]
            )

    def _ships(self, turn: Turn, data: Mapping[str, Any]) -> str:
        name = f"utter_replacement_{data['replacement_ships']}"
        return (
            turn.t(name, on_day=turn.texts.on_day(data["expected_on"]))
            if data.get("expected_on")
            else turn.t(f"{name}_undated")
        )


class ReturnLabel(OrderFlow):
    """Sends the label of a return again."""

    form = "return_label_form"
    intents = ("return_label",)
    steps = ("order_number", "proof", "return_number")
    operation = "resend_label"
    matter = "goods"

    async def settle_return_number(self, turn: Turn) -> str | None:
        """The only return under way."""
        waiting = self._waiting(await self.order(turn))
        return str(waiting[0]["number"]) if len(waiting) == 1 else "-" if not waiting else None

    def _waiting(self, order: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        return [entry for entry in order["returns"] if entry["status"] == "requested"]

    async def ask_return_number(self, turn: Turn) -> None:
        """Which of the returns."""
        waiting = self._waiting(await self.order(turn))
        buttons = [
            {
                "title": f"{entry['number']}: {item_list(turn, entry['lines'])}"[:60],
                "payload": choose(return_number=entry["number"]),
            }
            for entry in waiting
        ]
        self.pose(turn, "return_number", buttons=buttons)

    async def read_return_number(self, turn: Turn) -> str | None:
        """A return by its number, or by its place in the list."""
        waiting = self._waiting(await self.order(turn))
        return reading.choice(
            turn.text,
            {entry["number"]: [entry["number"], *(line["name"] for line in entry["lines"])] for entry in waiting},
        )

    async def finish(self, turn: Turn) -> None:
        """The label, where it went, and until when it is good."""
        number = turn.slot("return_number")
        result = await turn.carry_out(
            "resend_label",
            {"order_number": turn.slot("order_number"), "return_number": None if number == "-" else number},
        )
        if isinstance(result, Denied):
            raise Halt(result)
        data = result.data
        label = data["label"]
        turn.say(
            turn.t("utter_label_sent", number=data["number"], sent_to=data["sent_to"]),
            turn.t(f"utter_label_{label['kind']}", reference=label["reference"]) if label.get("reference") else "",
            turn.t("utter_hand_in_until", by_day=turn.texts.by_day(data["hand_in_by"]))
            if data.get("hand_in_by")
            else "",
        )
        turn.promise(
            "return_label",
            turn.t("utter_label_sent", number=data["number"], sent_to=data["sent_to"]),
            turn.texts.today,
            order=turn.slot("order_number"),
            return_number=data["number"],
        )


class ReturnStatus(OrderFlow):
    """Tells how far a return has come."""

    form = "return_status_form"
    intents = ("return_status",)
    steps = ("order_number", "proof")
    matter = "money"

    async def finish(self, turn: Turn) -> None:
        """Each return of the order with its state, and what comes next."""
        order = await self.order(turn)
        returns = order["returns"]
        if not returns:
            possible = order["possible"].get("create_return", {}).get("allowed")
            return turn.tell(
                "utter_no_return",
                order_number=order["number"],
                buttons=[turn.button("utter_button_return", "/return_item")] if possible else [],
            )
        turn.say(
            "\n".join(self._sentence(turn, order, entry) for entry in returns), buttons=self._buttons(turn, returns)
        )
        return None

    def _sentence(self, turn: Turn, order: Mapping[str, Any], entry: Mapping[str, Any]) -> str:
        texts = turn.texts
        refund = entry.get("refund") or {}
        text = turn.t(
            f"utter_return_{entry['status']}",
            number=entry["number"],
            items=item_list(turn, entry["lines"]),
            by_day=texts.by_day(entry["hand_in_by"]) if entry.get("hand_in_by") else turn.t("utter_soon"),
            on_received=texts.on_day(entry["received_at"]) if entry.get("received_at") else "",
        )
        issued = [item for item in order["refunds"] if item.get("return_number") == entry["number"]]
        money = ""
        if issued:
            money = refund_text(turn, order, issued[-1])
        elif positive(refund.get("amount")) and refund.get("expected_on") and entry["status"] in _OPEN_RETURNS:
            to = refund["to"]
            money = turn.t(
                "utter_refund_after_return",
                amount=texts.money(refund["amount"]),
                to=money_to(turn, to) if to else "",
                on_day=texts.on_day(refund["expected_on"]),
            )
            turn.promise("refund", money, refund["expected_on"], order=order["number"], return_number=entry["number"])
        return f"{text} {money}".strip()

    def _buttons(self, turn: Turn, returns: list[Mapping[str, Any]]) -> list[dict[str, str]]:
        waiting = any(entry["status"] == "requested" for entry in returns)
        return [turn.button("utter_button_label", "/return_label")] if waiting else []


class RefundStatus(OrderFlow):
    """Tells where the money is."""

    form = "refund_status_form"
    intents = ("refund_status",)
    steps = ("order_number", "proof")
    matter = "money"

    async def finish(self, turn: Turn) -> None:
        """Each refund of the order: how much, where to, since when or until when; what is overdue can be reported."""
        order = await self.order(turn)
        refunds = order["refunds"]
        if refunds:
            overdue = any(refund["is_overdue"] for refund in refunds) and order["possible"].get(
                "report_missing_refund", {}
            ).get("allowed", True)
            if overdue:
                turn.set("offer", {"form": MissingRefund.form, "slots": {"order_number": order["number"]}})
            turn.say(
                "\n".join(refund_text(turn, order, refund) for refund in refunds),
                turn.t("utter_offer_missing_refund") if overdue else "",
                buttons=turn.buttons("utter_offer_missing_refund") if overdue else [],
            )
            return
        waiting = [entry for entry in order["returns"] if entry["status"] in _OPEN_RETURNS and entry.get("refund")]
        if waiting:
            status = ReturnStatus()
            turn.say("\n".join(status._sentence(turn, order, entry) for entry in waiting))
            return
        possible = order["possible"]
        buttons = [
            turn.button(title, payload)
            for name, title, payload in (
                ("create_return", "utter_button_return", "/return_item"),
                ("cancel_order", "utter_button_cancel_order", "/cancel_order"),
            )
            if possible.get(name, {}).get("allowed")
        ]
        turn.tell(
            "utter_no_refund", order_number=order["number"], buttons=[*buttons, *turn.buttons("utter_offer_person")]
        )
        return


class MissingRefund(Change, OrderFlow):
    """Has a refund looked for that should have arrived."""

    form = "missing_refund_form"
    steps = ("order_number", "proof", "confirm")
    matter = "money"
    operation = "report_missing_refund"
    question = "utter_shall_i_search"

    async def args(self, turn: Turn) -> dict[str, Any]:
        """The order; the service knows which refund is due."""
        return {"order_number": turn.slot("order_number")}

    async def announce(self, turn: Turn, data: dict[str, Any]) -> list[str]:
        """Which refund is looked for, and until when there is an answer."""
        refund = data["refund"]
        return [
            turn.t(
                "utter_confirm_missing_refund",
                amount=turn.texts.money(refund["amount"]),
                by_day=turn.texts.by_day(data["answer_by"]),
            )
        ]

    async def report(self, turn: Turn, data: dict[str, Any]) -> None:
        """The number, and until when there is an answer."""
        answer = turn.t("utter_answer_by", by_day=turn.texts.by_day(data["answer_by"]))
        turn.say(turn.t("utter_missing_refund_reported", number=data["number"]), answer)
        turn.promise("answer", answer, data["answer_by"], order=turn.slot("order_number"))


def why_not_returnable(turn: Turn, line: Mapping[str, Any]) -> str:
    """The policy's reason why an item cannot go back."""
    name = f"utter_line_{line['returnable']['code']}"
    return turn.t(name if turn.texts.has(name) else "utter_line_not_possible", item=turn.texts.item(line, quantity=1))


def return_card(turn: Turn, data: Mapping[str, Any]) -> dict[str, Any]:
    """What a channel may show beside the text: the return with its label."""
    label = data.get("label") or {}
    refund = data.get("refund")
    return {
        "type": "return",
        "number": data["number"],
        "order_number": data["order_number"],
        "lines": [
            {
                "name": turn.texts.named(line),
                "variant": turn.texts.named(line, "variant"),
                "quantity": line.get("quantity", 1),
            }
            for line in data["lines"]
        ],
        "label": {"kind": label.get("kind"), "reference": label.get("reference"), "url": label.get("url")},
        "drop_off": data["drop_off"],
        "hand_in_by": data["hand_in_by"],
        "hand_in_text": turn.texts.day(data["hand_in_by"]),
        "refund": turn.texts.money(refund["amount"]) if refund else None,
    }


def refund_text(turn: Turn, order: Mapping[str, Any], refund: Mapping[str, Any]) -> str:
    """One refund in a sentence; a day that is held out is reported as a promise."""
    texts = turn.texts
    status = "overdue" if refund["is_overdue"] else refund["status"]
    day = refund.get("expected_on")
    name = f"utter_refund_{status}"
    if (status == "pending" and not day) or (status == "issued" and not refund.get("issued_at")):
        name += "_undated"
    text = turn.t(
        name,
        amount=texts.money(refund["amount"]),
        to=money_to(turn, refund["to"]),
        by_day=texts.by_day(day) if day else "",
        on_day=texts.on_day(day) if day else "",
        on_issued=texts.on_day(refund["issued_at"]) if refund.get("issued_at") else "",
    )
    if status == "pending" and day:
        turn.promise("refund", text, day, order=order["number"], return_number=refund.get("return_number"))
    return text
