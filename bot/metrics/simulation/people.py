"""Who the simulated customers are, what happens to them, and what they truly think of it: the hidden truth.

Everything here is invented, and chosen so that cause and effect are as managers would expect them: who waits too
long is less happy with availability, whose anger is passed over is less happy with partnership, whoever is
unhappy answers surveys less often and orders again less often.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from math import exp
from random import Random

from bot.metrics.expectations import Matter, expectation_map
from bot.survey.bank import Level

__all__ = ["CHANNELS", "INTENTS", "Customer", "Experience", "answers_survey", "experience", "make_customer", "opinion"]

CHANNELS = {"web": 0.68, "telegram": 0.27, "rest": 0.05}
# How often each intent opens a conversation, relative to each other.
INTENTS = {
    "track_order": 20, "delivery_late": 9, "return_item": 11, "return_status": 4, "refund_status": 7,
    "cancel_order": 6, "change_delivery_address": 3, "exchange_item": 3, "damaged_item": 3, "wrong_item": 2,
    "missing_item": 2, "delivery_not_received": 2, "delivery_time": 5, "delivery_costs": 3, "return_policy": 4,
    "product_availability": 4, "product_advice": 3, "payment_issue": 2, "voucher_issue": 2, "login_problem": 2,
    "get_invoice": 2, "contact_info": 2, "complaint": 2, "human_handoff": 3, "order_details": 3,
}  # fmt: skip


@dataclass(frozen=True)
class Customer:
    """A customer. ``patience_s``: how long they wait for a person; ``temper``: 0 calm to 1 quick to anger."""

    key: str
    language: str
    channel: str
    patience_s: float
    temper: float
    base: Mapping[Level, float]  # what they think of the shop to begin with, 1..5
    talkative: float  # inclination to answer surveys, as log odds


@dataclass(frozen=True)
class Experience:
    """What happens in one conversation."""

    intent: str
    misunderstood: int  # turns in a row that the bot does not understand
    left_at: float | None  # share of the way after which a matter in several steps is left
    refused: bool
    upset: bool
    acknowledged: bool
    handoff: str | None  # the reason for one
    wait_s: float  # for a person
    abandoned: bool
    agent_acknowledges: bool
    solved: bool
    promise_kept: bool
    outage: bool
    opinions: Mapping[str, int] = field(default_factory=dict)  # the answer to every question, were it asked


def make_customer(number: int, random: Random) -> Customer:
    """Return the customer of a number."""
    mood = random.gauss(0, 0.35)
    return Customer(
        key=f"sim-{number}",
        language="de" if random.random() < 0.82 else "en",
        channel=random.choices(list(CHANNELS), list(CHANNELS.values()))[0],
        patience_s=random.lognormvariate(5.6, 0.7),
        temper=random.betavariate(2, 4),
        base={level: 4.0 + mood + random.gauss(0, 0.3) for level in Level},
        talkative=random.gauss(-0.3, 0.6),
    )


@cache
def _intents() -> tuple[list[str], list[int], dict[str, Matter]]:
    matters = {name: entry for name in INTENTS if (entry := expectation_map().matter(name)) is not None}
    return list(INTENTS), list(INTENTS.values()), matters


def experience(
    customer: Customer, random: Random, *, open_now: bool, outage: bool, intent: str | None = None
) -> Experience:
    """Return what happens to a customer in one conversation, and what they think of it.

    Args:
        customer: who.
        random: the source of chance.
        open_now: whether people are there.
        outage: whether the engine is down when the conversation begins.
        intent: what it is about; drawn if not given.
    """
    names, weights, matters = _intents()
    intent = intent or random.choices(names, weights)[0]
    severity = matters[intent].severity
    misunderstood = 3 if random.random() < 0.012 else 1 if random.random() < 0.09 else 0
    upset = random.random() < 0.03 + 0.25 * severity * (0.4 + customer.temper)
    acknowledged = upset and random.random() < 0.78
    refused = random.random() < 0.08
    left_at = random.random() if random.random() < 0.07 else None
    handoff = None
    if intent == "human_handoff":
        handoff = "customer_asked"
    elif misunderstood == 3:
        handoff = "not_understood"
    elif upset and random.random() < 0.3:
        handoff = "upset"
    elif severity == 2 and random.random() < 0.02:
        handoff = "keyword"
    elif random.random() < 0.05:
        handoff = "customer_asked"
    wait_s = random.lognormvariate(4.6, 0.9) if open_now else random.uniform(2, 60) * 3600
    abandoned = handoff is not None and random.random() < (0.75 if wait_s > customer.patience_s and open_now else 0.02)
    solved = (
        misunderstood < 3
        and left_at is None
        and random.random() < (0.5 if refused else 0.9)
        and (handoff is None or not abandoned)
    )
    found = Experience(
        intent=intent,
        misunderstood=misunderstood,
        left_at=left_at if handoff is None else None,
        refused=refused,
        upset=upset,
        acknowledged=acknowledged,
        handoff=handoff,
        wait_s=wait_s,
        abandoned=abandoned,
        agent_acknowledges=random.random() < 0.6,
        solved=solved,
        promise_kept=random.random() < (0.75 if severity else 0.93),
        outage=outage,
    )
    return replace(found, opinions=opinion(customer, found, random))


def opinion(customer: Customer, lived: Experience, random: Random) -> dict[str, int]:
    """Return how a customer would answer every question of the survey."""
    effects = {
        Level.ACCURACY: -0.5 * min(lived.misunderstood, 2) - 0.7 * lived.refused + (0.3 if lived.solved else -0.9),
        Level.AVAILABILITY: -0.9 * lived.outage
        - (0.9 if lived.handoff and lived.wait_s > customer.patience_s else 0.0)
        + (0.1 if lived.solved else -0.2),
        Level.PARTNERSHIP: (0.2 if lived.acknowledged else -1.1 if lived.upset else 0.0) - 0.4 * lived.refused,
        Level.ADVICE: (0.1 if lived.solved else -0.7) - 0.2 * min(lived.misunderstood, 2),
    }
    levels = {level: _within(customer.base[level] + effect, 1, 5) for level, effect in effects.items()}
    overall = 0.4 * levels[Level.ACCURACY] + sum(0.2 * levels[level] for level in list(Level)[1:])
    answers = {level.value: _answer(value, 0.5, 1, 5, random) for level, value in levels.items()}
    answers |= {
        f"importance_{level}": _answer(value, 0.6, 1, 5, random)
        for level, value in zip(Level, (4.7, 4.3, 3.8, 3.4), strict=True)
    }
    answers["csat"] = _answer(overall, 0.5, 1, 5, random)
    answers["nps"] = _answer(2.5 * (overall - 1), 1.4, 0, 10, random)
    answers["ces"] = _answer(1 + 1.5 * (overall - 1), 0.9, 1, 7, random)
    return answers


def _answer(value: float, noise: float, low: int, high: int, random: Random) -> int:
    return round(_within(value + random.gauss(0, noise), low, high))


def _within(value: float, low: float, high: float) -> float:
    return max(low, min(high, value))


def answers_survey(customer: Customer, lived: Experience, random: Random, *, bias: float = 0.45) -> bool:
    """Tell whether a customer answers the survey at all.

    Args:
        customer: who is asked.
        lived: what happened.
        random: the source of chance.
        bias: how much more likely happy customers answer, in log odds per point of satisfaction; 0: all alike.
    """
    odds = customer.talkative + bias * (lived.opinions["csat"] - 4)
    return random.random() < 1 / (1 + exp(-odds))
