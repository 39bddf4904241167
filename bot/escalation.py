"""Decides whether a conversation goes to a person, and why. A pure function: no clock, no database."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from bot.engine_client import Facts

__all__ = ["UPSET", "Before", "Escalation", "EscalationReason", "decide", "failed_codes"]

# Two failed understandings in a row are the customer's patience; the third question back would be one too many.
NOT_UNDERSTOOD_LIMIT = 2
# Anger and worry count as strong from here on (valence is -1..1), and as repeated after two messages.
STRONG_VALENCE = -0.8
STRONG_CONFIDENCE = 0.7
REPEATED_UPSET = 2
UPSET = frozenset({"anger", "worry", "frustration", "disappointment"})
STRONG = frozenset({"anger", "worry"})

# Codes by which an operation says that it failed; all others are rules, and rules are answers.
FAILED_AT_ONCE = frozenset({"shop_cannot", "just_changed"})  # trying again does not help
FAILED = FAILED_AT_ONCE | {"shop_unavailable", "failed"}
# Somebody who was let down and writes about it should not have to explain it to the bot.
_ABOUT_PROMISES = frozenset(
    {"complaint", "delivery_late", "delivery_not_received", "track_order", "refund_status", "return_status"}
)

# What a shop wants a person to read at once, whatever the bot could answer: law, injury, press. Words that mean
# something harmless as often ("brand", "court shoes", "Gericht" for a dish, "Fernsehen") need company.
_KEYWORDS = re.compile(
    r"""\b(?:
      (?:rechts)?anw[aä]lt(?:e|en|in|s)? | (?:an)?klage(?:n|\ einreichen)? | verklag\w+ | klageschrift
    | (?:vor|beim?|zum|ans?|das)\ (?:amts|land)?gericht | (?:straf)?anzeige\ (?:erstatten|gegen) | strafanzeige
    | abmahnung(?:en)? | verbraucher(?:zentrale|schutz) | schlichtungsstelle | mahnbescheid
    | lawyers? | solicitors? | attorneys? | legal\ (?:action|advice|steps) | lawsuit | sue\ (?:you|them|the)
    | su(?:e|ing)\ (?:your|this)\ (?:company|shop) | (?:to|in|see\ you\ in)\ (?:small\ claims\ )?court(?!\ shoes?)
    | trading\ standards | ombudsman | small\ claims | police
    | polizei | verletz(?:t|ung|ungen) | krankenhaus | notaufnahme | stromschlag | explodiert
    | verbrennung(?:en)? | verbrannt | brandgefahr | (?:in|einen)\ brand | brand\ (?:geraten|ausgelöst|gesetzt)
    | feuer\ gefangen | vergiftet | vergiftung | allergische\ reaktion | erstick\w+
    | injur(?:y|ies|ed) | hospital | electric\ shock | electrocuted | exploded | caught\ fire | on\ fire
    | burn(?:ed|t)\ (?:my|me|his|her|our) | poison(?:ed|ing) | allergic\ reaction | chok(?:ed|ing)
    | die\ presse | presseanfrage | journalist(?:in|en)? | reporter(?:in)?
    | (?:an|bei|für)\ (?:die|der|eine|einer|das)\ zeitung
    | (?:ans|beim|im|fürs)\ fernsehen\ (?:gehen|bringen|melden|arbeite\w*) | press\ (?:inquiry|enquiry|office)
    | the\ (?:press|media|newspapers?)
    )\b""",
    re.IGNORECASE | re.VERBOSE,
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
    # A withdrawal from a contract that people must see to.
    WITHDRAWAL = "withdrawal"
    # An agent took the conversation without being asked.
    STEPPED_IN = "stepped_in"
    REOPENED = "reopened"


@dataclass(frozen=True)
class Escalation:
    """The decision to hand over."""

    reason: EscalationReason


@dataclass(frozen=True)
class Before:
    """What went before in the conversation, as far as it matters for handing over.

    Attributes:
        not_understood: turns in a row directly before this one that were not understood.
        upset: turns in a row directly before this one whose emotion was negative.
        operation_failed: whether the turn before tried something in the shop that failed.
        promise_broken: whether something promised here was broken and no person has taken it up since.
        with_person: whether the conversation waits for, or is with, a person already.
    """

    not_understood: int = 0
    upset: int = 0
    operation_failed: bool = False
    promise_broken: bool = False
    with_person: bool = False


def decide(facts: Facts, text: str | None, before: Before) -> Escalation | None:
    """Decide from one turn whether a person should take over.

    Args:
        facts: what the engine found out in this turn.
        text: what the customer typed, if anything.
        before: what went before.

    Returns:
        The escalation with its reason, or None. The first matching reason counts, the most explicit first.
    """
    for request in facts.requests:
        if request.kind == "handoff":
            return Escalation(EscalationReason(request.reason or EscalationReason.CUSTOMER_ASKED))
    if before.with_person:
        # Somebody will come anyway; saying so again with every message would be noise.
        return None
    if text and _KEYWORDS.search(text):
        return Escalation(EscalationReason.KEYWORD)
    failed = failed_codes(operation.code for operation in facts.operations if not operation.ok)
    if failed & FAILED_AT_ONCE or (failed and before.operation_failed):
        return Escalation(EscalationReason.OPERATION_FAILED)
    if not facts.understood and before.not_understood >= NOT_UNDERSTOOD_LIMIT:
        return Escalation(EscalationReason.NOT_UNDERSTOOD)
    emotion = facts.emotion
    upset = emotion is not None and emotion.label in UPSET
    if before.promise_broken and (upset or (facts.intent is not None and facts.intent.name in _ABOUT_PROMISES)):
        return Escalation(EscalationReason.PROMISE_BROKEN)
    if emotion is not None and upset:
        strong = (
            emotion.label in STRONG
            and emotion.valence <= STRONG_VALENCE
            and emotion.confidence >= STRONG_CONFIDENCE
            and before.upset >= 1
        )
        if strong or before.upset >= REPEATED_UPSET:
            return Escalation(EscalationReason.UPSET)
    return None


def failed_codes(codes: Iterable[str | None]) -> frozenset[str]:
    """Return those codes of denied operations that mean a failure, not a rule."""
    return frozenset(code for code in codes if code in FAILED)
