"""What a conversation adds to the sums that figures are computed from."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from bot.metrics.facts import final_status
from bot.storage.figure_tables import ANY, ConversationFact

__all__ = ["Contribution", "contributions", "sums"]


class Contribution(NamedTuple):
    """One addend: what is counted, within it what exactly, how often, its value and the value's square."""

    measure: str
    detail: str = ""
    n: int = 1
    total: float = 0.0
    squares: float = 0.0


def contributions(fact: ConversationFact) -> Iterator[Contribution]:
    """Yield everything that one conversation adds. docs/metrics.md names the figures that use each measure."""
    details = fact.details
    yield Contribution("conversations")
    yield Contribution("messages", "customer", fact.customer_messages)
    yield Contribution("messages", "bot", fact.bot_messages)
    yield Contribution("messages", "agent", fact.agent_messages)
    if fact.cross_channel:
        yield Contribution("cross_channel")
    if fact.mixed_language:
        yield Contribution("mixed_language")
    for hour, n in details["load"].items():
        yield Contribution("load", hour, n)
    for name, counts in details["times"].items():
        for seconds, n in counts:
            yield Contribution(f"time_{name}", f"{seconds:g}", n, seconds * n)
    yield Contribution("resolution", f"{fact.resolution}{'_withdrawn' if fact.withdrawn else ''}")
    if fact.matter:
        yield Contribution("matters")
        if fact.handoffs:
            yield Contribution("handed_over")
        if fact.repeated:
            yield Contribution("repeated")
        if fact.complaint:
            yield Contribution("complaint", str(fact.complaint))
        if fact.complaint_repeated:
            yield Contribution("complaint_repeated")
    if fact.closed_at is not None or fact.reopened:
        yield Contribution("closed")
    if fact.reopened:
        yield Contribution("reopened", "", 1, float(fact.reopened))
    if fact.judged:
        yield Contribution("understood", "no", fact.not_understood)
        yield Contribution("understood", "yes", fact.judged - fact.not_understood)
    if details["asked_again"]:
        yield Contribution("asked_again", "", details["asked_again"])
    yield from _handoffs(fact)
    yield from _feelings(fact)
    for flow in details["flows"]:
        yield Contribution("flow", f"{flow['goal']}:{flow['end']}")
        for step in flow["steps"]:
            yield Contribution("flow_step", f"{flow['goal']}:{step}:reached")
        if flow["end"] == "left":
            yield Contribution("flow_step", f"{flow['goal']}:{flow['steps'][-1]}:left")
    for trigger, answered in details["surveys"]:
        yield Contribution("survey", f"{trigger}:{'answered' if answered else 'unanswered'}")
    for item, value, probability in details["answers"]:
        weight = 1 / probability
        yield Contribution(f"answer_{item}", str(value), 1, weight, weight * weight)
    for kind, made_by, state, told in details["promises"]:
        yield Contribution("promise", f"{kind}:{made_by}:{state}")
        if told is not None:
            yield Contribution("promise_told", told)
    repeated = details.get("repeated_all", details["repeated"])
    for expectation in details["expectations"]:
        level, kind = expectation[:2]
        yield Contribution("expectation", f"{level}:{kind}:{final_status(expectation, repeated)}")


def _handoffs(fact: ConversationFact) -> Iterator[Contribution]:
    for reason, end, level, announced, beyond in fact.details["handoffs"]:
        yield Contribution("handoff", reason)
        yield Contribution("handoff_end", end)
        if level is not None:
            yield Contribution("service_level", level)
        if announced is not None:
            yield Contribution("announced", "kept" if announced else "exceeded", 1, beyond)
    if fact.person_seconds:
        yield Contribution("person_time", "", 1, fact.person_seconds)


def _feelings(fact: ConversationFact) -> Iterator[Contribution]:
    for key, n in fact.details["acknowledgements"].items():
        yield Contribution("acknowledgement", key, n)
    if fact.upset:
        yield Contribution("upset", "", fact.upset)
        state = {True: "yes", False: "no", None: "unknown"}[fact.recovered]
        yield Contribution("recovery", f"{fact.handler}:{state}")
        yield Contribution("emotion_path", f"{_taken_up(fact.details['acknowledgements'])}:{state}")


def _taken_up(answers: Mapping[str, int]) -> str:
    """Tell whether any answer to an upset message took the feeling up, none did, or there was no answer."""
    if any(n and key.endswith(":yes") for key, n in answers.items()):
        return "acknowledged"
    return "passed_over" if any(answers.values()) else "unanswered"


def sums(facts: Iterable[ConversationFact]) -> list[dict[str, Any]]:
    """Return the sums of what some conversations add, one row per filter attributes, measure and detail.

    Beside them there is one row per measure and detail for all attributes together.
    """
    everywhere = (ANY, ANY, ANY, ANY)
    added: dict[tuple[str, ...], list[float]] = defaultdict(lambda: [0, 0.0, 0.0])
    for fact in facts:
        cell = (fact.channel, fact.language, fact.topic, fact.handler)
        for measure, detail, n, total, squares in contributions(fact):
            for attributes in (cell, everywhere):
                row = added[(measure, *attributes, detail)]
                row[0] += n
                row[1] += total
                row[2] += squares
    names = ("measure", "channel", "language", "topic", "handler", "detail")
    return [
        {**dict(zip(names, key, strict=True)), "n": int(n), "total": total, "squares": squares}
        for key, (n, total, squares) in added.items()
        if n
    ]
