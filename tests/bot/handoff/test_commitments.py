"""What a draft holds out, as a table: the sentence, the kind, the time it must have happened by."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from bot.engine_client import Entity
from bot.handoff.commitments import find_commitments
from bot.shop.calendar import Calendar

BERLIN = ZoneInfo("Europe/Berlin")
CALENDAR = Calendar(BERLIN, "DE")
NOW = datetime(2026, 12, 23, 15, 0, tzinfo=BERLIN)  # a Wednesday; Friday and Saturday are holidays


def day(text: str, words: str, value: object, type: str = "date") -> Entity:
    start = text.index(words)
    return Entity(type=type, value=value, text=words, start=start, end=start + len(words))


def found(text: str, *entities: Entity) -> list[tuple[str, str, str | None]]:
    return [
        (c.kind, c.due.astimezone(BERLIN).strftime("%Y-%m-%d %H:%M"), c.amount)
        for c in find_commitments(text, entities, NOW, CALENDAR)
    ]


@pytest.mark.parametrize(
    ("text", "words", "value", "kind", "due"),
    [
        ("Ich melde mich bis Montag bei Ihnen.", "Montag", "2026-12-28", "answer", "2026-12-28 23:59"),
        ("Ich rufe Sie morgen um 10 Uhr an.", "morgen", "2026-12-24", "callback", "2026-12-24 10:00"),
        ("Ihr Paket kommt spätestens am 30.12. an.", "30.12.", "2026-12-30", "delivery", "2026-12-30 23:59"),
        ("Das Geld haben Sie bis Montag zurück.", "Montag", "2026-12-28", "refund", "2026-12-28 23:59"),
        ("Heute noch schicke ich das Rücksendeetikett.", "Heute", "2026-12-23", "return_label", "2026-12-23 23:59"),
        ("Ein Ersatz geht nächste Woche raus.", "nächste Woche", {"from": "2026-12-28", "to": "2027-01-03"},
         "replacement", "2027-01-03 23:59"),
        ("Die Jacke ist ab Montag wieder verfügbar.", "Montag", "2026-12-28", "restock", "2026-12-28 23:59"),
        ("I will get back to you by tomorrow 5pm.", "tomorrow", "2026-12-24", "answer", "2026-12-24 17:00"),
        ("Your parcel will arrive by 30 December.", "30 December", "2026-12-30", "delivery", "2026-12-30 23:59"),
    ],
)  # fmt: skip
def test_days_that_the_engine_reads(text: str, words: str, value: object, kind: str, due: str) -> None:
    assert found(text, day(text, words, value)) == [(kind, due, None)]


@pytest.mark.parametrize(
    ("text", "kind", "due"),
    [
        ("Die Erstattung ist innerhalb von 3 Werktagen bei Ihnen.", "refund", "2026-12-29 23:59"),
        ("Das dauert noch 3 bis 5 Werktage, dann ist das Paket da.", "delivery", "2026-12-31 23:59"),
        ("You will have your refund within five working days.", "refund", "2026-12-31 23:59"),
        ("I'll call you back in an hour.", "callback", "2026-12-23 16:00"),
        ("Ich melde mich in einer Stunde.", "answer", "2026-12-23 16:00"),
        ("Wir antworten innerhalb von 14 Tagen.", "answer", "2027-01-06 23:59"),
        ("Sie hören in zwei Wochen von uns.", "answer", "2027-01-06 23:59"),
        ("Das Geld kommt bis Ende des Monats zurück.", "refund", "2026-12-31 23:59"),
        ("I will let you know by the end of the week.", "answer", "2026-12-27 23:59"),
        ("Bis 18 Uhr habe ich das geklärt.", "answer", "2026-12-23 18:00"),
    ],
)
def test_spans_and_times(text: str, kind: str, due: str) -> None:
    assert found(text) == [(kind, due, None)]


@pytest.mark.parametrize(
    ("text", "amount"),
    [
        ("Wir erstatten Ihnen 20 €.", "20 €"),
        ("Ich schreibe Ihnen 12,50 Euro gut, als Gutschrift.", "12,50 Euro"),
        ("You will get a discount of 10 %.", "10 %"),
        ("I will refund EUR 49.90.", "EUR 49.90"),
    ],
)
def test_amounts_given_are_due_within_the_legal_time(text: str, amount: str) -> None:
    assert found(text) == [("refund", "2027-01-06 23:59", amount)]


@pytest.mark.parametrize(
    "text",
    [
        "Guten Tag, ich sehe gleich nach.",
        "Der Versand kostet 4,95 €.",
        "Die Jacke kostet 149 Euro.",
        "Rufnummer 12345",
        "Bitte geben Sie das Paket innerhalb von 14 Tagen ab.",
        "Please send it back within 14 days.",
        "",
    ],
)
def test_what_is_no_promise(text: str) -> None:
    assert found(text) == []


def test_a_day_that_is_told_is_no_promise() -> None:
    text = "Sie haben am 20.12. bestellt."
    assert found(text, day(text, "20.12.", "2026-12-20")) == []
    text = "Your order was placed on Monday."
    assert found(text, day(text, "Monday", "2026-12-28")) == []


def test_a_time_that_has_passed_is_no_promise() -> None:
    assert found("Um 9 Uhr melde ich mich.") == []


def test_each_sentence_is_a_promise_of_its_own_with_its_order() -> None:
    text = "Die Erstattung zu LM-104217 kommt in 3 Tagen. Das Paket kommt morgen an."
    order = day(text, "LM-104217", "LM-104217", "order_number")
    commitments = find_commitments(text, [order, day(text, "morgen", "2026-12-24")], NOW, CALENDAR)
    assert [(c.kind, c.order_number) for c in commitments] == [("refund", "LM-104217"), ("delivery", "LM-104217")]
    assert commitments[0].wording == "Die Erstattung zu LM-104217 kommt in 3 Tagen."


def test_a_date_in_the_middle_ends_no_sentence() -> None:
    text = "Ihr Paket kommt spätestens am 30.12. bei Ihnen an."
    (commitment,) = find_commitments(text, [day(text, "30.12.", "2026-12-30")], NOW, CALENDAR)
    assert commitment.wording == text
