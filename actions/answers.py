"""Answers that need no order: a text, or what the shop says of itself."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

from actions.flows import Answer
from actions.shop_client import Done, ShopUnavailable
from actions.turn import Turn

__all__ = ["PlainAnswer", "ShopAnswer"]

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

    async def answer(self, turn: Turn, offered: dict[str, Any] | None) -> None:
        """Look the shop's facts up and tell them."""
        turn.matter = _MATTERS.get(turn.intent, self.matter)
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
        turn.tell(f"utter_{turn.intent}")
