"""The figures are refreshed by a process of its own."""

import asyncio
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import func, select

from bot.clock import utc_now
from bot.handoff.hours import ServiceHours
from bot.metrics.expectations import expectation_map
from bot.metrics.facts import Rules
from bot.metrics.refresh import Refresher
from bot.metrics.refresh_process import RefreshFailed, RefreshProcess
from bot.metrics.simulation.timeline import Plan, simulate
from bot.storage.facts import FactStore
from bot.storage.figure_tables import ConversationFact
from bot.storage.tables import ConversationRow
from bot.survey.bank import load_bank

BERLIN = ZoneInfo("Europe/Berlin")
RULES = Rules(BERLIN, expectation_map())


async def play(database, conversations: int) -> None:
    plan = Plan(conversations, 31, 5, date(2026, 3, 31), BERLIN)
    await simulate(database, plan, load_bank(Path("survey.yml")), ServiceHours("Mon-Sat 08:00-20:00", BERLIN))


async def known(database) -> int:
    async with database.read() as session:
        return await session.scalar(select(func.count()).select_from(ConversationFact))


async def test_takes_in_what_happened_and_then_rests_until_something_happens(settings, database) -> None:
    await play(database, 20)
    process, refresher = RefreshProcess(settings, database), Refresher(database, RULES)
    assert await refresher.due()
    await process.refresh()
    assert await known(database) == 20
    assert not await refresher.due()
    async with database.begin() as session:
        row = await session.scalar(select(ConversationRow).limit(1))
        row.last_activity_at = utc_now()
    assert await refresher.due()


async def test_other_rules_and_a_new_day_are_something_to_take_in(settings, database) -> None:
    await RefreshProcess(settings, database).refresh()
    assert not await Refresher(database, RULES).due()
    assert await Refresher(database, Rules(BERLIN, expectation_map(), 30)).due()
    assert await Refresher(database, RULES, lambda: utc_now() + timedelta(days=1)).due()


async def test_a_failure_is_told(settings, database, tmp_path: Path, capfd) -> None:
    elsewhere = settings.model_copy(update={"database_url": f"sqlite:///{tmp_path / 'without_tables.db'}"})
    with pytest.raises(RefreshFailed):
        await RefreshProcess(elsewhere, database).refresh()
    assert "the figures could not be brought up to date" in capfd.readouterr().err


async def test_a_service_that_stops_leaves_the_next_one_free_to_begin(settings, database) -> None:
    await play(database, 300)
    running = asyncio.create_task(RefreshProcess(settings, database).refresh())
    while not await known(database):
        await asyncio.sleep(0.01)
        assert not running.done()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    async with database.begin() as session:
        assert await FactStore(session).take_lease("next", utc_now() + timedelta(minutes=1), utc_now())
