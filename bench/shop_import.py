"""Measures the import of many orders, and a status look-up afterwards: ``python -m bench.shop_import [orders]``.

Prints a table: wall time, CPU time of all processes, peak memory of the importing process and of a checking one,
and how long finding one order takes with so many beside it.
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

from bot.shop.policies import load_policies
from bot.storage import migrate
from bot.storage.database import Database
from bot.storage.shop import SqlShop
from bot.storage.shop_import import ShopImport

LOOK_UPS = 200


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
    source = folder / "shop.jsonl"
    write_shop(source, orders)
    url = f"sqlite:///{folder / 'zusage.db'}"
    migrate.upgrade(url)
    database = Database(url)
    work = ShopImport(database, load_policies(Path("policies.yml")), ZoneInfo("Europe/Berlin"))
    began, own, children = time.monotonic(), time.process_time(), _children()
    report = await work.run([source], datetime.now(UTC))
    wall = time.monotonic() - began
    cpu = time.process_time() - own + _children() - children
    memory = [resource.getrusage(who).ru_maxrss / 1024 for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    shop, rng, spent = SqlShop(database), random.Random(1), []
    for _ in range(LOOK_UPS):
        began = time.perf_counter()
        assert await shop.order(f"B-{1_000_000 + rng.randrange(orders)}") is not None
        spent.append(time.perf_counter() - began)
    await database.close()
    for name, value in (
        ("documents", f"{sum(report.written.values()):,}"),
        ("file", f"{source.stat().st_size / 1e6:,.0f} MB"),
        ("wall", f"{wall:.0f} s"),
        ("CPU, all processes", f"{cpu:.0f} s"),
        ("memory, importing / checking", f"{memory[0]:.0f} / {memory[1]:.0f} MB"),
        ("one order found (median)", f"{sorted(spent)[LOOK_UPS // 2] * 1000:.1f} ms"),
    ):
        print(f"{name:30} {value}")


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="zusage-import-") as name:
        asyncio.run(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000, Path(name)))
