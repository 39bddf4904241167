"""News reach every listener in every process; a listener that fails and a connection that breaks stop nobody else."""

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest
from sqlalchemy import text

from bot.storage.database import Database
from bot.storage.wakeup import Notice, Wakeup

WITHIN_S = 60


@pytest.fixture
async def wakeups(settings) -> AsyncIterator[list[Wakeup]]:
    """Those of two processes on PostgreSQL, the only one on SQLite."""
    databases = [Database(settings.database) for _ in range(2)]
    if databases[0].is_sqlite:
        await databases.pop().close()
    wakeups = [Wakeup(database) for database in databases]
    for wakeup in wakeups:
        await wakeup.start()
    yield wakeups
    for wakeup, database in zip(wakeups, databases, strict=True):
        await wakeup.stop()
        await database.close()


async def until(true: Callable[[], bool], again: Callable[[], object]) -> None:
    """Do something again and again until something is true; a single wake-up may be lost."""
    async with asyncio.timeout(WITHIN_S):
        while not true():
            await again()
            await asyncio.sleep(0.05)


class TestPublish:
    async def test_every_listener_hears_it(self, wakeups: list[Wakeup]) -> None:
        heard: set[tuple[int, int]] = set()
        for place, wakeup in enumerate(wakeups):

            async def listen(conversation_id: int, place: int = place) -> None:
                heard.add((place, conversation_id))

            wakeup.listen(listen)
        expected = {(place, 7) for place in range(len(wakeups))}
        await until(lambda: heard == expected, lambda: wakeups[0].publish(7))

    async def test_one_that_fails_stops_no_other(self, wakeups: list[Wakeup]) -> None:
        heard: set[int] = set()

        async def fails(_conversation_id: int) -> None:
            raise RuntimeError

        async def listens(conversation_id: int) -> None:
            heard.add(conversation_id)

        wakeups[-1].listen(fails)
        wakeups[-1].listen(listens)
        await until(lambda: heard == {7}, lambda: wakeups[0].publish(7))

    async def test_after_a_broken_connection_news_come_again(self, wakeups: list[Wakeup], database) -> None:
        if database.is_sqlite:
            pytest.skip("there is no connection to break")
        heard: set[int] = set()

        async def listens(conversation_id: int) -> None:
            heard.add(conversation_id)

        wakeups[1].listen(listens)
        await until(lambda: heard == {1}, lambda: wakeups[0].publish(1))
        async with database.begin() as session:
            await session.execute(
                text(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND query LIKE 'LISTEN%'"
                )
            )
        await until(lambda: heard == {1, 2}, lambda: wakeups[0].publish(2))


class TestAnnounce:
    async def test_a_notice_arrives_whole(self, wakeups: list[Wakeup]) -> None:
        heard: list[Notice] = []

        async def listens(notice: Notice) -> None:
            heard.append(notice)

        wakeups[-1].listen_to_notices(listens)
        notice = Notice("typing", 7, {"by": "agent", "name": "Käthe", "on": True})
        await until(lambda: notice in heard, lambda: wakeups[0].announce(notice))
