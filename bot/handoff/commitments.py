"""Finds what an agent's draft holds out: dates, times and amounts, to be recorded as promises."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from bot.engine_client import Entity
from bot.shop.calendar import Calendar

__all__ = ["KINDS", "Commitment", "find_commitments"]

# What a promise can be about, by the words of its sentence. The first that fits counts.
_KIND_WORDS = {
    "return_label": r"rücksende-?etikett|retouren-?(?:schein|etikett|label)|versand-?etikett|return label|qr-?code",
    "refund": r"erstatt|gutschr|gutgeschrieben|geld\b.{0,30}\bzurück|rücküberweis|refund|money back|reimburs|credit",
    "replacement": r"ersatz|neu(?:es|en|e)? (?:gerät|artikel|paket|exemplar)|replac|new one",
    "restock": r"wieder (?:da|verfügbar|lieferbar|auf lager)|back in stock|restock",
    "delivery": r"liefer|zugestellt|zustell|\bpaket|sendung|kommt .{0,20}an\b|bei ihnen an|unterwegs|versand|versend"
    r"|verschick|deliver|parcel|package|arriv|ship",
    "callback": r"\b(?:rufe?|anruf|rückruf|telefon)|\bcall(?:ing)?\b|\bphone\b|\bring you\b",
}
_KINDS = tuple((kind, re.compile(words, re.IGNORECASE)) for kind, words in _KIND_WORDS.items())
KINDS = (*(kind for kind, _ in _KINDS), "answer")

_NUMBERS = {
    "ein": 1, "einem": 1, "einer": 1, "einen": 1, "eine": 1, "zwei": 2, "drei": 3, "vier": 4, "fünf": 5, "sechs": 6,
    "sieben": 7, "acht": 8, "neun": 9, "zehn": 10, "vierzehn": 14, "a": 1, "an": 1, "one": 1, "two": 2, "three": 3,
    "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "fourteen": 14,
}  # fmt: skip
_NUMBER = r"(?P<number>\d{1,3}|" + "|".join(sorted(_NUMBERS, key=len, reverse=True)) + ")"
_SPAN = re.compile(
    r"\b(?:in|innerhalb(?: von| der nächsten)?|binnen|within|in the next|within the next|noch|the next|nächsten)\s+"
    r"(?:spätestens\s+|höchstens\s+|about\s+|etwa\s+|ca\.\s*)?"
    rf"(?:\d{{1,3}}\s*(?:-|–|bis|to)\s*)?{_NUMBER}\s+"
    r"(?P<unit>werktag\w*|arbeitstag\w*|working days?|business days?|stunden?|hours?|minuten?|minutes?|tag\w*|days?"
    r"|wochen?|weeks?)\b",
    re.I,
)
_MONTH_END = re.compile(r"\b(?:ende (?:des|dieses) monats|monatsende|end of (?:the|this) month)\b", re.I)
_WEEK_END = re.compile(
    r"\b(?:ende (?:der|dieser) woche|diese woche noch|noch diese woche|end of (?:the|this) week)\b", re.I
)
_CLOCK = re.compile(
    r"\b(?:bis|um|gegen|by|at|before|vor)\s+(?P<hour>\d{1,2})(?:[:.](?P<minute>\d\d))?\s*(?P<mark>uhr|am|pm|o'clock)\b"
    r"|\b(?P<hour2>\d{1,2})(?::(?P<minute2>\d\d))?\s*(?P<mark2>pm|am)\b",
    re.I,
)
_AMOUNT = re.compile(
    r"(?:€|eur|euro)\s*(?P<before>\d{1,5}(?:[.,]\d{2})?)|(?P<after>\d{1,5}(?:[.,]\d{2})?)\s*(?:€|eur\b|euro\b)"
    r"|(?P<percent>\d{1,3})\s*(?:%|prozent\b|percent\b)",
    re.I,
)
# A full stop within "30.12. an" or "4.95" ends no sentence.
_SENTENCE = re.compile(r"[^.!?\n]+(?:(?:[.!?](?=\d)|(?<=\d)\.(?=\s[a-zäöü]))[^.!?\n]*)*[.!?]?")
# An amount is held out only where money goes to the customer; a price that is named is no promise.
_GIVES = re.compile(
    r"erstatt|gutschr|gutschein|rabatt|nachlass|geld .{0,30}zurück|überweis|schenk|entschädig|erlassen"
    r"|refund|credit|voucher|discount|reimburs|compensat|waive",
    re.I,
)
# What the customer is asked to do.
_ASKED = re.compile(
    r"\s*(?:und\s+)?(?:bitte\b|please\b|(?:senden|geben|schicken|nutzen|antworten) sie\b)", re.IGNORECASE
)
# Dates that are told, not held out.
_PAST = re.compile(
    r"\b(?:haben sie|hatten sie|wurde|wurden|war|waren|bestellt|you ordered|was|were|have been|has been)\b", re.I
)
_ABOUT_LATER = re.compile(r"\b(?:wird|werden|würde|bis|spätestens|by|will|within|innerhalb|in den nächsten)\b", re.I)

AMOUNT_DUE = timedelta(days=14)  # the law's time for refunds (German Civil Code, section 357), if none is named


@dataclass(frozen=True)
class Commitment:
    """Something held out. ``due`` is when it must have happened; ``amount`` as it was written."""

    kind: str
    wording: str
    due: datetime
    amount: str | None = None
    order_number: str | None = None


def find_commitments(text: str, entities: Sequence[Entity], now: datetime, calendar: Calendar) -> list[Commitment]:
    """Return what a draft holds out, one per sentence.

    Args:
        text: the draft.
        entities: what the engine finds in it: days, time windows, order numbers.
        now: the present instant.
        calendar: the shop's time zone and working days.
    """
    found = []
    numbers = [str(e.value) for e in entities if e.type == "order_number"]
    for match in _SENTENCE.finditer(text):
        sentence = match[0].strip()
        if not sentence or _ASKED.match(sentence) or (_PAST.search(sentence) and not _ABOUT_LATER.search(sentence)):
            continue
        inside = [e for e in entities if match.start() <= e.start < match.end()]
        due = _due(sentence, inside, now, calendar)
        amount = _AMOUNT.search(sentence) if _GIVES.search(sentence) else None
        if due is None and amount is None:
            continue
        if due is None:
            due = calendar.end_of(calendar.day(now + AMOUNT_DUE))
        if due <= now:
            continue
        kind = next((kind for kind, words in _KINDS if words.search(sentence)), "refund" if amount else "answer")
        own = [str(e.value) for e in inside if e.type == "order_number"]
        order = own[0] if own else (numbers[0] if len(set(numbers)) == 1 else None)
        found.append(Commitment(kind, sentence, due, amount[0].strip() if amount else None, order))
    return found


def _due(sentence: str, entities: Sequence[Entity], now: datetime, calendar: Calendar) -> datetime | None:
    today = calendar.day(now)
    span = _SPAN.search(sentence)
    if span is not None:
        number = int(span["number"]) if span["number"].isdigit() else _NUMBERS[span["number"].lower()]
        return _after(number, span["unit"].lower(), now, calendar)
    days = [_last_day(e.value) for e in entities if e.type == "date"]
    day = next((d for d in days if d is not None), None)
    clock = _time_of(sentence)
    window = next((e.value for e in entities if e.type == "time_window" and isinstance(e.value, dict)), None)
    if clock is None and window is not None and window.get("to"):
        clock = time.fromisoformat(window["to"])
    if day is None and _MONTH_END.search(sentence):
        following = (today.replace(day=28) + timedelta(days=4)).replace(day=1)
        day = following - timedelta(days=1)
    if day is None and _WEEK_END.search(sentence):
        day = today + timedelta(days=6 - today.weekday())
    if day is None and clock is not None:
        day = today
    if day is None:
        return None
    return calendar.at(day, clock) if clock else calendar.end_of(day)


def _after(number: int, unit: str, now: datetime, calendar: Calendar) -> datetime:
    if unit.startswith(("stunde", "hour")):
        return now + timedelta(hours=number)
    if unit.startswith("minut"):
        return now + timedelta(minutes=number)
    if unit.startswith(("woche", "week")):
        number *= 7
    day = calendar.day(now)
    if unit.startswith(("werktag", "arbeitstag", "working", "business")):
        return calendar.end_of(calendar.after(day, number))
    return calendar.end_of(day + timedelta(days=number))


def _time_of(sentence: str) -> time | None:
    match = _CLOCK.search(sentence)
    if match is None:
        return None
    hour, minute = int(match["hour"] or match["hour2"]), int(match["minute"] or match["minute2"] or 0)
    mark = (match["mark"] or match["mark2"]).lower()
    if mark == "pm" and hour < 12:
        hour += 12
    return time(hour, minute) if hour < 24 and minute < 60 else None


def _last_day(value: object) -> date | None:
    """Return the day by which it must have happened: of a period the last one."""
    if isinstance(value, dict):
        value = value.get("to")
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        return None
