"""Measures the import of many orders, and a status turn afterwards: ``python -m bench.shop_import [orders]``.

Prints a table: wall time, CPU time of all processes, peak memory of the importing process and of a checking one, and
how long the operations of a status turn (prove an order, look at it) take with so many orders, beside 300 of them.
"""

import asyncio
import json
import random
import resource
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from bot.handoff.hours import ServiceHours
from bot.settings import Settings
from bot.shop.operations import Operations
from bot.shop.policies import Policies, load_policies
from bot.shop_side import make_operations
from bot.storage import migrate
from bot.storage.database import Database
from bot.storage.shop import SqlShop
from bot.storage.shop_import import CHECKERS, ShopImport

TURNS = 400
FEW = 300


def write_shop(path: Path, orders: int) -> None:
    """Write a shop of so many orders: two lines each on average, parcels with tracking events, some returns."""
    rng = random.Random(7)
    customers = max(1, orders // 3)
    newest = datetime(2026, 11, 1, 9, tzinfo=UTC)
    with path.open("w", encoding="utf-8") as file:

        def line(document: dict[str, object]) -> None:
            file.write(json.dumps(document, ensure_ascii=False) + "\n")

        for number in range(customers):
            address = {
                "street": f"Lindenstraße {number % 200}",
                "postcode": f"{10000 + number % 89999}",
                "city": "Köln",
            }
            line(
                {
                    "type": "customer",
                    "id": f"C{number}",
                    "email": f"c{number}@example.org",
                    "first_name": rng.choice(("Jana", "Mehmet", "Zoë", "Björn")),
                    "last_name": rng.choice(("Müller", "Özdemir", "Schäfer", "Weiß")),
                    "addresses": [address],
                }
            )
        for number in range(orders):
            line(_order(number, rng, customers, newest - timedelta(minutes=number)))


def _order(number: int, rng: random.Random, customers: int, placed: datetime) -> dict[str, object]:
    status = rng.choice(("delivered", "shipped", "processing"))
    order: dict[str, object] = {
        "type": "order",
        "number": f"B-{1_000_000 + number}",
        "customer": f"C{rng.randrange(customers)}",
        "status": status,
        "placed_at": placed.isoformat(),
        "lines": [
            {"sku": f"S-{rng.randint(1, 5000)}", "name": "Regenjacke Sylt", "variant": "Marine, M", "price": "49.90"}
            for _ in range(rng.randint(1, 3))
        ],
        "shipping_cost": "4.90",
        "shipping_address": {
            "name": "Jana Müller",
            "street": "Weg 4",
            "postcode": f"{10000 + number % 89999}",
            "city": "Köln",
        },
        "payments": [{"kind": "paypal", "label": "PayPal", "paid_at": placed.isoformat()}],
        "promised_on": "2026-11-10",
    }
    if status != "processing":
        order["shipments"] = [
            {
                "carrier": "dhl",
                "tracking_number": f"0034{number:012d}",
                "status": "delivered" if status == "delivered" else "in_transit",
                "shipped_at": (placed + timedelta(hours=20)).isoformat(),
                "delivered_at": (placed + timedelta(hours=44)).isoformat() if status == "delivered" else None,
                "expected_on": "2026-11-10",
                "events": [
                    {
                        "at": (placed + timedelta(hours=hours)).isoformat(),
                        "status": "in_transit",
                        "place": "Köln",
                        "text": "Das Paket wurde bearbeitet.",
                        "text_en": "The parcel was processed.",
                    }
                    for hours in (20, 30, 40)
                ],
            }
        ]
    if status == "delivered" and number % 12 == 0:
        returned = {"number": f"R-{number}", "status": "in_transit", "lines": [{"line": "1"}]}
        order["returns"] = [{**returned, "created_at": (placed + timedelta(hours=90)).isoformat()}]
    return order


async def measure(orders: int, folder: Path) -> None:
    """Write, import, look up; print the figures."""
    few = await _shop(FEW, folder / "few")
    source, url = folder / "shop.jsonl", f"sqlite:///{folder / 'zusage.db'}"
    write_shop(source, orders)
    migrate.upgrade(url)
    database = Database(url)
    work = ShopImport(database, _policies(), ZoneInfo("Europe/Berlin"))
    began, own, children = time.monotonic(), time.process_time(), _children()
    report = await work.run([source], datetime.now(UTC))
    wall = time.monotonic() - began
    cpu = time.process_time() - own + _children() - children
    memory = [resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    few_ms, many_ms = await _status_turns((few, FEW), (database, orders))
    await database.close()
    await few.close()
    for name, value in (
        ("documents", f"{sum(report.written.values()):,}, {report.errors} wrong"),
        ("file", f"{source.stat().st_size / 1e6:,.0f} MB"),
        ("wall", f"{wall:.0f} s"),
        ("CPU, all processes", f"{cpu:.0f} s"),
        ("peak memory, importing / checking", f"{memory[0]:.0f} / {CHECKERS} x {memory[1]:.0f} MB"),
        ("peak memory, together at most", f"{memory[0] + CHECKERS * memory[1]:.0f} MB"),
        (f"status turn, {FEW} orders", f"{few_ms:.2f} ms (median of {TURNS})"),
        (f"status turn, {orders:,} orders", f"{many_ms:.2f} ms, {many_ms / few_ms:.2f} times"),
    ):
        print(f"{name:36} {value}")


async def _shop(orders: int, folder: Path) -> Database:
    folder.mkdir()
    write_shop(folder / "shop.jsonl", orders)
    url = f"sqlite:///{folder / 'zusage.db'}"
    migrate.upgrade(url)
    database = Database(url)
    await ShopImport(database, _policies(), ZoneInfo("Europe/Berlin")).run([folder / "shop.jsonl"], datetime.now(UTC))
    return database


def _policies() -> Policies:
    """The shop's rules, without the pause after a wrong proof."""
    policies = load_policies(Path("policies.yml"))
    return policies.model_copy(update={"verification": policies.verification.model_copy(update={"answer_after_ms": 0})})


async def _status_turns(*shops: tuple[Database, int]) -> list[float]:
    """Return how long a status turn's operations take in each shop, in milliseconds; the median.

    A turn in one shop follows one in the other, so that whatever else the machine does meets both alike.
    """
    zone = ZoneInfo("Europe/Berlin")
    settings = Settings(_env_file=None, secret_key="bench", engine_token="bench")  # type: ignore[arg-type, call-arg]
    hours = ServiceHours(settings.service_hours, zone, settings.holidays)
    desks = [make_operations(settings, database, _policies(), SqlShop(database), hours) for database, _ in shops]
    rng = random.Random(1)
    spent: list[list[float]] = [[] for _ in shops]
    for turn in range(TURNS):
        for times, desk, (_, orders) in zip(spent, desks, shops, strict=True):
            number = rng.randrange(orders)
            began = time.perf_counter()
            await _ask(desk, turn, number)
            times.append((time.perf_counter() - began) * 1000)
    return [sorted(times)[TURNS // 2] for times in spent]


async def _ask(desk: Operations, turn: int, number: int) -> None:
    conversation, order = f"c{turn}", f"B-{1_000_000 + number}"
    proof = {"order_number": order, "postcode": f"{10000 + number % 89999}"}
    verified = await desk.call("verify", conversation_id=conversation, turn_id=f"t{turn}", args=proof)
    assert (verified.data or {}).get("state") == "verified", verified
    seen = await desk.call("order", conversation_id=conversation, turn_id=f"t{turn}", args={"order_number": order})
    assert seen.ok, seen


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="zusage-import-") as name:
        asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000, Path(name)))
