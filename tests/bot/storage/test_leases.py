"""What only one process may do at a time is done by one, and by the next when that one is gone."""

from datetime import UTC, datetime, timedelta

from bot.storage.leases import Leases

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)
LENGTH = timedelta(seconds=15)


async def take(database, owner: str, *, after_s: float = 0) -> bool:
    async with database.begin() as session:
        return await Leases(session).take("poll", owner, NOW + timedelta(seconds=after_s), LENGTH)


async def test_one_holds_it_and_renews_it(database) -> None:
    assert await take(database, "first")
    assert not await take(database, "second", after_s=14)
    assert await take(database, "first", after_s=14)
    assert not await take(database, "second", after_s=28)


async def test_who_is_gone_loses_it_when_its_time_is_over(database) -> None:
    assert await take(database, "first")
    assert await take(database, "second", after_s=15)
    assert not await take(database, "first", after_s=16)


async def test_given_back_it_is_free_at_once_but_only_its_holder_can(database) -> None:
    await take(database, "first")
    async with database.begin() as session:
        await Leases(session).give_back("poll", "second")
    assert not await take(database, "second")
    async with database.begin() as session:
        await Leases(session).give_back("poll", "first")
    assert await take(database, "second")


async def test_another_name_is_another_lease(database) -> None:
    await take(database, "first")
    async with database.begin() as session:
        assert await Leases(session).take("send", "second", NOW, LENGTH)
