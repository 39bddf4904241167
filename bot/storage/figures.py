"""Reads sums for figures, and the conversations behind them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Date, and_, case, cast, false, func, literal, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.storage.figure_tables import ANY, ConversationFact, DailyFigure
from bot.storage.tables import Outage

__all__ = ["Figures", "Slice", "Step", "Sum", "Sums"]

# Of the sums over the shop's orders.
NO_CHANNEL = ""


class Sum(NamedTuple):
    """How often something was counted, its total and the total of squares."""

    n: int
    total: float
    squares: float


# What one point of a series stands for.
Step = Literal["day", "week", "month"]
# measure -> detail -> sum
Sums = Mapping[str, Mapping[str, Sum]]


@dataclass(frozen=True)
class Slice:
    """Which conversations: those that began from ``first`` to ``last`` (days of the shop) and fit the filters."""

    first: date
    last: date
    channel: str | None = None
    language: str | None = None
    topic: str | None = None
    handler: str | None = None

    def before(self) -> "Slice":
        """Return the same filters for the period of the same length just before."""
        days = self.last - self.first + timedelta(days=1)
        return Slice(self.first - days, self.last - days, self.channel, self.language, self.topic, self.handler)

    def steps(self, step: Step) -> list[date]:
        """Return the first day of every step. Weeks are counted back from the last day, so that only the first of them
        can be short; the first month begins before the slice if that begins in its middle."""
        if step == "month":
            months = [self.first.replace(day=1)]
            while (month := _next_month(months[-1])) <= self.last:
                months.append(month)
            return months
        if step == "day":
            return [self.first + timedelta(days=i) for i in range((self.last - self.first).days + 1)]
        weeks = range((self.last - self.first).days // 7, -1, -1)
        return [max(self.first, self.last - timedelta(days=7 * week + 6)) for week in weeks]

    def filters(self) -> dict[str, str]:
        """Return the filters that are set."""
        names = ("channel", "language", "topic", "handler")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


class Figures:
    """Queries on one open transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def sums(self, wanted: Slice) -> Sums:
        """Return all sums of a slice; those of the shop's orders are of all orders, whatever the filters."""
        found: dict[str, dict[str, Sum]] = defaultdict(dict)
        query = (
            select(
                DailyFigure.measure,
                DailyFigure.detail,
                _counted(DailyFigure.n),
                func.sum(DailyFigure.total),
                func.sum(DailyFigure.squares),
            )
            .where(self._span(wanted.first, wanted.last), self._with_orders(wanted))
            .group_by(DailyFigure.measure, DailyFigure.detail)
        )
        for measure, detail, n, total, squares in await self.session.execute(query):
            found[measure][detail] = Sum(n, total, squares)
        return found

    async def series(self, wanted: Slice, measures: Iterable[str], step: Step) -> dict[date, Sums]:
        """Return the sums of some measures for every step of a slice, by the step's first day."""
        days: dict[date, dict[str, dict[str, Sum]]] = defaultdict(lambda: defaultdict(dict))
        steps = wanted.steps(step)
        column: ColumnElement[date] = DailyFigure.day.expression
        if step == "week":
            column = case(*((DailyFigure.day >= first, literal(first, Date)) for first in reversed(steps)))
        parts = (
            select(
                column.label("day"),
                DailyFigure.measure,
                DailyFigure.detail,
                DailyFigure.n,
                DailyFigure.total,
                DailyFigure.squares,
            )
            .where(
                DailyFigure.grain == ("month" if step == "month" else "day"),
                DailyFigure.day >= steps[0],
                DailyFigure.day <= wanted.last,
                DailyFigure.measure.in_(list(measures)),
                self._fits(wanted),
            )
            .subquery()
        )
        of = parts.c
        query = select(
            of.day, of.measure, of.detail, _counted(of.n), func.sum(of.total), func.sum(of.squares)
        ).group_by(of.day, of.measure, of.detail)
        for day, measure, detail, n, total, squares in await self.session.execute(query):
            days[day][measure][detail] = Sum(n, total, squares)
        return dict(days)

    async def splits(
        self, wanted: Slice, attributes: Sequence[str], measures: Iterable[str]
    ) -> dict[str, dict[str, Sums]]:
        """Return the sums of some measures apart by channel, by language, by topic and by handler."""
        cells = [getattr(DailyFigure, name) for name in attributes]
        query = (
            select(
                *cells,
                DailyFigure.measure,
                DailyFigure.detail,
                _counted(DailyFigure.n),
                func.sum(DailyFigure.total),
                func.sum(DailyFigure.squares),
            )
            .where(
                self._span(wanted.first, wanted.last),
                DailyFigure.measure.in_(list(measures)),
                *self._filters(wanted),
                DailyFigure.channel != ANY,
            )
            .group_by(*cells, DailyFigure.measure, DailyFigure.detail)
        )
        added: dict[str, dict[str, dict[str, dict[str, Sum]]]] = {name: {} for name in attributes}
        for *cell, measure, detail, n, total, squares in await self.session.execute(query):
            for name, value in zip(attributes, cell, strict=True):
                details = added[name].setdefault(value, {}).setdefault(measure, {})
                so_far = details.get(detail, Sum(0, 0.0, 0.0))
                details[detail] = Sum(so_far.n + n, so_far.total + total, so_far.squares + squares)
        return {name: dict(parts) for name, parts in added.items()}

    async def outages(self, since: datetime, until: datetime) -> list[tuple[str, datetime, datetime | None, int]]:
        """Return (part, start, end, messages affected) of the outages that touch a span, in order."""
        query = select(Outage.part, Outage.started_at, Outage.ended_at, Outage.messages_affected).where(
            Outage.started_at < until, or_(Outage.ended_at.is_(None), Outage.ended_at > since)
        )
        rows = await self.session.execute(query.order_by(Outage.part, Outage.started_at))
        return [(part, start, end, affected) for part, start, end, affected in rows]

    async def channels(self) -> list[str]:
        """Return the channels that conversations began on."""
        counted = select(DailyFigure.channel).where(
            DailyFigure.grain == "month", DailyFigure.measure == "conversations", DailyFigure.channel != ANY
        )
        return list(await self.session.scalars(counted.distinct().order_by(DailyFigure.channel)))

    async def first_and_last_day(self) -> tuple[date, date] | None:
        """Return the first and the last day with conversations."""
        row = (await self.session.execute(select(func.min(ConversationFact.day), func.max(ConversationFact.day)))).one()
        return (row[0], row[1]) if row[0] is not None else None

    async def conversations(
        self, wanted: Slice, behind: str, *, limit: int, offset: int = 0
    ) -> Sequence[ConversationFact]:
        """Return conversations behind a figure: the slowest, lowest or longest first, else the newest.

        Args:
            wanted: the slice.
            behind: one of ``BEHIND``, or ``unmet:<level>/<kind>``, ``left:<goal>/<step>``, ``reason:<reason>``.
            limit: at most so many.
            offset: how many to pass over, to go on where the last page ended.

        Raises:
            KeyError: nothing is known by that name.
        """
        order = [*_order(behind), ConversationFact.started_at.desc(), ConversationFact.conversation_id.desc()]
        query = select(ConversationFact).where(*_behind(wanted, behind)).order_by(*order)
        rows = list(await self.session.scalars(query.offset(offset).limit(limit)))
        self.session.expunge_all()
        return rows

    async def count(self, wanted: Slice, behind: str, *, at_most: int) -> int:
        """Count the conversations behind a figure, and stop counting at a limit.

        Raises:
            KeyError: nothing is known by that name.
        """
        some = select(ConversationFact.conversation_id).where(*_behind(wanted, behind)).limit(at_most).subquery()
        return int(await self.session.scalar(select(func.count()).select_from(some)) or 0)

    @classmethod
    def _fits(cls, wanted: Slice) -> ColumnElement[bool]:
        filters = cls._filters(wanted)
        return and_(*filters) if filters else DailyFigure.channel == ANY

    @classmethod
    def _with_orders(cls, wanted: Slice) -> ColumnElement[bool]:
        """What fits, and the sums of the shop's orders, which belong to no channel."""
        filters = cls._filters(wanted)
        if not filters:
            return DailyFigure.channel.in_((ANY, NO_CHANNEL))
        return or_(DailyFigure.channel == NO_CHANNEL, and_(*filters))

    @staticmethod
    def _filters(wanted: Slice) -> list[ColumnElement[bool]]:
        return [getattr(DailyFigure, name) == value for name, value in wanted.filters().items()]

    @staticmethod
    def _span(first: date, last: date) -> ColumnElement[bool]:
        """Take whole months from the sums of months, and the days around them from those of days."""
        months, days = _months_and_days(first, last)
        return or_(
            and_(DailyFigure.grain == "month", DailyFigure.day.in_(months)) if months else false(),
            *(and_(DailyFigure.grain == "day", DailyFigure.day >= a, DailyFigure.day <= b) for a, b in days),
        )


