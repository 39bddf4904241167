"""The question bank: the shipped file is right, and a wrong one is refused with the place of the fault."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.errors import InvalidInput
from bot.survey.bank import SCALES, Bank, Kind, Level, load_bank

SHIPPED = Path("survey.yml")


@pytest.fixture
def content() -> dict[str, Any]:
    return yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))


def written(tmp_path: Path, content: object) -> Path:
    path = tmp_path / "survey.yml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return path


class TestShipped:
    def test_every_level_can_be_asked_and_its_importance_too(self) -> None:
        bank = load_bank(SHIPPED)
        for kind in (Kind.LEVEL, Kind.IMPORTANCE):
            assert {item.level for item in bank.of_kind(kind).values()} == set(Level)

    def test_all_three_outcomes_are_asked(self) -> None:
        assert {item.kind for item in load_bank(SHIPPED).items.values()} >= {Kind.NPS, Kind.CSAT, Kind.CES}

    def test_scales_are_those_of_the_definitions(self) -> None:
        assert SCALES[Kind.NPS] == (0, 10)
        assert SCALES[Kind.CSAT] == (1, 5)
        assert SCALES[Kind.CES] == (1, 7)

    def test_customers_are_asked_after_every_conversation_unless_a_shop_wants_otherwise(self) -> None:
        assert load_bank(SHIPPED).rest_days == 0


class TestRefused:
    @pytest.mark.parametrize(
        ("change", "place"),
        [
            (lambda c: c["items"]["nps"]["question"].pop("en"), "items.nps.question.en"),
            (lambda c: c["items"].pop("advice"), "no item asks about the level advice"),
            (lambda c: c["items"].pop("importance_advice"), "importance of advice"),
            (lambda c: [c["items"].pop(k) for k in ("nps", "csat", "ces")], "no outcome item"),
            (lambda c: c["items"]["accuracy"].update(weight=10), "more than half"),
            (lambda c: c["items"]["accuracy"].update(weight=0), "needs a weight above 0"),
            (lambda c: c["items"]["nps"].update(level="advice"), "has no level"),
            (lambda c: c["items"]["nps"].update(kind="smiley"), "items.nps"),
            (lambda c: c.update(importance_share=0.9), "importance_share"),
            (lambda c: c.update(colour="blue"), "colour"),
            (lambda c: c["texts"]["again"].update(de="Bitte {zahl}."), "unknown placeholders ['zahl']"),
        ],
    )
    def test_with_the_place_of_the_fault(self, tmp_path: Path, content: dict[str, Any], change, place: str) -> None:
        change(content)
        with pytest.raises(InvalidInput) as raised:
            load_bank(written(tmp_path, content))
        assert place in raised.value.message

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidInput, match=r"missing\.yml cannot be read"):
            load_bank(tmp_path / "missing.yml")

    def test_broken_yaml_is_named(self, tmp_path: Path) -> None:
        path = tmp_path / "survey.yml"
        path.write_text("items: [", encoding="utf-8")
        with pytest.raises(InvalidInput, match="no valid YAML"):
            load_bank(path)


def test_a_shop_may_ask_one_level_in_several_wordings(content: dict[str, Any]) -> None:
    content["items"]["accuracy_again"] = content["items"]["accuracy"] | {"weight": 0.5}
    bank = Bank.model_validate(content)
    assert bank.level_weights(False)[Level.ACCURACY] == 1.5
