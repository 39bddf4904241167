"""Computes every figure from sums. definitions.yml says in words what each one is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict

from bot.metrics.statistics import Estimate, Weighted, mean, nps, percentile, share, weighted_mean, weighted_share
from bot.storage.figures import Sum, Sums
from bot.survey.bank import Level

__all__ = ["SMALL", "Costs", "Definition", "Figure", "compute", "definitions", "outage_figures"]

# What rests on fewer observations is shown, and marked as uncertain.
SMALL = 30


class Localised(BaseModel):
    """A label in both languages."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    de: str
    en: str


class Definition(BaseModel):
    """What a figure is."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    group: str
    unit: Literal["count", "number", "share", "seconds", "minutes", "score5", "score7", "nps", "money"]
    better: Literal["up", "down", "none"]
    label: Localised
    formula: str
    population: str
    excludes: str = ""
    source: str
    behind: str | None = None


@cache
def definitions() -> dict[str, Definition]:
    """Return the definitions of all figures, in the order in which they are shown."""
    content = yaml.safe_load((Path(__file__).parent / "definitions.yml").read_text(encoding="utf-8"))
    return {key: Definition.model_validate(entry) for key, entry in content.items()}


class Figure(BaseModel):
    """A figure's value; None if there is nothing to compute it from.

    ``low`` and ``high`` are the 95 % interval where there is one, ``n`` is how many observations it rests on.
    """

    model_config = ConfigDict(frozen=True)

    value: float | None
    n: int
    low: float | None = None
    high: float | None = None

    @property
    def small(self) -> bool:
        """Whether it rests on too little to rely on."""
        return self.n < SMALL


@dataclass(frozen=True)
class Costs:
    """What the shop pays, in its currency: for each conversation, and for an hour of a person's time."""

    conversation: float = 0.0
    person_hour: float = 0.0


TIMES = (
    "first_response_bot",
    "response_time_bot",
    "first_response_agent",
    "first_response_agent_open",
    "response_time_agent",
    "response_time_agent_open",
    "wait",
    "wait_open",
)
PERCENTILES = (50, 90, 99)
_RESOLUTIONS = ("handed_over", "unresolved", "confirmed", "assumed", "confirmed_withdrawn", "assumed_withdrawn")


def compute(sums: Sums, costs: Costs) -> dict[str, Figure]:
    """Return all figures that conversations and orders give, by key."""
    one = _Reader(sums)
    conversations, matters = one.n("conversations"), one.n("matters")
    return {
        "conversations": Figure(value=conversations, n=conversations),
        "matters": Figure(value=matters, n=conversations),
        "messages": Figure(value=one.n("messages"), n=one.n("messages")),
        "messages_per_conversation": _ratio(one.n("messages"), conversations),
        "cross_channel": _share(one.n("cross_channel"), conversations),
        "mixed_language": _share(one.n("mixed_language"), conversations),
        **_times(one),
        "service_level": _share(one.n("service_level", "within"), one.n("service_level")),
        "announced_kept": _share(one.n("announced", "kept"), one.n("announced")),
        "announced_gap": _ratio(one.total("announced"), one.n("announced")),
        "wait_abandoned": _share(
            one.n("handoff_end", "abandoned"), one.n("handoff_end", "abandoned") + one.n("handoff_end", "accepted")
        ),
        "flow_left": _share(one.ending("flow", "left"), one.n("flow")),
        **_resolution(one, matters),
        "not_understood": _share(one.n("understood", "no"), one.n("understood")),
        "asked_again": _ratio(100 * one.n("asked_again"), conversations),
        **_survey(one),
        **_expectations(one),
        **_complaints(one, matters),
        **_customers(one),
        **_promises(one),
        **_empathy(one),
        "cost_per_resolution": _cost(one, costs),
    }


