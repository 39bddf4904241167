"""Lets simulated customers come over some days, and writes what they leave behind."""

import heapq
import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from math import ceil
from pathlib import Path
from random import Random
from typing import IO, Any
from zoneinfo import ZoneInfo

from bot.errors import Conflict
from bot.handoff.hours import ServiceHours
from bot.metrics.simulation.people import Customer, Experience, experience, make_customer
from bot.metrics.simulation.scenes import Rows, Scene, Stage
from bot.storage.database import Database
from bot.storage.simulated import SimulatedRows, SimulationWriter
from bot.survey.bank import Bank

__all__ = ["Plan", "simulate"]

CHUNK = 1000
# How many conversations begin in each hour of the day and on each weekday, relative to each other.
_HOURS = (3, 2, 1, 1, 1, 2, 4, 8, 14, 20, 24, 26, 25, 22, 21, 22, 24, 26, 27, 29, 28, 22, 14, 7)
_WEEKDAYS = (1.25, 1.1, 1.0, 1.0, 1.0, 0.85, 0.8)
REOPEN_WITHIN = timedelta(hours=72)


@dataclass(frozen=True)
class Plan:
    """What is simulated. ``last``: last day, in the shop's time zone; the same seed gives the same customers."""

    conversations: int
    days: int
    seed: int
    last: date
    zone: ZoneInfo

    @property
    def prefix(self) -> str:
        """What the public ids of this simulation's conversations begin with."""
        return f"sim-{self.seed}-"

    @property
    def first(self) -> date:
        """First day."""
        return self.last - timedelta(days=self.days - 1)


async def simulate(
    database: Database,
    plan: Plan,
    bank: Bank,
    hours: ServiceHours,
    *,
    truth: Path | None = None,
    progress: Callable[[int], None] = lambda _done: None,
) -> dict[str, int]:
    """Write a simulation into a database; return the number of rows by table.

    Args:
        database: where to.
        plan: how much of what.
        bank: the questions that are drawn.
        hours: when people are there.
        truth: file that gets one JSON object per conversation with what the customer truly thinks.
        progress: told how many conversations are written.

    Raises:
        Conflict: this simulation is in the database already.
    """
    async with database.begin() as session:
        stored = SimulatedRows(session)
        if await stored.exists(plan.prefix):
            raise Conflict(f"A simulation with seed {plan.seed} is in this database; remove it or take another seed.")
        agents = await stored.agents(datetime.combine(plan.last, time.min, plan.zone))
    world = _World(plan, bank, hours, agents)
    writer = SimulationWriter(database)
    counts: dict[str, int] = {}
    done = 0

    async def write(rows: Rows) -> None:
        await writer.write(rows)
        for table, added in rows.items():
            counts[table] = counts.get(table, 0) + len(added)

    with truth.open("w", encoding="utf-8") if truth is not None else _Nowhere() as file:
        await write({"outages": world.outage_rows()})
        for size in world.chunks():
            world.play(size, file)
            await write(world.take())
            done += size
            progress(done)
        for rows in world.orders():
            await write(rows)
    return counts


class _Nowhere:
    """A file that keeps nothing."""

    def __enter__(self) -> "_Nowhere":
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def write(self, _text: str) -> int:
        return 0


