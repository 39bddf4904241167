"""Decides whether a conversation goes to a person, and why. A pure function: no clock, no database."""

import re
from dataclasses import dataclass
from enum import StrEnum

from bot.engine_client import Facts

__all__ = ["Escalation", "EscalationReason", "decide"]

# Two failed understandings in a row are the customer's patience; the third question back would be one too many.
NOT_UNDERSTOOD_LIMIT = 2
# Anger and worry count as strong from here on (valence is -1..1), and as repeated after two messages.
STRONG_VALENCE = -0.8
STRONG_CONFIDENCE = 0.7
REPEATED_UPSET = 2
UPSET = frozenset({"anger", "worry", "frustration", "disappointment"})
STRONG = frozenset({"anger", "worry"})

# What a shop wants a person to read at once, whatever the bot could answer.
_KEYWORDS = re.compile(
    r"\b(anwalt|anw[äa]ltin|rechtsanwalt|klage|verklagen|gericht|strafanzeige|abmahnung|verbraucherzentrale"
    r"|lawyer|solicitor|attorney|sue|court|legal action|trading standards|ombudsman"
    r"|verletz(?:t|ung)|krankenhaus|brand(?:gefahr)?|stromschlag|explodiert"
    r"|injur(?:y|ed)|hospital|burn(?:ed|t) (?:my|me)|electric shock|exploded|caught fire"
    r"|presse|journalist(?:in)?|zeitung|fernsehen|press inquiry|newspaper|reporter)\b",
    re.IGNORECASE,
)


class EscalationReason(StrEnum):
    """Why a conversation goes to a person; stored with the handoff and counted in the figures."""

    CUSTOMER_ASKED = "customer_asked"
    NOT_UNDERSTOOD = "not_understood"
    UPSET = "upset"
    POLICY = "policy"
    OPERATION_FAILED = "operation_failed"
    PROMISE_BROKEN = "promise_broken"
    KEYWORD = "keyword"
    STUCK_TURN = "stuck_turn"
    LOW_SCORE = "low_score"
    # An agent took the conversation without being asked.
    STEPPED_IN = "stepped_in"
    REOPENED = "reopened"


@dataclass(frozen=True)
class Escalation:
    """The decision to hand over."""

    reason: EscalationReason


def decide(facts: Facts, text: str | None, *, not_understood_before: int, upset_before: int) -> Escalation | None:
    """Decide from one turn whether a person should take over.

    Args:
        facts: what the engine found out in this turn.
        text: what the customer typed, if anything.
        not_understood_before: turns in a row before this one that were not understood.
        upset_before: turns in a row before this one whose emotion was negative.

    Returns:
        The escalation with its reason, or None. The first matching reason counts, the most explicit first.
    """
    for request in facts.requests:
        if request.kind == "handoff":
            return Escalation(EscalationReason(request.reason or EscalationReason.CUSTOMER_ASKED))
    if text and _KEYWORDS.search(text):
        return Escalation(EscalationReason.KEYWORD)
    if not facts.understood and not_understood_before >= NOT_UNDERSTOOD_LIMIT:
        return Escalation(EscalationReason.NOT_UNDERSTOOD)
    emotion = facts.emotion
    if emotion is not None and emotion.label in UPSET:
        strong = (
            emotion.label in STRONG
            and emotion.valence <= STRONG_VALENCE
            and emotion.confidence >= STRONG_CONFIDENCE
            and upset_before >= 1
        )
        if strong or upset_before >= REPEATED_UPSET:
            return Escalation(EscalationReason.UPSET)
    return None
