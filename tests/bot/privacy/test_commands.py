"""The commands ``zusage privacy``, on a real database."""

import json
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from typer.testing import CliRunner

from bot.cli import app
from bot.clock import utc_now
from bot.storage.shop_tables import RequestRow
from bot.storage.tables import ConversationRow, MessageRow
from tests.bot.privacy.world import Who, fill

ANNA, BEN = Who.ANNA, Who.BEN


@pytest.fixture
async def zusage(settings, database, tmp_path: Path, monkeypatch):
    """Run a command; it opens the same database by the same settings as an operator's would."""
    await fill(database)
    monkeypatch.setenv("ZUSAGE_DATABASE_URL", settings.database_url)
    monkeypatch.setenv("ZUSAGE_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("COLUMNS", "200")

    async def run(*arguments: str, answer: str | None = None):
        import asyncio

        return await asyncio.to_thread(CliRunner().invoke, app, ["privacy", *arguments], input=answer)

    return run


async def count(database, table) -> int:
    async with database.read() as session:
        return len((await session.scalars(select(table))).all())


async def test_access_writes_a_file_that_only_the_operator_can_read(zusage, tmp_path):
    result = await zusage("access", "--customer", ANNA.email, "--language", "en")
    assert result.exit_code == 0, result.output
    (path,) = (tmp_path / "privacy").iterdir()
    assert path.stat().st_mode & 0o077 == 0
    data = json.loads(zipfile.ZipFile(path).read("data.json"))
    assert data["subject"] == ANNA.email
    assert BEN.canary not in json.dumps(data)


async def test_erasing_asks_first(zusage, database):
    assert (await zusage("erase", "--customer", ANNA.email, answer="n\n")).exit_code == 1
    assert await count(database, ConversationRow) == 2
    result = await zusage("erase", "--customer", ANNA.email, answer="y\n")
    assert result.exit_code == 0, result.output
    assert "Kept by law: 1 withdrawals" in result.output
    assert await count(database, ConversationRow) == 1


async def test_one_conversation_only(zusage, database):
    assert (await zusage("erase", "--conversation", BEN.public_id, "--yes")).exit_code == 0
    async with database.read() as session:
        assert [row.conversation_id for row in await session.scalars(select(MessageRow))] == [ANNA.value]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "name a --customer"),
        (("--conversation", "nowhere"), "no conversation"),
        (("--customer", "nobody@example.org"), "Nothing is kept"),
        (("--request", "D-0"), "no request"),
    ],
)
async def test_whoever_is_not_there_is_said(zusage, arguments, says):
    result = await zusage("access", *arguments)
    assert result.exit_code != 0
    assert says in result.output


async def test_a_request_from_the_chat_is_listed_answered_and_closed(zusage, database):
    """What privacy_request files in the chat is what an operator answers by its number."""
    async with database.begin() as session:
        await session.execute(
            update(RequestRow).where(RequestRow.customer_id == 1).values(number="D-7", kind="access", done_at=None)
        )
    assert "D-7" in (await zusage("requests")).output
    result = await zusage("access", "--request", "D-7")
    assert result.exit_code == 0, result.output
    assert "answered" in result.output
    assert "D-7" not in (await zusage("requests")).output


async def test_what_has_been_kept_for_its_time_goes(zusage, database):
    async with database.begin() as session:
        await session.execute(update(ConversationRow).where(ConversationRow.id == 1).values(last_activity_at=utc_now()))
        await session.execute(
            update(ConversationRow)
            .where(ConversationRow.id == 2)
            .values(last_activity_at=utc_now() - timedelta(days=400))
        )
    result = await zusage("retain")
    assert result.exit_code == 0, result.output
    assert "1 conversations" in result.output
    assert await count(database, ConversationRow) == 1
