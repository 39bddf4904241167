"""What is documented is what the code does."""

import re
from pathlib import Path

import yaml

from bot.escalation import EscalationReason
from bot.metrics.cli import definitions_as_markdown, dictionary_as_markdown
from bot.metrics.expectations import TOPICS, Kind, expectation_map
from bot.metrics.figures import Costs, compute, definitions
from bot.metrics.words import words
from bot.storage.figures import BEHIND
from bot.survey.bank import Level

ROOT = Path(__file__).parents[3]


def test_the_definitions_in_the_documentation_are_those_in_force() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")
    assert definitions_as_markdown() in page, "put the output of 'zusage figures definitions' into docs/metrics.md"


def test_the_data_dictionary_is_that_of_the_exports() -> None:
    page = (ROOT / "docs" / "data-dictionary.md").read_text(encoding="utf-8")
    assert dictionary_as_markdown() in page, (
        "put the output of 'zusage figures dictionary' into docs/data-dictionary.md"
    )


def test_every_defined_figure_is_computed_and_every_computed_one_defined() -> None:
    of_outages = {"outage_minutes", "outage_messages"}
    assert set(compute({}, Costs())) | of_outages == set(definitions())


def test_every_drill_down_that_a_definition_names_exists() -> None:
    assert {d.behind for d in definitions().values() if d.behind} <= set(BEHIND)


def test_every_intent_of_the_assistant_is_in_the_expectation_map() -> None:
    domain = yaml.safe_load((ROOT / "domain.yml").read_text(encoding="utf-8"))
    intents = {next(iter(i)) if isinstance(i, dict) else i for i in domain["intents"]}
    assert intents - set(expectation_map().intents) == set()


def test_every_level_kind_and_topic_is_used() -> None:
    entries = expectation_map().intents.values()
    assert {entry.level for entry in entries} == set(Level)
    assert {entry.kind for entry in entries} == set(Kind)
    assert {entry.topic for entry in entries} == set(TOPICS)


def test_every_signal_that_is_written_is_explained() -> None:
    page = (ROOT / "docs" / "signals.md").read_text(encoding="utf-8")
    explained = set(re.findall(r"`([a-z_]+)`", page))
    written = set()
    for file in (ROOT / "bot").rglob("*.py"):
        if "simulation" not in file.parts:
            source = file.read_text(encoding="utf-8")
            written |= set(
                re.findall(r"""(?:\.signal|SignalFact)\(\s*"(?:availability|empathy)",\s*"([a-z_]+)\"""", source)
            )
    assert len(written) > 15
    assert written - explained == set()


class TestWords:
    def test_both_languages_have_the_same(self) -> None:
        assert set(words("de")) == set(words("en"))

    def test_everything_that_figures_name_has_one(self) -> None:
        domain = yaml.safe_load((ROOT / "domain.yml").read_text(encoding="utf-8"))
        steps = {slot for form in domain["forms"].values() for slot in form["required_slots"]}
        named = {
            "matter": {name.removesuffix("_form") for name in domain["forms"]},
            "step": steps,
            "reason": set(EscalationReason),
            "level": set(Level),
            "kind": set(Kind),
            "topic": set(TOPICS),
            "group": {entry.group for entry in definitions().values()},
            "behind": set(BEHIND),
        }
        missing = {f"{table}.{key}" for table, keys in named.items() for key in keys} - set(words("de"))
        assert missing == set()
