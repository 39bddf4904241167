"""Survey estimates against the hidden truth of simulated customers.

Each repetition draws new customers, new conversations and new questions. The truth is the mean over very many
customers of what each would answer to every question.
"""

from collections import defaultdict
from pathlib import Path
from random import Random

import pytest

from bot.metrics.simulation.people import answers_survey, experience, make_customer
from bot.metrics.statistics import Estimate, Weighted, nps, weighted_mean, weighted_share, wilson
from bot.survey.bank import Level, load_bank
from bot.survey.draw import draw, inclusion_probabilities

REPETITIONS, CONVERSATIONS, TRUTH = 500, 120, 60_000
BANK = load_bank(Path("survey.yml"))
MEASURES = {
    "csat": lambda answers: weighted_share(answers, 4),
    "nps": nps,
    "ces": weighted_mean,
    **dict.fromkeys(Level, weighted_mean),
}


def conversation(number: int, random: Random):
    customer = make_customer(number, random)
    return customer, experience(customer, random, open_now=random.random() < 0.5, outage=random.random() < 0.02)


def summed(answers: list[tuple[int, float]]) -> dict[float, Weighted]:
    sums: dict[float, list[float]] = defaultdict(lambda: [0, 0.0, 0.0])
    for value, weight in answers:
        row = sums[float(value)]
        row[0], row[1], row[2] = row[0] + 1, row[1] + weight, row[2] + weight * weight
    return {value: Weighted(int(n), w, s) for value, (n, w, s) in sums.items()}


def estimates(random: Random, *, bias: float | None) -> dict[str, Estimate]:
    """Ask one sample of customers; ``bias`` None: everybody answers."""
    answers = defaultdict(list)
    for number in range(CONVERSATIONS):
        customer, lived = conversation(number, random)
        if bias is not None and not answers_survey(customer, lived, random, bias=bias):
            continue
        for drawn in draw(BANK, random, with_person=lived.handoff is not None and not lived.abandoned):
            answers[drawn.item].append((lived.opinions[drawn.item], 1 / drawn.probability))
    return {name: estimate for name, of in MEASURES.items() if (estimate := of(summed(answers[name]))) is not None}


@pytest.fixture(scope="module")
def truth() -> dict[str, float]:
    random = Random(99)
    opinions = [conversation(number, random)[1].opinions for number in range(TRUTH)]
    return {name: of(summed([(o[name], 1.0) for o in opinions])).value for name, of in MEASURES.items()}


@pytest.fixture(scope="module")
def repeated() -> list[dict[str, Estimate]]:
    return [estimates(Random(seed), bias=None) for seed in range(REPETITIONS)]


@pytest.mark.parametrize("name", MEASURES)
class TestEverybodyAnswers:
    def test_intervals_cover_the_truth_as_often_as_they_claim(self, truth, repeated, name: str) -> None:
        covered = sum(r[name].low <= truth[name] <= r[name].high for r in repeated) / len(repeated)
        assert 0.93 <= covered <= 0.97, f"{name}: {covered:.1%}"

    def test_weighted_means_are_unbiased(self, truth, repeated, name: str) -> None:
        values = [r[name].value for r in repeated]
        mean = sum(values) / len(values)
        spread = (sum((v - mean) ** 2 for v in values) / (len(values) - 1) / len(values)) ** 0.5
        assert abs(mean - truth[name]) < 4 * spread, f"{name}: {mean} instead of {truth[name]}"


def test_unhappy_customers_who_do_not_answer_leave_a_bias_that_is_stated(truth, capsys) -> None:
    """It cannot be removed by weights; its size is printed, and its direction is known."""
    repeated = [estimates(Random(seed), bias=0.45) for seed in range(60)]
    with capsys.disabled():
        for name in MEASURES:
            values = [r[name].value for r in repeated if name in r]
            print(f"\n  non-response bias of {name}: {sum(values) / len(values) - truth[name]:+.3f}", end="")
    csat = [r["csat"].value for r in repeated]
    assert sum(csat) / len(csat) > truth["csat"]


def test_probabilities_differ_between_conversations_so_that_weights_matter() -> None:
    assert inclusion_probabilities(BANK, with_person=True) != inclusion_probabilities(BANK, with_person=False)


def test_wilson_gives_the_textbook_interval() -> None:
    low, high = wilson(8, 10)
    assert (low, high) == pytest.approx((0.4901625, 0.9433178), abs=1e-6)
