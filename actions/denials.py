"""Says why something is not possible, and what is possible instead."""

from collections.abc import Mapping
from datetime import date
from string import Formatter
from typing import Any

from actions.shop_client import Denied
from actions.turn import Button, Turn

__all__ = ["explain", "explanation"]

_NAMED = 6
"""Choices that a sentence lists; the rest are buttons."""


def explain(turn: Turn, operation: str, denied: Denied, *, buttons: list[Button] | None = None) -> None:
    """Tell the customer; see `explanation`."""
    name, values = explanation(turn, operation, denied)
    turn.say(turn.t(name, **values), buttons=[*(buttons or []), *turn.buttons(name, **values)])


def explanation(turn: Turn, operation: str, denied: Denied) -> tuple[str, dict[str, Any]]:
    """The response that fits a denial best, and its values.

    The domain's responses are named `utter_denied_<operation>_<code>`, else `utter_denied_<code>`; `_plain`
    beside one of them is for denials that lack a value (a date nobody knows).
    """
    values = _values(turn, denied.params)
    values.setdefault("order_number", turn.slot("order_number"))
    for name in (f"utter_denied_{operation}_{denied.code}", f"utter_denied_{denied.code}"):
        for candidate in (name, f"{name}_plain"):
            if turn.texts.has(candidate) and _wanted(turn, candidate) <= values.keys():
                return candidate, values
    return "utter_denied_default", values


def _wanted(turn: Turn, name: str) -> set[str]:
    return {field for _, field, _, _ in Formatter().parse(turn.texts.variation(name)["text"]) if field}


def _values(turn: Turn, params: Mapping[str, Any]) -> dict[str, Any]:
    """Values for people: `expected_on` as a day, with `on_…` and `by_…` beside it; money; lists of names."""
    values: dict[str, Any] = {}
    for key, value in params.items():
        if value is None or value == []:
            continue
        if isinstance(value, Mapping) and "amount" in value:
            values[key] = turn.texts.money(value)
        elif isinstance(value, str) and _is_day(value):
            values[key] = turn.texts.day(value)
            values[f"on_{key}"] = turn.texts.on_day(value)
            values[f"by_{key}"] = turn.texts.by_day(value)
            if "T" in value:
                values[f"clock_{key}"] = turn.texts.clock(value)
        elif isinstance(value, list):
            names = [turn.texts.country(item) if key == "countries" else _name(turn, item) for item in value]
            values[key] = turn.texts.any_of(names if len(names) <= _NAMED else [*names[: _NAMED - 1], "…"])
        else:
            values[key] = value
    return values


def _is_day(value: str) -> bool:
    try:
        date.fromisoformat(value[:10])
    except ValueError:
        return False
    return True


def _name(turn: Turn, item: Any) -> str:
    if isinstance(item, Mapping):
        if "variant" in item:
            return turn.texts.named(item, "variant") or turn.texts.named(item)
        return (
            turn.texts.local(item.get("name"))
            if isinstance(item.get("name"), Mapping)
            else str(item.get("label") or turn.texts.named(item))
        )
    return _day_or_word(turn, item)


def _day_or_word(turn: Turn, item: Any) -> str:
    return turn.texts.day(item) if isinstance(item, str) and _is_day(item) else str(item)
