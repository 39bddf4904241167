"""Service hours: open, closed, holidays, clock changes."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from bot.handoff.hours import ServiceHours

BERLIN = ZoneInfo("Europe/Berlin")
HOURS = ServiceHours("Mon-Fri 08:00-18:00, Sat 09:00-14:00", BERLIN, "DE")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


@pytest.mark.parametrize(
    ("when", "is_open"),
    [
        ("2026-11-23 08:00", True),
        ("2026-11-23 07:59", False),
        ("2026-11-23 18:00", False),
        ("2026-11-21 13:59", True),  # Saturday
        ("2026-11-22 12:00", False),  # Sunday
        ("2026-12-25 12:00", False),  # a Friday, but Christmas
    ],
)
def test_open_and_closed(when: str, is_open: bool) -> None:
    assert HOURS.is_open(at(when)) is is_open


def test_the_instant_counts_not_the_zone_it_is_written_in() -> None:
    assert HOURS.is_open(datetime(2026, 11, 23, 7, 30, tzinfo=UTC))  # 08:30 in Berlin


@pytest.mark.parametrize(
    ("when", "opens"),
    [
        ("2026-11-23 07:00", "2026-11-23 08:00"),
        ("2026-11-23 09:00", "2026-11-24 08:00"),
        ("2026-11-21 14:00", "2026-11-23 08:00"),
        ("2026-12-24 18:30", "2026-12-28 08:00"),  # two holidays, one of them a Saturday, and a Sunday
    ],
)
def test_opens_next_skips_nights_weekends_and_holidays(when: str, opens: str) -> None:
    assert HOURS.opens_next(at(when)) == at(opens)


def test_never_open_has_no_next_opening() -> None:
    assert ServiceHours("", BERLIN).opens_next(at("2026-11-23 09:00")) is None


def test_open_seconds_counts_service_time_only() -> None:
    assert HOURS.open_seconds(at("2026-11-20 17:00"), at("2026-11-21 10:00")) == 2 * 3600


def test_open_seconds_over_a_clock_change_counts_real_hours() -> None:
    around_the_clock = ServiceHours("Mon-Sun 00:00-23:00", BERLIN)
    assert around_the_clock.open_seconds(at("2026-10-25 00:00"), at("2026-10-25 06:00")) == 7 * 3600
    assert around_the_clock.open_seconds(at("2026-03-29 00:00"), at("2026-03-29 06:00")) == 5 * 3600


@pytest.mark.parametrize("text", ["Mon-Fri 8-18", "Mo-Fr 08:00-18:00", "Mon 18:00-08:00", "Foo 08:00-09:00"])
def test_unreadable_hours_are_refused_with_the_part_that_is_wrong(text: str) -> None:
    with pytest.raises(ValueError, match="service hours"):
        ServiceHours(text, BERLIN)
