"""The draw: what is asked, and that the stored probabilities are the true ones."""

from collections import Counter
from pathlib import Path
from random import Random

import pytest
import yaml
from scipy.stats import binomtest

from bot.survey.bank import OUTCOMES, Bank, Kind, load_bank
from bot.survey.draw import draw, inclusion_probabilities

DRAWS = 20_000


def uneven() -> Bank:
    """A bank whose items are drawn as unequally as may be."""
    content = yaml.safe_load(Path("survey.yml").read_text(encoding="utf-8"))
    for name, weight in {
        "accuracy": 3,
        "availability": 2,
        "partnership": 0.8,
        "advice": 0.4,
        "nps": 5,
        "ces": 0.5,
    }.items():
        content["items"][name]["weight"] = weight
    content["items"]["advice_plainly"] = content["items"]["advice"] | {"weight": 0.3}
    return Bank.model_validate(content)


@pytest.mark.parametrize("bank", [load_bank(Path("survey.yml")), uneven()], ids=["shipped", "uneven"])
@pytest.mark.parametrize("with_person", [False, True])
class TestDraw:
    def test_two_levels_or_their_importance_and_one_outcome(self, bank: Bank, with_person: bool) -> None:
        random = Random(1)
        for _ in range(500):
            items = [bank.items[drawn.item] for drawn in draw(bank, random, with_person=with_person)]
            assert len(items) == 3
            assert sum(item.kind in OUTCOMES for item in items) == 1
            assert len({item.level for item in items if item.level}) == 2
            assert sum(item.kind is Kind.IMPORTANCE for item in items) <= 1

    def test_items_are_drawn_as_often_as_their_stored_probability_says(self, bank: Bank, with_person: bool) -> None:
        random, seen = Random(7), Counter()
        for _ in range(DRAWS):
            seen.update(drawn.item for drawn in draw(bank, random, with_person=with_person))
        for item, probability in inclusion_probabilities(bank, with_person=with_person).items():
            # 17 items and four banks: with 1 in 100,000 a false alarm of the whole test stays below 1 in 1,000.
            assert binomtest(seen[item], DRAWS, probability).pvalue > 1e-5, item

    def test_the_probability_is_stored_with_each_item(self, bank: Bank, with_person: bool) -> None:
        probabilities = inclusion_probabilities(bank, with_person=with_person)
        for drawn in draw(bank, Random(3), with_person=with_person):
            assert drawn.probability == probabilities[drawn.item]

    def test_probabilities_add_up_to_the_number_of_items_asked(self, bank: Bank, with_person: bool) -> None:
        assert sum(inclusion_probabilities(bank, with_person=with_person).values()) == pytest.approx(3)


def test_a_person_in_the_conversation_changes_the_probabilities() -> None:
    bank = load_bank(Path("survey.yml"))
    without = inclusion_probabilities(bank, with_person=False)
    with_one = inclusion_probabilities(bank, with_person=True)
    assert with_one["availability"] > without["availability"]


def test_every_place_in_the_survey_is_equally_likely() -> None:
    bank, random = load_bank(Path("survey.yml")), Random(11)
    places = Counter(
        next(i for i, d in enumerate(draw(bank, random, with_person=False)) if bank.items[d.item].kind in OUTCOMES)
        for _ in range(DRAWS)
    )
    for place in range(3):
        assert binomtest(places[place], DRAWS, 1 / 3).pvalue > 1e-5
