"""One writer at a time, in order, the urgent first; nobody is forgotten, whoever gives up."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.storage.writers import URGENT_IN_A_ROW, Writers


@pytest.fixture
async def writers() -> AsyncIterator[Writers]:
    writers = Writers()
    yield writers
    async with asyncio.timeout(10), writers.one():
        pass  # whatever happened: the place is free in the end


async def _in_line(writers: Writers, wanted: list[tuple[str, bool]], *, given_up: tuple[str, ...] = ()) -> list[str]:
    """Let everybody queue behind one who writes; return the order in which they get their turn."""
    had: list[str] = []

    async def write(name: str, urgent: bool) -> None:
        async with writers.one(urgent=urgent):
            had.append(name)
            await asyncio.sleep(0)
            assert had[-1] == name  # nobody came in between

    async with writers.one():
        tasks = {name: asyncio.create_task(write(name, urgent)) for name, urgent in wanted}
        await asyncio.sleep(0)
        for name in given_up:
            tasks[name].cancel()
    await asyncio.gather(*tasks.values(), return_exceptions=True)
    return had


async def test_they_write_in_the_order_in_which_they_came(writers) -> None:
    names = [str(i) for i in range(20)]
    assert await _in_line(writers, [(name, False) for name in names]) == names


async def test_the_urgent_go_first(writers) -> None:
    assert await _in_line(writers, [("a", False), ("b", False), ("C", True), ("D", True)]) == ["C", "D", "a", "b"]


async def test_a_flood_of_urgent_ones_lets_the_others_through(writers) -> None:
    flood = [(f"U{i}", True) for i in range(3 * URGENT_IN_A_ROW)]
    had = await _in_line(writers, [("a", False), ("b", False), *flood])
    assert had.index("a") <= URGENT_IN_A_ROW
    assert had.index("b") <= 2 * URGENT_IN_A_ROW + 1
    assert len(had) == len(flood) + 2


async def test_who_gives_up_while_waiting_is_passed_over(writers) -> None:
    wanted = [("a", False), ("B", True), ("c", False), ("D", True)]
    assert await _in_line(writers, wanted, given_up=("B", "a")) == ["D", "c"]


async def test_who_gives_up_in_the_moment_of_getting_the_turn_hands_it_on(writers) -> None:
    async def write() -> None:
        async with writers.one():
            pass

    async with writers.one():
        first, second = asyncio.create_task(write()), asyncio.create_task(write())
        await asyncio.sleep(0)
    first.cancel()  # the turn is the first one's already, but it has not run since
    await asyncio.gather(first, return_exceptions=True)
    assert first.cancelled()
    async with asyncio.timeout(10):
        await second
