"""The signals that one turn gives off by itself. docs/signals.md explains each of them."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.engine_client import Facts
from bot.escalation import UPSET

__all__ = ["SignalFact", "signals_of_turn"]


@dataclass(frozen=True)
class SignalFact:
    """One signal before it is stored. ``value`` is in ``unit``."""

    family: str
    kind: str
    value: float | None = None
    unit: str | None = None
    data: dict[str, Any] = field(default_factory=dict)


def signals_of_turn(facts: Facts, *, received_at: datetime, answered_at: datetime, first: bool) -> list[SignalFact]:
    """Return the signals of one answered turn.

    Args:
        facts: what the engine found out.
        received_at: when the customer's message was stored.
        answered_at: when the answer was stored.
        first: whether it is the conversation's first answer.
    """
    seconds = (answered_at - received_at).total_seconds()
    signals = [SignalFact("availability", "response_time", seconds, "s", {"by": "bot"})]
    if first:
        signals.append(SignalFact("availability", "first_response", seconds, "s", {"by": "bot"}))
    if not facts.understood:
        signals.append(SignalFact("availability", "not_understood", data={"ranking": [r.name for r in facts.ranking]}))
    if facts.emotion is not None:
        emotion = facts.emotion
        signals.append(
            SignalFact(
                "empathy",
                "emotion",
                emotion.valence,
                "valence",
                {"label": emotion.label, "confidence": emotion.confidence},
            )
        )
        if emotion.label in UPSET:
            signals.append(
                SignalFact("empathy", "acknowledgement", 1.0 if facts.acknowledged else 0.0, "bool", {"by": "bot"})
            )
            if facts.acknowledged:
                signals.append(SignalFact("empathy", "time_to_acknowledgement", seconds, "s", {"by": "bot"}))
    signals += [SignalFact("empathy", "asked_again", data={"slot": slot}) for slot in facts.asked_again]
    return signals
