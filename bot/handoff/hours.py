"""Service hours: when people are there, with public holidays."""

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import holidays

__all__ = ["ServiceHours"]

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_PART = re.compile(r"(?P<first>[a-z]{3})(?:-(?P<last>[a-z]{3}))?\s+(?P<opens>\d\d:\d\d)-(?P<closes>\d\d:\d\d)")


class ServiceHours:
    """Weekly opening hours in the shop's time zone, closed on public holidays.

    Args:
        hours: such as ``"Mon-Fri 08:00-18:00, Sat 09:00-14:00"``; a day may be named more than once.
        zone: the shop's time zone.
        country: ISO country, or country-subdivision as in ``DE-BY``, whose public holidays count; empty for none.

    Raises:
        ValueError: if the hours cannot be read; the message quotes the part.
    """

    def __init__(self, hours: str, zone: ZoneInfo, country: str = "") -> None:
        self.zone = zone
        self._weekly: dict[int, list[tuple[time, time]]] = {day: [] for day in range(7)}
        for part in filter(None, (p.strip() for p in hours.split(","))):
            match = _PART.fullmatch(part.lower())
            if match is None or match["first"] not in _DAYS or (match["last"] or "mon") not in _DAYS:
                raise ValueError(f"service hours cannot be read at {part!r}; write e.g. 'Mon-Fri 08:00-18:00'")
            opens, closes = time.fromisoformat(match["opens"]), time.fromisoformat(match["closes"])
            if closes <= opens:
                raise ValueError(f"service hours end before they begin at {part!r}")
            first = _DAYS.index(match["first"])
            last = _DAYS.index(match["last"]) if match["last"] else first
            for day in range(first, last + 1 if last >= first else last + 8):
                self._weekly[day % 7].append((opens, closes))
        for spans in self._weekly.values():
            spans.sort()
        name, _, subdivision = country.partition("-")
        self._holidays = holidays.country_holidays(name, subdiv=subdivision or None) if name else {}

    def spans(self, day: date) -> list[tuple[datetime, datetime]]:
        """Return the opening spans of a day, as instants in the shop's zone."""
        if day in self._holidays:
            return []
        return [
            (datetime.combine(day, opens, self.zone), datetime.combine(day, closes, self.zone))
            for opens, closes in self._weekly[day.weekday()]
        ]

    def is_open(self, at: datetime) -> bool:
        """Tell whether people are supposed to be there."""
        local = at.astimezone(self.zone)
        return any(opens <= local < closes for opens, closes in self.spans(local.date()))

    def opens_next(self, at: datetime) -> datetime | None:
        """Return the next opening strictly after now, or None if there is none within a year."""
        local = at.astimezone(self.zone)
        for ahead in range(366):
            for opens, _ in self.spans(local.date() + timedelta(days=ahead)):
                if opens > local:
                    return opens
        return None

    def after_open(self, at: datetime, span: timedelta) -> datetime | None:
        """Return the instant at which this much service time has passed, or None if it never does within a year."""
        left = span
        start = at.astimezone(self.zone)
        for ahead in range(366):
            for opens, closes in self.spans(start.date() + timedelta(days=ahead)):
                # In UTC, as in open_seconds.
                begin, end = max(opens, start).astimezone(UTC), closes.astimezone(UTC)
                if begin + left <= end:
                    return begin + left
                left -= max(timedelta(0), end - begin)
        return None

    def open_seconds(self, start: datetime, end: datetime) -> float:
        """Return the seconds of service time between two instants."""
        total = 0.0
        day, last = start.astimezone(self.zone).date(), end.astimezone(self.zone).date()
        while day <= last:
            for opens, closes in self.spans(day):
                # In UTC: subtracting two times of one zone ignores the hour that a clock change takes or gives.
                spell = min(closes, end).astimezone(UTC) - max(opens, start).astimezone(UTC)
                total += max(0.0, spell.total_seconds())
            day += timedelta(days=1)
        return total