def outage_figures(
    outages: Iterable[tuple[str, datetime, datetime | None, int]], since: datetime, until: datetime, now: datetime
) -> dict[str, Figure]:
    """Return the figures about outages in a span of the calendar.

    Args:
        outages: (part, start, end or None, messages affected), all that touch the span.
        since: beginning of the span.
        until: its end; what is later than now has not happened.
        now: the present instant.
    """
    until = min(until, now)
    spans = sorted(
        (max(start, since), min(end or now, until)) for _, start, end, _ in outages if max(start, since) < until
    )
    minutes = 0.0
    reached = since
    for start, end in spans:
        minutes += max(0.0, (end - max(start, reached)).total_seconds()) / 60
        reached = max(reached, end)
    affected = sum(n for _, start, _, n in outages if since <= start < until)
    return {
        "outage_minutes": Figure(value=minutes, n=len(spans)),
        "outage_messages": Figure(value=affected, n=len(spans)),
    }


class _Reader:
    """Reads sums by measure and detail; what was never counted is 0."""

    def __init__(self, sums: Sums) -> None:
        self._sums = sums

    def of(self, measure: str) -> Mapping[str, Sum]:
        return self._sums.get(measure, {})

    def n(self, measure: str, *details: str) -> int:
        found = self.of(measure)
        return sum(s.n for detail, s in found.items() if not details or detail in details)

    def total(self, measure: str) -> float:
        return sum(s.total for s in self.of(measure).values())

    def ending(self, measure: str, last: str) -> int:
        """Count what has ``last`` as the last part of its detail."""
        return sum(s.n for detail, s in self.of(measure).items() if detail.rpartition(":")[2] == last)

    def starting(self, measure: str, first: str) -> dict[str, int]:
        """Return the counts of what has ``first`` as the first part of its detail, by the rest."""
        cut = len(first) + 1
        return {d[cut:]: s.n for d, s in self.of(measure).items() if d.startswith(f"{first}:")}

    def answers(self, item: str) -> dict[float, Weighted]:
        return {float(d): Weighted(s.n, s.total, s.squares) for d, s in self.of(f"answer_{item}").items()}


def _share(part: int, whole: int) -> Figure:
    return _figure(share(part, whole))


def _ratio(part: float, whole: int) -> Figure:
    return Figure(value=mean(part, whole), n=whole)


def _figure(estimate: Estimate | None) -> Figure:
    if estimate is None:
        return Figure(value=None, n=0)
    return Figure(value=estimate.value, low=estimate.low, high=estimate.high, n=estimate.n)


def _times(one: _Reader) -> dict[str, Figure]:
    figures = {}
    for name in TIMES:
        counts = {float(detail): s.n for detail, s in one.of(f"time_{name}").items()}
        n = sum(counts.values())
        for percent in PERCENTILES:
            figures[f"{name}_p{percent}"] = Figure(value=percentile(counts, percent), n=n)
    return figures


def _resolution(one: _Reader, matters: int) -> dict[str, Figure]:
    handed_over = one.n("handed_over")
    ended = one.n("resolution", *_RESOLUTIONS)
    confirmed, assumed = one.n("resolution", "confirmed"), one.n("resolution", "assumed")
    return {
        "containment": _share(matters - handed_over, matters),
        "handoff_rate": _share(handed_over, matters),
        "automated_resolution": _share(confirmed + assumed, ended),
        "resolution_confirmed": _share(confirmed, ended),
        "resolution_assumed": _share(assumed, ended),
        "resolution_withdrawn": _share(one.n("resolution", "confirmed_withdrawn", "assumed_withdrawn"), ended),
        "repeat_rate": _share(one.n("repeated"), matters),
        "reopen_rate": _share(one.n("reopened"), one.n("closed")),
    }


