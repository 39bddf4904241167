"""Draws the items of one survey at random, each with the probability that it had to be drawn."""

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random

from bot.survey.bank import LEVELS_ASKED, OUTCOMES, Bank, Kind, Level

__all__ = ["Drawn", "draw", "inclusion_probabilities"]


@dataclass(frozen=True)
class Drawn:
    """An item to be asked. ``probability`` (0..1) is that of this item being in this survey at all."""

    item: str
    probability: float


def draw(bank: Bank, random: Random, *, with_person: bool) -> list[Drawn]:
    """Return the items of one survey in the order they are asked: two levels and one outcome, shuffled.

    Now and then one of the two levels gives way to the question how important it is. The order is random
    because later questions are answered less often, and no item shall suffer from its place.

    Args:
        bank: the question bank.
        random: the source of chance.
        with_person: whether a person took part in the conversation.
    """
    probabilities = inclusion_probabilities(bank, with_person=with_person)
    levels = _systematic_sample(bank.level_weights(with_person), LEVELS_ASKED, random)
    replaced = random.choice(levels) if random.random() < bank.importance_share else None
    chosen = [_one_of(bank, level, replaced is level, with_person, random) for level in levels]
    outcomes = {n: i.weight_for(with_person) for n, i in bank.items.items() if i.kind in OUTCOMES}
    chosen += random.choices(list(outcomes), list(outcomes.values()))
    random.shuffle(chosen)
    return [Drawn(name, probabilities[name]) for name in chosen]


def inclusion_probabilities(bank: Bank, *, with_person: bool) -> dict[str, float]:
    """Return the probability of every item to be in a survey; the formulas are in docs/survey.md."""
    weights = bank.level_weights(with_person)
    total = sum(weights.values())
    outcomes = sum(i.weight_for(with_person) for i in bank.items.values() if i.kind in OUTCOMES)
    result = {}
    for name, item in bank.items.items():
        weight = item.weight_for(with_person)
        if item.kind in OUTCOMES:
            result[name] = weight / outcomes
            continue
        assert item.level is not None
        level = LEVELS_ASKED * weights[item.level] / total
        replaced = bank.importance_share / LEVELS_ASKED
        if item.kind is Kind.IMPORTANCE:
            result[name] = level * replaced
        else:
            result[name] = level * (1 - replaced) * weight / weights[item.level]
    return result


def _one_of(bank: Bank, level: Level, importance: bool, with_person: bool, random: Random) -> str:
    kind = Kind.IMPORTANCE if importance else Kind.LEVEL
    items = {name: item for name, item in bank.of_kind(kind).items() if item.level is level}
    if importance:
        return next(iter(items))
    return random.choices(list(items), [item.weight_for(with_person) for item in items.values()])[0]


def _systematic_sample(weights: Mapping[Level, float], size: int, random: Random) -> list[Level]:
    """Draw ``size`` different levels with probabilities exactly proportional to their weights.

    Systematic sampling with unequal probabilities in random order (Madow 1949): the inclusion probabilities
    are laid end to end, and every level is taken in whose stretch one of the points u, u+1, ... falls.
    """
    total = sum(weights.values())
    order = list(weights)
    random.shuffle(order)
    point = random.random()
    end = 0.0
    chosen: list[Level] = []
    for level in order:
        end += size * weights[level] / total
        if point < end and len(chosen) < size:
            chosen.append(level)
            point += 1
    if len(chosen) < size:  # the ends add up to a hair less than the last point
        chosen.append(next(level for level in reversed(order) if level not in chosen))
    return chosen
