"""The legal withdrawal from a contract (directive 2011/83/EU, article 11a; section 356a BGB).

Two steps, open to everybody: declare, then confirm. Only the name, what contract it is and where the receipt
goes are asked. No proof, no reason, nothing that talks anybody out of it.
"""

import re
from typing import Any, ClassVar

from actions import reading
from actions.flows import Change
from actions.turn import Button, Turn

__all__ = ["WithdrawContract"]

_NAME = re.compile(
    r"^(?:(?:ich (?:heiße|bin)|mein name ist|name:?|my name is|i am"
    r"|i'm)\s+)?(?P<name>[^\W\d][\w.'’-]*(?:\s+[^\W\d][\w.'’-]*){1,4})[.!]?$",
    re.IGNORECASE,
)


class WithdrawContract(Change):
    """Takes the declaration, has it confirmed, and sends the receipt."""

    form = "withdraw_contract_form"
    intents = ("withdraw_contract",)
    steps = ("contract", "customer_name", "receipt_to", "confirm")
    operation = "withdraw_contract"
    question = "utter_shall_i_withdraw"
    free_text = frozenset({"contract", "customer_name"})
    solvable: ClassVar[dict[str, str]] = {"email_invalid": "receipt_to"}

    async def settle_contract(self, turn: Turn) -> str | None:
        """The order named in the declaration, or the one talked about."""
        number = turn.value("order_number") or turn.slot("order_number")
        return str(number) if number else None

    async def read_contract(self, turn: Turn) -> str | None:
        """An order number, or other words by which the order can be found."""
        number = turn.value("order_number")
        if number:
            return str(number)
        return None if turn.is_choice or reading.is_question(turn.text) else turn.text[:300]

    async def read_customer_name(self, turn: Turn) -> str | None:
        """A first and a last name."""
        match = None if turn.is_choice else _NAME.match(turn.text.strip())
        return match["name"] if match else None

    async def settle_receipt_to(self, turn: Turn) -> str | None:
        """An address given before in this conversation."""
        if (turn.slot("obstacle") or {}).get("code") == "email_invalid":
            return None
        address = turn.value("email") or turn.slot("email")
        return str(address) if address else None

    async def read_receipt_to(self, turn: Turn) -> str | None:
        """A mail address."""
        address = turn.value("email")
        return str(address) if address else None

    async def args(self, turn: Turn) -> dict[str, Any]:
        """The declaration."""
        return {
            "name": turn.slot("customer_name"),
            "contract": turn.slot("contract"),
            "receipt_to": turn.slot("receipt_to"),
            "statement": turn.slot("opening"),
        }

    async def announce(self, turn: Turn, data: dict[str, Any]) -> list[str]:
        """The declaration as it will be recorded."""
        return [
            turn.t(
                "utter_confirm_withdrawal",
                contract=turn.slot("contract"),
                name=turn.slot("customer_name"),
                receipt_to=turn.slot("receipt_to"),
            )
        ]

    def confirm_buttons(self, turn: Turn, data: dict[str, Any]) -> list[Button]:
        """The words that the law has for it."""
        return turn.buttons("utter_withdrawal_buttons")

    async def report(self, turn: Turn, data: dict[str, Any]) -> None:
        """When it arrived, and where the receipt went."""
        turn.tell(
            "utter_withdrawn",
            number=data["number"],
            on_day=turn.texts.on_day(data["received_at"]),
            clock=turn.texts.clock(data["received_at"]),
            receipt_to=data["receipt_to"],
        )
