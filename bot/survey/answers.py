"""Reads what a customer typed while a survey question was open: an answer, or something else that must win."""

import re
import tomllib
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from bot.engine_client import ParseResult

__all__ = ["New", "Reading", "Said", "asks_something_new", "read_scale_answer", "read_yes_or_no"]


class Said(Enum):
    """What a typed text means to an open question."""

    VALUE = "value"
    VAGUE = "vague"  # an opinion, but no number: worth asking once more
    SKIP = "skip"
    STOP = "stop"
    OTHER = "other"  # not for the survey


class New(Enum):
    """Whether a text that could be a comment is a new request."""

    YES = "yes"
    MAYBE = "maybe"
    NO = "no"


@dataclass(frozen=True)
class Reading:
    """How a typed text was read. ``comment`` is what came with a value."""

    said: Said
    value: int | None = None
    comment: str | None = None


with (Path(__file__).parent / "words.toml").open("rb") as _file:
    _WORDS: dict[str, list[str]] = tomllib.load(_file)

_NUMBER_WORDS = (
    ("null", "zero"),
    ("eins", "one"),
    ("zwei", "zwo", "two"),
    ("drei", "three"),
    ("vier", "four"),
    ("fünf", "fuenf", "five"),
    ("sechs", "six"),
    ("sieben", "seven"),
    ("acht", "eight"),
    ("neun", "nine"),
    ("zehn", "ten"),
)
_NUMBERS = {word: number for number, words in enumerate(_NUMBER_WORDS) for word in words}
# Nobody wraps a number in more characters than this; longer texts are comments or requests.
LONGEST = 300


def _any(words: Iterable[str]) -> str:
    """Return a pattern for any of the phrases, as whole words, the longest first."""
    alternatives = "|".join(re.escape(word) for word in sorted(words, key=len, reverse=True))
    return rf"(?<!\w)(?:{alternatives})(?!\w)"


_NUMBER = rf"(?<![\w.,])(?:\d{{1,3}}(?:[.,]\d+)?|{'|'.join(sorted(_NUMBERS, key=len, reverse=True))})(?![\w])"
_UNIT = rf"(?: ?(?:{'|'.join(re.escape(unit) for unit in sorted(_WORDS['units'], key=len, reverse=True))})(?!\w))"
_BEFORE = rf"(?:(?:{_any(_WORDS['before_number'])}|[-–:,.]) ?)*"
_AFTER = rf"(?: ?(?:{_any(_WORDS['after_number'])}|[^\w?]))*"
_VALUE = re.compile(
    rf"{_BEFORE}(?P<number>{_NUMBER}){_UNIT}?(?: ?(?:/|von|aus|out of|of) ?(?P<of>{_NUMBER}){_UNIT}?)?"
    rf"(?:{_AFTER}|(?: ?[,;:.!–-]| {_any(_WORDS['because'])}) ?(?P<comment>(?! ?\d).*\S))"
)
_RANGE = re.compile(rf"{_BEFORE}{_NUMBER} ?(?:-|–|bis|oder|or|to) ?{_NUMBER}{_UNIT}?{_AFTER}")
_NEGATIVE = re.compile(rf"{_BEFORE}[-–] ?\d+{_UNIT}?{_AFTER}")
# "ein Stern" is a 1, though "ein" alone is only an article.
_SINGLE = re.compile(rf"{_BEFORE}(?:ein|einen|a|one|single){_UNIT}{_AFTER}")
_FAREWELL = re.compile(rf"(?:{_any(_WORDS['farewell'])}[\s,.!]*)+")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_SETS = {name: frozenset(words) for name, words in _WORDS.items()}


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).lower().replace("’", "'")
    return re.sub(r"\s+", " ", folded).strip()


def _phrase(plain: str) -> str:
    """Return a text without its commas and the marks at its end, as the word lists have it."""
    return plain.replace(",", "").rstrip(".! ")


