"""The weekly report: one HTML file with everything in it, for reading, printing and mailing."""

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from babel.dates import format_date
from babel.numbers import format_decimal, format_percent
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.conversation import Language
from bot.errors import InvalidInput
from bot.metrics.figures import Figure, definitions
from bot.metrics.reading import Overview

__all__ = ["render_report", "week_of"]

_ENVIRONMENT = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_HEADLINES = (
    "conversations", "automated_resolution", "handoff_rate", "csat", "nps", "promises_kept", "complaint_rate",
    "acknowledged",
)  # fmt: skip
_TRENDS = ("conversations", "automated_resolution", "csat", "promises_kept")


def week_of(text: str | None, today: date) -> tuple[date, date]:
    """Return first and last day of a week like ``2026-W13``; without one, of the last that is over.

    Raises:
        InvalidInput: this is no week.
    """
    if text is None:
        monday = today - timedelta(days=today.weekday() + 7)
        return monday, monday + timedelta(days=6)
    try:
        year, _, week = text.upper().partition("-W")
        monday = date.fromisocalendar(int(year), int(week), 1)
    except ValueError:
        raise InvalidInput(f"{text!r} is no week; write one as in 2026-W13.") from None
    return monday, monday + timedelta(days=6)


def render_report(overview: Overview, shop: str, language: Language) -> str:
    """Return the report on a slice as HTML that needs nothing from anywhere else."""
    known = definitions()
    locale = "de_DE" if language == "de" else "en_GB"
    groups: dict[str, list[dict[str, Any]]] = {}
    for key, entry in known.items():
        now, before = overview.figures[key], overview.before[key]
        groups.setdefault(entry.group, []).append(
            {
                "key": key,
                "label": getattr(entry.label, language),
                "value": _shown(now.value, entry.unit, locale),
                "interval": _interval(now, entry.unit, locale),
                "before": _shown(before.value, entry.unit, locale),
                "change": _change(now, before, entry.better),
                "n": now.n,
                "small": now.small and entry.unit not in ("count", "minutes"),
            }
        )
    rows = {row["key"]: row for group in groups.values() for row in group}
    busiest = max(max(hours) for hours in overview.load) or 1
    first, last = overview.wanted.first, overview.wanted.last
    return _ENVIRONMENT.get_template("report.html").render(
        language=language,
        shop=shop,
        words=_WORDS[language],
        period=f"{format_date(first, 'long', locale=locale)} – {format_date(last, 'long', locale=locale)}",
        headlines=[rows[key] for key in _HEADLINES],
        groups=groups,
        trends=[(rows[key]["label"], _line(overview, key)) for key in _TRENDS],
        days=[format_date(date(2024, 1, 1 + i), "EEE", locale=locale) for i in range(7)],
        load=[[(n, round(n / busiest, 2)) for n in hours] for hours in overview.load],
        reasons=overview.handoff_reasons,
        funnels=overview.funnels[:6],
        promises=overview.promises,
    )


def _shown(value: float | None, unit: str, locale: str) -> str:
    if value is None:
        return "–"
    if unit == "share":
        return format_percent(value, format="0.0 %" if locale == "de_DE" else "0.0%", locale=locale)
    if unit == "seconds":
        if abs(value) >= 5400:
            return f"{format_decimal(value / 3600, format='0.0', locale=locale)} h"
        if abs(value) >= 90:
            return f"{format_decimal(value / 60, format='0', locale=locale)} min"
        return f"{format_decimal(value, format='0.#', locale=locale)} s"
    patterns = {"count": "#,##0", "minutes": "0.0", "nps": "0", "money": "0.00"}
    return str(format_decimal(value, format=patterns.get(unit, "0.00"), locale=locale))


def _interval(figure: Figure, unit: str, locale: str) -> str:
    if figure.low is None or figure.high is None:
        return ""
    return f"{_shown(figure.low, unit, locale)} – {_shown(figure.high, unit, locale)}"


def _change(now: Figure, before: Figure, better: str) -> str:
    """Return better, worse or same; a change is only what lies outside the other's interval."""
    if better == "none" or now.value is None or before.value is None:
        return "same"
    if now.low is None or now.high is None or before.low is None or before.high is None:
        return "same"  # how far chance reaches is not known
    if now.low <= before.high and before.low <= now.high:
        return "same"
    return "better" if (now.value > before.value) == (better == "up") else "worse"


def _line(overview: Overview, key: str) -> str:
    """Return the points of a line in a box of 100 by 30, for SVG."""
    values = [figures[key].value for _, figures in overview.trend]
    known = [value for value in values if value is not None]
    if len(known) < 2:
        return ""
    low, high = min(known), max(known)
    step = 100 / (len(values) - 1)
    span = (high - low) or 1
    points = [(i * step, 28 - 26 * (v - low) / span) for i, v in enumerate(values) if v is not None]
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


_WORDS: Mapping[str, Mapping[str, Any]] = {
    "de": {
        "title": "Wochenbericht", "figure": "Kennzahl", "value": "Wert", "interval": "95 %", "before": "Woche davor",
        "n": "Fälle", "few": "wenige Fälle", "trend": "Verlauf der Woche", "load": "Nachrichten nach Tag und Stunde",
        "reasons": "Gründe für Weitergaben", "funnels": "Anliegen in mehreren Schritten", "matter": "Anliegen",
        "started": "begonnen", "done": "erledigt", "refused": "abgelehnt", "left": "verlassen",
        "promises": "Zusagen", "kind": "Art", "kept": "gehalten", "broken": "gebrochen", "open": "offen",
        "better": "besser", "worse": "schlechter", "same": "unverändert",
        "note": "Kennzahlen sind in docs/metrics.md erklärt. Was auf weniger als 30 Fällen beruht, ist gekennzeichnet. "
        "Besser oder schlechter heißt nur, was außerhalb des Zufalls liegt.",
        "groups": {
            "volume": "Umfang", "speed": "Schnelligkeit", "abandonment": "Abbrüche", "resolution": "Lösungen",
            "understanding": "Verstehen und Ausfälle", "survey": "Umfrage", "levels": "Die vier Stufen",
            "complaints": "Beschwerden", "customers": "Kunden", "promises": "Zusagen", "empathy": "Einfühlung",
            "cost": "Kosten",
        },
    },
    "en": {
        "title": "Weekly report", "figure": "Figure", "value": "Value", "interval": "95 %", "before": "Week before",
        "n": "Cases", "few": "few cases", "trend": "Course of the week", "load": "Messages by day and hour",
        "reasons": "Reasons for handoffs", "funnels": "Matters in several steps", "matter": "Matter",
        "started": "begun", "done": "done", "refused": "refused", "left": "left",
        "promises": "Promises", "kind": "Kind", "kept": "kept", "broken": "broken", "open": "open",
        "better": "better", "worse": "worse", "same": "unchanged",
        "note": "Figures are explained in docs/metrics.md. What rests on fewer than 30 cases is marked. "
        "Better or worse is said only of what lies beyond chance.",
        "groups": {
            "volume": "Volume", "speed": "Speed", "abandonment": "Abandonment", "resolution": "Resolution",
            "understanding": "Understanding and outages", "survey": "Survey", "levels": "The four levels",
            "complaints": "Complaints", "customers": "Customers", "promises": "Promises", "empathy": "Empathy",
            "cost": "Cost",
        },
    },
}  # fmt: skip
