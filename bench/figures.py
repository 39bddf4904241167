"""Dashboard and exports over many conversations: ``make bench``, or ``python -m bench.figures`` for these alone.

ZUSAGE_BENCH_CONVERSATIONS   how many (20,000; 200,000 and 1,000,000 are the sizes that docs/metrics.md speaks of)
ZUSAGE_BENCH_DATABASE        an empty database, or one that an earlier run has filled, in part or whole (by default a
                             SQLite file that is deleted afterwards)
ZUSAGE_BENCH_EXPORTS         which datasets are exported, up to 1,000,000 rows of each (messages)

Two weeks of customers are simulated, with figures made of them as always. Their rows, facts and sums of days are then
copied, each copy two weeks later, so that every day is as dense as in a shop of that size.
"""

import asyncio
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from datetime import date, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from sqlalchemy import Column, Date, Table, cast, func, literal, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.clock import utc_now
from bot.handoff.hours import ServiceHours
from bot.metrics.expectations import expectation_map
from bot.metrics.export import Exporter, Request
from bot.metrics.facts import Rules
from bot.metrics.figures import Costs
from bot.metrics.presentation import Presentation
from bot.metrics.reading import FigureReader
from bot.metrics.refresh import Refresher
from bot.metrics.simulation.timeline import Plan, simulate
from bot.storage import migrate
from bot.storage.base import Base, UtcDateTime
from bot.storage.database import Database
from bot.storage.figures import Figures, Slice
from bot.survey.bank import load_bank

ROOT = Path(__file__).resolve().parent.parent
ZONE = ZoneInfo("Europe/Berlin")
WANTED = int(os.environ.get("ZUSAGE_BENCH_CONVERSATIONS", "20000"))
DAYS = 14
BASE = 40_000
COPIED = (
    "conversations", "channel_links", "messages", "turns", "signals", "handoffs", "surveys", "survey_answers",
    "promises", "conversation_facts", "daily_figures",
)  # fmt: skip
IDS = {
    "conversation_id": "conversations", "message_id": "messages", "turn_id": "turns", "survey_id": "surveys",
}  # fmt: skip
# Texts that must differ between copies.
NAMES = {"public_id", "external_key", "external_id", "customer"}
FORMATS = ("csv", "jsonl", "json", "parquet", "xlsx")
ROWS = 1_000_000
# Linux counts a process's own peak in this file, whatever its parent used before it.
PEAK = "VmHWM:"

Row = tuple[str, str, str]


async def measure() -> AsyncIterator[Row]:
    """Fill a database, read the dashboard in several ways, and export its messages in every format."""
    with tempfile.TemporaryDirectory() as folder:
        url = os.environ.get("ZUSAGE_BENCH_DATABASE") or f"sqlite:///{folder}/bench.db"
        migrate.upgrade(url)
        database = Database(url)
        try:
            count = await _fill(database)
            kind = "SQLite" if database.is_sqlite else "PostgreSQL"
            async for row in _dashboard(database, f"{count:,} conversations, {kind}"):
                yield row
        finally:
            await database.close()
        for dataset in os.environ.get("ZUSAGE_BENCH_EXPORTS", "messages").split(","):
            for name in FORMATS:
                yield await asyncio.to_thread(_export, url, dataset, name, Path(folder))


async def _dashboard(database: Database, what: str) -> AsyncIterator[Row]:
    reader = FigureReader(database, ZONE, Costs(0.05, 40.0))
    days = await reader.days_with_data()
    assert days is not None
    last = days[1]
    month = Slice(last - timedelta(days=27), last)
    slices = {
        "28 days": (month, "≤ 1.5 s"),
        "28 days again": (month, "≤ 1 s"),
        "28 days, one channel": (Slice(month.first, last, channel="web"), "≤ 1 s"),
        "28 days, four filters": (Slice(month.first, last, "web", "de", "delivery", "bot"), "≤ 1 s"),
        "90 days": (Slice(last - timedelta(days=89), last), "≤ 1 s"),
        "90 days, one topic": (Slice(last - timedelta(days=89), last, topic="returns"), "≤ 1 s"),
        "365 days": (Slice(last - timedelta(days=364), last), "≤ 1 s"),
        "365 days, one language": (Slice(last - timedelta(days=364), last, language="en"), "≤ 1 s"),
    }
    for name, (wanted, limit) in slices.items():
        started = time.perf_counter()
        overview = await reader.overview(wanted)
        Presentation(overview, "de", lambda behind: f"/?of={behind}").render()
        yield f"dashboard, {what}: {name}", f"{time.perf_counter() - started:.2f} s", limit
    year = slices["365 days"][0]
    for behind in ("handed_over", "waited", "nps", "complaint_severe", "unmet:accuracy/explicit"):
        started = time.perf_counter()
        async with database.read() as session:
            await Figures(session).conversations(year, behind, limit=51)
            await Figures(session).count(year, behind, at_most=10_001)
        yield f"conversations behind, {what}: {behind}, 365 days", f"{time.perf_counter() - started:.2f} s", "≤ 1 s"


