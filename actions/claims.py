"""Something came broken, wrong or not at all; something broke later."""

from collections.abc import Mapping
from typing import Any, ClassVar

from actions import reading
from actions.choices import chosen_lines, refund_sentence
from actions.flows import SURE, Change
from actions.order_flow import OrderFlow
from actions.status import item_list
from actions.steps import LineStep
from actions.turn import Turn, choose

__all__ = ["ClaimItem", "WarrantyClaim"]

_KINDS = {"damaged_item": "damaged", "wrong_item": "wrong", "missing_item": "missing"}
_WISHES: Mapping[str, tuple[str, ...]] = {
    "replacement": (
        "ersatz",
        "ersetzen",
        "austausch",
        "neu schicken",
        "neu zuschicken",
        "ein neues",
        "einen neuen",
        "eine neue",
        "nachlieferung",
        "nachliefern",
        "richtigen",
        "replacement",
        "new one",
        "replace",
        "send it again",
    ),
    "refund": ("geld", "geld zurück", "erstattung", "erstatten", "money", "refund", "money back"),
}
_NONE = "-"
"""Value of the photo's step where none is needed, or there is none."""


class ClaimItem(Change, LineStep):
    """Replaces or refunds what arrived damaged or wrong, or did not arrive with the rest."""

    form = "claim_item_form"
    intents = ("damaged_item", "wrong_item", "missing_item")
    steps = ("order_number", "proof", "line", "claim_wish", "photo", "confirm")
    notes = (*OrderFlow.notes, "claim_kind")
    matter = "goods"
    operation = "claim_item"
    solvable: ClassVar[dict[str, str]] = {
        "photo_needed": "photo",
        "wish_needed": "claim_wish",
        "wish_unavailable": "claim_wish",
        "out_of_stock": "claim_wish",
    }

    async def begin(self, turn: Turn) -> None:
        """The intent says what is wrong."""
        await super().begin(turn)
        turn.set("claim_kind", _KINDS.get(turn.intent, "damaged"))

    async def hear(self, turn: Turn) -> bool:
        """Somebody may notice in the middle that it is another thing that is wrong."""
        if (
            turn.intent in _KINDS
            and not turn.is_choice
            and turn.slot("claim_kind") != _KINDS[turn.intent]
            and turn.confidence >= SURE
            and turn.slot("requested_slot") in ("order_number", "proof", "line")
        ):
            turn.set("claim_kind", _KINDS[turn.intent])
        return await super().hear(turn)

    def eligible(self, line: Mapping[str, Any]) -> bool:
        """What has been delivered, or should have been with the rest."""
        return int(line.get("delivered") or 0) > 0 or line["status"] == "delivered"

    async def settle_claim_wish(self, turn: Turn) -> str | None:
        """What was asked for at the beginning."""
        return reading.choice(turn.slot("opening") or "", _WISHES, by_place=False)

    async def ask_claim_wish(self, turn: Turn) -> None:
        """A replacement or the money."""
        obstacle = turn.slot("obstacle") or {}
        options = (obstacle.get("params") or {}).get("options") or (
            ["refund"] if obstacle.get("code") == "out_of_stock" else list(_WISHES)
        )
        self.pose(
            turn,
            "claim_wish",
            buttons=[turn.button(f"utter_claim_wish_{wish}", choose(claim_wish=wish)) for wish in options],
        )

    async def read_claim_wish(self, turn: Turn) -> str | None:
        """A replacement or the money, in the customer's words."""
        return reading.choice(turn.text, _WISHES, by_place=turn.slot("requested_slot") == "claim_wish")

    async def settle_photo(self, turn: Turn) -> str | None:
        """Only asked for where the shop needs one."""
        return None if (turn.slot("obstacle") or {}).get("code") == "photo_needed" else _NONE

    async def ask_photo(self, turn: Turn) -> None:
        """A picture of the damage."""
        self.pose(turn, "photo", expects={"type": "photo"})

    async def read_photo(self, turn: Turn) -> str | None:
        """The picture that was sent."""
        photo = turn.value("photo")
        return str(photo) if photo else None

    async def args(self, turn: Turn) -> dict[str, Any]:
        """What is wrong with which items, and what is wished instead."""
        photo = turn.slot("photo")
        return {
            "order_number": turn.slot("order_number"),
            "kind": turn.slot("claim_kind"),
            "lines": [{"line_id": str(line["id"])} for line in await self.chosen(turn)],
            "wish": turn.slot("claim_wish"),
            "description": (turn.slot("opening") or None),
            "photo": photo if photo and photo != _NONE else None,
        }

    async def announce(self, turn: Turn, data: dict[str, Any]) -> list[str]:
        """What will be sent or refunded and when, and whether something goes back."""
        return [
            turn.t(f"utter_confirm_claim_{data['kind']}", items=item_list(turn, data["lines"])),
            self._outcome(turn, data),
            self._goes_back(turn, data),
        ]

    async def report(self, turn: Turn, data: dict[str, Any]) -> None:
        """The number, what comes when, and the label if something goes back."""
        order = turn.slot("order_number")
        outcome = self._outcome(turn, data)
        back = data.get("return") or {}
        label = back.get("label") or {}
        turn.say(
            turn.t("utter_claim_opened", number=data["number"]),
            outcome,
            turn.t("utter_claim_return", number=back["number"], by_day=turn.texts.by_day(back["hand_in_by"]))
            if back.get("number") and back.get("hand_in_by")
            else "",
            turn.t(f"utter_label_{label['kind']}", reference=label["reference"]) if label.get("reference") else "",
        )
        if data.get("replacement") and data["replacement"].get("expected_on"):
            turn.promise("replacement", outcome, data["replacement"]["expected_on"], order=order)
        elif data.get("refund") and data["refund"].get("expected_on"):
            turn.promise("refund", outcome, data["refund"]["expected_on"], order=order)
        elif data.get("answer_by"):
            turn.promise("answer", outcome, data["answer_by"], order=order)

    def _goes_back(self, turn: Turn, data: Mapping[str, Any]) -> str:
        if data.get("send_back"):
            return turn.t("utter_claim_send_back")
        return turn.t("utter_claim_keep") if data["kind"] != "missing" and data.get("decided") else ""

    def _outcome(self, turn: Turn, data: Mapping[str, Any]) -> str:
        if not data.get("decided", True) and data.get("answer_by"):
            return turn.t("utter_claim_checked", by_day=turn.texts.by_day(data["answer_by"]))
        if data.get("replacement"):
            day = data["replacement"].get("expected_on")
            return (
                turn.t("utter_claim_replacement", on_day=turn.texts.on_day(day))
                if day
                else turn.t("utter_claim_replacement_undated")
            )
        return refund_sentence(turn, data, none="utter_nothing_to_pay")


