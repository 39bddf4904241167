"""Figures as people read them: in words and charts, in both languages, for the dashboard and the report."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from math import inf
from pathlib import Path
from typing import Any

from babel.dates import format_date
from babel.numbers import format_decimal, format_percent
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from bot.conversation import Language
from bot.metrics.charts import Placed, Point, bar, columns, flow, line, scatter, sparkline
from bot.metrics.figures import PERCENTILES, TIMES, Definition, Figure, definitions
from bot.metrics.reading import TREND, Overview
from bot.metrics.words import word
from bot.storage.figures import Slice
from bot.survey.bank import Level

__all__ = ["HEADLINES", "ITEMS", "STYLE", "Presentation", "environment"]

HERE = Path(__file__).parent / "templates"
STYLE = (HERE / "figures.css").read_text(encoding="utf-8")
HEADLINES = (
    "conversations", "automated_resolution", "handoff_rate", "csat", "nps", "promises_kept", "complaint_rate",
    "wait_p50",
)  # fmt: skip
# The answers that each question of the survey allows.
ITEMS = {"csat": range(1, 6), "nps": range(11), "ces": range(1, 8)}
_ENDINGS = ("confirmed", "assumed", "withdrawn", "unresolved", "handed_over")
_PROMISES = ("kept", "broken", "open", "withdrawn")
FUNNELS = 6
_SCALES = {"score5": (1.0, 5.0), "score7": (1.0, 7.0)}

Link = Callable[[str], str | None]


def environment() -> Environment:
    """Return what fills in the templates of figures."""
    return Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )


_ENVIRONMENT = environment()


@dataclass(frozen=True)
class Row:
    """One figure as it is read. ``change``: better, worse or same; ``moved``: by how much, in words."""

    key: str
    label: str
    value: str
    interval: str
    before: str
    change: str
    moved: str
    n: str
    few: bool
    link: str | None
    definition: Definition


@dataclass(frozen=True)
class Presentation:
    """An overview in one language. ``link`` gives the address of the conversations behind a word."""

    overview: Overview
    language: Language
    link: Link = lambda _behind: None
    trends: Sequence[str] = ("automated_resolution",)
    _definitions: Mapping[str, Definition] = field(default_factory=definitions)

    def render(self) -> Markup:
        """Return everything as HTML that stands on its own, but for figures.css."""
        page = _ENVIRONMENT.get_template("_figures.html").render(
            language=self.language, p=self, w=lambda key: word(key, self.language), bar=bar
        )
        return Markup(page)  # noqa: S704  (the template escapes what it is given)

    # -- numbers in words

    @property
    def locale(self) -> str:
        """Whose way of writing numbers and days."""
        return "de_DE" if self.language == "de" else "en_GB"

    def shown(self, value: float | None, unit: str) -> str:
        """Write a value with its unit; a dash where there is none."""
        if value is None:
            return "–"
        if unit == "share":
            return str(
                format_percent(value, format="0.0\u00a0%" if self.language == "de" else "0.0%", locale=self.locale)
            )
        if unit == "seconds":
            for least, size, pattern, name in (
                (86400 * 2, 86400, "0.0", "d"),
                (5400, 3600, "0.0", "h"),
                (90, 60, "0", "min"),
            ):
                if abs(value) >= least:
                    return f"{format_decimal(value / size, format=pattern, locale=self.locale)}\u00a0{self._unit(name)}"
            return f"{format_decimal(value, format='0.#', locale=self.locale)}\u00a0s"
        patterns = {"count": "#,##0", "minutes": "#,##0.0", "nps": "0", "money": "#,##0.00"}
        # The same minus as before a difference; the locales have a hyphen.
        return str(format_decimal(value, format=patterns.get(unit, "0.00"), locale=self.locale)).replace("-", "−")

    def _unit(self, name: str) -> str:
        return {"d": "T" if self.language == "de" else "d"}.get(name, name)

    def number(self, value: float) -> str:
        """Write a count."""
        return self.shown(value, "count")

    def percent(self, value: float) -> str:
        """Write a share without decimals."""
        return str(format_percent(value, format="0\u00a0%" if self.language == "de" else "0%", locale=self.locale))

    def _short(self, value: date) -> str:
        pattern = "MMM yy" if self.overview.step == "month" else ("d. MMM" if self.language == "de" else "d MMM")
        return str(format_date(value, pattern, locale=self.locale))

    @property
    def period(self) -> str:
        """The period in words."""
        return self.days(self.overview.wanted, self.language)

    @staticmethod
    def days(wanted: Slice, language: Language) -> str:
        """Write the first and the last day of a slice."""
        locale = "de_DE" if language == "de" else "en_GB"
        first, last = (format_date(day, "long", locale=locale) for day in (wanted.first, wanted.last))
        return f"{first} – {last}"

    def row(self, key: str) -> Row:
        """Return one figure."""
        entry = self._definitions[key]
        now, before = self.overview.figures[key], self.overview.before[key]
        return Row(
            key=key,
            label=getattr(entry.label, self.language),
            value=self.shown(now.value, entry.unit),
            interval=self._interval(now, entry.unit),
            before=self.shown(before.value, entry.unit),
            change=change(now, before, entry.better),
            moved=self._moved(now, before, entry.unit),
            n=self.number(now.n),
            few=now.small and entry.unit not in ("count", "minutes"),
            link=self.link(entry.behind) if entry.behind else None,
            definition=entry,
        )

    def _interval(self, figure: Figure, unit: str) -> str:
        if figure.low is None or figure.high is None:
            return ""
        # Of few answers Student's interval reaches beyond the scale, where no mean can be.
        least, most = _SCALES.get(unit, (-inf, inf))
        return f"{self.shown(max(figure.low, least), unit)} – {self.shown(min(figure.high, most), unit)}"

    def _moved(self, now: Figure, before: Figure, unit: str) -> str:
        if now.value is None or before.value is None:
            return ""
        if unit == "count":
            if not before.value:
                return ""
            share = now.value / before.value - 1
            return f"{'+' if share > 0 else '−' if share < 0 else '±'}{self.percent(abs(share))}"
        difference = now.value - before.value
        sign = "+" if difference > 0 else "−" if difference < 0 else "±"
        if unit == "share":
            points = format_decimal(abs(difference) * 100, format="0.0", locale=self.locale)
            return f"{sign}{points} {word('page.points', self.language)}"
        return f"{sign}{self.shown(abs(difference), unit)}"

    # -- parts of the page

    @property
    def headlines(self) -> list[tuple[Row, Markup | None]]:
        """The most important figures, each with its course."""
        shown = []
        for key in HEADLINES:
            values = [figures[key].value if key in figures else None for _, figures in self.overview.trend]
            shown.append((self.row(key), sparkline(values)))
        return shown

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The charts of the chosen figures over time, with their tables."""
        charts = []
        for key in self.trends:
            entry = self._definitions[key]
            points = self._points(key, entry)
            charts.append(
                {
                    "row": self.row(key),
                    "chart": line(points, partial(self._tick, entry.unit), zero=entry.unit in ("count", "seconds")),
                    "points": [
                        (p, self.shown(p.value, entry.unit), self.shown(p.before, entry.unit), self._between(p, entry))
                        for p in points
                    ],
                }
            )
        return charts

    def _between(self, point: Point, entry: Definition) -> str:
        return self._interval(Figure(value=None, n=0, low=point.low, high=point.high), entry.unit)

    def _tick(self, unit: str, value: float) -> str:
        if unit == "share":
            return self.percent(value)
        if unit in ("score5", "score7", "nps", "number"):
            return str(format_decimal(value, format="0.##", locale=self.locale))
        return self.shown(value, unit)

    def _points(self, key: str, entry: Definition) -> list[Point]:
        earlier = [figures[key] for _, figures in self.overview.trend_before]
        points = []
        for i, (day, figures) in enumerate(self.overview.trend):
            figure = figures[key]
            before = earlier[i].value if i < len(earlier) else None
            name = self._short(day)
            since = f"{word('page.week', self.language)} " if self.overview.step == "week" else ""
            told = f"{since}{name}: {self.shown(figure.value, entry.unit)}"
            if figure.low is not None:
                told += f" ({self._interval(figure, entry.unit)})"
            if before is not None:
                told += f" · {word('page.before', self.language)} {self.shown(before, entry.unit)}"
            few = figure.small and entry.unit != "count"
            points.append(Point(name, figure.value, figure.low, figure.high, before, told, few))
        return points

    @property
    def endings(self) -> dict[str, Any]:
        """How matters end: number and share of each way, and the bar of them."""
        counts = self.overview.endings
        whole = sum(counts.values())
        rows = [(key, counts.get(key, 0), counts.get(key, 0) / whole if whole else 0.0) for key in _ENDINGS]
        return {"whole": whole, "rows": rows, "bar": bar([(f"end-{key}", share) for key, _, share in rows], height=26)}

    @property
    def reasons(self) -> list[tuple[str, int, float]]:
        """Why people took over: number and share."""
        whole = sum(self.overview.handoff_reasons.values())
        return [(reason, n, n / whole) for reason, n in self.overview.handoff_reasons.items()]

    @property
    def levels(self) -> dict[str, Any]:
        """The four levels: importance against performance."""
        figures = self.overview.figures
        placed = []
        for level in Level:
            one, other = figures[f"importance_{level}"], figures[level]
            if one.value is not None and other.value is not None:
                placed.append(
                    Placed(
                        word(f"level.{level}", self.language),
                        f"level-{level}",
                        (one.value, one.low, one.high),
                        (other.value, other.low, other.high),
                    )
                )
        return {
            "chart": scatter(
                placed, self._word("level.importance"), self._word("level.performance"), partial(self._tick, "number")
            ),
            "rows": [
                (level, self.row(level), self.row(f"importance_{level}"), self.row(f"met_{level}")) for level in Level
            ],
        }

    @property
    def expectations(self) -> list[dict[str, Any]]:
        """Expectations by level and kind: met, unmet, unknown, with a bar."""
        rows = []
        for cell in self.overview.expectations:
            whole = cell["met"] + cell["unmet"] + cell["unknown"]
            shares = [(kind, cell[kind] / whole) for kind in ("met", "unmet")]
            rows.append({**cell, "bar": bar(shares), "link": self.link(f"unmet:{cell['level']}/{cell['kind']}")})
        return rows

    @property
    def answers(self) -> list[dict[str, Any]]:
        """How often each answer was given, for each question about the outcome."""
        return [
            {
                "row": self.row(item),
                "chart": columns(
                    self.overview.distributions.get(item, {}), allowed, partial(_mood, item), self.percent
                ),
                "shares": [(v, self.overview.distributions.get(item, {}).get(v, 0.0)) for v in allowed],
            }
            for item, allowed in ITEMS.items()
        ]

    @property
    def times(self) -> list[tuple[str, list[Row]]]:
        """Times of response and waiting: median, 90th and 99th percentile."""
        return [(name, [self.row(f"{name}_p{percent}") for percent in PERCENTILES]) for name in TIMES]

    @property
    def load(self) -> list[tuple[str, list[tuple[int, int]]]]:
        """Messages by weekday and hour, each with a shade from 0 to 7."""
        most = max(max(hours) for hours in self.overview.load) or 1
        days = [format_date(date(2024, 1, 1 + i), "EEE", locale=self.locale) for i in range(7)]
        return [
            (day, [(n, -(-7 * n // most)) for n in hours]) for day, hours in zip(days, self.overview.load, strict=True)
        ]

    @property
    def funnels(self) -> list[dict[str, Any]]:
        """The most frequent matters in several steps."""
        shown = []
        for funnel in self.overview.funnels[:FUNNELS]:
            goal = str(funnel["goal"])
            name = word(f"matter.{goal.removesuffix('_form')}", self.language)
            steps = [
                {
                    "name": word(f"step.{step['step']}", self.language),
                    **step,
                    "share": step["reached"] / funnel["started"],
                    "bar": bar(
                        [
                            ("met", (step["reached"] - step["left"]) / funnel["started"]),
                            ("unmet", step["left"] / funnel["started"]),
                        ]
                    ),
                    "link": self.link(f"left:{goal}/{step['step']}"),
                }
                for step in funnel["steps"]
            ]
            shown.append({**funnel, "name": name, "steps": steps})
        return shown

    @property
    def promises(self) -> list[dict[str, Any]]:
        """What was promised, by kind, and what became of it."""
        rows = []
        for kind, states in self.overview.promises.items():
            whole = sum(states.get(state, 0) for state in _PROMISES)
            settled = states.get("kept", 0) + states.get("broken", 0)
            if not whole:
                continue
            rows.append(
                {
                    "name": word(f"promise.{kind}", self.language),
                    "states": [states.get(state, 0) for state in _PROMISES],
                    "share": self.shown(states.get("kept", 0) / settled, "share") if settled else "–",
                    "few": settled < 30,
                    "bar": bar([(f"promise-{state}", states.get(state, 0) / whole) for state in _PROMISES]),
                    "whole": whole,
                }
            )
        return sorted(rows, key=lambda row: -row["whole"])

    @property
    def emotion(self) -> dict[str, Any]:
        """From an upset message over its answer to the end of the conversation."""
        w = self._word
        middle = [(key, kind, w(f"emotion.{key}")) for key, kind in _TAKEN]
        last = [(key, kind, w(f"emotion.{key}")) for key, kind in _ENDED]
        paths = self.overview.emotion_paths
        whole = sum(paths.values())
        return {
            "chart": flow((w("emotion.upset"), whole), middle, last, paths, self.number),
            "rows": [(name, [paths.get((key, end), 0) for end, _ in _ENDED]) for key, _, name in middle],
            "ends": [name for _, _, name in last],
            "figures": [self.row(key) for key in _EMPATHY],
        }

    def _word(self, key: str) -> str:
        return word(key, self.language)

    @property
    def splits(self) -> list[tuple[str, list[str], list[tuple[str, list[tuple[str, bool]]]]]]:
        """The same figures apart by channel, language, topic and handler."""
        shown = []
        for attribute, parts in self.overview.splits.items():
            if not parts:
                continue
            keys = list(next(iter(parts.values())))
            rows = []
            for value, figures in sorted(parts.items(), key=lambda part: -(part[1]["conversations"].value or 0)):
                cells = [
                    (
                        self.shown(figures[key].value, self._definitions[key].unit),
                        figures[key].small
                        and self._definitions[key].unit != "count"
                        and figures[key].value is not None,
                    )
                    for key in keys
                ]
                rows.append((self._word(f"{attribute}.{value}"), cells))
            labels = [getattr(self._definitions[key].label, self.language) for key in keys]
            shown.append((attribute, labels, rows))
        return shown

    @property
    def groups(self) -> list[tuple[str, list[Row]]]:
        """All figures, by group."""
        groups: dict[str, list[Row]] = {}
        for key, entry in self._definitions.items():
            groups.setdefault(entry.group, []).append(self.row(key))
        return list(groups.items())

    def label(self, key: str) -> str:
        """Return a figure's name."""
        return str(getattr(self._definitions[key].label, self.language))

    @property
    def trend_choices(self) -> list[tuple[str, str]]:
        """The figures that can be shown over time."""
        return [(key, self.label(key)) for key in TREND]


_TAKEN = (("acknowledged", "good"), ("passed_over", "bad"), ("unanswered", "quiet"))
_ENDED = (("yes", "good"), ("no", "bad"), ("unknown", "quiet"))
_EMPATHY = ("acknowledged", "recovery_acknowledged", "recovery_passed_over", "recovery_bot", "recovery_person")


def _mood(item: str, value: int) -> str:
    """Return the class of an answer: satisfied, neither, dissatisfied."""
    low, high = {"csat": (2, 4), "nps": (6, 9), "ces": (3, 5)}[item]
    return "bad" if value <= low else "good" if value >= high else "quiet"


def change(now: Figure, before: Figure, better: str) -> str:
    """Return better, worse or same; a change is only what lies outside the other's interval."""
    if better == "none" or now.value is None or before.value is None:
        return "same"
    if now.low is None or now.high is None or before.low is None or before.high is None:
        return "same"  # how far chance reaches is not known
    if now.low <= before.high and before.low <= now.high:
        return "same"
    return "better" if (now.value > before.value) == (better == "up") else "worse"