def _survey(one: _Reader) -> dict[str, Figure]:
    offered = one.n("survey")
    csat = one.answers("csat")
    figures = {
        "survey_response": _share(one.ending("survey", "answered"), offered),
        "csat": _figure(weighted_share(csat, 4)),
        "csat_mean": _figure(weighted_mean(csat)),
        "ces": _figure(weighted_mean(one.answers("ces"))),
        "nps": _figure(nps(one.answers("nps"))),
    }
    for prefix in ("", "importance_"):
        for level in Level:
            figures[f"{prefix}{level}"] = _figure(weighted_mean(one.answers(f"{prefix}{level}")))
    return figures


def _expectations(one: _Reader) -> dict[str, Figure]:
    figures = {}
    for level in Level:
        counts = one.starting("expectation", level)
        met = sum(n for rest, n in counts.items() if rest.endswith(":met"))
        unmet = sum(n for rest, n in counts.items() if rest.endswith(":unmet"))
        figures[f"met_{level}"] = _share(met, met + unmet)
    return figures


def _complaints(one: _Reader, matters: int) -> dict[str, Figure]:
    any_, serious, severe = one.n("complaint"), one.n("complaint", "2", "3"), one.n("complaint", "3")
    return {
        "complaint_rate": _share(any_, matters),
        "complaint_serious": _share(serious, matters),
        "complaint_severe": _share(severe, matters),
        "complaint_repeated": _share(one.n("complaint_repeated"), any_),
    }


def _customers(one: _Reader) -> dict[str, Figure]:
    figures = {"return_rate": _share(one.n("order_returned", "yes"), one.n("order_returned"))}
    for contact in ("with", "without"):
        counts = one.starting("order_again", contact)
        figures[f"retention_{contact}"] = _share(counts.get("yes", 0), sum(counts.values()))
    return figures


def _promises(one: _Reader) -> dict[str, Figure]:
    kept, broken = one.ending("promise", "kept"), one.ending("promise", "broken")
    made = one.n("promise") - one.ending("promise", "superseded")
    return {
        "promises": Figure(value=made, n=made),
        "promises_kept": _share(kept, kept + broken),
        "promises_broken": Figure(value=broken, n=kept + broken),
        "promises_told": _share(one.n("promise_told", "in_time"), one.n("promise_told")),
    }


def _empathy(one: _Reader) -> dict[str, Figure]:
    figures = {}
    for key, who in (("", ("bot", "agent")), ("_bot", ("bot",)), ("_agent", ("agent",))):
        yes = one.n("acknowledgement", *(f"{by}:yes" for by in who))
        figures[f"acknowledged{key}"] = _share(yes, yes + one.n("acknowledgement", *(f"{by}:no" for by in who)))
    for by in ("bot", "agent"):
        counts = {float(detail): s.n for detail, s in one.of(f"time_acknowledgement_{by}").items()}
        figures[f"acknowledgement_{by}_p50"] = Figure(value=percentile(counts, 50), n=sum(counts.values()))
    for key, handlers in (("", ("bot", "person")), ("_bot", ("bot",)), ("_person", ("person",))):
        yes = one.n("recovery", *(f"{handler}:yes" for handler in handlers))
        figures[f"recovery{key}"] = _share(yes, yes + one.n("recovery", *(f"{handler}:no" for handler in handlers)))
    for answer in ("acknowledged", "passed_over"):
        yes, no = one.n("emotion_path", f"{answer}:yes"), one.n("emotion_path", f"{answer}:no")
        figures[f"recovery_{answer}"] = _share(yes, yes + no)
    return figures


def _cost(one: _Reader, costs: Costs) -> Figure:
    resolved = one.n("resolution", "confirmed", "assumed") + one.n("handoff_end", "accepted")
    if not costs.conversation and not costs.person_hour:
        return Figure(value=None, n=resolved)
    spent = one.n("conversations") * costs.conversation + one.total("person_time") / 3600 * costs.person_hour
    return _ratio(spent, resolved)


def order_of(keys: Iterable[str]) -> Sequence[str]:
    """Return keys of figures in the order in which they are shown."""
    wanted = set(keys)
    return [key for key in definitions() if key in wanted]