def _counted(column: Any) -> ColumnElement[int]:
    # PostgreSQL adds big integers to a decimal, which takes long to read tens of thousands of times.
    return cast(func.sum(column), BigInteger)


def _months_and_days(first: date, last: date) -> tuple[list[date], list[tuple[date, date]]]:
    """Return the first days of the whole months in a span, and the spans of days that are left over."""
    start = first if first.day == 1 else _next_month(first)
    months = []
    while _next_month(start) - timedelta(days=1) <= last:
        months.append(start)
        start = _next_month(start)
    if not months:
        return [], [(first, last)]
    days = []
    if first < months[0]:
        days.append((first, months[0] - timedelta(days=1)))
    if start <= last:
        days.append((start, last))
    return months, days


def _next_month(day: date) -> date:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


_F: Any = ConversationFact
# The conversations that a figure is about, by the word that the figure's definition names.
BEHIND: dict[str, ColumnElement[bool]] = {
    "all": _F.conversation_id > 0,
    "longest": _F.conversation_id > 0,
    "matters": _F.matter.is_(True),
    "contained": and_(_F.matter.is_(True), _F.handoffs == 0),
    "handed_over": _F.handoffs > 0,
    "slow_bot": _F.answer_bot_s.is_not(None),
    "slow_agent": _F.answer_agent_s.is_not(None),
    "waited": _F.wait_s.is_not(None),
    "wait_abandoned": _F.wait_abandoned.is_(True),
    "level_missed": _F.level_missed.is_(True),
    "announced_exceeded": _F.announced_exceeded.is_(True),
    "resolved_by_bot": and_(_F.resolution.in_(("confirmed", "assumed")), _F.withdrawn.is_(False)),
    "confirmed": and_(_F.resolution == "confirmed", _F.withdrawn.is_(False)),
    "assumed": and_(_F.resolution == "assumed", _F.withdrawn.is_(False)),
    "withdrawn": _F.withdrawn.is_(True),
    "unresolved": _F.resolution == "unresolved",
    "repeated": _F.repeated.is_(True),
    "reopened": _F.reopened > 0,
    "not_understood": _F.not_understood > 0,
    "asked_again": _F.asked_again > 0,
    "left": _F.abandoned_at.is_not(None),
    "surveyed": _F.answered_surveys > 0,
    "csat": _F.csat.is_not(None),
    "ces": _F.ces.is_not(None),
    "nps": _F.nps.is_not(None),
    "unmet_accuracy": _F.unmet.contains(";accuracy/"),
    "unmet_availability": _F.unmet.contains(";availability/"),
    "unmet_partnership": _F.unmet.contains(";partnership/"),
    "unmet_advice": _F.unmet.contains(";advice/"),
    "complaint": _F.complaint > 0,
    "complaint_serious": _F.complaint >= 2,
    "complaint_severe": _F.complaint >= 3,
    "complaint_repeated": _F.complaint_repeated.is_(True),
    "upset": _F.upset > 0,
    "passed_over": _F.passed_over > 0,
    "recovered": _F.recovered.is_(True),
    "not_recovered": _F.recovered.is_(False),
    "promised": _F.promises > 0,
    "promise_kept": _F.promises_kept > 0,
    "promise_broken": _F.promises_broken > 0,
    "cross_channel": _F.cross_channel.is_(True),
    "mixed_language": _F.mixed_language.is_(True),
    "person_time": _F.person_seconds > 0,
}
# What a manager wants to see first, where that is not the newest.
_FIRST: dict[str, ColumnElement[Any]] = {
    "longest": (_F.customer_messages + _F.bot_messages + _F.agent_messages).desc(),
    "slow_bot": _F.answer_bot_s.desc(),
    "slow_agent": _F.answer_agent_s.desc(),
    "waited": _F.wait_s.desc(),
    "level_missed": _F.wait_s.desc(),
    "announced_exceeded": _F.wait_s.desc(),
    "csat": _F.csat,
    "ces": _F.ces,
    "nps": _F.nps,
    "person_time": _F.person_seconds.desc(),
}


def _behind(wanted: Slice, behind: str) -> list[ColumnElement[bool]]:
    kind, _, value = behind.partition(":")
    if kind == "unmet" and value:
        condition = ConversationFact.unmet.contains(f";{value};", autoescape=True)
    elif kind == "left" and value:
        condition = ConversationFact.abandoned_at == value
    elif kind == "reason" and value:
        condition = ConversationFact.handoff_reason == value
    else:
        condition = BEHIND[behind]
    fits = [getattr(ConversationFact, name) == value for name, value in wanted.filters().items()]
    return [ConversationFact.day >= wanted.first, ConversationFact.day <= wanted.last, condition, *fits]


def _order(behind: str) -> list[ColumnElement[Any]]:
    return [_FIRST[behind]] if behind in _FIRST else []