def _export(url: str, dataset: str, kind: str, folder: Path) -> Row:
    """Export in a process of its own, so that its memory is its own."""
    command = [sys.executable, "-m", "bench.figures", "export", url, dataset, kind, str(folder / f"out.{kind}")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    rows, seconds, size, peak = done.stdout.split()
    (folder / f"out.{kind}").unlink()
    what = f"export of {int(rows):,} rows ({dataset}) as {kind}"
    return (
        what,
        f"{float(seconds):.0f} s, {int(peak) / 1024:.0f} MB of memory, a file of {int(size) / 1e6:.0f} MB",
        ("≤ 90 s, 300 MB per 1,000,000 rows"),
    )


async def _export_here(url: str, dataset: str, kind: str, target: Path) -> None:
    database = Database(url)
    started = time.perf_counter()
    rows = 0

    class Enough(Exception):
        pass

    try:
        last = await _last_of(database, dataset)
        rows = await Exporter(database, ZONE, "key").to_file(
            Request(dataset, kind, after=max(0, last - ROWS)), target, "bench"
        )
    finally:
        await database.close()
    seconds = time.perf_counter() - started
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    peak = next((line.split()[1] for line in lines if line.startswith(PEAK)), None)
    print(rows, seconds, target.stat().st_size, peak or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


async def _last_of(database: Database, dataset: str) -> int:
    table = Base.metadata.tables[dataset if dataset != "survey" else "surveys"]
    async with database.connect() as connection:
        return int(await connection.scalar(select(func.max(table.c.id))) or 0)


# -- filling


async def _fill(database: Database) -> int:
    """Simulate two weeks unless an earlier run has, and copy them until there are as many as wanted."""
    conversations = Base.metadata.tables["conversations"]
    async with database.connect() as connection:
        present = int(await connection.scalar(select(func.count()).select_from(conversations)) or 0)
    if present >= WANTED:
        return present
    size = min(BASE, WANTED)
    copies = -(-WANTED // size)
    done = present // size
    if present % size:
        raise SystemExit(f"The database holds {present:,} conversations of something else.")
    rules = Rules(ZONE, expectation_map())
    if not present:
        last = utc_now().astimezone(ZONE).date() - timedelta(days=1 + DAYS * (copies - 1))
        plan = Plan(size, DAYS, 7, last, ZONE)
        await simulate(database, plan, load_bank(ROOT / "survey.yml"), ServiceHours("Mon-Sat 08:00-20:00", ZONE))
    if done <= 1:
        await Refresher(database, rules).rebuild()
        done = 1
    async with database.connect() as connection:
        tables = [Base.metadata.tables[name] for name in COPIED]
        # Every copy's ids follow those of the one before without a gap.
        spans = {
            table.name: int(await connection.scalar(select(func.max(table.c.id))) or 0) // done
            for table in tables
            if "id" in table.c
        }
        first = (await connection.execute(select(func.min(_facts().c.day)))).scalar_one()
    last = first + timedelta(days=DAYS - 1)
    for number in range(done, copies):
        async with database.connect() as connection, connection.begin():
            for table in tables:
                await _copy(connection, table, number, spans, first, last, sqlite=database.is_sqlite)
        print(f"  filled {(number + 1) * size:,} of {copies * size:,}", file=sys.stderr, flush=True)
    if not database.is_sqlite:
        async with database.connect() as connection:
            raw = await connection.execution_options(isolation_level="AUTOCOMMIT")
            await raw.execute(text("ANALYZE"))
    refresher = Refresher(database, rules)
    months = {(first + timedelta(days=i)).replace(day=1) for i in range((last - first).days + DAYS * copies)}
    await refresher._sum_months(months)
    return copies * size


def _facts() -> Table:
    return Base.metadata.tables["conversation_facts"]


async def _copy(
    connection: AsyncConnection,
    table: Table,
    number: int,
    spans: dict[str, int],
    first: date,
    last: date,
    *,
    sqlite: bool,
) -> None:
    """Copy the simulated rows of a table, so many times two weeks later, with ids and names of their own."""
    days = DAYS * number

    def moved(column: Column[object]) -> object:
        if column.name == "id":
            return column + number * spans[table.name]
        if column.name in IDS and table.name != "daily_figures":
            return column + number * spans[IDS[column.name]]
        if column.name in NAMES:
            return column + literal(f"~{number}")
        if isinstance(column.type, Date):
            return func.date(column, f"+{days} days") if sqlite else cast(column + days, Date)
        if isinstance(column.type, UtcDateTime):
            if sqlite:
                pattern = literal("%Y-%m-%d %H:%M:%f")
                return func.strftime(pattern, column, f"+{days} days") + literal("000")
            return column + text(f"interval '{days} days'")
        return column

    names = [column.name for column in table.columns]
    rows = select(*(moved(column).label(column.name) for column in table.columns))  # type: ignore[attr-defined]
    if table.name == "daily_figures":
        rows = rows.where(table.c.grain == "day", table.c.day >= first, table.c.day <= last)
    else:
        key = table.c.conversation_id if table.name == "conversation_facts" else table.c.id
        rows = rows.where(key <= spans["conversations" if table.name == "conversation_facts" else table.name])
    await connection.execute(table.insert().from_select(names, rows))


if __name__ == "__main__":
    if sys.argv[1:2] == ["export"]:
        asyncio.run(_export_here(sys.argv[2], sys.argv[3], sys.argv[4], Path(sys.argv[5])))
    else:

        async def main() -> None:
            async for what, measured, limit in measure():
                print(f"{what}: {measured} ({limit})", flush=True)

        asyncio.run(main())
