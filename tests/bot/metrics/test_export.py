"""Exports: whole, safe in a spreadsheet, without persons unless asked for, and resumable."""

import csv
import io
import json
import zipfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import pyarrow.parquet
import pytest
from sqlalchemy import select

from bot.errors import InvalidInput
from bot.metrics.datasets import DATASETS, Privacy
from bot.metrics.export import Exporter, Request
from bot.metrics.formats import FORMATS
from bot.storage import exports
from bot.storage.tables import Audit, ConversationRow, MessageRow, Signal, Survey, SurveyAnswer, Turn

BERLIN = ZoneInfo("Europe/Berlin")
START = datetime(2026, 3, 28, 9, 0, tzinfo=UTC)
CANARY = "Anna Muster, anna@example.org"


@pytest.fixture
async def exporter(database) -> Exporter:
    """Five conversations on five days, one message each, with one survey each."""
    async with database.begin() as session:
        for day in range(5):
            at = START + timedelta(days=day)
            conversation = ConversationRow(
                public_id=f"c{day}",
                channel="web" if day % 2 else "telegram",
                external_key=CANARY,
                language="de",
                state="closed",
                last_number=1,
                created_at=at,
                last_activity_at=at,
            )
            session.add(conversation)
            await session.flush()
            message = MessageRow(
                conversation_id=conversation.id,
                number=1,
                author="customer",
                text=f'=HYPERLINK("x")\n{CANARY} "Zeile zwei"; ä€',
                created_at=at,
            )
            session.add(message)
            await session.flush()
            session.add(
                Turn(
                    public_id=f"t{day}",
                    conversation_id=conversation.id,
                    message_id=message.id,
                    state="done",
                    created_at=at,
                    intent="track_order",
                    entities=[{"type": "email", "value": CANARY, "text": CANARY, "start": 0, "end": 3}],
                    operations=[
                        {"name": "verify", "order": CANARY, "ok": True, "code": None},
                        {"name": "order", "order": CANARY, "ok": False, "code": "not_verified"},
                    ],
                )
            )
            session.add(Signal(conversation_id=conversation.id, family="empathy", kind="emotion", value=-0.5, at=at))
            survey = Survey(
                conversation_id=conversation.id,
                state="done",
                trigger="goodbye",
                language="de",
                items=[
                    {"item": "csat", "kind": "csat", "level": None, "probability": 0.25},
                    {"item": "text", "kind": "text", "level": None, "probability": 1.0},
                ],
                offered_at=at,
            )
            session.add(survey)
            await session.flush()
            session.add(
                SurveyAnswer(
                    survey_id=survey.id,
                    conversation_id=conversation.id,
                    item="csat",
                    kind="csat",
                    value=5,
                    probability=0.25,
                    answered_at=at,
                )
            )
    return Exporter(database, BERLIN, "key")


async def written(exporter: Exporter, request: Request, tmp_path: Path) -> Path:
    path = tmp_path / f"out.{request.kind}"
    await exporter.to_file(request, path, "test")
    return path


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class TestEveryDataset:
    @pytest.mark.parametrize("kind", FORMATS)
    @pytest.mark.parametrize("dataset", DATASETS)
    async def test_is_written_in_every_format(
        self, exporter: Exporter, tmp_path: Path, dataset: str, kind: str
    ) -> None:
        path = await written(exporter, Request(dataset, kind), tmp_path)
        names = [column.name for column in DATASETS[dataset].columns]
        expected = {"survey": 10, "promises": 0, "handoffs": 0, "outages": 0, "orders": 0}.get(dataset, 5)
        if kind == "csv":
            rows = rows_of(path)
            assert path.read_text(encoding="utf-8").splitlines()[0].split(",") == names
        elif kind == "json":
            rows = json.loads(path.read_text(encoding="utf-8"))
        elif kind == "jsonl":
            rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        elif kind == "parquet":
            table = pyarrow.parquet.read_table(path)
            assert table.column_names == names
            rows = table.to_pylist()
        else:
            definitions, rows = sheets(path)
            assert [row["Column"] for row in definitions] == names
        assert len(rows) == expected
        assert all(list(row) == names for row in rows)

    def test_every_column_has_a_meaning_and_no_name_twice(self) -> None:
        for dataset in DATASETS.values():
            names = [column.name for column in dataset.columns]
            assert len(set(names)) == len(names)
            assert all(column.meaning for column in dataset.columns)
            assert dataset.time in names


