"""The console's words: the same in both languages, and all that templates ask for are there."""

import re
from pathlib import Path

import bot
import bot.console
from bot.console.texts import keys, word
from bot.escalation import EscalationReason
from bot.handoff.service import CLOSE_REASONS

TEMPLATES = Path(bot.console.__file__).parent / "templates"


def test_both_languages_have_the_same_keys() -> None:
    assert keys("de") == keys("en")


def test_both_languages_take_the_same_values() -> None:
    for key in keys("de"):
        values = [sorted(re.findall(r"\{(\w+)\}", word(key, language))) for language in ("de", "en")]
        assert values[0] == values[1], key


def test_every_text_a_template_names_exists() -> None:
    for path in TEMPLATES.glob("*.html"):
        for key in re.findall(r"""\bt\('([a-z_]+\.[a-z_]+)'[,)]""", path.read_text(encoding="utf-8")):
            assert key in keys("en"), f"{key} in {path.name}"


def test_every_reason_has_words() -> None:
    for reason in EscalationReason:
        assert f"reason.{reason}" in keys("en")
    for close in CLOSE_REASONS:
        assert f"close.{close}" in keys("en")


def test_every_operation_has_words() -> None:
    package = Path(bot.__file__).parent
    sources = "\n".join(path.read_text(encoding="utf-8") for path in package.rglob("*.py"))
    names = set(re.findall(r"""\bOperation\(\s*"([a-z_]+)",""", sources))
    assert {"verify", "cancel_order"} <= names
    assert [name for name in names if f"operation.{name}" not in keys("en")] == []
