"""The promise checker over 100,000 open promises: ``python -m bench.promises``."""

import asyncio
import tempfile
import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import insert

from bot.clock import utc_now
from bot.promises.checker import PromiseChecker
from bot.storage import migrate
from bot.storage.database import Database
from bot.storage.promises import SqlPromiseFacts
from bot.storage.shop_tables import CustomerRow, OrderRow, ShipmentRow
from bot.storage.tables import ConversationRow, PromiseRow

PROMISES = 100_000
CHUNK = 5_000

Row = tuple[str, str, str]


async def measure() -> AsyncIterator[Row]:
    """Fill a SQLite database, then check once with all promises standing and once with all of them kept."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/bench.db"
        migrate.upgrade(url)
        database = Database(url)
        try:
            now = utc_now()
            await _fill(database, now)

            async def publish(_conversation_id: int) -> None:
                return None

            checker = PromiseChecker(database, SqlPromiseFacts(database), ZoneInfo("Europe/Berlin"), publish, utc_now)
            started = time.perf_counter()
            await checker.check()
            yield f"promise checker: {PROMISES:,} open, none due", f"{time.perf_counter() - started:.1f} s", "≤ 10 s"
            async with database.begin() as session:
                await session.execute(ShipmentRow.__table__.update().values(delivered_at=now, status="delivered"))
            started = time.perf_counter()
            counts = await checker.check()
            yield (
                f"promise checker: {counts.get('kept', 0):,} settled",
                f"{time.perf_counter() - started:.1f} s",
                "≤ 10 s",
            )
        finally:
            await database.close()


async def _fill(database: Database, now: datetime) -> None:
    day = (now + timedelta(days=2)).date()
    async with database.begin() as session:
        await session.execute(
            insert(CustomerRow),
            [{"id": 1, "key": "c", "email": "c@example.org", "email_key": "c@example.org", "first_name": "C",
              "last_name": "C", "language": "de", "guest": False, "source": "bench"}],
        )  # fmt: skip
    for start in range(1, PROMISES + 1, CHUNK):
        ids = range(start, start + CHUNK)
        async with database.begin() as session:
            await session.execute(
                insert(ConversationRow),
                [{"id": i, "public_id": f"c{i}", "channel": "web", "external_key": f"v{i}", "language": "de",
                  "state": "bot", "created_at": now, "last_activity_at": now} for i in ids],
            )  # fmt: skip
            await session.execute(
                insert(OrderRow),
                [{"id": i, "number": f"LM-{i}", "number_key": f"LM{i}", "customer_id": 1, "email": "c@example.org",
                  "stage": "shipped", "source": "bench"} for i in ids],
            )  # fmt: skip
            await session.execute(
                insert(ShipmentRow),
                [{"order_id": i, "key": "s", "carrier": "DHL", "status": "in_transit", "expected_on": day,
                  "events": []} for i in ids],
            )  # fmt: skip
            await session.execute(
                insert(PromiseRow),
                [{"conversation_id": i, "kind": "delivery", "order_number": f"LM-{i}", "wording": "w", "made_by": "bot",
                  "made_at": now, "due_at": now + timedelta(days=3), "state": "open"} for i in ids],
            )  # fmt: skip


async def _print() -> None:
    async for what, measured, wanted in measure():
        print(f"{what:50} {measured:>8}   {wanted}", flush=True)


if __name__ == "__main__":
    asyncio.run(_print())
