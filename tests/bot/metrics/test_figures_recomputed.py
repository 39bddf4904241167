"""Every figure, recomputed from the raw export by a program that shares no code with the service, is equal.

The simulated customers span both changes of the clock, come back, leave in the middle, answer late and partly, write
past midnight and on several channels. ZUSAGE_TEST_CONVERSATIONS sets their number.
"""

import asyncio
import json
import math
import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from bot.handoff.hours import ServiceHours
from bot.metrics.datasets import DATASETS
from bot.metrics.expectations import expectation_map
from bot.metrics.export import Exporter, Request
from bot.metrics.facts import Rules
from bot.metrics.figures import Costs, definitions
from bot.metrics.reading import FigureReader
from bot.metrics.refresh import Refresher
from bot.metrics.simulation.timeline import Plan, simulate
from bot.storage.database import Database
from bot.storage.figure_tables import ConversationFact
from bot.storage.figures import Slice
from bot.storage.tables import ConversationRow, PromiseRow
from bot.survey.bank import load_bank

BERLIN = ZoneInfo("Europe/Berlin")
CONVERSATIONS = int(os.environ.get("ZUSAGE_TEST_CONVERSATIONS", "1200"))
FIRST, LAST = date(2025, 10, 20), date(2026, 4, 2)
NOW = datetime(2026, 4, 20, 12, 0, tzinfo=UTC)
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a SQLite database that was played once waits to be copied."""
    return tmp_path_factory.mktemp("played") / "zusage.db"


@pytest.fixture
async def simulated(settings, played: Path) -> AsyncIterator[Database]:
    """A database after half a year of simulated customers, with its figures."""
    database = Database(settings.database)
    file = Path(database.url.database or "") if database.is_sqlite else None
    if file is not None and await asyncio.to_thread(played.exists):
        shutil.copy(played, file)
    else:
        await play(database)
        if file is not None:
            await database.close()
            with sqlite3.connect(file) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            shutil.copy(file, played)
            database = Database(settings.database)
    yield database
    await database.close()


async def play(database: Database) -> None:
    """Let the customers come, and make the figures."""
    plan = Plan(CONVERSATIONS, (LAST - FIRST).days + 1, 11, LAST, BERLIN)
    hours = ServiceHours("Mon-Fri 08:00-18:00, Sat 09:00-14:00", BERLIN, "DE")
    await simulate(database, plan, load_bank(Path("survey.yml")), hours)
    refresher = Refresher(database, Rules(BERLIN, expectation_map()), lambda: NOW)
    await refresher.rebuild()


async def recomputed(database, folder: Path, first: date, last: date) -> dict[str, object]:
    exporter = Exporter(database, BERLIN, "key")
    for name in DATASETS:
        if not (folder / f"{name}.jsonl").exists():
            await exporter.to_file(Request(name, "jsonl"), folder / f"{name}.jsonl", "test")
    arguments = [str(folder), str(first), str(last), "bot/metrics/expectations.yml", NOW.isoformat()]
    command = [sys.executable, "-I", str(HERE / "recompute.py"), *arguments]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def differences(figures, expected) -> list[str]:
    found = []
    for key in definitions():
        figure = figures[key]
        value = expected[key]
        ours = [figure.value, figure.low, figure.high] if isinstance(value, list) else [figure.value]
        theirs = value if isinstance(value, list) else [value]
        for a, b in zip(ours, theirs, strict=True):
            same = a is b is None or (
                a is not None and b is not None and math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-9)
            )
            if not same:
                found.append(f"{key}: {ours} is not {theirs}")
    return found


PERIODS = {
    "everything": (FIRST, LAST),
    "the week the clock is put back": (date(2025, 10, 24), date(2025, 10, 30)),
    "the day the clock is put forward": (date(2026, 3, 29), date(2026, 3, 29)),
    "two months and some days": (date(2025, 11, 28), date(2026, 2, 3)),
    "nothing": (date(2024, 1, 1), date(2024, 1, 2)),
}


async def test_all_figures_of_all_periods_are_equal(simulated, tmp_path: Path) -> None:
    reader = FigureReader(simulated, BERLIN, Costs(0.05, 40.0), lambda: NOW)
    for name, (first, last) in PERIODS.items():
        figures = await reader.figures(Slice(first, last))
        assert differences(figures, await recomputed(simulated, tmp_path, first, last)) == [], name


async def test_the_simulation_has_every_hard_case(simulated) -> None:
    """Or the test above would prove less than it says."""
    async with simulated.read() as session:

        async def count(condition) -> int:
            return await session.scalar(select(func.count()).select_from(ConversationFact).where(condition))

        fact = ConversationFact
        cases = {
            "reopened": fact.reopened > 0,
            "repeated": fact.repeated.is_(True),
            "withdrawn": fact.withdrawn.is_(True),
            "given up while waiting": fact.wait_abandoned.is_(True),
            "left in the middle": fact.abandoned_at.is_not(None),
            "on two channels": fact.cross_channel.is_(True),
            "in two languages": fact.mixed_language.is_(True),
            "with a person": fact.handler == "person",
            "survey not answered": (fact.surveys > 0) & (fact.answered_surveys == 0),
            "complaint repeated": fact.complaint_repeated.is_(True),
            "recovered": fact.recovered.is_(True),
            "not recovered": fact.recovered.is_(False),
            "past midnight": func.date(fact.last_at) > func.date(fact.started_at),
        }
        assert [name for name, condition in cases.items() if not await count(condition)] == []


async def test_taking_in_changes_one_by_one_gives_the_same_as_making_all_anew(simulated, tmp_path: Path) -> None:
    refresher = Refresher(simulated, Rules(BERLIN, expectation_map()), lambda: NOW)
    async with simulated.begin() as session:
        for promise in await session.scalars(select(PromiseRow).where(PromiseRow.state == "kept").limit(20)):
            promise.state, promise.settled_at = "broken", NOW
        for row in await session.scalars(
            select(ConversationRow).where(ConversationRow.closed_at.is_not(None)).limit(20)
        ):
            row.closed_at, row.last_activity_at = None, NOW
    assert await refresher.refresh() >= 20
    reader = FigureReader(simulated, BERLIN, Costs(0.05, 40.0), lambda: NOW)
    step_by_step = await reader.figures(Slice(FIRST, LAST))
    assert differences(step_by_step, await recomputed(simulated, tmp_path, FIRST, LAST)) == []
    await refresher.rebuild()
    anew = await reader.figures(Slice(FIRST, LAST))
    # A database adds in any order, so that the last bit of a sum may differ.
    as_numbers = {key: [figure.value, figure.low, figure.high] for key, figure in anew.items()}
    assert differences(step_by_step, as_numbers) == []
    assert {key: figure.n for key, figure in anew.items()} == {key: figure.n for key, figure in step_by_step.items()}
