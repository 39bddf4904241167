"""Reads figures for a period: values, the period before, breakdowns, trends. For API, dashboard and report."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from bot.clock import Clock, utc_now
from bot.errors import InvalidInput
from bot.metrics.expectations import Kind
from bot.metrics.figures import Costs, Figure, compute, definitions, outage_figures
from bot.storage.database import Database
from bot.storage.figures import Figures, Slice, Step, Sums
from bot.survey.bank import Level

__all__ = ["LONGEST_DAYS", "TREND", "FigureReader", "Overview"]

# A trend has at most some thirty to sixty points: more are noise, and slow to draw.
_SHOWN_UP_TO_DAYS: tuple[tuple[Step, int], ...] = (("day", 62), ("week", 200))
LONGEST_DAYS = 3 * 366

ATTRIBUTES = ("channel", "language", "topic", "handler")
_COUNTED_IN_TREND = (
    "conversations", "matters", "handed_over", "resolution", "understood", "survey", "promise", "complaint",
    "acknowledgement", "recovery", "service_level", "handoff_end", "time_wait", "time_first_response_agent",
    "answer_csat", "answer_nps", "answer_ces", *(f"answer_{level}" for level in Level),
)  # fmt: skip
_COUNTED_IN_SPLIT = (
    "conversations", "matters", "handed_over", "resolution", "understood", "answer_csat", "answer_nps", "complaint",
    "survey",
)  # fmt: skip
# The figures that can be shown over time.
TREND = (
    "conversations", "automated_resolution", "handoff_rate", "not_understood", "csat", "nps", "ces", *Level,
    "promises_kept", "complaint_rate", "acknowledged", "recovery", "service_level", "wait_p50",
    "first_response_agent_p50", "survey_response",
)  # fmt: skip
_SHOWN_IN_SPLIT = (
    "conversations", "automated_resolution", "handoff_rate", "not_understood", "csat", "nps", "complaint_rate",
)  # fmt: skip


@dataclass(frozen=True)
class Overview:
    """Everything a dashboard shows of one slice. ``figures`` and ``before`` have the same keys."""

    wanted: Slice
    figures: Mapping[str, Figure]
    before: Mapping[str, Figure]
    trend: Sequence[tuple[date, Mapping[str, Figure]]]
    trend_before: Sequence[tuple[date, Mapping[str, Figure]]]
    step: Step
    splits: Mapping[str, Mapping[str, Mapping[str, Figure]]]
    load: Sequence[Sequence[int]]  # by weekday (Monday first) and hour
    endings: Mapping[str, int]  # of conversations with a matter: confirmed, assumed, withdrawn, unresolved, ...
    handoff_reasons: Mapping[str, int]
    funnels: Sequence[Mapping[str, Any]]
    promises: Mapping[str, Mapping[str, int]]  # by kind and state
    expectations: Sequence[Mapping[str, Any]]  # by level and kind
    emotion: Mapping[str, int]  # upset, acknowledged, recovered, ...
    # Conversations with an upset customer, by what answered it (acknowledged, passed_over, unanswered) and by
    # whether they settled (yes, no, unknown).
    emotion_paths: Mapping[tuple[str, str], int]
    distributions: Mapping[str, Mapping[int, float]]  # weighted share of each answer, by item

    def as_json(self) -> dict[str, Any]:
        """Return what GET /api/v1/metrics answers."""
        known = definitions()
        return {
            "period": {"from": self.wanted.first.isoformat(), "to": self.wanted.last.isoformat()},
            "filters": self.wanted.filters(),
            "figures": {
                key: {
                    **_json(self.figures[key]),
                    "unit": entry.unit,
                    "better": entry.better,
                    "before": _json(self.before[key]),
                }
                for key, entry in known.items()
            },
            "trend": {
                "by": self.step,
                "rows": [
                    {"day": day.isoformat(), **{key: figure.value for key, figure in figures.items()}}
                    for day, figures in self.trend
                ],
            },
            "splits": {
                attribute: {value: {key: _json(f) for key, f in figures.items()} for value, figures in parts.items()}
                for attribute, parts in self.splits.items()
            },
            "load": [list(hours) for hours in self.load],
            "endings": dict(self.endings),
            "handoff_reasons": dict(self.handoff_reasons),
            "funnels": list(self.funnels),
            "promises": {kind: dict(states) for kind, states in self.promises.items()},
            "expectations": list(self.expectations),
            "emotion": dict(self.emotion),
            "emotion_paths": {f"{answer}:{end}": n for (answer, end), n in self.emotion_paths.items()},
            "distributions": {item: dict(shares) for item, shares in self.distributions.items()},
        }


def _step(wanted: Slice) -> Step:
    days = (wanted.last - wanted.first).days + 1
    return next((step for step, most in _SHOWN_UP_TO_DAYS if days <= most), "month")


def _json(figure: Figure) -> dict[str, Any]:
    return {**figure.model_dump(), "small": figure.small}


@dataclass(frozen=True)
class FigureReader:
    """Answers what the figures of a slice are. Reads sums only, so that a million conversations cost no more."""

    database: Database
    zone: ZoneInfo
    costs: Costs
    clock: Clock = utc_now

    async def figures(self, wanted: Slice) -> dict[str, Figure]:
        """Return the figures of a slice.

        Raises:
            InvalidInput: the period is empty or too long.
        """
        _check(wanted)
        async with self.database.read() as session:
            store = Figures(session)
            return await self._figures(store, await store.sums(wanted), wanted)

    async def overview(self, wanted: Slice) -> Overview:
        """Return everything a dashboard shows.

        Raises:
            InvalidInput: the period is empty or too long.
        """
        _check(wanted)
        step, before = _step(wanted), wanted.before()
        # Two connections: the database answers side by side, and customers keep the others.
        (sums, figures, earlier, parts), (series, series_before) = await asyncio.gather(
            self._totals(wanted, before), self._series(wanted, before, step)
        )
        splits = {
            attribute: {
                value: _only(compute(sums_, self.costs), _SHOWN_IN_SPLIT) for value, sums_ in sorted(values.items())
            }
            for attribute, values in parts.items()
        }
        return Overview(
            wanted=wanted,
            figures=figures,
            before=earlier,
            trend=self._trend(series, wanted, step),
            trend_before=self._trend(series_before, before, step),
            step=step,
            splits=splits,
            load=_load(sums),
            endings=_endings(sums),
            handoff_reasons=dict(
                sorted(((reason, s.n) for reason, s in sums.get("handoff", {}).items()), key=lambda r: (-r[1], r[0]))
            ),
            funnels=_funnels(sums),
            promises=_promises(sums),
            expectations=_expectations(sums),
            emotion=_emotion(sums),
            emotion_paths=_emotion_paths(sums),
            distributions=_distributions(sums),
        )

    async def channels(self) -> list[str]:
        """Return the channels that conversations came through."""
        async with self.database.read() as session:
            return await Figures(session).channels()

    async def days_with_data(self) -> tuple[date, date] | None:
        """Return the first and last day with conversations, None if there are none."""
        async with self.database.read() as session:
            return await Figures(session).first_and_last_day()

    def _trend(self, series: Mapping[date, Sums], wanted: Slice, step: Step) -> list[tuple[date, Mapping[str, Figure]]]:
        """Return the figures of every step of a slice, also of those in which nothing happened."""
        today = self.clock().astimezone(self.zone).date()
        days = [day for day in wanted.steps(step) if day <= today]
        return [(day, _only(compute(series.get(day, {}), self.costs), TREND)) for day in days]

    async def _totals(
        self, wanted: Slice, before: Slice
    ) -> tuple[Sums, dict[str, Figure], dict[str, Figure], dict[str, dict[str, Sums]]]:
        async with self.database.read() as session:
            store = Figures(session)
            sums = await store.sums(wanted)
            figures = await self._figures(store, sums, wanted)
            earlier = await self._figures(store, await store.sums(before), before)
            return sums, figures, earlier, await store.splits(wanted, ATTRIBUTES, _COUNTED_IN_SPLIT)

    async def _series(self, wanted: Slice, before: Slice, step: Step) -> tuple[dict[date, Sums], dict[date, Sums]]:
        async with self.database.read() as session:
            store = Figures(session)
            now = await store.series(wanted, _COUNTED_IN_TREND, step)
            return now, await store.series(before, _COUNTED_IN_TREND, step)

    async def _figures(self, store: Figures, sums: Sums, wanted: Slice) -> dict[str, Figure]:
        since = datetime.combine(wanted.first, time.min, self.zone)
        until = datetime.combine(wanted.last + timedelta(days=1), time.min, self.zone)
        outages = await store.outages(since, until)
        computed = compute(sums, self.costs) | outage_figures(outages, since, until, self.clock())
        return {key: computed[key] for key in definitions()}


def _check(wanted: Slice) -> None:
    days = (wanted.last - wanted.first).days + 1
    if days < 1:
        raise InvalidInput(f"The period is empty: {wanted.last} is before {wanted.first}.")
    if days > LONGEST_DAYS:
        raise InvalidInput(f"The period has {days} days; at most {LONGEST_DAYS} can be shown at once.")


def _only(figures: Mapping[str, Figure], keys: Sequence[str]) -> dict[str, Figure]:
    return {key: figures[key] for key in keys}


def _load(sums: Sums) -> list[list[int]]:
    hours = [[0] * 24 for _ in range(7)]
    for detail, s in sums.get("load", {}).items():
        weekday, _, hour = detail.partition("-")
        hours[int(weekday)][int(hour)] += s.n
    return hours


def _endings(sums: Sums) -> dict[str, int]:
    found = {detail: s.n for detail, s in sums.get("resolution", {}).items()}
    withdrawn = found.pop("confirmed_withdrawn", 0) + found.pop("assumed_withdrawn", 0)
    ended = {key: n for key, n in found.items() if key not in ("none", "open")}
    return ended | ({"withdrawn": withdrawn} if withdrawn else {})


def _funnels(sums: Sums) -> list[dict[str, Any]]:
    """Return each matter in several steps: how many began, reached which step, left at which, and how it ended."""
    funnels: dict[str, dict[str, Any]] = {}
    for detail, s in sums.get("flow", {}).items():
        goal, _, end = detail.rpartition(":")
        funnel = funnels.setdefault(goal, {"goal": goal, "started": 0, "done": 0, "refused": 0, "left": 0, "steps": {}})
        funnel["started"] += s.n
        funnel[end] += s.n
    for detail, s in sums.get("flow_step", {}).items():
        goal, step, what = detail.split(":")
        counts = funnels[goal]["steps"].setdefault(step, {"step": step, "reached": 0, "left": 0})
        counts[what] += s.n
    for funnel in funnels.values():
        funnel["steps"] = sorted(funnel["steps"].values(), key=lambda s: (-s["reached"], _place(s["step"])))
    return sorted(funnels.values(), key=lambda f: (-f["started"], f["goal"]))


# In this order steps are usually taken; of those that as many customers reached, the earlier one is shown first.
_STEPS = ("start", "order_number", "proof", "full_proof", "shipment", "contract", "product", "voucher_code", "line")


def _place(step: str) -> tuple[int, str]:
    if step == "confirm":
        return len(_STEPS) + 1, step
    return (_STEPS.index(step) if step in _STEPS else len(_STEPS)), step


def _promises(sums: Sums) -> dict[str, dict[str, int]]:
    kinds: dict[str, dict[str, int]] = {}
    for detail, s in sums.get("promise", {}).items():
        kind, _, state = detail.split(":")
        states = kinds.setdefault(kind, {})
        states[state] = states.get(state, 0) + s.n
    return dict(sorted(kinds.items()))


def _expectations(sums: Sums) -> list[dict[str, Any]]:
    cells: dict[tuple[str, str], dict[str, int]] = {}
    for detail, s in sums.get("expectation", {}).items():
        level, kind, status = detail.split(":")
        cell = cells.setdefault((level, kind), {"met": 0, "unmet": 0, "unknown": 0})
        cell[status] += s.n
    order = {name: i for i, name in enumerate([*Level, *Kind])}
    return [
        {"level": level, "kind": kind, **cell}
        for (level, kind), cell in sorted(cells.items(), key=lambda c: (order[c[0][0]], order[c[0][1]]))
    ]


def _emotion(sums: Sums) -> dict[str, int]:
    answered = {detail: s.n for detail, s in sums.get("acknowledgement", {}).items()}
    recovery = {detail: s.n for detail, s in sums.get("recovery", {}).items()}
    return {
        "upset_messages": sum(s.n for s in sums.get("upset", {}).values()),
        **{f"{what}_{by}": answered.get(f"{by}:{key}", 0) for by in ("bot", "agent") for key, what in _ANSWERED},
        **{f"{what}_{who}": recovery.get(f"{who}:{key}", 0) for who in ("bot", "person") for key, what in _RECOVERED},
    }


def _emotion_paths(sums: Sums) -> dict[tuple[str, str], int]:
    paths = {}
    for detail, s in sums.get("emotion_path", {}).items():
        answer, _, end = detail.partition(":")
        paths[answer, end] = s.n
    return paths


_ANSWERED = (("yes", "acknowledged"), ("no", "passed_over"))
_RECOVERED = (("yes", "recovered"), ("no", "not_recovered"), ("unknown", "unknown"))


def _distributions(sums: Sums) -> dict[str, dict[int, float]]:
    result = {}
    for measure, details in sums.items():
        if measure.startswith("answer_"):
            weight = sum(s.total for s in details.values())
            result[measure.removeprefix("answer_")] = {
                int(value): s.total / weight for value, s in sorted(details.items(), key=lambda d: int(d[0]))
            }
    return result
