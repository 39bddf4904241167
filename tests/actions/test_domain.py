"""The dialogue's files fit together, and the check that says so notices when they do not."""

import re
import shutil
from pathlib import Path

import pytest

from engine.domain_check import PROJECT, problems


def test_the_dialogue_fits_together():
    assert problems() == []


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(PROJECT / "data", tmp_path / "data")
    shutil.copytree(PROJECT / "actions", tmp_path / "actions", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(PROJECT / "domain.yml", tmp_path)
    return tmp_path


FAULTS = {
    "a language is missing": (r"(  utter_goodbye:\n    - condition: )\*de", r"\1*en", "utter_goodbye"),
    "placeholders differ": (r"Noch \{count\} Versuche", "Noch einige Versuche", "placeholders"),
    "a button leads nowhere": (r'payload: "/track_order"', 'payload: "/track_ordr"', "names no intent"),
    "a question is misspelt": (
        r"  utter_ask_voucher_code:",
        "  utter_ask_vouchercode:",
        "nothing asks for voucher_code",
    ),
    "a response hides an action": (r"  utter_ask_proof:", "  utter_ask_track_order_form_proof:", "Rasa would say it"),
    "a form asks for something else": (
        r"track_order_form: \{required_slots: \[order_number, proof\]\}",
        "track_order_form: {required_slots: [order_number]}",
        "form track_order_form",
    ),
    "a slot takes whatever is typed": (
        r"(  reason: \{.*mappings: \[\{type: )custom",
        r"\1from_text",
        "slot reason: filled by from_text",
    ),
    "an action has no class": (r"  - action_greet\n", "  - action_greets\n", "action_greets"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_the_domain_is_found(copy: Path, fault: str):
    pattern, replacement, named = FAULTS[fault]
    domain = copy / "domain.yml"
    changed = re.sub(pattern, replacement, domain.read_text(encoding="utf-8"), count=1)
    assert changed != domain.read_text(encoding="utf-8"), "the fault could not be planted"
    domain.write_text(changed, encoding="utf-8")
    assert any(named in problem for problem in problems(copy))


@pytest.mark.parametrize(
    ("condition", "named"),
    [("active_loop: newsletter_from", "no form newsletter_from"), ("slot_was_set: [{languge: de}]", "no slot languge")],
)
def test_a_misspelt_condition_of_a_rule_is_found(copy: Path, condition: str, named: str):
    rules = copy / "data" / "rules" / "account.yml"
    text = rules.read_text(encoding="utf-8")
    planted = text.replace("    steps:\n", f"    condition:\n      - {condition}\n    steps:\n", 1)
    rules.write_text(planted, encoding="utf-8")
    assert any(named in problem for problem in problems(copy))


def test_an_intent_without_a_rule_is_found(copy: Path):
    (copy / "data" / "rules" / "account.yml").unlink()
    assert any("intent newsletter: no rule" in problem for problem in problems(copy))


def test_a_response_that_nothing_says_is_found(copy: Path):
    domain = copy / "domain.yml"
    text = domain.read_text(encoding="utf-8").replace("  utter_goodbye:\n", "  utter_farewell_forever:\n", 1)
    domain.write_text(text, encoding="utf-8")
    found = problems(copy)
    assert any("utter_farewell_forever: nothing says it" in problem for problem in found)
    assert any("utter_goodbye: an action says it" in problem for problem in found)
