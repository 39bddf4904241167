"""Access and erasure cover every table and every file: plant a canary everywhere, and look for it afterwards."""

import json
import zipfile
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import JSON, LargeBinary, String, select, text, update

from bot.errors import NotFound
from bot.privacy.access import subject_hash
from bot.privacy.service import Privacy, Retention
from bot.storage.base import Base
from bot.storage.personal_data import HELD, NOBODYS, PersonalData
from bot.storage.shop_tables import WithdrawalRow
from bot.storage.tables import AttachmentRow, Audit, ConversationRow, MessageRow, SavedReply
from tests.bot.privacy.world import AT, Who, fill, tables_with

ANNA, BEN = Who.ANNA, Who.BEN
# Columns for words in tables that are nobody's, each looked at.
LOOKED_AT = {
    "agent_sessions": ["browser", "token_hash"],
    "agents": ["email", "language", "name", "password_hash", "preferences", "presence", "role", "team", "totp_secret"],
    "api_tokens": ["created_by", "name", "scopes", "token_hash"],
    "daily_figures": ["channel", "detail", "grain", "handler", "language", "measure", "topic"],
    "figure_state": ["name", "value"],
    "knowledge_articles": ["body", "intents", "key", "keyword_stems", "language", "title", "title_stems", "url"],
    "knowledge_passages": ["body_stems", "heading", "heading_stems", "text"],
    "knowledge_state": ["fingerprint"],
    "knowledge_terms": ["language", "stem"],
    "leases": ["name", "owner"],
    "outages": ["error", "part"],
    "saved_replies": ["intents", "shortcut", "team", "text_de", "text_en", "title"],
    "shop_products": [
        "attributes",
        "category",
        "description",
        "description_en",
        "fingerprint",
        "key",
        "name",
        "name_en",
        "search_words",
        "source",
        "url",
    ],
    "shop_state": ["key", "value"],
    "shop_variants": ["currency", "name", "name_en", "options", "sku"],
    "shop_vouchers": ["code_key", "source", "voucher"],
    "sign_in_attempts": ["address_hash", "email_hash"],
    "tags": ["name"],
}


@pytest.fixture
async def world(database):
    await fill(database)
    return database


@pytest.fixture
def privacy(world, tmp_path: Path) -> Privacy:
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    for who in Who:
        (uploads / f"{who.canary}.jpg").write_bytes(who.canary.encode())
    return Privacy(world, tmp_path, "Lüttmoor", ZoneInfo("Europe/Berlin"), clock=lambda: AT + timedelta(days=1))


@pytest.fixture(autouse=True)
async def files_of_rows(world):
    async with world.begin() as session:
        for row in await session.scalars(select(AttachmentRow)):
            row.path = f"{Who(row.conversation_id).canary}.jpg"


def words_in(folder: Path, word: str) -> list[str]:
    """Return the files below a folder in which a word occurs, the database's own files included."""
    return [path.name for path in folder.rglob("*") if path.is_file() and word.encode() in path.read_bytes().lower()]


class TestCoverage:
    def test_every_table_is_somebodys_or_nobodys(self) -> None:
        """A new table must be put into HELD or NOBODYS of bot/storage/personal_data.py."""
        assert HELD.keys() | NOBODYS.keys() == set(Base.metadata.tables)
        assert not HELD.keys() & NOBODYS.keys()

    def test_what_is_nobodys_has_no_place_for_a_customer(self) -> None:
        """A new column that can hold words must be looked at: can it ever hold a customer's?

        Columns of tables in HELD need no look: rows are handed out and erased whole.
        """
        words = {
            name: {
                column.name
                for column in Base.metadata.tables[name].columns
                if isinstance(column.type, String | JSON | LargeBinary)
            }
            for name in NOBODYS
        }
        pointing = {
            "conversation_id",
            "customer_id",
            "order_id",
            "customer_key",
            "order_key",
            "email_key",
            "receipt_to",
        }
        assert {name for name in NOBODYS if pointing & set(Base.metadata.tables[name].columns.keys())} == set()
        assert {name: sorted(columns) for name, columns in words.items()} == LOOKED_AT

    async def test_the_canary_is_really_everywhere(self, world) -> None:
        assert (await tables_with(world, ANNA.canary)).keys() >= HELD.keys() - {
            # rows that hold nothing but numbers and states
            "assignments", "channel_links", "conversation_tags", "shop_return_lines", "shop_shipment_lines",
            "telegram_keyboards",
        }  # fmt: skip


