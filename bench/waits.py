"""Announced against real waits over many simulated days: ``python -m bench.waits [days]``. A table, no assertion."""

import asyncio
import statistics
import sys
import tempfile
from pathlib import Path

from bot.storage import migrate
from bot.storage.database import Database
from tests.bot.handoff.conftest import Floor
from tests.bot.handoff.service_day import Day, Plan, play

PLANS = {
    "usual load": Plan(),
    "quiet": Plan(quiet_per_hour=14, morning_per_hour=25, afternoon_per_hour=20),
    "overrun": Plan(morning_per_hour=85, afternoon_per_hour=70),
    "very uneven conversations": Plan(handling_sigma=1.0),
    "two agents": Plan(
        shifts=((0, 10), (1, 10)), lunch=(4, 4), quiet_per_hour=12, morning_per_hour=20, afternoon_per_hour=18
    ),
}


async def one_day(plan: Plan, seed: int) -> Day:
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{Path(folder) / 'day.db'}"
        migrate.upgrade(url)
        database = Database(url)
        floor = Floor(database)
        floor.handoffs = type(floor.handoffs)(floor.hours, 60)
        try:
            return await play(floor, plan, seed)
        finally:
            await database.close()


def main(days: int) -> None:
    print(f"{'load':28}{'customers':>10}{'waited':>8}{'longest':>9}{'held':>8}{'worst':>8}{'over':>7}{'waited':>8}")
    for name, plan in PLANS.items():
        played = [asyncio.run(one_day(plan, seed)) for seed in range(1, days + 1)]
        mean = statistics.mean
        print(
            f"{name:28}{mean(len(d.waits) for d in played):10.0f}{mean(d.who_waited for d in played):8.0%}"
            f"{max(d.longest_s for d in played) / 60:6.0f} min{mean(d.held for d in played):8.1%}"
            f"{min(d.held for d in played):8.1%}{mean(d.over_announced for d in played):7.2f}"
            f"{mean(d.over_announced_who_waited for d in played):8.2f}",
            flush=True,
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
