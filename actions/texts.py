"""Renders the domain's responses, and amounts, days and lists, in the customer's language."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date, format_time, get_day_names
from babel.lists import format_list
from babel.numbers import format_currency

__all__ = ["Texts"]

_LOCALES = {"de": "de_DE", "en": "en_GB"}
# "am Mittwoch, 25. November", "on Wednesday, 25 November"; the year only where it is another one.
_DAY = {"de": "EEEE, d. MMMM", "en": "EEEE, d MMMM"}
_YEAR = {"de": " y", "en": " y"}
_ON = {"de": "am {}", "en": "on {}"}
_BY = {"de": "bis {}", "en": "by {}"}
_RELATIVE = {"de": {0: "heute", 1: "morgen"}, "en": {0: "today", 1: "tomorrow"}}
_CLOCK = {"de": "{} Uhr", "en": "{}"}
_PLAIN_BLANKS = str.maketrans({"\u00a0": " ", "\u202f": " "})


class Texts:
    """The responses of one domain in one language.

    Args:
        domain: the domain as actions get it.
        language: `de` or `en`.
        now: the present, in any zone.
        zone: the shop's time zone, in which days and hours are meant.
    """

    def __init__(self, domain: Mapping[str, Any], language: str, now: datetime, zone: ZoneInfo) -> None:
        self._responses: Mapping[str, list[dict[str, Any]]] = domain.get("responses") or {}
        self.language = language if language in _LOCALES else "de"
        self._locale = _LOCALES[self.language]
        self._zone = zone
        self.today = now.astimezone(zone).date()

    def has(self, name: str) -> bool:
        """Whether the domain has this response."""
        return name in self._responses

    def variation(self, name: str) -> dict[str, Any]:
        """The response in this language, with text and buttons.

        Raises:
            KeyError: there is no such response, or none in this language.
        """
        for variation in self._responses[name]:
            if any(
                c.get("name") == "language" and c.get("value") == self.language
                for c in variation.get("condition") or []
            ):
                return variation
        raise KeyError(f"{name} has no text in {self.language}")

    def text(self, name: str, /, **values: Any) -> str:
        """A response's text with its placeholders filled.

        Raises:
            KeyError: the response or a value for a placeholder is missing.
        """
        return str(self.variation(name)["text"]).format_map(values)

    def money(self, amount: Mapping[str, Any]) -> str:
        """`19,99 €` or `€19.99` of `{"amount": "19.99", "currency": "EUR"}`."""
        return format_currency(
            Decimal(str(amount["amount"])), amount.get("currency", "EUR"), locale=self._locale
        ).translate(_PLAIN_BLANKS)

    def day(self, value: str | date) -> str:
        """`Mittwoch, 25. November`; with the year where it is not this one."""
        day = _date(value, self._zone)
        pattern = _DAY[self.language] + ("" if day.year == self.today.year else _YEAR[self.language])
        return format_date(day, pattern, locale=self._locale)

    def on_day(self, value: str | date) -> str:
        """`am Mittwoch, 25. November`, `heute, Montag, 23. November`, `morgen, ...`."""
        return self._with(_ON, value)

    def by_day(self, value: str | date) -> str:
        """`bis Mittwoch, 25. November`, `bis morgen, Dienstag, 24. November`."""
        day = _date(value, self._zone)
        relative = _RELATIVE[self.language].get((day - self.today).days)
        return _BY[self.language].format(f"{relative}, {self.day(day)}" if relative else self.day(day))

    def country(self, code: str) -> str:
        """`Österreich` of `AT`."""
        return str(Locale.parse(self._locale).territories.get(code, code))

    def clock(self, value: str) -> str:
        """`14:30 Uhr` or `14:30` of an instant in ISO 8601 or of `14:30`."""
        at = datetime.fromisoformat(value).astimezone(self._zone).time() if "T" in value else time.fromisoformat(value)
        return _CLOCK[self.language].format(format_time(at, "HH:mm", locale=self._locale))

    def short_clock(self, value: str) -> str:
        """`8`, `8:30` in German, `8:00` in English, of `08:00`."""
        return _hour(value) if self.language == "de" else f"{int(value[:2])}{value[2:5]}"

    def weekday(self, number: int) -> str:
        """`Montag` for 0."""
        return get_day_names("wide", locale=self._locale)[number]

    def window(self, window: Mapping[str, str]) -> str:
        """`zwischen 10 und 14 Uhr`, `between 10:00 and 14:00` of `{"from": "10:00", "to": "14:00"}`."""
        start, end = window["from"], window["to"]
        if self.language == "de":
            return f"zwischen {_hour(start)} und {_hour(end)} Uhr"
        return f"between {start} and {end}"

    def any_of(self, items: Iterable[str]) -> str:
        """`DHL, DPD oder Hermes`."""
        return format_list(list(items), style="or", locale=self._locale)

    def all_of(self, items: Iterable[str]) -> str:
        """`DHL, DPD und Hermes`."""
        return format_list(list(items), style="standard", locale=self._locale)

    def local(self, value: Mapping[str, str] | str | None) -> str:
        """The text of `{"de": …, "en": …}` in this language."""
        if value is None or isinstance(value, str):
            return value or ""
        return str(value.get(self.language) or value.get("de") or "")

    def named(self, thing: Mapping[str, Any], key: str = "name") -> str:
        """A name that has an English one beside it: `name` and `name_en`."""
        english = thing.get(f"{key}_en") if self.language == "en" else None
        return str(english or thing.get(key) or "")

    def item(self, line: Mapping[str, Any], *, quantity: int | None = None) -> str:
        """`2 × Regenjacke Sylt (Marine, M)`; the count only where it is more than one."""
        variant = self.named(line, "variant")
        name = f"{self.named(line)} ({variant})" if variant else self.named(line)
        count = int(line.get("quantity", 1)) if quantity is None else quantity
        return f"{count} × {name}" if count > 1 else name

    def _with(self, preposition: Mapping[str, str], value: str | date) -> str:
        day = _date(value, self._zone)
        relative = _RELATIVE[self.language].get((day - self.today).days)
        return f"{relative}, {self.day(day)}" if relative else preposition[self.language].format(self.day(day))


def _date(value: str | date, zone: ZoneInfo) -> date:
    if isinstance(value, datetime):
        return value.astimezone(zone).date()
    if isinstance(value, date):
        return value
    return datetime.fromisoformat(value).astimezone(zone).date() if "T" in value else date.fromisoformat(value)


def _hour(clock: str) -> str:
    hours, minutes = clock.split(":")[:2]
    return str(int(hours)) if minutes == "00" else f"{int(hours)}:{minutes}"
