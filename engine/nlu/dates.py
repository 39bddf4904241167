"""Days and hours in German and English, resolved against the moment of the message.

Explicit days ("24.12.", "December 24th", "2026-12-24"), weekdays ("nächsten Freitag"), relative days
("übermorgen", "in two weeks"), weeks and parts of months, a few holidays; times of the day as windows
("zwischen 14 und 16 Uhr", "Friday afternoon", "after 5 pm"). Numbers with dots or slashes are read day
first, as everywhere in Europe, unless only month first makes a date.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Callable, Dict, Iterator, List, Optional, Pattern, Sequence, Tuple

from dateutil.easter import easter
from dateutil.relativedelta import relativedelta


@dataclass(frozen=True)
class Found:
    """A value at a place of the text, as JSON: a day `YYYY-MM-DD`, or `{"from": ..., "to": ...}`."""

    start: int
    end: int
    value: Any


_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "januar jänner jaenner january jan",
            "februar feber february feb",
            "märz maerz march mär mar mrz",
            "april apr",
            "mai may",
            "juni june jun",
            "juli july jul",
            "august aug",
            "september sept sep",
            "oktober october okt oct",
            "november nov",
            "dezember december dez dec",
        ),
        start=1,
    )
    for name in names.split()
}
_WEEKDAYS = {
    name: number
    for number, names in enumerate(
        (
            "montag montags monday mondays",
            "dienstag dienstags tuesday tuesdays",
            "mittwoch mittwochs wednesday wednesdays",
            "donnerstag donnerstags thursday thursdays",
            "freitag freitags friday fridays",
            "samstag samstags sonnabend sonnabends saturday saturdays",
            "sonntag sonntags sunday sundays",
        )
    )
    for name in names.split()
}
# Short forms are words of their own ("so", "do", "sun"): only read after a word that introduces a day.
_SHORT_WEEKDAYS = {
    name: number
    for number, names in enumerate(
        ("mo mon", "di tue tues", "mi wed", "do thu thur thurs", "fr fri", "sa sat", "so sun")
    )
    for name in names.split()
}
_NUMBERS = {
    word: number
    for number, words in enumerate(
        (
            "",
            "ein eine einem einer einen one a an",
            "zwei zwo two",
            "drei three",
            "vier four",
            "fünf fuenf five",
            "sechs six",
            "sieben seven",
            "acht eight",
            "neun nine",
            "zehn ten",
            "elf eleven",
            "zwölf zwoelf twelve",
        )
    )
    for word in words.split()
}
_HALF_MONTH = {"anfang": (1, 10), "mitte": (11, 20), "ende": (21, 31)}
_HALF_MONTH.update({"beginning": _HALF_MONTH["anfang"], "start": _HALF_MONTH["anfang"], "early": _HALF_MONTH["anfang"]})
_HALF_MONTH.update({"middle": _HALF_MONTH["mitte"], "mid": _HALF_MONTH["mitte"], "end": _HALF_MONTH["ende"]})
_HALF_MONTH.update({"late": _HALF_MONTH["ende"]})


def _one_of(words: Sequence[str]) -> str:
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))


_MONTH = f"(?P<month>{_one_of(list(_MONTHS))})"
_WEEKDAY = f"(?:{_one_of(list(_WEEKDAYS))})"
_NUMBER = rf"(?P<number>\d{{1,3}}|{_one_of(list(_NUMBERS))})"
_NEXT = r"n(?:ä|ae)chste[rnms]?|kommende[rnms]?|next|coming|upcoming|following"
_AFTER_NEXT = r"(?:ü|ue)bern(?:ä|ae)chste[rnms]?"
_LAST = r"letzte[rnms]?|vergangene[rnms]?|vorige[rnms]?|vorherige[rnms]?|last|past|previous"
_THIS = r"diese[rnms]?|this"
_INTRODUCES = (
    r"(?:am|vom|zum|bis|ab|seit|den|der|dem|on|by|until|till|til|from|since|before|after|for|vor|nach|spätestens|"
    r"latest|dated|datum|date)"
)

# Words that say that the day lies behind: what was ordered, delivered or promised.
_PAST = re.compile(
    r"\b(seit|since|bestellt|gekauft|bezahlt|aufgegeben|abgegeben|zur(ü|ue)ckgeschickt|zur(ü|ue)ckgesendet|verschickt|versendet|"
    r"geschickt|gekommen|angekommen|geliefert|zugestellt|erhalten|bekommen|kam|kamen|war|waren|wurde|h(ä|ae)tte|sollte|eigentlich|"
    r"ordered|bought|paid|placed|sent|returned|shipped|dispatched|arrived|delivered|received|got|came|was|were|"
    r"should have|"
    r"supposed to|posted|dropped)\b",
    re.IGNORECASE,
)
# Words after which nothing speaks for the future: "it should have come on Tuesday".
_SURELY_PAST = re.compile(
    r"\b(seit|since|h(ä|ae)tte|sollte|eigentlich|should have|should('|’)?ve|supposed to|war|waren|wurde|was|were)\b",
    re.IGNORECASE,
)
_FUTURE = re.compile(
    r"\b(werden|wird|kommt|kommen|verschieben|verlegen|(ä|ae)ndern|liefern|zustellen|k(ö|oe)nn(t|en)|bitte|m(ö|oe)chte|will|"
    r"can|could|please|will|would|deliver|move|reschedule|change|bring|want|need|going)\b(?!\s+(have|be)\s+\w+ed\b)",
    re.IGNORECASE,
)


class _Reader:
    """One text read against one moment."""

    def __init__(self, text: str, today: date) -> None:
        self.text, self.today = text, today

    def is_past(self, start: int) -> bool:
        """Whether the sentence around `start` tells of something that lies behind."""
        opening = max(self.text.rfind(mark, 0, start) for mark in ".!?\n") + 1
        closing = min(
            (end for end in (self.text.find(mark, start + 6) for mark in "!?\n") if end > 0), default=len(self.text)
        )
        sentence = self.text[opening:closing]
        if _SURELY_PAST.search(sentence):
            return True
        return bool(_PAST.search(sentence)) and not _FUTURE.search(sentence)

    def nearest(self, day: int, month: int, year: Optional[str], start: int) -> Optional[date]:
        """The day of the year given, or of the year that makes most sense."""
        try:
            if year:
                number = int(year)
                return date(number + 2000 if number < 100 else number, month, day)
            past = self.is_past(start)
            candidates = [date(self.today.year + offset, month, day) for offset in (-1, 0, 1)]
        except ValueError:
            return None
        if past:
            return max(candidate for candidate in candidates if candidate <= self.today)
        # A day that has just passed is more likely meant than the same day a year ahead.
        return min(candidates, key=lambda c: (c - self.today).days if c >= self.today else 4 * (self.today - c).days)

    def holiday(self, day: int, month: int, start: int) -> date:
        """The coming one; the one that has just been, where the sentence tells of something that lies behind."""
        coming = date(self.today.year, month, day)
        coming = coming if coming >= self.today else date(self.today.year + 1, month, day)
        before = date(coming.year - 1, month, day)
        return before if (self.today - before).days <= 90 and self.is_past(start) else coming

    def weekday(self, number: int, modifier: str, start: int) -> date:
        """The coming or the last such weekday; never today, except with "this"."""
        ahead = (number - self.today.weekday()) % 7
        if re.fullmatch(_LAST, modifier) or (not modifier and self.is_past(start)):
            return self.today - timedelta(days=(7 - ahead) if ahead else 7)
        if re.fullmatch(_AFTER_NEXT, modifier):
            return self.today + timedelta(days=(ahead or 7) + 7)
        if re.fullmatch(_THIS, modifier):
            return self.today + timedelta(days=ahead)
        return self.today + timedelta(days=ahead or 7)

    def week(self, offset: int) -> Tuple[date, date]:
        """Monday and Sunday of a week counted from the present one."""
        monday = self.today - timedelta(days=self.today.weekday()) + timedelta(weeks=offset)
        return monday, monday + timedelta(days=6)


Rule = Tuple[Pattern[str], Callable[["re.Match[str]", _Reader], Any]]
_RULES: List[Rule] = []


def _rule(
    pattern: str,
) -> Callable[[Callable[["re.Match[str]", _Reader], Any]], Callable[["re.Match[str]", _Reader], Any]]:
    def register(resolve: Callable[["re.Match[str]", _Reader], Any]) -> Callable[["re.Match[str]", _Reader], Any]:
        _RULES.append((re.compile(pattern, re.IGNORECASE), resolve))
        return resolve

    return register


def _number(text: str) -> int:
    return int(text) if text.isdigit() else _NUMBERS[text.lower()]


def _period(first: date, last: date) -> Dict[str, str]:
    return {"from": first.isoformat(), "to": last.isoformat()}


@_rule(r"(?<![\d-])(?P<year>20\d\d)-(?P<month>\d\d)-(?P<day>\d\d)(?![\d-])")
def _iso(found: "re.Match[str]", reader: _Reader) -> Any:
    return reader.nearest(int(found["day"]), int(found["month"]), found["year"], found.start())


@_rule(
    r"(?<![\d./-])(?P<day>\d{1,2})(?P<mark>[./-])\s?(?P<month>\d{1,2})(?P=mark)\s?(?P<year>20\d\d|\d\d)(?![\d/-]|[.,]\d)"
)
def _with_year(found: "re.Match[str]", reader: _Reader) -> Any:
    day, month = int(found["day"]), int(found["month"])
    if month > 12 >= day and found["mark"] != ".":
        day, month = month, day
    return reader.nearest(day, month, found["year"], found.start())


@_rule(r"(?<![\d./-])(?P<day>\d{1,2})\.\s?(?P<month>\d{1,2})\.(?!\s?\d)")
def _german_without_year(found: "re.Match[str]", reader: _Reader) -> Any:
    return reader.nearest(int(found["day"]), int(found["month"]), None, found.start())


@_rule(
    rf"\b{_INTRODUCES}\s+(?:the\s+|zum\s+)?(?P<value>(?P<day>\d{{1,2}})[./](?P<month>\d{{1,2}}))(?![\d/.]|\s?(?:€|eur|kg|cm|uhr))"
)
def _introduced_without_year(found: "re.Match[str]", reader: _Reader) -> Any:
    day, month = int(found["day"]), int(found["month"])
    if month > 12 >= day:
        day, month = month, day
    return reader.nearest(day, month, None, found.start("value"))


@_rule(
    rf"\b(?P<part>{_one_of(list(_HALF_MONTH))})(?:\s+(?:of\s+|des\s+|im\s+|in\s+)?|-)"
    rf"(?:(?P<which>{_NEXT}|{_THIS}|{_LAST})\s+)?(?:{_MONTH}|(?P<any>monats?|month))\b"
)
def _part_of_month(found: "re.Match[str]", reader: _Reader) -> Any:
    first, last = _HALF_MONTH[found["part"].lower()]
    if found["month"]:
        opening = reader.nearest(first, _MONTHS[found["month"].lower()], None, found.start())
    else:
        shift = {True: 1}.get(bool(found["which"] and re.fullmatch(_NEXT, found["which"].lower())), 0)
        shift = -1 if found["which"] and re.fullmatch(_LAST, found["which"].lower()) else shift
        opening = (reader.today + relativedelta(months=shift)).replace(day=first)
    if opening is None:
        return None
    closing = opening + relativedelta(day=last)
    return _period(opening, closing)


@_rule(rf"\b(?P<day>\d{{1,2}})\s?(?:\.|st|nd|rd|th)?\s*(?:of\s+)?{_MONTH}\b\.?(?:,?\s+(?P<year>20\d\d))?")
def _day_month(found: "re.Match[str]", reader: _Reader) -> Any:
    return reader.nearest(int(found["day"]), _MONTHS[found["month"].lower()], found["year"], found.start())


@_rule(
    rf"\b{_MONTH}\.?\s+(?:the\s+)?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?\b(?!\s?(?:uhr|h\b|:|\.\d|€|eur|pm|am\b))(?:,?\s+(?P<year>20\d\d))?"
)
def _month_day(found: "re.Match[str]", reader: _Reader) -> Any:
    if (
        found["month"].lower() in ("may", "mar", "mai")
        and found["month"].islower()
        and not re.search(r"\d(st|nd|rd|th)", found[0])
    ):
        return None  # "may 2 people ..."
    return reader.nearest(int(found["day"]), _MONTHS[found["month"].lower()], found["year"], found.start())


@_rule(
    r"\b(?:on|by|until|till|before|after|from|since)\s+the\s+(?P<value>(?P<day>\d{1,2})(?:st|nd|rd|th))\b"
    r"(?!\s+(?:floor|storey|level|time|attempt|order|item|page|street|avenue|try|parcel|delivery|one)\b)"
)
def _day_of_month(found: "re.Match[str]", reader: _Reader) -> Any:
    day = int(found["day"])
    step = -1 if reader.is_past(found.start()) else 1
    for offset in range(3):
        try:
            candidate = (reader.today + relativedelta(months=step * offset)).replace(day=day)
        except ValueError:
            continue
        if (candidate - reader.today).days * step >= 0:
            return candidate
    return None


@_rule(r"\b(?:am|bis zum|ab dem|vom|zum)\s+(?P<value>(?P<day>\d{1,2})\.)(?!\s?\d)(?=\s|$|[,!?)])")
def _german_day_of_month(found: "re.Match[str]", reader: _Reader) -> Any:
    return _day_of_month(found, reader)


_ORDINALS = {
    word: number
    for number, words in enumerate(
        (
            "",
            "first ersten erste erster",
            "second zweiten zweite zweiter",
            "third dritten dritte dritter",
            "fourth vierten vierte vierter",
            "fifth fünften",
            "sixth sechsten",
            "seventh siebten",
            "eighth achten",
            "ninth neunten",
            "tenth zehnten",
            "eleventh elften",
            "twelfth zwölften",
        )
    )
    for word in words.split()
}
_ORDINAL = f"(?P<ordinal>{_one_of(list(_ORDINALS))})"


@_rule(
    rf"\b(?:{_ORDINAL}\s+(?:of\s+)?{_MONTH}\b|{_MONTH.replace('<month>', '<month2>')}\s+(?:the\s+)?"
    rf"{_ORDINAL.replace('<ordinal>', '<ordinal2>')}\b)"
)
def _ordinal_of_month(found: "re.Match[str]", reader: _Reader) -> Any:
    day = _ORDINALS[(found["ordinal"] or found["ordinal2"]).lower()]
    return reader.nearest(day, _MONTHS[(found["month"] or found["month2"]).lower()], None, found.start())


@_rule(rf"\b{_ORDINAL}\s+advent\b|\b(?P<number>[1-4])\.\s?advent\b|\badvent(?:ssonntag)?\s+sunday\b")
def _advent(found: "re.Match[str]", reader: _Reader) -> Any:
    which = int(found["number"]) if found["number"] else _ORDINALS.get((found["ordinal"] or "first").lower(), 0)
    if not 1 <= which <= 4:
        return None
    # The fourth Sunday of Advent is the last one before the 25th of December.
    eve = date(reader.today.year, 12, 24)
    fourth = eve - timedelta(days=(eve.weekday() + 1) % 7)
    return fourth - timedelta(weeks=4 - which)


@_rule(
    rf"\b(?:(?P<weekday>{_WEEKDAY})\s*,?\s*)?(?:in\s+|of\s+)?the\s+week\s+after\s+next\b"
    rf"(?:\s+on\s+(?P<weekday2>{_WEEKDAY}))?"
)
def _week_after_next(found: "re.Match[str]", reader: _Reader) -> Any:
    monday, sunday = reader.week(2)
    name = found["weekday"] or found["weekday2"]
    return monday + timedelta(days=_WEEKDAYS[name.lower()]) if name else _period(monday, sunday)


@_rule(
    rf"\b(?P<much>a\s+week|one\s+week|two\s+weeks|a\s+fortnight)\s+(?:from\s+|on\s+)?"
    rf"(?P<from>today|tomorrow|{_WEEKDAY})\b"
)
def _week_from_day(found: "re.Match[str]", reader: _Reader) -> Any:
    weeks = 2 if re.search(r"two|fortnight", found["much"], re.IGNORECASE) else 1
    name = found["from"].lower()
    days = {"today": 0, "tomorrow": 1}.get(name)
    if days is None:
        days = (_WEEKDAYS[name] - reader.today.weekday()) % 7 or 7
    return reader.today + timedelta(days=days, weeks=weeks)


@_rule(r"\b(?:in\s+(?:a|one)|a)\s+fortnight(?:['’]?s\s+time)?\b(?!\s+ago)")
def _in_a_fortnight(found: "re.Match[str]", reader: _Reader) -> Any:
    return reader.today + timedelta(weeks=2)


@_rule(r"\b(?:a|one)\s+fortnight\s+ago\b")
def _a_fortnight_ago(found: "re.Match[str]", reader: _Reader) -> Any:
    return reader.today - timedelta(weeks=2)


@_rule(r"\bthis\s+(?=(?:late\s+|early\s+)?(?:morning|afternoon|evening|noon)\b)")
def _this_part_of_today(found: "re.Match[str]", reader: _Reader) -> Any:
    return reader.today


_WEEKDAY_IN_WEEK = rf"(?P<weekday>{_WEEKDAY})"


@_rule(
    rf"(?:\b(?P<which>{_NEXT}|{_AFTER_NEXT}|{_LAST}|{_THIS})\s+(?:woche|week)\s*,?\s*(?:am\s+|on\s+)?{_WEEKDAY_IN_WEEK}\b"
    rf"|\b(?P<weekday2>{_WEEKDAY})\s*,?\s*(?:in\s+|der\s+|of\s+)?(?P<which2>{_NEXT}|{_AFTER_NEXT}|{_LAST}|{_THIS})\s+(?:woche|week)\b"
    rf"|\b(?P<weekday3>{_WEEKDAY})\s+(?:week\b|in\s+einer\s+woche\b|in\s+a\s+week\b))"
)
def _weekday_in_week(found: "re.Match[str]", reader: _Reader) -> Any:
    name = (found["weekday"] or found["weekday2"] or found["weekday3"]).lower()
    number = _WEEKDAYS[name]
    if found["weekday3"]:
        return reader.today + timedelta(days=((number - reader.today.weekday()) % 7 or 7) + 7)
    return reader.week(_week_offset((found["which"] or found["which2"]).lower()))[0] + timedelta(days=number)


def _week_offset(which: str) -> int:
    if re.fullmatch(_AFTER_NEXT, which):
        return 2
    if re.fullmatch(_NEXT, which):
        return 1
    return -1 if re.fullmatch(_LAST, which) else 0


@_rule(
    rf"\b(?:(?P<which>{_NEXT}|{_AFTER_NEXT}|{_LAST}|{_THIS})\s+)?(?P<weekday>{_WEEKDAY})(?=\b|vor|nach|abend|mittag|morgen|fr(?:ü|ue)h)"
)
def _weekday(found: "re.Match[str]", reader: _Reader) -> Any:
    return reader.weekday(_WEEKDAYS[found["weekday"].lower()], (found["which"] or "").lower(), found.start())


@_rule(
    rf"\b(?:{_INTRODUCES}|{_NEXT}|{_LAST}|{_THIS})\s+(?P<value>{_one_of(list(_SHORT_WEEKDAYS))})"
    r"(?:\.|(?=\s*(?:$|[,;!?)]|\d|um\b|at\b|bis\b|zwischen\b|between\b|vor|nach|morning|afternoon|evening|or\b|oder\b|und\b|and\b|please|bitte|instead|statt|if\b|wenn\b)))"
)
def _short_weekday(found: "re.Match[str]", reader: _Reader) -> Any:
    modifier = found[0][: found.start("value") - found.start()].strip().lower()
    is_modifier = re.fullmatch(rf"{_NEXT}|{_LAST}|{_THIS}", modifier)
    return reader.weekday(_SHORT_WEEKDAYS[found["value"].lower()], modifier if is_modifier else "", found.start())


@_rule(r"(?:\b(?:ü|ue)bermorgen\b|\b(?:the\s+)?day\s+after\s+tomorrow\b)")
def _day_after_tomorrow(found: "re.Match[str]", reader: _Reader) -> Any:
    return reader.today + timedelta(days=2)


@_rule(r"(?:\bvorgestern\b|\b(?:the\s+)?day\s+before\s+yesterday\b)")
def _day_before_yesterday(found: "re.Match[str]", reader: _Reader) -> Any:
    return reader.today - timedelta(days=2)


@_rule(r"\b(?:gestern|yesterday|yday|last\s+night)\b")
def _yesterday(found: "re.Match[str]", reader: _Reader) -> Any:
    return reader.today - timedelta(days=1)


_UNITS = {
    "tag": "days",
    "day": "days",
    "woche": "weeks",
    "week": "weeks",
    "wk": "weeks",
    "monat": "months",
    "month": "months",
}
_UNIT = r"(?P<unit>tag(?:e[ns]?)?|days?|woche[n]?|weeks?|wks?|monat(?:e[ns]?)?|months?)\b"


def _shift(found: "re.Match[str]", sign: int, reader: _Reader) -> date:
    unit = next(value for name, value in _UNITS.items() if found["unit"].lower().startswith(name))
    return reader.today + sign * relativedelta(**{unit: _number(found["number"])})  # type: ignore[arg-type]


@_rule(rf"\bheute\s+in\s+{_NUMBER}\s+{_UNIT}")
def _today_in(found: "re.Match[str]", reader: _Reader) -> Any:
    return _shift(found, 1, reader)


@_rule(r"\b(?:heute|today|tonight|todays?)\b(?:\s+(?:morgen|morning)\b)?")
def _today(found: "re.Match[str]", reader: _Reader) -> Any:
    return reader.today


# "Guten Morgen", "am Morgen", "jeden Morgen" and "heute Morgen" are no tomorrow, nor is a greeting at the beginning.
@_rule(
    r"(?<!guten )(?<!gutn )(?<!schönen )(?<!am )(?<!jeden )(?<!heute )(?<!in the )(?<!good )"
    r"\b(?:morgen|tomorrow|tomorow|tmrw|tmr)(?=\b|abend|mittag|fr(?:ü|ue)h|vormittag|nachmittag)"
)
def _tomorrow(found: "re.Match[str]", reader: _Reader) -> Any:
    before = reader.text[: found.start()].strip()
    weekday_before = re.search(rf"{_WEEKDAY}$", before, re.IGNORECASE)
    after = reader.text[found.end() : found.end() + 2].strip()
    if found[0].lower() == "morgen" and (weekday_before or (not before and (after[:1] in ("", ",", "!", "z")))):
        return None
    return reader.today + timedelta(days=1)


@_rule(rf"\b(?:in|within|innerhalb\s+von)\s+{_NUMBER}\s+{_UNIT}(?:['’]?s?\s+time)?")
def _ahead(found: "re.Match[str]", reader: _Reader) -> Any:
    return _shift(found, 1, reader)


@_rule(rf"(?:\bvor\s+(?:(?:ca|etwa|rund|ungefähr|circa)\.?\s+)?{_NUMBER}\s+{_UNIT})")
def _ago_german(found: "re.Match[str]", reader: _Reader) -> Any:
    return _shift(found, -1, reader)


@_rule(rf"\b{_NUMBER}\s+{_UNIT}\s+(?:ago|back)\b")
def _ago_english(found: "re.Match[str]", reader: _Reader) -> Any:
    return _shift(found, -1, reader)


@_rule(rf"\b(?:(?P<which>{_NEXT}|{_THIS}|{_LAST}|{_AFTER_NEXT})\s+)?(?:wochenende|weekend|we(?=\s*$))\b")
def _weekend(found: "re.Match[str]", reader: _Reader) -> Any:
    which = (found["which"] or "").lower()
    saturday = reader.week(0)[0] + timedelta(days=5)
    if re.fullmatch(_LAST, which) or (not which and reader.is_past(found.start())):
        saturday -= timedelta(weeks=1)
    elif re.fullmatch(_AFTER_NEXT, which) or (re.fullmatch(_NEXT, which) and reader.today.weekday() >= 5):
        saturday += timedelta(weeks=1)
    return _period(saturday, saturday + timedelta(days=1))


@_rule(rf"\b(?P<which>{_NEXT}|{_THIS}|{_LAST}|{_AFTER_NEXT})\s+(?:woche|week|kw)\b")
def _week(found: "re.Match[str]", reader: _Reader) -> Any:
    offset = _week_offset(found["which"].lower())
    monday, sunday = reader.week(offset)
    return _period(reader.today if offset == 0 else monday, sunday)


@_rule(r"\b(?:heilig(?:er\s+)?abend|heiligabend|christmas\s+eve|xmas\s+eve)\b")
def _christmas_eve(found: "re.Match[str]", reader: _Reader) -> Any:
    return reader.holiday(24, 12, found.start())


@_rule(r"\b(?:boxing\s+day|(?:zweite[rnm]?|2\.)\s?weihnachts(?:feier)?tag)\b")
def _boxing_day(found: "re.Match[str]", reader: _Reader) -> Any:
    return reader.holiday(26, 12, found.start())


@_rule(r"\b(?:erste[rnm]?|1\.)\s?weihnachts(?:feier)?tag\b")
def _christmas_day(found: "re.Match[str]", reader: _Reader) -> Any:
    return reader.holiday(25, 12, found.start())


@_rule(r"\b(?:weihnachten|christmas(?:\s+day)?|xmas)\b")
def _christmas(found: "re.Match[str]", reader: _Reader) -> Any:
    # In Germany the presents are due on the 24th.
    return reader.holiday(24 if found[0].lower() == "weihnachten" else 25, 12, found.start())


@_rule(r"\b(?:nikolaus(?:tag)?|st\.?\s+nicholas(?:\s+day)?)\b")
def _saint_nicholas(found: "re.Match[str]", reader: _Reader) -> Any:
    return reader.holiday(6, 12, found.start())


@_rule(r"\b(?:silvester|new\s+year'?s\s+eve)\b")
def _new_years_eve(found: "re.Match[str]", reader: _Reader) -> Any:
    return reader.holiday(31, 12, found.start())


@_rule(r"\b(?:neujahr(?:stag)?|new\s+year'?s(?:\s+day)?)\b")
def _new_year(found: "re.Match[str]", reader: _Reader) -> Any:
    return reader.holiday(1, 1, found.start())


@_rule(r"\bvalentin(?:stag|e'?s(?:\s+day)?)\b")
def _valentine(found: "re.Match[str]", reader: _Reader) -> Any:
    return reader.holiday(14, 2, found.start())


@_rule(r"\b(?:ostern|ostersonntag|easter(?:\s+sunday)?)\b")
def _easter(found: "re.Match[str]", reader: _Reader) -> Any:
    this_year = easter(reader.today.year)
    return this_year if this_year >= reader.today or reader.is_past(found.start()) else easter(reader.today.year + 1)


def find_days(text: str, now: datetime) -> List[Found]:
    """Days and periods in `text`, in their order, none overlapping.

    Args:
        text: A message in German or English.
        now: Its moment, in the shop's time zone.
    """
    reader = _Reader(text, now.date())
    taken: List[Found] = []
    for pattern, resolve in _RULES:
        for found in pattern.finditer(text):
            start, end = found.span("value") if "value" in pattern.groupindex else found.span()
            if any(start < other.end and other.start < end for other in taken):
                continue
            value = resolve(found, reader)
            if value is not None:
                taken.append(Found(start, end, value.isoformat() if isinstance(value, date) else value))
    return sorted(_without_repeated_weekday(taken, text), key=lambda found: found.start)


def _without_repeated_weekday(found: Sequence[Found], text: str) -> Iterator[Found]:
    """ "Freitag, den 27.11." names one day twice; the explicit one counts."""
    explicit = [other for other in found if any(character.isdigit() for character in text[other.start : other.end])]
    for one in found:
        follows = [
            other
            for other in explicit
            if other is not one and re.fullmatch(r"[,\s]*(?:(?:den|dem|der|the)\s+)?", text[one.end : other.start])
        ]
        if not (follows and re.fullmatch(rf"(?:\S+\s+)?{_WEEKDAY}", text[one.start : one.end], re.IGNORECASE)):
            yield one


_HOUR = r"(?P<{0}>\d{{1,2}})(?:[:.](?P<{0}_minute>\d{{2}}))?"
_CLOCK = r"\s*(?P<{0}>uhr|h\b|o'?clock|a\.?m\.?\b|p\.?m\.?\b)"
_RANGE = re.compile(
    r"(?:\b(?P<opener>zwischen|von|between|from)\s+)?(?<![\d.,])"
    + _HOUR.format("first")
    + r"(?:\s*(?P<mark1>uhr|h\b|a\.?m\.?(?![a-z])|p\.?m\.?(?![a-z])))?\s*(?:-|–|—|bis|und|to|and|till|until)\s*"
    + _HOUR.format("second")
    + r"(?![\d]|[.,/]\d)(?:\s*(?P<mark2>uhr|h\b|o'?clock|a\.?m\.?(?![a-z])|p\.?m\.?(?![a-z])))?",
    re.IGNORECASE,
)
_FROM_NOON = re.compile(
    r"\b(?:between|from|zwischen|von)\s+(?:noon|midday|mittags?)\s+(?:and|to|till|until|und|bis)\s+"
    + _HOUR.format("hour")
    + r"(?:\s*(?:p\.?m\.?\b|uhr\b|o'?clock\b))?",
    re.IGNORECASE,
)
_OPEN = re.compile(
    r"\b(?P<side>ab|nach|frühestens|fruehestens|erst ab|after|from|vor|bis|spätestens|before|by|until|"
    r"not before|nicht vor)\s+(?:um\s+)?" + _HOUR.format("hour") + _CLOCK.format("mark"),
    re.IGNORECASE,
)
_AT = re.compile(
    r"\b(?:um|gegen|so gegen|at|around|about)\s+"
    + _HOUR.format("hour")
    + r"(?:\s*(?P<mark>uhr|h\b|o'?clock|a\.?m\.?(?![a-z])|p\.?m\.?(?![a-z])))?(?!\s*(?:€|eur|%|\d))",
    re.IGNORECASE,
)
_PARTS: List[Tuple[Pattern[str], Tuple[str, str]]] = [
    (re.compile(pattern, re.IGNORECASE), window)
    for pattern, window in (
        (r"(?:sp(?:ä|ae)t(?:er)?\s?nachmittags?|(?:in\s+the\s+)?late\s+afternoon)", ("16:00", "18:00")),
        (
            r"(?:vormittags?|(?:in\s+the\s+)?mornings?\b(?<!good morning)|before\s+noon|before\s+lunch|vor\s+mittag)",
            ("08:00", "12:00"),
        ),
        (r"(?:nachmittags?|(?:in\s+the\s+)?afternoons?\b(?<!good afternoon)|after\s+lunch)", ("12:00", "17:00")),
        (
            r"(?:(?<!guten )(?<!schönen )abends?\b|feierabend|(?:in\s+the\s+)?evenings?\b(?<!good evening)|tonight)",
            ("17:00", "21:00"),
        ),
        (r"(?:mittags?\b|mittagszeit|lunch\s?time|(?:at|around)\s+noon|midday)", ("11:00", "14:00")),
        (
            r"(?:\bmorgens\b|\bam\s+morgen\b|\bheute\s+morgen\b|(?<=morgen )fr(?:ü|ue)h\b|(?<=morgen)fr(?:ü|ue)h\b|"
            r"\bin\s+der\s+fr(?:ü|ue)h\b|(?<=tag )morgen\b|(?<=tag )fr(?:ü|ue)h\b|(?<=tag)morgen\b|"
            r"(?<=tag)fr(?:ü|ue)h\b|\bfr(?:ü|ue)hmorgens\b|early\s+morning)",
            ("06:00", "10:00"),
        ),
    )
]


def _clock(hour: str, minute: Optional[str], mark: Optional[str]) -> Optional[str]:
    number = int(hour)
    letters = (mark or "").lower().replace(".", "")
    if letters == "pm" and number < 12:
        number += 12
    elif letters == "am" and number == 12:
        number = 0
    if number > 24 or int(minute or 0) > 59:
        return None
    return f"{number:02d}:{int(minute or 0):02d}"


def find_windows(text: str, days: Sequence[Found]) -> List[Found]:
    """Times of the day as `{"from": "HH:MM"|None, "to": "HH:MM"|None}`, in their order.

    Args:
        text: The message.
        days: The days found in it, whose digits are no hours.
    """
    taken: List[Found] = []
    dated = [day for day in days if any(character.isdigit() for character in text[day.start : day.end])]

    def free(start: int, end: int) -> bool:
        return not any(start < other.end and other.start < end for other in [*taken, *dated])

    for found in _FROM_NOON.finditer(text):
        last = _clock(found["hour"], found["hour_minute"], "pm")
        if last and free(*found.span()):
            taken.append(Found(*found.span(), {"from": "12:00", "to": last}))
    for found in _RANGE.finditer(text):
        if not (found["opener"] or found["mark1"] or found["mark2"] or _beside_day(text, found, days)):
            continue
        if not free(*found.span()):
            continue
        mark = found["mark2"] or found["mark1"]
        last = _clock(found["second"], found["second_minute"], mark)
        first = _clock(found["first"], found["first_minute"], found["mark1"] or mark)
        if first and last and first > last:  # "between 10 and 2 pm", "zwischen 10 und 2"
            first = _clock(found["first"], found["first_minute"], found["mark1"])
            last = last if (first or "") < last else _clock(found["second"], found["second_minute"], "pm")
        elif first and last and not mark and last <= "07:00":  # nobody delivers between 2 and 4 in the night
            first, last = (_clock(found[n], found[f"{n}_minute"], "pm") for n in ("first", "second"))
        if first and last and first < last:
            taken.append(Found(*found.span(), {"from": first, "to": last}))
    for found in _OPEN.finditer(text):
        clock = _clock(found["hour"], found["hour_minute"], found["mark"])
        if clock and free(*found.span()):
            later = found["side"].lower() in (
                "ab",
                "nach",
                "frühestens",
                "fruehestens",
                "erst ab",
                "after",
                "from",
                "not before",
                "nicht vor",
            )
            taken.append(Found(*found.span(), {"from": clock, "to": None} if later else {"from": None, "to": clock}))
    for found in _AT.finditer(text):
        clock = _clock(found["hour"], found["hour_minute"], found["mark"])
        if clock and free(*found.span()) and (found["mark"] or found["hour_minute"]):
            ends = f"{int(clock[:2]) + 1:02d}{clock[2:]}" if clock < "23:00" else "24:00"
            taken.append(Found(*found.span(), {"from": clock, "to": ends}))
    for pattern, (first, last) in _PARTS:
        for found in pattern.finditer(text):
            if free(*found.span()):
                taken.append(Found(*found.span(), {"from": first, "to": last}))
    return sorted(taken, key=lambda found: found.start)


def _beside_day(text: str, found: "re.Match[str]", days: Sequence[Found]) -> bool:
    return any(
        (re.fullmatch(r"[\s,]*", text[day.end : found.start()]) and day.end <= found.start())
        or (
            day.start >= found.end()
            and re.fullmatch(r"[\s,]*(?:am|on|der|the)?\s*", text[found.end() : day.start], re.IGNORECASE)
        )
        for day in days
    )