def read_scale_answer(text: str, scale: tuple[int, int], low: str = "", high: str = "") -> Reading:
    """Read a typed answer to a question with a scale.

    Understood are numbers in figures and words with what people put around them ("eine 9", "9/10", "four
    stars", "★★★★", "5, weil es schnell ging"), the labels of the scale's ends, and wishes to skip or stop.
    A number outside the scale, on another scale ("4 von 5" for 0 to 10), between two ("8-9", "3,5") or an
    opinion without one ("ganz gut") is vague.

    Args:
        text: what was typed.
        scale: lowest and highest answer.
        low: label of the lowest answer.
        high: label of the highest answer.
    """
    plain = _plain(text)
    if len(plain) > LONGEST:
        return Reading(Said.OTHER)
    stars = sum(plain.count(star) for star in "★⭐")
    if stars and not plain.strip("★⭐☆ \ufe0f"):
        return _within(stars, scale)
    phrase = _phrase(plain)
    if phrase and phrase in (low.lower(), high.lower()):
        return Reading(Said.VALUE, scale[1] if phrase == high.lower() else scale[0])
    if _RANGE.fullmatch(plain) or _NEGATIVE.fullmatch(plain):
        return Reading(Said.VAGUE)
    if match := _VALUE.fullmatch(plain):
        value, of = _whole(match["number"]), match["of"]
        if value is None or (of is not None and _whole(of) != scale[1]):
            return Reading(Said.VAGUE)
        return _within(value, scale, comment=_as_typed(text, match["comment"]))
    if _SINGLE.fullmatch(plain):
        return _within(1, scale)
    if phrase in _SETS["skip"]:
        return Reading(Said.SKIP)
    words = set(_WORD.findall(plain))
    if phrase in _SETS["stop"] or (_FAREWELL.fullmatch(plain) and not words <= _SETS["opinions"]):
        return Reading(Said.STOP)
    if words & _SETS["opinions"] and words <= _SETS["opinions"] | _SETS["neutral"] and "?" not in plain:
        return Reading(Said.VAGUE)
    return Reading(Said.OTHER)


def _whole(number: str) -> int | None:
    if number in _NUMBERS:
        return _NUMBERS[number]
    return int(number) if number.isdigit() else None


def _within(value: int, scale: tuple[int, int], comment: str | None = None) -> Reading:
    if not scale[0] <= value <= scale[1]:
        return Reading(Said.VAGUE)
    return Reading(Said.VALUE, value, comment)


def _as_typed(text: str, comment: str | None) -> str | None:
    """Return the comment as it was typed: matching was done on folded text."""
    if not comment:
        return None
    return re.sub(r"\s+", " ", text).strip()[-len(comment) :]


def read_yes_or_no(text: str) -> bool | None:
    """Return whether a text says yes or no; None if it says neither."""
    phrase = _phrase(_plain(text))
    if phrase in _SETS["yes"]:
        return True
    return False if phrase in _SETS["no"] else None


# Intents that can be said about a conversation just as well as in it; every other one wants something of the shop.
_TALK = frozenset(
    {
        *("greet", "goodbye", "thank", "affirm", "deny", "bot_challenge", "chitchat", "stop", "inform", "out_of_scope"),
        *("complaint", "praise", "give_feedback"),
    }
)
CERTAIN = 0.6
_IDENTIFIES = re.compile(r"\b[A-Z]{0,4}-?\d{5,}\b|[\w.+-]+@[\w-]+\.\w{2,}")
_REQUEST = re.compile(rf"(?:{_any(_WORDS['before_request'])}[\s,.:!–-]*)*{_any(_WORDS['requests'])}")
_JUDGES = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, _WORDS['judging']))})")


def asks_something_new(text: str, parsed: ParseResult | None) -> New:
    """Tell whether a text typed at the free-text question is a new request, which must win.

    A question mark, an order number or mail address, or the opening of a request decide alone or with the
    engine's intent; a shop matter that is told in judging words ("die Lieferung kam zu spät, schade") may be
    either. Without the engine's opinion a request is rather seen than missed.

    Args:
        text: what was typed.
        parsed: what the engine understands in it; None if it could not be asked.
    """
    plain = _plain(text)
    if "?" in plain or _IDENTIFIES.search(text):
        return New.YES
    opens = _REQUEST.match(plain) is not None
    if parsed is None or parsed.intent is None:
        return New.YES if opens else New.NO
    matter = parsed.understood and parsed.intent.name not in _TALK
    if matter and (opens or parsed.intent.name == "human_handoff"):
        return New.YES
    if matter and parsed.intent.confidence >= CERTAIN:
        return New.MAYBE if _JUDGES.search(plain) else New.YES
    return New.NO