def sheets(path: Path) -> list[list[dict[str, str | None]]]:
    """Read a workbook's sheets with nothing but the archive and its XML."""
    space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
    result = []
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        for name in sorted(n for n in archive.namelist() if "worksheets" in n):
            lines = [
                ["".join(cell.itertext()) or None for cell in row]
                for row in ElementTree.parse(archive.open(name)).iter(f"{space}row")
            ]
            result.append([dict(zip(lines[0], line, strict=True)) for line in lines[1:]])
    return result


class TestPrivacy:
    @pytest.mark.parametrize("kind", FORMATS)
    @pytest.mark.parametrize("dataset", DATASETS)
    async def test_nobody_is_recognisable_without_the_wish(
        self, exporter: Exporter, tmp_path: Path, dataset: str, kind: str
    ) -> None:
        path = await written(exporter, Request(dataset, kind), tmp_path)
        if kind == "xlsx":
            content = str(sheets(path))
        elif kind == "parquet":
            content = str(pyarrow.parquet.read_table(path).to_pylist())
        else:
            content = path.read_text(encoding="utf-8")
        assert "anna" not in content.lower()

    async def test_the_same_customer_has_the_same_pseudonym_in_every_row_and_export(
        self, exporter: Exporter, tmp_path: Path
    ) -> None:
        first = rows_of(await written(exporter, Request("conversations"), tmp_path))
        second = rows_of(await written(exporter, Request("conversations"), tmp_path))
        pseudonyms = {row["customer"] for row in first + second}
        assert len(pseudonyms) == 2  # one address on each of two channels

    async def test_another_key_gives_other_pseudonyms(self, exporter: Exporter, tmp_path: Path) -> None:
        other = Exporter(exporter.database, BERLIN, "another key")
        one = rows_of(await written(exporter, Request("conversations"), tmp_path))[0]["customer"]
        assert rows_of(await written(other, Request("conversations"), tmp_path))[0]["customer"] != one

    async def test_with_the_wish_texts_are_whole_and_the_audit_log_knows(
        self, exporter: Exporter, tmp_path: Path
    ) -> None:
        path = await written(exporter, Request("messages", "jsonl", personal=True), tmp_path)
        assert json.loads(path.read_text(encoding="utf-8").splitlines()[0])["text"].startswith("=HYPERLINK")
        async with exporter.database.read() as session:
            entries = [(a.actor, a.action, a.subject) for a in await session.scalars(select(Audit))]
        assert entries == [("test", "export.personal", "messages")]

    def test_texts_and_names_are_marked_personal(self) -> None:
        for dataset in DATASETS.values():
            for column in dataset.columns:
                if column.name in ("text", "wording", "address", "contact", "summary"):
                    assert column.privacy is Privacy.PERSONAL
                if column.name in ("customer", "order", "return"):
                    assert column.privacy is Privacy.PSEUDONYM


class TestCsv:
    async def test_no_cell_is_a_formula(self, exporter: Exporter, tmp_path: Path) -> None:
        path = await written(exporter, Request("messages", personal=True), tmp_path)
        assert rows_of(path)[0]["text"].startswith("'=HYPERLINK")

    async def test_negative_numbers_stay_numbers(self, exporter: Exporter, tmp_path: Path) -> None:
        path = await written(exporter, Request("signals"), tmp_path)
        assert rows_of(path)[0]["value"] == "-0.5"

    async def test_line_breaks_quotes_and_umlauts_survive(self, exporter: Exporter, tmp_path: Path) -> None:
        path = await written(exporter, Request("messages", personal=True), tmp_path)
        assert rows_of(path)[0]["text"].endswith("\n" + CANARY + ' "Zeile zwei"; ä€')

    async def test_begins_with_a_byte_order_mark_on_request(self, exporter: Exporter, tmp_path: Path) -> None:
        path = await written(exporter, Request("signals", bom=True), tmp_path)
        assert path.read_bytes().startswith(b"\xef\xbb\xbfsignal_id")


