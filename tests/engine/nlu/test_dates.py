"""Days and hours as shoppers write them, on a Wednesday noon."""

from datetime import datetime
from typing import Any

import pytest

from engine.nlu.dates import find_days, find_windows

NOW = datetime.fromisoformat("2026-11-18T12:00:00+01:00")


def days(text: str) -> list[Any]:
    return [found.value for found in find_days(text, NOW)]


def windows(text: str) -> list[Any]:
    return [(found.value["from"], found.value["to"]) for found in find_windows(text, find_days(text, NOW))]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("am 24.12.", "2026-12-24"),
        ("bis zum 24.12.2026 bitte", "2026-12-24"),
        ("24.12.26", "2026-12-24"),
        ("on 24/12/2026", "2026-12-24"),
        ("by 24/12", "2026-12-24"),
        ("12/24/2026", "2026-12-24"),
        ("2026-12-24", "2026-12-24"),
        ("am 3. Dezember", "2026-12-03"),
        ("3 dez", "2026-12-03"),
        ("December 3rd", "2026-12-03"),
        ("3rd of December 2027", "2027-12-03"),
        ("Dec 3", "2026-12-03"),
        ("am 7. jänner", "2027-01-07"),
        ("on the 3rd", "2026-12-03"),
        ("bis zum 25.", "2026-11-25"),
    ],
)
def test_explicit_days(text: str, day: str) -> None:
    assert days(text) == [day]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("heute", "2026-11-18"),
        ("tonight", "2026-11-18"),
        ("kommt es morgen?", "2026-11-19"),
        ("morgen früh", "2026-11-19"),
        ("Morgenabend", "2026-11-19"),
        ("tmrw pls", "2026-11-19"),
        ("übermorgen", "2026-11-20"),
        ("uebermorgen", "2026-11-20"),
        ("the day after tomorrow", "2026-11-20"),
        ("gestern", "2026-11-17"),
        ("vorgestern", "2026-11-16"),
        ("day before yesterday", "2026-11-16"),
        ("in drei Tagen", "2026-11-21"),
        ("in 2 weeks", "2026-12-02"),
        ("in einer Woche", "2026-11-25"),
        ("heute in 14 Tagen", "2026-12-02"),
        ("vor zwei Wochen", "2026-11-04"),
        ("a week ago", "2026-11-11"),
        ("vor einem Monat", "2026-10-18"),
    ],
)
def test_relative_days(text: str, day: str) -> None:
    assert days(text) == [day]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("am Freitag", "2026-11-20"),
        ("on friday", "2026-11-20"),
        ("Mittwoch", "2026-11-25"),
        ("diesen Mittwoch", "2026-11-18"),
        ("nächsten Freitag", "2026-11-20"),
        ("next Monday", "2026-11-23"),
        ("übernächsten Montag", "2026-11-30"),
        ("Freitag nächster Woche", "2026-11-27"),
        ("nächste Woche am Freitag", "2026-11-27"),
        ("Friday next week", "2026-11-27"),
        ("letzten Freitag", "2026-11-13"),
        ("last friday", "2026-11-13"),
        ("am Fr. zwischen 9 und 11", "2026-11-20"),
        ("on sat please", "2026-11-21"),
        ("Freitag, den 27.11.", "2026-11-27"),
        ("Freitagnachmittag", "2026-11-20"),
    ],
)
def test_weekdays(text: str, day: str) -> None:
    assert days(text) == [day]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("seit Montag warte ich", "2026-11-16"),
        ("hätte am Dienstag kommen sollen", "2026-11-17"),
        ("it should have been here on Tuesday", "2026-11-17"),
        ("am 3.11. bestellt", "2026-11-03"),
        ("ordered on Thursday", "2026-11-12"),
        ("am Samstag zurückgeschickt", "2026-11-14"),
        ("können Sie am Samstag liefern", "2026-11-21"),
        ("please deliver on Thursday", "2026-11-19"),
    ],
)
def test_what_is_told_lies_behind_and_what_is_wished_lies_ahead(text: str, day: str) -> None:
    assert days(text) == [day]


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("nächste Woche", "2026-11-23", "2026-11-29"),
        ("this week", "2026-11-18", "2026-11-22"),
        ("am Wochenende", "2026-11-21", "2026-11-22"),
        ("next weekend", "2026-11-21", "2026-11-22"),
        ("Ende Dezember", "2026-12-21", "2026-12-31"),
        ("mid January", "2027-01-11", "2027-01-20"),
    ],
)
def test_periods(text: str, first: str, last: str) -> None:
    assert days(text) == [{"from": first, "to": last}]


@pytest.mark.parametrize(
    "text",
    [
        "Guten Morgen",
        "Morgen zusammen, wo ist mein Paket",
        "so ein mist",
        "can you do it or not",
        "may 2 people come",
        "4/5 stars",
        "24.11 €",
        "Größe 38.40",
        "2-3 Werktage",
        "I sat on the sun chair",
        "die 12.1 Version",
        "30.02.2026",
        "Version 1.2.3.4",
    ],
)
def test_what_only_looks_like_a_day(text: str) -> None:
    assert days(text) == []


def test_several_days_in_one_message() -> None:
    assert days("nicht am Montag, lieber am Dienstag oder am 30.11.") == ["2026-11-23", "2026-11-24", "2026-11-30"]


@pytest.mark.parametrize(
    ("text", "window"),
    [
        ("zwischen 14 und 16 Uhr", ("14:00", "16:00")),
        ("14-16 Uhr", ("14:00", "16:00")),
        ("von 9 bis 12", ("09:00", "12:00")),
        ("between 2 and 4pm", ("14:00", "16:00")),
        ("between 10 and 2 pm", ("10:00", "14:00")),
        ("10am to 12pm", ("10:00", "12:00")),
        ("10 to 12 on Saturday", ("10:00", "12:00")),
        ("Samstag 10-12", ("10:00", "12:00")),
        ("zwischen 2 und 4", ("14:00", "16:00")),
        ("8:30 bis 10:45 uhr", ("08:30", "10:45")),
        ("ab 17 Uhr", ("17:00", None)),
        ("after 5 pm", ("17:00", None)),
        ("bis 12 Uhr", (None, "12:00")),
        ("before 11am", (None, "11:00")),
        ("um 15 Uhr", ("15:00", "16:00")),
        ("Freitag nachmittag", ("12:00", "17:00")),
        ("friday afternoon", ("12:00", "17:00")),
        ("vormittags", ("08:00", "12:00")),
        ("heute Abend", ("17:00", "21:00")),
        ("in the evening", ("17:00", "21:00")),
        ("morgen früh", ("06:00", "10:00")),
        ("über Mittag", ("11:00", "14:00")),
    ],
)
def test_times_of_the_day(text: str, window: Any) -> None:
    assert windows(text) == [window]


@pytest.mark.parametrize(
    "text",
    ["2-3 Tage", "Gr. 38-40", "Guten Abend", "good afternoon", "10-12 Euro", "Bestellung 10-12", "von 2 auf 3 Stück"],
)
def test_what_only_looks_like_a_time(text: str) -> None:
    assert windows(text) == []
