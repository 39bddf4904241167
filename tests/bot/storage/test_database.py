"""Transactions keep what they say: nothing is lost when many read and write at once, and commits are on the disk."""

import asyncio
import threading
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import insert, select, text, update
from sqlalchemy.exc import DBAPIError

from bot.storage.conversations import Conversations
from bot.storage.database import Collision, Database, async_url
from bot.storage.tables import Agent, ChannelLink, ConversationRow, MessageRow, Outage

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
async def another(settings):
    """The same database as a second process opens it."""
    database = Database(settings.database)
    yield database
    await database.close()


async def _conversation(database: Database) -> int:
    async with database.begin() as session:
        return (await Conversations(session).open("web", "anna", "de", NOW)).id


@pytest.mark.parametrize("short", [False, True])
class TestReadThenWrite:
    async def test_of_many_at_once_none_is_lost(self, database, another, short) -> None:
        conversation = await _conversation(database)

        async def count_up(opened: Database) -> None:
            async with opened.begin(short=short) as session:
                row = await Conversations(session).locked(conversation)
                await asyncio.sleep(0)  # the others get their chance between reading and writing
                row.seen_number += 1

        await asyncio.gather(*(count_up(opened) for opened in [database, another] * 25))
        async with database.read() as session:
            row = await session.get_one(ConversationRow, conversation)
        assert row.seen_number == 50

    async def test_numbers_of_messages_have_no_gap_and_no_double(self, database, another, short) -> None:
        conversation = await _conversation(database)

        async def write(opened: Database, given_up: bool) -> None:
            async with opened.begin(short=short) as session:
                conversations = Conversations(session)
                await conversations.add_message(await conversations.locked(conversation), "customer", NOW, text="x")
                if given_up:
                    raise asyncio.CancelledError

        jobs = [write(opened, given_up) for given_up in (False, True, False) for opened in [database, another] * 5]
        await asyncio.gather(*jobs, return_exceptions=True)
        async with database.read() as session:
            numbers = list(await session.scalars(select(MessageRow.number).order_by(MessageRow.id)))
        assert numbers == list(range(1, 21))


@pytest.mark.parametrize("short", [False, True])
class TestBegin:
    async def test_what_fails_leaves_nothing(self, database, short) -> None:
        with suppress(RuntimeError):
            async with database.begin(short=short) as session:
                await Conversations(session).open("web", "anna", "de", NOW)
                raise RuntimeError
        async with database.read() as session:
            assert await Conversations(session).at("web", "anna") is None

    async def test_a_broken_key_is_a_collision_and_leaves_nothing(self, database, short) -> None:
        await _conversation(database)
        with pytest.raises(Collision):  # noqa: PT012
            async with database.begin(short=short) as session:
                opened = await Conversations(session).open("web", "bert", "de", NOW)
                session.add(ChannelLink(conversation_id=opened.id, channel="web", external_key="anna"))
        async with database.read() as session:
            assert await Conversations(session).at("web", "bert") is None

    async def test_a_row_of_nothing_is_refused(self, database, short) -> None:
        with pytest.raises(Collision):
            async with database.begin(short=short) as session:
                session.add(ChannelLink(conversation_id=404, channel="web", external_key="anna"))

    async def test_an_error_does_not_repeat_what_was_to_be_written(self, database, short) -> None:
        with pytest.raises(DBAPIError) as failure:
            async with database.begin(short=short) as session:
                await session.execute(text("INSERT INTO nowhere VALUES (:words)"), {"words": "Kirchweg 3"})
        assert "Kirchweg" not in str(failure.value)


class TestRead:
    @pytest.mark.parametrize("short", [False, True])
    async def test_keeps_nothing(self, database, short) -> None:
        conversation = await _conversation(database)
        async with database.read(short=short) as session:
            (await session.get_one(ConversationRow, conversation)).language = "en"
        async with database.read() as session:
            assert (await session.get_one(ConversationRow, conversation)).language == "de"

    async def test_waits_for_no_writer(self, database) -> None:
        conversation = await _conversation(database)
        async with database.begin() as session:
            (await Conversations(session).locked(conversation)).language = "en"
            await session.flush()
            async with asyncio.timeout(30), database.read() as reading:
                language = await reading.scalar(select(ConversationRow.language))
        assert language == "de"


class TestShort:
    """On SQLite, what may wait for a lock or the disk never holds up the event loop."""

    async def test_only_what_waits_for_nothing_runs_on_the_event_loop(self, database) -> None:
        if not database.is_sqlite:
            pytest.skip("PostgreSQL's driver needs no thread")
        here, ran = threading.get_ident(), []
        async with database.read() as session:
            driver = (await (await session.connection()).get_raw_connection()).driver_connection
        driver._conn.set_trace_callback(lambda words: ran.append((words.split()[0], threading.get_ident() == here)))
        for short in (True, False):
            async with database.begin(short=short) as session:
                await session.execute(update(Agent).values(places=1))
        async with database.read(short=True) as session:
            await session.scalar(select(Agent.id))
        driver._conn.set_trace_callback(None)
        assert ran == [
            ("BEGIN", False),
            ("UPDATE", True),
            ("COMMIT", False),
            ("BEGIN", False),
            ("UPDATE", False),
            ("COMMIT", False),
            ("BEGIN", True),
            ("SELECT", True),
            ("ROLLBACK", True),
        ]

    async def test_one_that_is_cancelled_at_any_step_leaves_nothing_open(self, database) -> None:
        conversation = await _conversation(database)

        async def count_up() -> None:
            async with database.begin(short=True) as session:
                (await Conversations(session).locked(conversation)).seen_number += 1

        for steps in range(30):
            task = asyncio.create_task(count_up())
            for _ in range(steps):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        async with database.read() as session:
            before = (await session.get_one(ConversationRow, conversation)).seen_number
        await count_up()
        async with database.read() as session:
            assert (await session.get_one(ConversationRow, conversation)).seen_number == before + 1


class TestDisk:
    async def test_every_connection_to_a_file_is_durable_and_strict(self, database) -> None:
        if not database.is_sqlite:
            pytest.skip("these are SQLite's")
        expected = {
            "journal_mode": "wal",
            "synchronous": 2,
            "foreign_keys": 1,
            "busy_timeout": 5000,
            "secure_delete": 1,
        }
        async with database.read() as first, database.read() as second:
            for connection in (first, second):
                found = {name: await connection.scalar(text(f"PRAGMA {name}")) for name in expected}
                assert found == expected


class TestTimes:
    async def test_come_back_in_utc_whatever_zone_they_went_in_with(self, database) -> None:
        berlin = datetime(2026, 7, 1, 12, tzinfo=timezone(timedelta(hours=2)))
        async with database.begin() as session:
            await session.execute(insert(Outage).values(part="engine", started_at=berlin, messages_affected=0))
        async with database.read() as session:
            found = await session.scalar(select(Outage.started_at))
        assert found == berlin
        assert found.tzinfo is UTC

    async def test_without_a_zone_are_refused(self, database) -> None:
        with pytest.raises(Exception, match="naive"):
            async with database.begin() as session:
                await session.execute(update(Agent).values(created_at=datetime(2026, 7, 1)))  # noqa: DTZ001


class TestAddress:
    @pytest.mark.parametrize("url", ["mysql://h/d", "oracle://h/d"])
    def test_of_another_database_is_refused_by_the_settings_name(self, url: str) -> None:
        with pytest.raises(ValueError, match="ZUSAGE_DATABASE_URL"):
            async_url(url)