class _World:
    """The customers and the time they come at."""

    def __init__(self, plan: Plan, bank: Bank, hours: ServiceHours, agents: list[int]) -> None:
        self.plan = plan
        self.random = Random(plan.seed)  # noqa: S311  (chance, no secret)
        self.end = datetime.combine(plan.last + timedelta(days=1), time.min, plan.zone).astimezone(UTC)
        self.stage = Stage(self.random, bank, hours, self.end, agents)
        self.people = max(1, ceil(plan.conversations / 2.2))
        self.starts = self._starts()
        self.outages = self._outages()
        self.returning: list[tuple[datetime, int, int, str]] = []  # when, a number to tell ties apart, who, what about
        self.busy_until: dict[tuple[int, str], datetime] = {}
        self.scores: dict[int, tuple[datetime, int]] = {}  # first conversation and how satisfied it left them
        self.written = 0
        self.customer = lru_cache(maxsize=100_000)(self._customer)

    def _customer(self, number: int) -> Customer:
        made = make_customer(number, Random(f"{self.plan.seed}:{number}"))  # noqa: S311
        return replace(made, key=f"{self.plan.prefix}{number}")

    def _starts(self) -> list[datetime]:
        """Return the beginnings of all conversations in order, as a shop's day and week have them."""
        days = [self.plan.first + timedelta(days=i) for i in range(self.plan.days)]
        weights = [_WEEKDAYS[day.weekday()] for day in days]
        starts = []
        for day in self.random.choices(days, weights, k=self.plan.conversations):
            hour = self.random.choices(range(24), _HOURS)[0]
            seconds = self.random.uniform(0, 3600)
            moment = datetime.combine(day, time(hour), self.plan.zone) + timedelta(seconds=seconds)
            starts.append(moment.astimezone(UTC))
        return sorted(start for start in starts)

    def _outages(self) -> list[tuple[datetime, datetime]]:
        first = datetime.combine(self.plan.first, time.min, self.plan.zone).astimezone(UTC)
        spans = []
        for _ in range(max(1, self.plan.days // 12)):
            start = first + timedelta(seconds=self.random.uniform(0, self.plan.days * 86400 - 3600))
            spans.append((start, start + timedelta(minutes=self.random.uniform(1, 14))))
        return sorted(spans)

    def outage_rows(self) -> list[dict[str, Any]]:
        """Return the outages as rows."""
        spans = [("engine", start, end) for start, end in self.outages]
        spans += [("telegram", end - timedelta(minutes=1), end + timedelta(minutes=2)) for _, end in self.outages[::2]]
        return [
            {
                "id": i,
                "part": part,
                "started_at": start,
                "ended_at": end,
                "messages_affected": 3,
                "error": "simulated",
            }
            for i, (part, start, end) in enumerate(spans, start=1)
        ]

    def chunks(self) -> list[int]:
        """Return how many conversations are played between two writes."""
        whole, rest = divmod(len(self.starts), CHUNK)
        return [CHUNK] * whole + ([rest] if rest else [])

    def take(self) -> Rows:
        """Return the rows so far and begin anew."""
        rows, self.stage.rows = self.stage.rows, defaultdict(list)
        return rows

    def play(self, count: int, truth: "IO[str] | _Nowhere") -> None:
        """Play the next conversations in the order of their beginnings."""
        for _ in range(count):
            start = self.starts[self.written]
            number, intent = self._who(start)
            self.written += 1
            customer = self.customer(number)
            if self.random.random() < 0.02:
                customer = replace(customer, channel="telegram" if customer.channel == "web" else "web")
            if self.busy_until.get((number, customer.channel), start) > start:
                number = self.people + self.written  # somebody new, in place of one who is still in a conversation
                customer = self.customer(number)
            outage = next((end for begin, end in self.outages if begin <= start < end), None)
            lived = experience(
                customer,
                self.random,
                open_now=self.stage.hours.is_open(start),
                outage=outage is not None,
                intent=intent,
            )
            scene = Scene(self.stage, customer, start, f"{self.plan.prefix}{self.written}")
            scene.play(lived, outage_until=outage)
            self._afterwards(scene, number, lived)
            truth.write(
                json.dumps(
                    {"conversation": scene.row["public_id"], "customer": customer.key, "intent": lived.intent,
                     "solved": lived.solved, "upset": lived.upset, "opinions": lived.opinions}
                ) + "\n"
            )  # fmt: skip

    def _who(self, start: datetime) -> tuple[int, str | None]:
        """Return who comes next, and with what if they come back for it."""
        if self.returning and self.returning[0][0] <= start:
            _, _, number, intent = heapq.heappop(self.returning)
            return number, intent
        return int(self.people * self.random.random() ** 1.3), None

    def _afterwards(self, scene: Scene, number: int, lived: Experience) -> None:
        """Let a customer come back with the same matter, sooner or later, more likely if it was not solved."""
        customer = scene.customer
        closed = scene.row["closed_at"]
        if closed is not None and self.random.random() < (0.05 if lived.solved else 0.22):
            if self.random.random() < 0.5:
                again = closed + timedelta(hours=self.random.uniform(0.2, 70))
                if again < self.end - timedelta(hours=2):
                    scene.come_back(replace(lived, solved=True, left_at=None, refused=False, upset=False), again)
            else:
                heapq.heappush(
                    self.returning,
                    (closed + timedelta(hours=self.random.uniform(73, 200)), self.written, number, lived.intent),
                )
        if lived.intent in _NEEDS_PROOF and self.random.random() < 0.85:
            self.stage.add(
                "shop_grants", conversation_id=scene.row["public_id"], customer_key=customer.key, order_key="",
                proofs=["email"], level="basic", granted_at=scene.start, expires_at=scene.start + timedelta(hours=1),
            )  # fmt: skip
        if (number, customer.channel) not in self.busy_until:
            self.stage.add(
                "channel_links", conversation_id=scene.conversation, channel=customer.channel, external_key=customer.key
            )
        last = scene.row["closed_at"] or self.end
        self.busy_until[number, customer.channel] = last + REOPEN_WITHIN
        self.scores.setdefault(number, (scene.start, lived.opinions["csat"]))

    def orders(self) -> list[Rows]:
        """Return orders of those who talked and of as many again who did not, with returns and later orders."""
        parts: list[Rows] = []
        known = list(self.scores.items())
        silent = [(-i, (self.random.choice(self.starts), 4)) for i in range(1, len(known) + 1)]
        for i in range(0, len(known) + len(silent), CHUNK * 5):
            self.take()
            for number, (first, score) in (known + silent)[i : i + CHUNK * 5]:
                self._orders_of(number, first, score)
            parts.append(self.take())
        return parts

    def _orders_of(self, number: int, first: datetime, score: int) -> None:
        random = Random(f"{self.plan.seed}:orders:{number}")  # noqa: S311
        key = f"{self.plan.prefix}{number}" if number >= 0 else f"{self.plan.prefix}silent-{-number}"
        email = f"{key}@example.invalid"
        customer = self.stage.add(
            "shop_customers", key=key, email=email, email_key=email, first_name="Sim", last_name=key,
            phone=None, language="de", guest=False, source="simulated",
        )  # fmt: skip
        placed = first - timedelta(days=random.uniform(1, 12))
        while placed < self.end:
            cancelled = placed + timedelta(hours=5) if random.random() < 0.04 else None
            delivered = None if cancelled else placed + timedelta(days=random.uniform(1, 6))
            if delivered is not None and delivered > self.end:
                delivered = None
            mark = f"{key.upper()}-{placed:%y%m%d%H}"
            order = self.stage.add(
                "shop_orders", number=mark, number_key=mark, customer_id=customer, email=email, language="de",
                stage="cancelled" if cancelled else "delivered" if delivered else "shipped", placed_at=placed,
                currency="EUR", shipping_cents=0, discount_cents=0, cancelled_at=cancelled, delivered_at=delivered,
                version=1, source="simulated",
            )  # fmt: skip
            if delivered is not None and random.random() < 0.16:
                self.stage.add(
                    "shop_returns", order_id=order, number=f"R-{mark}", kind="return", status="received",
                    drop_off="shop", label_kind="pdf", created_at=delivered + timedelta(days=3), events=[],
                )  # fmt: skip
            if random.random() > 0.45 + 0.08 * (score - 4):
                break
            placed += timedelta(days=random.uniform(5, 120))


_NEEDS_PROOF = frozenset(
    {
        *("track_order", "order_details", "delivery_late", "delivery_not_received", "return_item", "return_status"),
        *("refund_status", "cancel_order", "change_delivery_address", "exchange_item", "damaged_item", "wrong_item"),
        *("missing_item", "get_invoice"),
    }
)