class TestRange:
    async def test_means_days_of_the_shop(self, exporter: Exporter, tmp_path: Path) -> None:
        async with exporter.database.begin() as session:
            first = await session.get(ConversationRow, 1)
            # 28 March 23:30 UTC is already 29 March in Berlin, the day on which the clock changes.
            first.created_at = datetime(2026, 3, 28, 23, 30, tzinfo=UTC)
        request = Request("conversations", first=date(2026, 3, 29), last=date(2026, 3, 29))
        rows = rows_of(await written(exporter, request, tmp_path))
        assert [row["conversation_id"] for row in rows] == ["1", "2"]

    async def test_may_be_one_channel(self, exporter: Exporter, tmp_path: Path) -> None:
        rows = rows_of(await written(exporter, Request("turns", channel="telegram"), tmp_path))
        assert [row["turn_id"] for row in rows] == ["1", "3", "5"]

    async def test_an_empty_one_is_refused(self) -> None:
        with pytest.raises(InvalidInput, match="is before"):
            Request("turns", first=date(2026, 2, 1), last=date(2026, 1, 1))


class TestSurvey:
    async def test_every_drawn_question_is_a_row_answered_or_not(self, exporter: Exporter, tmp_path: Path) -> None:
        rows = rows_of(await written(exporter, Request("survey"), tmp_path))
        assert [(r["item"], r["value"], r["probability"]) for r in rows[:2]] == [
            ("csat", "5", "0.25"),
            ("text", "", "1.0"),
        ]


class TestOperations:
    async def test_say_what_was_tried_and_how_it_ended(self, exporter: Exporter, tmp_path: Path) -> None:
        row = rows_of(await written(exporter, Request("turns"), tmp_path))[0]
        assert row["operations"] == "verify:ok;order:not_verified"
        assert row["entities"] == "email"


class TestResume:
    @pytest.mark.parametrize("kind", ["csv", "jsonl"])
    @pytest.mark.parametrize("dataset", ["messages", "survey"])
    async def test_an_export_cut_anywhere_is_completed(
        self, exporter: Exporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dataset: str, kind: str
    ) -> None:
        monkeypatch.setattr(exports, "PAGE", 2)
        request = Request(dataset, kind, personal=True)
        whole = (await written(exporter, request, tmp_path)).read_bytes()
        for cut in range(0, len(whole), 7):
            path = tmp_path / "cut"
            path.with_name("cut.part").write_bytes(whole[:cut])
            await exporter.to_file(request, path, "test", resume=True)
            assert path.read_bytes() == whole, cut

    async def test_other_formats_say_that_they_cannot(self, exporter: Exporter, tmp_path: Path) -> None:
        (tmp_path / "x.part").write_bytes(b"PAR1")
        with pytest.raises(InvalidInput, match="only csv and jsonl"):
            await exporter.to_file(Request("turns", "parquet"), tmp_path / "x", "test", resume=True)

    async def test_an_unfinished_export_does_not_carry_its_name(self, exporter: Exporter, tmp_path: Path) -> None:
        def stop(_rows: int) -> None:
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            await exporter.to_file(Request("turns"), tmp_path / "x.csv", "test", progress=stop)
        assert not (tmp_path / "x.csv").exists()
        assert (tmp_path / "x.csv.part").exists()


class TestStream:
    @pytest.mark.parametrize("kind", FORMATS)
    async def test_gives_the_same_bytes_as_a_file(
        self, exporter: Exporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
    ) -> None:
        monkeypatch.setattr(exports, "PAGE", 2)
        request = Request("turns", kind)
        streamed = b"".join([piece async for piece in exporter.stream(request, "test")])
        out = io.BytesIO()
        await exporter.to_stream(request, out, "test", lambda _rows: None)
        whole = (await written(exporter, request, tmp_path)).read_bytes()
        if kind == "xlsx":  # the archive holds the time it was made at
            assert len(streamed) == len(whole) == len(out.getvalue())
        else:
            assert streamed == whole == out.getvalue()
