"""Whatever the shop denies, the customer is told why in both languages, and what can be done instead."""

import re
from pathlib import Path

import pytest

from actions.denials import explanation
from actions.flows import _SAID_BY_THE_QUESTION
from actions.shop_client import Denied

OPERATIONS = (Path(__file__).resolve().parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
# What no question of the bot can bring about, or what it asks for itself.
NEVER_SEEN = {
    ("cancel_order", "refund_to_unavailable"),
    ("create_return", "refund_to_unavailable"),
    ("create_return", "label_unavailable"),
    ("create_return", "day_unavailable"),
    ("claim_item", "quantity_too_high"),
    ("change_payment_method", "gift_card_too_small"),
    ("change_items", "method_unknown"),
    ("exchange", "method_unknown"),
    ("product_availability", "unknown_product"),
}


def documented() -> list:
    found = []
    for section in re.split(r"^### ", OPERATIONS, flags=re.MULTILINE)[1:]:
        name = section.split("\n", 1)[0].strip()
        for part in re.findall(r"Denials?: (.*?)(?:\n\n|\n#|\Z)", section, flags=re.DOTALL):
            without_params = re.sub(r"\((?:[^()]|\([^()]*\))*\)", "", part)
            found += [(name, code) for code in re.findall(r"`([a-z_]+)`", without_params)]
    return sorted(set(found) - NEVER_SEEN)


@pytest.mark.parametrize(("operation", "code"), documented())
def test_every_documented_denial_has_words_of_its_own(turn_of, operation: str, code: str):
    if code in _SAID_BY_THE_QUESTION or code in ("create_return", "cancel_order"):
        return
    for language in ("de", "en"):
        turn = turn_of(language=language, order_number="LM-1")
        params = {"number": "R-1", "until": "2026-11-01", "from": "2026-12-01", "answer_by": "2026-12-01"}
        params |= {
            "expected_on": "2026-12-01",
            "voucher_code": "WATT10",
            "available": 1,
            "min_total": {"amount": "40.00"},
        }
        params |= {"balance": {"amount": "5.00"}, "amount": {"amount": "9.00"}, "place": "Post", "options": ["x"]}
        params |= {"products": [{"name": "Jacke"}], "days": 30, "countries": ["DE"], "return_until": "2026-12-01"}
        name, values = explanation(turn, operation, Denied(code, params))
        assert name != "utter_denied_default", f"{operation}: {code} has no words"
        assert "{" not in turn.t(name, **values)
        bare, values = explanation(turn, operation, Denied(code, {}))
        assert "{" not in turn.t(bare, **values), f"{operation}: {code} without values"


def test_a_day_that_nobody_knows_is_not_made_up(turn_of):
    turn = turn_of(order_number="LM-1")
    name, values = explanation(turn, "cancel_order", Denied("already_dispatched", {"expected_on": None}))
    assert name == "utter_denied_cancel_order_already_dispatched_plain"
    assert "voraussichtlich" not in turn.t(name, **values)
