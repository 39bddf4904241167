"""What becomes of a promise, as a table."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest

from bot.promises.judge import ConversationFacts, Promise, judge
from bot.shop.promise_facts import OrderFacts, RefundFact, ReturnFact

BERLIN = ZoneInfo("Europe/Berlin")


def at(day: int, hour: int = 12, minute: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=BERLIN)


DUE = at(20, 23, 59)
NOBODY = ConversationFacts()


def promise(kind: str, return_number: str | None = None) -> Promise:
    return Promise(1, 1, kind, "LM-1", return_number, made_at=at(10), due_at=DUE)


def refund(issued: datetime | None, expected: date | None = None, number: str | None = "R-1") -> RefundFact:
    return RefundFact(number, at(11), issued, expected)


@pytest.mark.parametrize(
    ("kind", "order", "now", "state", "at_risk", "new_day"),
    [
        # a parcel
        ("delivery", OrderFacts(expected_on=date(2026, 11, 20)), at(18), "open", False, None),
        ("delivery", OrderFacts(delivered_at=at(20, 23, 58)), at(21), "kept", False, None),
        ("delivery", OrderFacts(delivered_at=at(21, 0, 5)), at(21), "broken", False, None),
        ("delivery", OrderFacts(expected_on=date(2026, 11, 23)), at(18), "open", True, date(2026, 11, 23)),
        ("delivery", OrderFacts(expected_on=date(2026, 11, 23)), at(21), "broken", False, date(2026, 11, 23)),
        ("delivery", OrderFacts(), at(20, 23, 59), "open", False, None),
        ("delivery", OrderFacts(), at(21, 0, 0), "broken", False, None),
        ("delivery", OrderFacts(expected_on=date(2026, 11, 22)), at(24), "broken", False, None),  # that day passed too
        ("delivery", OrderFacts(cancelled_at=at(12)), at(13), "withdrawn", False, None),
        ("delivery", OrderFacts(cancelled_at=at(19), delivered_at=at(18)), at(19), "kept", False, None),
        ("delivery", None, at(18), "open", False, None),
        ("delivery", None, at(22), "withdrawn", False, None),
        # money
        ("refund", OrderFacts(refunds=(refund(at(19)),)), at(19), "kept", False, None),
        ("refund", OrderFacts(refunds=(refund(at(21)),)), at(21), "broken", False, None),
        (
            "refund",
            OrderFacts(refunds=(refund(None, date(2026, 11, 25)),)),
            at(19),
            "open",
            True,
            date(2026, 11, 25),
        ),
        (
            "refund",
            OrderFacts(refunds=(refund(at(19), number="R-2"),)),
            at(21),
            "broken",
            False,
            None,
        ),  # another return's
        ("refund", OrderFacts(returns=(ReturnFact("R-1", True, None),)), at(21), "withdrawn", False, None),
        ("refund", OrderFacts(returns=(ReturnFact("R-1", True, at(15)),)), at(21), "broken", False, None),
        # the rest
        ("return_label", OrderFacts(returns=(ReturnFact("R-1", True, None),)), at(11), "kept", False, None),
        ("return_label", OrderFacts(returns=(ReturnFact("R-1", False, None),)), at(21), "broken", False, None),
        ("replacement", OrderFacts(delivered_at=at(5), replacement_delivered_at=at(19)), at(19), "kept", False, None),
        ("replacement", OrderFacts(delivered_at=at(5)), at(21), "broken", False, None),
        ("restock", OrderFacts(), at(11), "open", False, None),
    ],
)
def test_judge(kind, order, now, state, at_risk, new_day) -> None:
    subject = promise(kind, "R-1" if kind in ("refund", "return_label") else None)
    judgement = judge(subject, order, NOBODY, now=now, zone=BERLIN)
    assert (str(judgement.state), judgement.at_risk, judgement.new_day) == (state, at_risk, new_day)


@pytest.mark.parametrize(
    ("wrote", "now", "state"),
    [((at(19),), at(19), "kept"), ((at(21),), at(21), "broken"), ((), at(21), "broken"), ((at(9),), at(19), "open")],
)
def test_an_answer_counts_from_the_first_word_of_a_person_after_the_promise(wrote, now, state) -> None:
    judgement = judge(promise("answer"), None, ConversationFacts(wrote), now=now, zone=BERLIN)
    assert str(judgement.state) == state


@pytest.mark.parametrize(
    ("told", "expected", "now", "state", "new_day"),
    [
        ((at(19),), None, at(19), "kept", None),
        ((at(21),), None, at(21), "broken", None),
        ((at(9),), None, at(19), "open", None),  # somebody else's earlier wait
        ((), date(2026, 11, 25), at(19), "open", date(2026, 11, 25)),
        ((), None, at(21), "broken", None),
    ],
)
def test_goods_are_back_when_it_was_told(told, expected, now, state, new_day) -> None:
    facts = ConversationFacts(restocked_at=told, restock_on=expected)
    judgement = judge(promise("restock"), None, facts, now=now, zone=BERLIN)
    assert (str(judgement.state), judgement.new_day) == (state, new_day)
