"""A simulated day at the service desk: customers come and go in waves, agents in shifts, all through the real service.

Shared by the test (one day) and by bench/waits.py (many days, a table).
"""

import heapq
import math
import random
from dataclasses import dataclass, field
from datetime import timedelta

from bot.storage.tables import Handoff
from tests.bot.handoff.conftest import MONDAY_TEN, Floor

HOUR = 3600.0
OPENS = MONDAY_TEN - timedelta(hours=2)


@dataclass(frozen=True)
class Plan:
    """What the day is like. Hours count from opening."""

    shifts: tuple[tuple[float, float], ...] = ((0, 10), (0, 10), (1, 5), (2, 8), (5, 10))
    lunch: tuple[float, float] = (4.0, 4.75)  # two agents are away
    places: int = 2
    handling_mean_s: float = 480.0
    handling_sigma: float = 0.6  # of the log-normal distribution
    reaction_median_s: float = 15.0
    quiet_per_hour: float = 22.0
    morning_per_hour: float = 60.0
    afternoon_per_hour: float = 50.0
    until_hours: float = 9.25

    def arrivals_per_hour(self, at_s: float) -> float:
        """Return how many customers an hour ask for a person, with a peak in the morning and one in the afternoon."""
        hours = at_s / HOUR
        morning = math.exp(-(((hours - 2.2) / 1.0) ** 2))
        afternoon = math.exp(-(((hours - 6.5) / 1.1) ** 2))
        return self.quiet_per_hour + self.morning_per_hour * morning + self.afternoon_per_hour * afternoon

    def is_there(self, agent: int, at_s: float) -> bool:
        """Tell whether an agent takes conversations at a time."""
        begin, end = self.shifts[agent]
        at_lunch = agent < 2 and self.lunch[0] <= at_s / HOUR < self.lunch[1]
        return begin <= at_s / HOUR < end and not at_lunch


@dataclass
class Day:
    """What came of it: per customer the announced and the real wait in seconds."""

    waits: list[tuple[float, float]] = field(default_factory=list)

    @property
    def held(self) -> float:
        """Share of customers for whom somebody was there within the announced time."""
        return sum(real <= announced for announced, real in self.waits) / len(self.waits)

    @property
    def over_announced(self) -> float:
        """Median of announced through real wait. Whole minutes are announced, so a wait under one counts as one."""
        return _median([announced / max(60.0, real) for announced, real in self.waits])

    @property
    def over_announced_who_waited(self) -> float:
        """The same over those alone who waited longer than a minute."""
        return _median([announced / real for announced, real in self.waits if real > 60])

    @property
    def who_waited(self) -> float:
        """Share of those who waited longer than a minute."""
        return sum(real > 60 for _, real in self.waits) / len(self.waits)

    @property
    def longest_s(self) -> float:
        """The longest wait."""
        return max(real for _, real in self.waits)


async def play(floor: Floor, plan: Plan, seed: int) -> Day:
    """Play one day through the real service on the floor's database."""
    draw = random.Random(seed)
    agents = [await floor.agent(f"agent{i}", places=plan.places, presence="away") for i in range(len(plan.shifts))]
    events: list[tuple[float, int, str, int]] = []
    counter = 0

    def at(when: float, what: str, key: int = 0) -> None:
        nonlocal counter
        counter += 1
        heapq.heappush(events, (when, counter, what, key))

    fastest = plan.quiet_per_hour + plan.morning_per_hour + plan.afternoon_per_hour
    when = 0.0
    while (when := when + draw.expovariate(fastest / HOUR)) < plan.until_hours * HOUR:
        if draw.random() < plan.arrivals_per_hour(when) / fastest:
            at(when, "arrives")
    for minute in range(12 * 60):
        at(minute * 60.0, "minute")

    present: set[int] = set()
    in_hand = {agent.id: 0 for agent in agents}
    reaching = {agent.id: 0 for agent in agents}  # places whose agent has seen that somebody waits
    waiting: list[int] = []
    customers = 0

    async def reach(now: float) -> None:
        """Let agents with a free place notice who waits; taking somebody takes them a moment."""
        claimed = sum(reaching.values())
        for agent in (a for a in agents if a.id in present):
            while in_hand[agent.id] + reaching[agent.id] < plan.places and claimed < len(waiting):
                reaching[agent.id] += 1
                claimed += 1
                at(now + draw.lognormvariate(math.log(plan.reaction_median_s), 0.6), "takes", agent.id)

    while events:
        now, _, what, key = heapq.heappop(events)
        floor.now = OPENS + timedelta(seconds=now)
        if what == "minute":
            there = {agent.id for i, agent in enumerate(agents) if plan.is_there(i, now)}
            await floor.there(*(a for a in agents if a.id in there), presence="available")
            if present - there:
                await floor.there(*(a for a in agents if a.id in present - there), presence="away")
            present = there
        elif what == "arrives":
            customers += 1
            conversation_id = await floor.conversation(f"c{customers}")
            await floor.queue(conversation_id)
            waiting.append(conversation_id)
        elif what == "takes":
            reaching[key] -= 1
            if waiting:
                conversation_id = waiting.pop(0)
                await floor.accept(conversation_id, next(a for a in agents if a.id == key))
                in_hand[key] += 1
                mean = math.log(plan.handling_mean_s) - plan.handling_sigma**2 / 2
                at(now + draw.lognormvariate(mean, plan.handling_sigma), "done", conversation_id)
        elif what == "done":
            (handoff,) = await floor.rows(Handoff, conversation_id=key)
            await floor.close(key)
            in_hand[handoff.agent_id] -= 1
        await reach(now)

    day = Day()
    for handoff in await floor.rows(Handoff):
        if handoff.announced_wait_s is not None and handoff.accepted_at is not None:
            real = (handoff.accepted_at - handoff.queued_at).total_seconds()
            day.waits.append((float(handoff.announced_wait_s), real))
    return day


def _median(values: list[float]) -> float:
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else 0.0
