"""Choices and sentences that several matters share: items of an order, reasons, where money goes."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from actions.turn import Button, Turn, choose

__all__ = ["chosen_lines", "line_buttons", "money_line", "pieces", "positive", "reason_buttons", "refund_sentence"]

_TITLE_LENGTH = 60
"""Characters of a button's title that every channel shows."""
_REASONS_SHOWN = 6


def line_buttons(turn: Turn, lines: Sequence[Mapping[str, Any]]) -> list[Button]:
    """One button for each item."""
    return [{"title": turn.texts.item(line)[:_TITLE_LENGTH], "payload": choose(line=str(line["id"]))} for line in lines[:8]]


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


def money_line(turn: Turn, refund: Mapping[str, Any] | None, response: str) -> str:
    """As `refund_sentence`, and nothing where no money comes back."""
    return refund_sentence(turn, refund, response, none="") if refund else ""


def refund_sentence(turn: Turn, refund: Mapping[str, Any] | None, response: str, *, none: str) -> str:
    """How much money comes back where and until when; another response where none does."""
    if not refund or not float(refund["amount"]["amount"]):
        return turn.t(none) if none else ""
    values = {"amount": turn.texts.money(refund["amount"]), "to": turn.t(f"utter_money_to_{refund['to']['kind']}", label=refund["to"]["label"])}
    if refund.get("expected_on"):
        return turn.t(response, **values, by_day=turn.texts.by_day(refund["expected_on"]))
    return turn.t(f"{response}_undated", **values)


def positive(amount: Mapping[str, Any] | None) -> bool:
    """Whether an amount is there and more than nothing."""
    return amount is not None and float(amount["amount"]) > 0
