"""One process speaks for the bot at a time; when it is gone, another does."""

from datetime import timedelta

import pytest

from bot.channels.telegram.leader import LENGTH, Leader
from bot.clock import utc_now


class Process:
    """A process that would speak for the bot, on a clock that the test turns."""

    def __init__(self, database, name: str) -> None:
        self.heard: list[str] = []
        self.now = utc_now()
        self.leader = Leader(database, "telegram:4242", name, won=self._won, lost=self._lost, clock=lambda: self.now)

    async def _won(self) -> None:
        self.heard.append("won")

    async def _lost(self) -> None:
        self.heard.append("lost")

    async def looks(self, **later: float) -> bool:
        self.now += timedelta(**later)
        await self.leader._look()
        return self.leader.leads


@pytest.fixture
def processes(database) -> tuple[Process, Process]:
    if database.is_sqlite:
        pytest.skip("no other process uses a SQLite database")
    return Process(database, "one"), Process(database, "two")


async def test_of_two_processes_one_leads_and_keeps_it(processes) -> None:
    one, two = processes
    for _ in range(3):
        assert await one.looks(seconds=5)
        assert not await two.looks(seconds=5)
    assert (one.heard, two.heard) == (["won"], [])


async def test_when_it_is_gone_the_other_takes_over_and_it_stops_itself(processes) -> None:
    one, two = processes
    assert await one.looks()
    assert not await two.looks()
    assert await two.looks(seconds=LENGTH.total_seconds() + 1)
    assert not await one.looks(seconds=LENGTH.total_seconds() + 2)
    assert (one.heard, two.heard) == (["won", "lost"], ["won"])


async def test_a_stop_lets_the_other_take_over_at_once(processes) -> None:
    one, two = processes
    assert await one.looks()
    await one.leader.give_back()
    assert await two.looks()
    assert (one.heard, two.heard) == (["won", "lost"], ["won"])


async def test_on_a_single_machine_there_is_nobody_to_agree_with(database) -> None:
    if not database.is_sqlite:
        pytest.skip("for SQLite")
    process = Process(database, "one")
    assert await process.looks()
    assert await process.looks(days=400)
    assert process.heard == ["won"]