class TestErasingACustomer:
    async def test_nothing_is_left_of_them_and_everything_of_others(self, privacy, world) -> None:
        before = await tables_with(world, BEN.canary)
        person = await privacy.find(email=ANNA.email)
        erased = await privacy.erase(person, ANNA.email, actor="cli", with_evidence=True)
        assert await tables_with(world, ANNA.canary) == {}
        assert await tables_with(world, BEN.canary) == before
        assert erased.kept_withdrawals == 0
        async with world.read() as session:
            for name in HELD:
                table = Base.metadata.tables[name]
                count = len((await session.execute(select(table))).all())
                assert count == 1 + (name == "audit"), name  # Ben's row, and the entry that says what was done

    async def test_nor_in_any_file(self, privacy, world, tmp_path: Path) -> None:
        name, content = await privacy.access(await privacy.find(email=ANNA.email), ANNA.email, "de", actor="cli")
        privacy.access_dir.mkdir()
        (privacy.access_dir / name).write_bytes(content)
        person = await privacy.find(email=ANNA.email)
        await privacy.erase(person, ANNA.email, actor="cli", with_evidence=True)
        await world.close()
        assert words_in(tmp_path, ANNA.canary) == []  # neither pictures, nor exports, nor the database's own files
        assert words_in(tmp_path / "uploads", BEN.canary) == [f"{BEN.canary}.jpg"]
        assert not list(privacy.access_dir.glob(f"access-{subject_hash(ANNA.email)}*"))

    async def test_what_the_law_keeps_is_kept_and_nothing_else(self, privacy, world) -> None:
        async with world.begin() as session:
            await session.execute(text("UPDATE mails SET template = 'withdrawal_receipt' WHERE id = 1"))
        erased = await privacy.erase(await privacy.find(email=ANNA.email), ANNA.email, actor="cli")
        assert erased.kept_withdrawals == 1
        assert (await tables_with(world, ANNA.canary)).keys() == {"shop_withdrawals", "mails", "mail_files"}

    async def test_other_peoples_words_lose_the_address_and_nothing_else(self, privacy, world) -> None:
        async with world.begin() as session:
            await session.execute(
                update(MessageRow)
                .where(MessageRow.conversation_id == 2)
                .values(text=f"Ich habe {ANNA.email.upper()} gefragt", card={"to": [{"mail": ANNA.email}]})
            )
            session.add(
                SavedReply(shortcut="x", title="y", text_de=f"an {ANNA.email}", text_en="", intents=[], updated_at=AT)
            )
        plan = await privacy.plan(await privacy.find(email=ANNA.email))
        assert {(m.table, m.column) for m in plan.mentions} >= {("messages", "text"), ("saved_replies", "text_de")}
        await privacy.erase(plan.person, ANNA.email, actor="cli", with_evidence=True)
        async with world.read() as session:
            message = (await session.scalars(select(MessageRow))).one()
            assert message.text == "Ich habe [erased] gefragt"
            assert message.card == {"to": [{"mail": "[erased]"}]}
        assert await tables_with(world, ANNA.email) == {}

    async def test_that_it_was_done_is_written_down_without_saying_whose(self, privacy, world) -> None:
        await privacy.erase(await privacy.find(email=ANNA.email), ANNA.email, actor="cli", with_evidence=True)
        async with world.read() as session:
            entry = (await session.scalars(select(Audit).where(Audit.action == "privacy.erase"))).one()
        assert entry.actor == "cli"
        assert entry.data["conversations"] == 1
        assert entry.data["rows"] > 30

    async def test_doing_it_twice_finds_nobody(self, privacy) -> None:
        await privacy.erase(await privacy.find(email=ANNA.email), ANNA.email, actor="cli", with_evidence=True)
        with pytest.raises(NotFound):
            await privacy.find(email=ANNA.email)

    async def test_orders_that_are_not_finished_are_named_first(self, privacy, world) -> None:
        async with world.begin() as session:
            await session.execute(text("UPDATE shop_orders SET stage = 'shipped' WHERE id = 1"))
        assert len((await privacy.plan(await privacy.find(email=ANNA.email))).unfinished) == 1


