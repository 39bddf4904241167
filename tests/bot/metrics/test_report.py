"""The weekly report: one file, both languages, true to the figures."""

import re
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from bot.errors import InvalidInput
from bot.handoff.hours import ServiceHours
from bot.metrics.expectations import expectation_map
from bot.metrics.facts import Rules
from bot.metrics.figures import Costs, Figure, definitions
from bot.metrics.presentation import Presentation
from bot.metrics.presentation import change as judged
from bot.metrics.reading import FigureReader, Overview
from bot.metrics.refresh import Refresher
from bot.metrics.report import render_report, week_of
from bot.metrics.simulation.timeline import Plan, simulate
from bot.storage.figures import Slice
from bot.survey.bank import load_bank

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture
async def overview(database) -> Overview:
    plan = Plan(80, 14, 5, date(2026, 3, 29), BERLIN)
    await simulate(database, plan, load_bank(Path("survey.yml")), ServiceHours("Mon-Sat 08:00-20:00", BERLIN))
    await Refresher(database, Rules(BERLIN, expectation_map())).rebuild()
    return await FigureReader(database, BERLIN, Costs()).overview(Slice(*week_of("2026-W13", date(2026, 4, 1))))


class TestWeek:
    def test_is_named_as_in_iso_8601(self) -> None:
        assert week_of("2026-W13", date(2026, 4, 1)) == (date(2026, 3, 23), date(2026, 3, 29))

    def test_is_the_last_whole_one_if_none_is_named(self) -> None:
        assert week_of(None, date(2026, 4, 1)) == (date(2026, 3, 23), date(2026, 3, 29))

    @pytest.mark.parametrize("text", ["2026", "2026-W60", "W13", "next"])
    def test_that_is_none_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidInput, match="2026-W13"):
            week_of(text, date(2026, 4, 1))


@pytest.mark.parametrize(
    ("language", "heading", "point"),
    [("de", "Verlauf je Woche: ", "Woche ab 23. März: "), ("en", "Trend by week: ", "Week from 23 Mar: ")],
)
async def test_a_quarter_says_that_its_points_are_weeks(database, overview: Overview, language, heading, point) -> None:
    quarter = await FigureReader(database, BERLIN, Costs()).overview(Slice(date(2026, 1, 1), date(2026, 3, 29)))
    page = Presentation(quarter, language, lambda behind: "").render()
    assert heading in page
    assert point in page


@pytest.mark.parametrize("language", ["de", "en"])
class TestReport:
    async def test_has_every_figure(self, overview: Overview, language) -> None:
        page = render_report(overview, "Lüttmoor", language)
        for entry in definitions().values():
            assert getattr(entry.label, language) in page

    async def test_needs_nothing_from_anywhere(self, overview: Overview, language) -> None:
        page = render_report(overview, "Lüttmoor", language)
        assert "<script" not in page
        assert re.findall(r"(?:src|href|url)\s*[=(]", page) == []

    async def test_a_shops_name_is_text(self, overview: Overview, language) -> None:
        assert "<b>x" not in render_report(overview, "<b>x", language)


async def test_an_empty_week_has_a_report_too(database) -> None:
    overview = await FigureReader(database, BERLIN, Costs()).overview(Slice(date(2020, 1, 6), date(2020, 1, 12)))
    assert "Wochenbericht" in render_report(overview, "Lüttmoor", "de")


class TestChange:
    @pytest.mark.parametrize(
        ("now", "before", "better", "change"),
        [
            ((0.9, 0.85, 0.95), (0.5, 0.45, 0.55), "up", "better"),
            ((0.9, 0.85, 0.95), (0.5, 0.45, 0.55), "down", "worse"),
            ((0.9, 0.85, 0.95), (0.88, 0.8, 0.93), "up", "same"),
            ((9.0, None, None), (5.0, None, None), "down", "same"),
            ((9.0, 8.0, 10.0), (None, None, None), "up", "same"),
            ((9.0, 8.0, 10.0), (5.0, 4.0, 6.0), "none", "same"),
        ],
    )
    def test_is_called_one_only_beyond_chance(self, now, before, better: str, change: str) -> None:
        figures = [Figure(value=value, low=low, high=high, n=100) for value, low, high in (now, before)]
        assert judged(*figures, better) == change
