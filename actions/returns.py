"""Sending back, and where returns and refunds are."""

from collections.abc import Mapping
from typing import Any

from actions import reading
from actions.choices import chosen_lines, line_buttons, reason_buttons, refund_sentence
from actions.flows import Halt, NotUsable
from actions.order_flow import OrderFlow
from actions.shop_client import Denied, Done
from actions.status import item_list
from actions.turn import Turn, choose

__all__ = ["RefundStatus", "ReturnItem", "ReturnStatus"]

_RETURN_REASONS = ("too_small", "too_large", "dislike", "not_as_described", "damaged")
_OPEN_RETURNS = ("requested", "in_transit", "received")


class ReturnItem(OrderFlow):
    """Opens a return: what, why, where it is handed in; label and refund are named before the yes."""

    form = "return_item_form"
    intents = ("return_item", "refund_request")
    steps = ("order_number", "proof", "line", "quantity", "reason", "drop_off", "confirm")
    matter = "goods"
    operation = "create_return"
    depends = {"line": ("quantity",)}

    async def _returnable(self, turn: Turn) -> list[Mapping[str, Any]]:
        order = await self.order(turn)
        return [line for line in order["lines"] if line["returnable"]["allowed"]]

    # -- what

    async def settle_line(self, turn: Turn) -> list[str] | None:
        """The only item that can go back, or the one that was named."""
        lines = await self._returnable(turn)
        if len(lines) == 1:
            return [str(lines[0]["id"])]
        named = reading.items(turn.slot("opening") or "", lines)
        return named if named and (named == [reading.ALL] or len(named) < len(lines)) else None

    async def ask_line(self, turn: Turn) -> None:
        """Which item; those that cannot go back are left out, and that is said."""
        order, lines = await self.order(turn), await self._returnable(turn)
        left_out = len(lines) < len(order["lines"])
        everything = [turn.button("utter_button_everything", choose(line=reading.ALL))] if len(lines) > 1 else []
        self.pose(
            turn,
            "line",
            buttons=[*line_buttons(turn, lines), *everything],
            order_number=order["number"],
            note=turn.t("utter_some_not_returnable") if left_out else "",
        )

    async def read_line(self, turn: Turn) -> list[str] | None:
        """Items named by product, variant or place in the list."""
        order, lines = await self.order(turn), await self._returnable(turn)
        named = reading.items(turn.text, lines)
        if named:
            return named
        excluded = reading.items(turn.text, [line for line in order["lines"] if line not in lines])
        if excluded and excluded != [reading.ALL]:
            line = next(line for line in order["lines"] if str(line["id"]) == excluded[0])
            raise NotUsable(turn.t(f"utter_line_{line['returnable']['code']}", item=turn.texts.item(line, quantity=1)))
        return None

    async def _chosen(self, turn: Turn) -> list[Mapping[str, Any]]:
        ids = chosen_lines(turn.slot("line"))
        lines = await self._returnable(turn)
        return [line for line in lines if not ids or str(line["id"]) in ids]

    async def settle_quantity(self, turn: Turn) -> int | None:
        """How many pieces is asked only for one item of which there are several."""
        chosen = await self._chosen(turn)
        if len(chosen) != 1 or chosen[0]["returnable"]["quantity"] == 1:
            return 0
        return None

    async def ask_quantity(self, turn: Turn) -> None:
        """How many pieces of the item."""
        line = (await self._chosen(turn))[0]
        count = line["returnable"]["quantity"]
        self.pose(
            turn,
            "quantity",
            buttons=[{"title": str(number), "payload": choose(quantity=number)} for number in range(1, min(count, 6) + 1)],
            item=turn.texts.item(line, quantity=1),
            count=count,
        )

    async def read_quantity(self, turn: Turn) -> int | None:
        """A number of pieces, or all of them."""
        line = (await self._chosen(turn))[0]
        count = int(line["returnable"]["quantity"])
        number = reading.number(turn.text) if not turn.is_choice else turn.value("quantity")
        if number is None and reading.items(turn.text, []) == [reading.ALL]:
            return count
        if number is not None and not 1 <= number <= count:
            raise NotUsable(turn.t("utter_quantity_too_high", count=count, item=turn.texts.item(line, quantity=1)))
        return number

    # -- why and how

    async def settle_reason(self, turn: Turn) -> str | None:
        """A reason that was given already, unasked."""
        return reading.reason(turn.slot("opening") or "")

    async def ask_reason(self, turn: Turn) -> None:
        """Reasons to choose from; none need be given."""
        self.pose(turn, "reason", buttons=reason_buttons(turn, _RETURN_REASONS))

    async def read_reason(self, turn: Turn) -> str | None:
        """A reason in any words; "other" where it is none of the shop's."""
        known = reading.reason(turn.text)
        if known or reading.is_question(turn.text):
            return known
        loose = reading.says_none(turn.text) or turn.intent in ("inform", "deny", "out_of_scope", "nlu_fallback", "return_item")
        return "other" if loose and turn.slot("requested_slot") == "reason" else None

    async def _drop_offs(self, turn: Turn) -> list[Mapping[str, Any]]:
        info = await turn.look_up("shop_info")
        return list(info.data["returns"]["drop_offs"]) if isinstance(info, Done) else []

    async def settle_drop_off(self, turn: Turn) -> str | None:
        """The only way there is, or the one already named."""
        places = await self._drop_offs(turn)
        if len(places) == 1:
            return str(places[0]["id"])
        return reading.choice(turn.slot("opening") or "", _words_of(places))

    async def ask_drop_off(self, turn: Turn) -> None:
        """Where it is handed in."""
        places = await self._drop_offs(turn)
        self.pose(
            turn,
            "drop_off",
            buttons=[{"title": turn.texts.local(place["name"]), "payload": choose(drop_off=place["id"])} for place in places],
            places="\n".join(f"• {turn.texts.local(place['name'])}: {turn.texts.local(place['text'])}" for place in places),
        )

    async def read_drop_off(self, turn: Turn) -> str | None:
        """One of the places, by its name or by its place in the list."""
        return reading.choice(turn.text, _words_of(await self._drop_offs(turn)))

    # -- yes and done

    async def _args(self, turn: Turn) -> dict[str, Any]:
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
            for line in await self._returnable(turn)
            if not ids or str(line["id"]) in ids
        ]
        return {"order_number": turn.slot("order_number"), "lines": lines, "drop_off": turn.slot("drop_off")}

    async def settle_confirm(self, turn: Turn) -> None:
        """Nothing is to be confirmed that is not possible."""
        preview = await turn.preview("create_return", **await self._args(turn))
        if isinstance(preview, Denied):
            raise Halt(preview)

    async def ask_confirm(self, turn: Turn) -> None:
        """What goes back, how, until when, and what money comes back when."""
        preview = await turn.preview("create_return", **await self._args(turn))
        if isinstance(preview, Denied):
            return await self.explain(turn, preview)
        data = preview.data
        turn.say(
            turn.t(
                "utter_confirm_return",
                order_number=data["order_number"],
                items=item_list(turn, data["lines"]),
                way=turn.t(f"utter_way_{data['drop_off']}"),
                by_day=turn.texts.by_day(data["hand_in_by"]),
            ),
            turn.t("utter_return_cost", cost=turn.texts.money(data["cost"])) if float(data["cost"]["amount"]) else turn.t("utter_return_free"),
            turn.t("utter_discount_lost", amount=turn.texts.money(data["discount_lost"])) if _positive(data.get("discount_lost")) else "",
            self._money(turn, data, "utter_would_refund_return"),
            turn.t("utter_shall_i_return"),
            buttons=turn.buttons("utter_confirm_buttons"),
        )
        return None

    def _money(self, turn: Turn, data: Mapping[str, Any], response: str) -> str:
        if not data.get("refund") and _positive(data.get("credit")):
            return turn.t("utter_credit_on_invoice", amount=turn.texts.money(data["credit"]))
        return refund_sentence(turn, data.get("refund"), response, none="utter_no_refund_due")

    async def finish(self, turn: Turn) -> None:
        """Open the return; name its number, the label, the last day and the money."""
        result = await turn.carry_out("create_return", **await self._args(turn))
        if isinstance(result, Denied):
            raise Halt(result)
        data = result.data
        label = data["label"] or {}
        money = self._money(turn, data, "utter_will_refund_return")
        handing_in = turn.t(f"utter_hand_in_{data['drop_off']}", by_day=turn.texts.by_day(data["hand_in_by"]), on_day=turn.texts.on_day(data.get("pickup_on") or data["hand_in_by"]))
        turn.say(
            turn.t("utter_return_opened", number=data["number"], items=item_list(turn, data["lines"])),
            turn.t(f"utter_label_{label['kind']}", reference=label["reference"]) if label.get("reference") else "",
            handing_in,
            money,
            card={
                "type": "return",
                "number": data["number"],
                "order_number": data["order_number"],
                "lines": [{"name": turn.texts.named(line), "variant": turn.texts.named(line, "variant"), "quantity": line["quantity"]} for line in data["lines"]],
                "label": {"kind": label.get("kind"), "reference": label.get("reference"), "url": label.get("url")},
                "drop_off": data["drop_off"],
                "hand_in_by": data["hand_in_by"],
                "hand_in_text": turn.texts.day(data["hand_in_by"]),
                "refund": turn.texts.money(data["refund"]["amount"]) if data.get("refund") else None,
            },
        )
        refund = data.get("refund")
        if refund and refund.get("expected_on"):
            turn.promise("refund", money, refund["expected_on"], order=data["order_number"], return_number=data["number"])


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
            return turn.tell("utter_no_return", order_number=order["number"], buttons=[turn.button("utter_button_return", "/return_item")] if possible else [])
        turn.say("\n".join(self._sentence(turn, order, entry) for entry in returns), buttons=self._buttons(turn, returns))
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
        elif _positive(refund.get("amount")) and refund.get("expected_on") and entry["status"] in _OPEN_RETURNS:
            to = refund["to"]
            money = turn.t(
                "utter_refund_after_return",
                amount=texts.money(refund["amount"]),
                to=turn.t(f"utter_money_to_{to['kind']}", label=to["label"]) if to else "",
                by_day=texts.by_day(refund["expected_on"]),
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
            overdue = any(refund["is_overdue"] for refund in refunds)
            buttons = turn.buttons("utter_offer_person") if overdue else []
            turn.say("\n".join(refund_text(turn, order, refund) for refund in refunds), buttons=buttons)
            return None
        waiting = [entry for entry in order["returns"] if entry["status"] in _OPEN_RETURNS and entry.get("refund")]
        if waiting:
            status = ReturnStatus()
            turn.say("\n".join(status._sentence(turn, order, entry) for entry in waiting))
            return None
        possible = order["possible"]
        buttons = [
            turn.button(title, payload)
            for name, title, payload in (("create_return", "utter_button_return", "/return_item"), ("cancel_order", "utter_button_cancel_order", "/cancel_order"))
            if possible.get(name, {}).get("allowed")
        ]
        turn.tell("utter_no_refund", order_number=order["number"], buttons=[*buttons, *turn.buttons("utter_offer_person")])
        return None


def refund_text(turn: Turn, order: Mapping[str, Any], refund: Mapping[str, Any]) -> str:
    """One refund in a sentence; a day that is held out is reported as a promise."""
    texts = turn.texts
    status = "overdue" if refund["is_overdue"] else refund["status"]
    day = refund.get("expected_on")
    name = f"utter_refund_{status}"
    if status == "pending" and not day or status == "issued" and not refund.get("issued_at"):
        name += "_undated"
    text = turn.t(
        name,
        amount=texts.money(refund["amount"]),
        to=turn.t(f"utter_money_to_{refund['to']['kind']}", label=refund["to"]["label"]),
        by_day=texts.by_day(day) if day else "",
        on_issued=texts.on_day(refund["issued_at"]) if refund.get("issued_at") else "",
    )
    if status == "pending" and day:
        turn.promise("refund", text, day, order=order["number"], return_number=refund.get("return_number"))
    return text


def _words_of(places: list[Mapping[str, Any]]) -> dict[str, list[str]]:
    """What people call the ways to hand something in."""
    usual = {
        "service_point": ["paketshop", "filiale", "post", "postfiliale", "shop", "kiosk", "parcel shop", "post office", "service point"],
        "parcel_locker": ["packstation", "paketstation", "automat", "locker", "parcel locker"],
        "store": ["laden", "geschäft", "im laden", "filiale vor ort", "store", "in store", "vor ort"],
        "collection": ["abholung", "abholen", "zu hause", "zuhause", "pick up", "collect", "collection", "at home"],
    }
    return {place["id"]: [*place["name"].values(), *usual.get(place["id"], [])] for place in places}


def _positive(amount: Mapping[str, Any] | None) -> bool:
    return bool(amount) and float(amount["amount"]) > 0  # type: ignore[index]