class WarrantyClaim(Change, LineStep):
    """Takes down what broke in use, so that the shop looks at it."""

    form = "warranty_claim_form"
    intents = ("warranty_claim",)
    steps = ("order_number", "proof", "line", "description", "confirm")
    matter = "goods"
    operation = "warranty_claim"
    several = False
    free_text = frozenset({"description"})
    solvable: ClassVar[dict[str, str]] = {"description_needed": "description"}

    def eligible(self, line: Mapping[str, Any]) -> bool:
        """What the customer has or had."""
        return int(line.get("delivered") or 0) > 0 or line["status"] == "delivered"

    async def read_description(self, turn: Turn) -> str | None:
        """What is broken, in any words."""
        if reading.is_question(turn.text) or len(turn.text.split()) < 2:
            return None
        return turn.text[:500]

    async def args(self, turn: Turn) -> dict[str, Any]:
        """The item and what is broken about it."""
        return {
            "order_number": turn.slot("order_number"),
            "line_id": chosen_lines(turn.slot("line"))[0],
            "description": turn.slot("description"),
        }

    async def announce(self, turn: Turn, data: dict[str, Any]) -> list[str]:
        """What is taken down, and until when there is an answer."""
        return [
            turn.t(
                "utter_confirm_warranty",
                item=turn.texts.item(data["line"], quantity=1),
                description=turn.slot("description"),
            ),
            turn.t("utter_warranty_until", by_day=turn.texts.by_day(data["until"])) if data.get("until") else "",
            turn.t("utter_answer_by", by_day=turn.texts.by_day(data["answer_by"])),
        ]

    async def report(self, turn: Turn, data: dict[str, Any]) -> None:
        """The number, and until when there is an answer."""
        answer = turn.t("utter_answer_by", by_day=turn.texts.by_day(data["answer_by"]))
        turn.say(turn.t("utter_warranty_opened", number=data["number"]), answer)
        turn.promise("answer", answer, data["answer_by"], order=turn.slot("order_number"))
