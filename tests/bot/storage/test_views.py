"""The SQL views have the rows of the exports, and nothing that tells who somebody is."""

import asyncio
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import create_engine, inspect, text

from bot.handoff.hours import ServiceHours
from bot.metrics.datasets import DATASETS, Privacy
from bot.metrics.expectations import expectation_map
from bot.metrics.export import Exporter, Request
from bot.metrics.facts import Rules
from bot.metrics.refresh import Refresher
from bot.metrics.simulation.timeline import Plan, simulate
from bot.storage import migrate
from bot.storage.exports import DATASETS as COLUMNS
from bot.storage.figure_tables import ConversationFact
from bot.storage.views import LEFT_OUT, REPLACED, VIEWS, drop_views
from bot.survey.bank import load_bank

BERLIN = ZoneInfo("Europe/Berlin")
PERSONAL_FACTS = {"customer", "details"}


@pytest.fixture
async def simulated(database):
    plan = Plan(30, 20, 5, date(2026, 3, 31), BERLIN)
    await simulate(database, plan, load_bank(Path("survey.yml")), ServiceHours("Mon-Sat 08:00-20:00", BERLIN))
    await Refresher(database, Rules(BERLIN, expectation_map())).rebuild()
    return database


async def read(database, query: str) -> list[tuple]:
    async with database.connect() as connection:
        return [tuple(row) for row in await connection.execute(text(query))]


@pytest.mark.parametrize("name", list(DATASETS))
async def test_a_view_has_a_row_for_every_row_of_the_export(simulated, tmp_path, name: str) -> None:
    count = await Exporter(simulated, BERLIN, "key").to_file(Request(name, "jsonl"), tmp_path / "out", "test")
    assert await read(simulated, f"SELECT count(*) FROM view_{name}") == [(count,)]


async def test_the_survey_says_what_was_drawn_and_what_was_answered(simulated) -> None:
    rows = await read(simulated, "SELECT kind, probability, value, answered_at FROM view_survey WHERE kind <> 'text'")
    assert all(0 < probability <= 1 for _, probability, _, _ in rows)
    assert any(value is not None and at is not None for _, _, value, at in rows)
    assert any(value is None and at is None for _, _, value, at in rows)


async def test_outcomes_are_the_facts_that_figures_are_made_of(simulated) -> None:
    columns = [column.name for column in ConversationFact.__table__.columns if column.name not in PERSONAL_FACTS]
    shown = ", ".join(columns)
    facts = await read(simulated, f"SELECT {shown} FROM conversation_facts ORDER BY conversation_id")
    assert facts
    assert await read(simulated, f"SELECT {shown} FROM view_outcomes ORDER BY conversation_id") == facts


class TestPrivacy:
    def test_a_view_leaves_out_every_column_that_an_export_hides(self, database_url: str) -> None:
        engine = create_engine(migrate._sync_url(database_url))
        for name, dataset in DATASETS.items():
            columns = {column["name"] for column in inspect(engine).get_columns(f"view_{name}")}
            hidden = {c.name for c in dataset.columns if c.privacy is not Privacy.OPEN} | set(LEFT_OUT.get(name, ()))
            assert columns == set(COLUMNS[name]) - hidden | set(REPLACED.get(name, ()))
        engine.dispose()

    async def test_facts_show_no_customer(self, simulated) -> None:
        columns = await asyncio.to_thread(self.columns_of, str(simulated.url.render_as_string(False)), "view_outcomes")
        assert PERSONAL_FACTS & columns == set()

    @staticmethod
    def columns_of(url: str, view: str) -> set[str]:
        engine = create_engine(migrate._sync_url(url))
        try:
            return {column["name"] for column in inspect(engine).get_columns(view)}
        finally:
            engine.dispose()


class TestMaking:
    def test_views_are_made_once_and_again_when_they_are_gone(self, database_url: str) -> None:
        engine = create_engine(migrate._sync_url(database_url))
        with engine.begin() as connection:
            drop_views(connection)
        assert set(inspect(engine).get_view_names()).isdisjoint(VIEWS)
        migrate.upgrade(database_url)
        migrate.upgrade(database_url)
        assert set(VIEWS) <= set(inspect(engine).get_view_names())
        engine.dispose()

    def test_one_of_an_earlier_version_is_replaced(self, database_url: str) -> None:
        engine = create_engine(migrate._sync_url(database_url))
        with engine.begin() as connection:
            connection.execute(text("DROP VIEW view_outages"))
            connection.execute(text("CREATE VIEW view_outages AS SELECT 1 AS old"))
        migrate.upgrade(database_url)
        assert "part" in {column["name"] for column in inspect(engine).get_columns("view_outages")}
        engine.dispose()
