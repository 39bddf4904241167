"""Answers that need no order: a text, or what the shop says of itself."""

import re
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from actions.flows import Answer, resume
from actions.shop_client import Done, ShopUnavailable
from actions.turn import Turn

__all__ = ["PlainAnswer", "ShopAnswer"]

# "kann ich die noch stornieren?", with the order that was just shown.
_THIS_ONE = re.compile(
    r"\b(kann|könnte|darf) ich (die|sie|das|es|diese)\b|\b(can|could|may) I (still )?\w+ (it|that|this)\b",
    re.IGNORECASE,
)
# What an upset customer is upset about, by intent; the acknowledgement fits it.
_MATTERS: Mapping[str, str] = {
    "delivery_time": "waiting",
    "order_confirmation_missing": "waiting",
    "delivery_costs": "money",
    "refund_policy": "money",
    "payment_issue": "money",
    "voucher_issue": "money",
    "login_problem": "access",
    "registration_problem": "access",
    "complaint": "service",
    "give_feedback": "service",
    "product_support": "goods",
}


class ShopAnswer(Answer):
    """An answer from the shop's own facts."""

    concrete: ClassVar[str | None] = None
    """The form of the matter itself, for somebody who asks in general and names an order: "can I still cancel X?"."""

    async def answer(self, turn: Turn, offered: dict[str, Any] | None) -> None:
        """Look the shop's facts up and tell them."""
        turn.matter = _MATTERS.get(turn.intent, self.matter)
        number = turn.value("order_number")
        if number is None and turn.slot("proved") == turn.slot("order_number") and _THIS_ONE.search(turn.text):
            number = turn.slot("order_number")
        if self.concrete and number and not turn.tracker.active_loop.get("name"):
            turn.set("order_number", str(number))
            turn.events.append(resume(turn, {"form": self.concrete, "slots": {"order_number": str(number)}}))
            return
        info = await turn.look_up("shop_info")
        if not isinstance(info, Done):
            raise ShopUnavailable("shop_info was denied")
        await self.tell(turn, info.data)

    @abstractmethod
    async def tell(self, turn: Turn, info: Mapping[str, Any]) -> None:
        """Say it."""


class PlainAnswer(Answer):
    """Says the response named after the intent."""

    response: ClassVar[str | None] = None

    def name(self) -> str:
        """Name of the action."""
        return "action_answer"

    async def answer(self, turn: Turn, offered: dict[str, Any] | None) -> None:
        """Say it, with its buttons."""
        turn.matter = _MATTERS.get(turn.intent, self.matter)
        number = turn.value("order_number")
        if turn.intent == "complaint" and number and not turn.tracker.active_loop.get("name"):
            # A complaint that names its order is about that order, and mostly about waiting for it.
            turn.set("order_number", str(number))
            turn.events.append(resume(turn, {"form": "delivery_late_form", "slots": {"order_number": str(number)}}))
            return
        turn.tell(f"utter_{turn.intent}")
