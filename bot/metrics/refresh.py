"""Keeps the figures current: facts of what changed, then the sums of the days concerned."""

import secrets
from calendar import monthrange
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from bot.clock import Clock, utc_now
from bot.metrics.facts import Rules, facts_of, relate
from bot.metrics.measures import sums
from bot.storage.database import Database
from bot.storage.facts import FactStore, Relation
from bot.storage.shop_figures import ShopFigures

__all__ = ["Refresher", "Stopped"]

# While a batch is written nobody else can write to SQLite.
BATCH = 100
# Transactions that were open when a refresh looked are seen by the next one.
OVERLAP = timedelta(minutes=2)
# An order is followed for this long to see whether its customer comes back, and whether it is sent back.
ORDERS_FOLLOWED = timedelta(days=100)
# A refresh that was cut off lets others begin again after this long.
LEASE = timedelta(minutes=30)
_SEEN = "seen"


class Stopped(Exception):
    """Whoever asked for the refresh wants it to end."""


@dataclass(frozen=True)
class Refresher:
    """Brings facts and sums up to date. Any number may run: each day's sums are replaced as a whole."""

    database: Database
    rules: Rules
    clock: Clock = utc_now
    stopped: Callable[[], bool] = lambda: False

    async def refresh(self) -> int:
        """Take in what happened since the last refresh; return the number of conversations looked at.

        The first refresh of a database, and the first after its rules have changed, makes everything anew.
        While another process is at it, nothing is done.
        """
        owner = secrets.token_hex(8)
        async with self.database.begin() as session:
            if not await FactStore(session).take_lease(owner, self.clock() + LEASE, self.clock()):
                return 0
        try:
            return await self._refresh()
        finally:
            async with self.database.begin() as session:
                await FactStore(session).give_lease_back(owner)

    async def due(self) -> bool:
        """Return whether a refresh would find anything to take in."""
        async with self.database.read() as session:
            store = FactStore(session)
            state = await store.state(_SEEN)
            if state is None or state["rules"] != self.rules.fingerprint() or state["day"] != self._day(self.clock()):
                return True
            return bool(await store.changed_since(_since(state), limit=1))

    async def _refresh(self) -> int:
        now = self.clock()
        async with self.database.read() as session:
            state = await FactStore(session).state(_SEEN)
        if state is None or state["rules"] != self.rules.fingerprint():
            return await self.rebuild()
        async with self.database.read() as session:
            changed = await FactStore(session).changed_since(_since(state))
        days: set[date] = set()
        for ids in _batches(changed):
            days |= await self._facts(ids)
        for ids in _batches(changed):
            async with self.database.read() as session:
                customers = await FactStore(session).customers_of(ids)
            days |= await self._relate(customers)
        await self._sum(days)
        if state["day"] != self._day(now):
            await self._orders(now)
        await self._remember(now)
        return len(changed)

    async def rebuild(self, progress: Callable[[int, int], None] = lambda _done, _all: None) -> int:
        """Make all facts and sums anew; return the number of conversations.

        Args:
            progress: told how many conversations of how many are done.
        """
        now = self.clock()
        async with self.database.read() as session:
            total = await FactStore(session).count()
        done = after = 0
        while True:
            async with self.database.read() as session:
                ids = await FactStore(session).ids_after(after, BATCH)
            if not ids:
                break
            await self._facts(ids)
            after = ids[-1]
            done += len(ids)
            progress(done, total)
        name = ""
        while True:
            async with self.database.read() as session:
                customers = await FactStore(session).customers_with_several(name, BATCH)
            if not customers:
                break
            await self._relate(customers)
            name = customers[-1]
        async with self.database.read() as session:
            days = await FactStore(session).days()
        async with self.database.begin() as session:
            await FactStore(session).forget_other_days(days)
        await self._sum(days)
        await self._orders(now, everything=True)
        await self._remember(now)
        return done

    def _go_on(self) -> None:
        if self.stopped():
            raise Stopped

    async def _facts(self, ids: Sequence[int]) -> set[date]:
        self._go_on()
        async with self.database.read() as session:
            conversations = await FactStore(session).load(ids)
        facts = [facts_of(raw, self.rules) for raw in conversations]
        async with self.database.begin() as session:
            return await FactStore(session).replace(facts)

    async def _relate(self, customers: Sequence[str]) -> set[date]:
        """Complete the facts of all conversations of some customers by what they tell of each other."""
        days: set[date] = set()
        for names in _batches(customers):
            self._go_on()
            async with self.database.begin() as session:
                store = FactStore(session)
                of: dict[str, list[Relation]] = defaultdict(list)
                for relation in await store.relatives(names):
                    of[relation.customer].append(relation)
                values: dict[int, dict[str, Any]] = {}
                for relations in of.values():
                    values |= relate(relations)
                days |= await store.relate(values)
        return days

    async def _sum(self, days: Iterable[date]) -> None:
        months = set()
        for day in sorted(days):
            self._go_on()
            async with self.database.read() as session:
                facts = await FactStore(session).facts_of(day)
            summed = sums(facts)
            async with self.database.begin() as session:
                await FactStore(session).put_sums("day", day, summed)
            months.add(day.replace(day=1))
        await self._sum_months(months)

    async def _sum_months(self, months: Iterable[date]) -> None:
        for first in sorted(months):
            last = first.replace(day=monthrange(first.year, first.month)[1])
            async with self.database.begin() as session:
                await FactStore(session).sum_month(first, last)

    async def _orders(self, now: datetime, *, everything: bool = False) -> None:
        """Sum up the shop's orders: which were sent back, and whose customers came back."""
        async with self.database.read() as session:
            first = None if everything else now - ORDERS_FOLLOWED
            found = await ShopFigures(session).orders(first, now, self.rules.zone)
        months = set()
        for day, rows in found.items():
            async with self.database.begin() as session:
                await FactStore(session).put_sums("day", day, rows, shop=True)
            months.add(day.replace(day=1))
        await self._sum_months(months)

    async def _remember(self, now: datetime) -> None:
        seen = {"at": now.isoformat(), "day": self._day(now), "rules": self.rules.fingerprint()}
        async with self.database.begin() as session:
            await FactStore(session).remember(_SEEN, seen)

    def _day(self, now: datetime) -> str:
        return now.astimezone(self.rules.zone).date().isoformat()


def _since(state: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(state["at"]) - OVERLAP


def _batches[T](items: Sequence[T]) -> Iterable[Sequence[T]]:
    return (items[i : i + BATCH] for i in range(0, len(items), BATCH))
