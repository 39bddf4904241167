"""Choices and sentences that several matters share: items of an order, reasons, where money goes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from actions.turn import Button, Turn, choose

__all__ = ["chosen_lines", "line_buttons", "money_to", "pieces", "positive", "reason_buttons", "refund_sentence"]

_TITLE_LENGTH = 60
"""Characters of a button's title that every channel shows."""
_REASONS_SHOWN = 6


def line_buttons(turn: Turn, lines: Sequence[Mapping[str, Any]]) -> list[Button]:
    """One button for each item."""
    return [
        {"title": turn.texts.item(line)[:_TITLE_LENGTH], "payload": choose(line=str(line["id"]))} for line in lines[:8]
    ]


def reason_buttons(turn: Turn, reasons: Iterable[str]) -> list[Button]:
    """The usual reasons in the customer's words, and one for saying nothing."""
    return [
        *(turn.button(f"utter_reason_{reason}", choose(reason=reason)) for reason in list(reasons)[:_REASONS_SHOWN]),
        turn.button("utter_reason_other", choose(reason="other")),
    ]


def chosen_lines(value: Any) -> list[str]:
    """Ids of the items in a slot: one, several, or none where everything is meant."""
    if value in (None, "all", ["all"]):
        return []
    return [str(line) for line in value] if isinstance(value, list) else [str(value)]


def pieces(line: Mapping[str, Any], state: str) -> int:
    """Pieces of a line that are still `open`, or were `delivered`."""
    return int(line.get(state) or 0)


def refund_sentence(turn: Turn, data: Mapping[str, Any], *, none: str | None = None) -> str:
    """What money comes back where and until when, or what need not be paid any more.

    Args:
        turn: the message answered.
        data: of an operation, with `refund` and perhaps `credit`.
        none: the response where no money comes back.
    """
    refund = data.get("refund")
    if not refund or not positive(refund["amount"]):
        if positive(data.get("credit")):
            return turn.t("utter_credit_on_invoice", amount=turn.texts.money(data["credit"]))
        return turn.t(none) if none else ""
    name = "utter_money_back_after_check" if refund.get("after") == "receipt" else "utter_money_back"
    values = {"amount": turn.texts.money(refund["amount"]), "to": money_to(turn, refund["to"])}
    if refund.get("expected_on"):
        return turn.t(name, **values, on_day=turn.texts.on_day(refund["expected_on"]))
    return turn.t(f"{name}_undated", **values)


def money_to(turn: Turn, to: Mapping[str, Any]) -> str:
    """`auf Ihr PayPal-Konto`."""
    return turn.t(f"utter_money_to_{to['kind']}")


def positive(amount: Mapping[str, Any] | None) -> bool:
    """Whether an amount is there and more than nothing."""
    return amount is not None and float(amount["amount"]) > 0