class TestErasingAConversation:
    async def test_the_conversation_goes_and_the_customers_account_stays(self, privacy, world) -> None:
        person = await privacy.find(conversations=[ANNA.public_id])
        await privacy.erase(person, ANNA.public_id, actor="cli")
        left = await tables_with(world, ANNA.canary)
        assert {name for name in left if not name.startswith("shop_")} == set()
        assert {"shop_customers", "shop_orders", "shop_order_lines"} <= left.keys()

    async def test_the_trail_of_what_was_done_to_the_order_stays_without_words(self, privacy, world) -> None:
        await privacy.erase(await privacy.find(conversations=[ANNA.public_id]), ANNA.public_id, actor="cli")
        async with world.read() as session:
            rows = (await session.execute(text("SELECT conversation_id, args, order_key FROM shop_operations"))).all()
        trail = {row.order_key: row for row in rows}
        assert trail["LM1"].conversation_id == "erased"
        assert trail["LM1"].args in ({}, "{}")

    async def test_the_search_of_agents_finds_no_word_of_it(self, privacy, world) -> None:
        await privacy.erase(await privacy.find(conversations=[ANNA.public_id]), ANNA.public_id, actor="cli")
        if world.is_sqlite:
            async with world.read() as session:
                hits = await session.execute(
                    text("SELECT rowid FROM message_index WHERE message_index MATCH :word"), {"word": ANNA.canary}
                )
                assert hits.all() == []

    async def test_open_windows_are_told(self, privacy, world, tmp_path) -> None:
        told: list[int] = []

        async def publish(conversation_id: int) -> None:
            told.append(conversation_id)

        telling = Privacy(world, tmp_path, "Lüttmoor", ZoneInfo("Europe/Berlin"), publish)
        await telling.erase(await telling.find(conversations=[ANNA.public_id]), ANNA.public_id, actor="cli")
        assert told == [1]

    async def test_there_is_no_such_conversation(self, privacy) -> None:
        with pytest.raises(NotFound, match="no conversation"):
            await privacy.find(conversations=["nothing"])


class TestWhoseConversationItIs:
    async def test_an_address_that_somebody_merely_typed_makes_it_nobodys(self, world) -> None:
        """Ben typed Anna's address: she must not get his conversation, and he keeps it when she is erased."""
        async with world.begin() as session:
            await session.execute(
                update(MessageRow).where(MessageRow.conversation_id == 2).values(text=f"meine Mail: {ANNA.email}")
            )
        async with world.read() as session:
            assert (await PersonalData(session).of_customer(ANNA.email)).conversation_ids == (1,)

    async def test_staff_may_say_that_a_conversation_is_theirs_too(self, privacy) -> None:
        person = await privacy.find(email=ANNA.email, conversations=[BEN.public_id])
        assert person.conversation_ids == (1, 2)


class TestAccess:
    async def test_every_table_that_holds_something_is_in_it(self, privacy) -> None:
        person = await privacy.find(email=ANNA.email)
        _, content = await privacy.access(person, ANNA.email, "de", actor="cli")
        archive = zipfile.ZipFile(BytesIO(content))
        data = json.loads(archive.read("data.json"))
        assert HELD.keys() - {"drafts"} <= data.keys()
        for rows in (data[name] for name in HELD if name in data):
            assert len(rows) == 1
        assert BEN.canary not in content.decode("latin-1")
        assert BEN.canary not in archive.read("data.json").decode()

    async def test_it_can_be_read_by_people(self, privacy) -> None:
        _, content = await privacy.access(await privacy.find(email=ANNA.email), ANNA.email, "de", actor="cli")
        page = zipfile.ZipFile(BytesIO(content)).read("data.html").decode()
        assert "Ihre Daten bei Lüttmoor" in page
        assert "Nachrichten" in page
        assert "Bestellungen" in page
        assert "11.11.2026, 10:30" in page

    async def test_what_somebody_wrote_is_no_html(self, privacy, world) -> None:
        async with world.begin() as session:
            await session.execute(update(MessageRow).values(text="<script>alert(1)</script>"))
        _, content = await privacy.access(await privacy.find(email=ANNA.email), ANNA.email, "en", actor="cli")
        assert "<script>" not in zipfile.ZipFile(BytesIO(content)).read("data.html").decode()

    async def test_pictures_go_with_it(self, privacy) -> None:
        _, content = await privacy.access(await privacy.find(email=ANNA.email), ANNA.email, "de", actor="cli")
        archive = zipfile.ZipFile(BytesIO(content))
        (picture,) = [name for name in archive.namelist() if name.startswith("pictures/")]
        assert archive.read(picture) == ANNA.canary.encode()

    async def test_no_secret_and_no_bookkeeping_is_in_it(self, privacy) -> None:
        _, content = await privacy.access(await privacy.find(email=ANNA.email), ANNA.email, "de", actor="cli")
        data = json.loads(zipfile.ZipFile(BytesIO(content)).read("data.json"))
        columns = {column for name in HELD if name in data for row in data[name] for column in row}
        assert not columns & {"code_hash", "lease_owner", "tracker", "password_hash"}

    async def test_who_looked_is_written_down(self, privacy, world) -> None:
        await privacy.access(await privacy.find(email=ANNA.email), ANNA.email, "de", actor="cli")
        async with world.read() as session:
            entry = (await session.scalars(select(Audit).where(Audit.action == "privacy.access"))).one()
        assert ANNA.email not in repr((entry.subject, entry.data))


class TestRetention:
    def retention(self, privacy: Privacy, now_in_days: float) -> Retention:
        later = Privacy(
            privacy.database,
            privacy.data_dir,
            privacy.shop,
            privacy.zone,
            clock=lambda: AT + timedelta(days=now_in_days),
        )
        return Retention(later, timedelta(days=365), timedelta(days=2190))

    async def test_before_its_time_nothing_goes(self, privacy, world) -> None:
        before = await tables_with(world, ANNA.canary)
        result = await self.retention(privacy, 29).run()
        assert (result.conversations, result.rows) == (0, {})
        assert await tables_with(world, ANNA.canary) == before

    async def test_after_a_year_the_conversations_and_mails_go_and_the_shops_records_stay(
        self, privacy, world, tmp_path: Path
    ) -> None:
        result = await self.retention(privacy, 366).run()
        assert result.conversations == 2
        left = await tables_with(world, ANNA.canary)
        assert "shop_orders" in left
        assert "shop_withdrawals" in left
        for gone in (
            "conversations",
            "messages",
            "turns",
            "mails",
            "mail_files",
            "shop_operations",
            "promises",
            "surveys",
        ):
            assert gone not in left
        assert list((tmp_path / "uploads").iterdir()) == []

    async def test_evidence_goes_when_the_laws_time_is_over(self, privacy, world) -> None:
        await self.retention(privacy, 2191).run()
        async with world.read() as session:
            assert (await session.scalars(select(WithdrawalRow))).all() == []
            assert [entry.action for entry in await session.scalars(select(Audit))] == ["privacy.retain"]

    async def test_what_a_person_still_has_open_stays(self, privacy, world) -> None:
        async with world.begin() as session:
            await session.execute(update(ConversationRow).where(ConversationRow.id == 1).values(state="agent"))
            await session.execute(text("UPDATE handoffs SET state = 'queued' WHERE conversation_id = 2"))
        assert (await self.retention(privacy, 400).run()).conversations == 0

    async def test_old_access_files_go(self, privacy) -> None:
        import os

        privacy.access_dir.mkdir()
        old, new = privacy.access_dir / "access-a-1.zip", privacy.access_dir / "access-b-2.zip"
        for path in (old, new):
            path.write_bytes(b"x")
        os.utime(old, (AT.timestamp(), AT.timestamp()))
        os.utime(new, ((AT + timedelta(days=40)).timestamp(),) * 2)
        await self.retention(privacy, 41).run()
        assert (old.exists(), new.exists()) == (False, True)

    async def test_running_again_changes_nothing(self, privacy) -> None:
        await self.retention(privacy, 366).run()
        again = await self.retention(privacy, 366).run()
        assert (again.conversations, again.rows) == (0, {})
