"""Reads sums for figures, and the conversations behind them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, and_, false, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from bot.storage.figure_tables import ConversationFact, DailyFigure
from bot.storage.tables import Outage

__all__ = ["Figures", "Slice", "Sum", "Sums"]

SHOP_MEASURES = ("order", "order_returned", "order_again")


class Sum(NamedTuple):
    """How often something was counted, its total and the total of squares."""

    n: int
    total: float
    squares: float


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
        of_shop = DailyFigure.measure.in_(SHOP_MEASURES)
        fits = or_(of_shop, self._fits(wanted)) if wanted.filters() else None
        query = (
            select(
                DailyFigure.measure,
                DailyFigure.detail,
                func.sum(DailyFigure.n),
                func.sum(DailyFigure.total),
                func.sum(DailyFigure.squares),
            )
            .where(self._span(wanted.first, wanted.last))
            .group_by(DailyFigure.measure, DailyFigure.detail)
        )
        if fits is not None:
            query = query.where(fits)
        for measure, detail, n, total, squares in await self.session.execute(query):
            found[measure][detail] = Sum(int(n), float(total), float(squares))
        return found

    async def series(self, wanted: Slice, measures: Iterable[str], *, by_month: bool) -> dict[date, Sums]:
        """Return the sums of some measures for every day, or month, of a slice."""
        days: dict[date, dict[str, dict[str, Sum]]] = defaultdict(lambda: defaultdict(dict))
        query = (
            select(
                DailyFigure.day,
                DailyFigure.measure,
                DailyFigure.detail,
                func.sum(DailyFigure.n),
                func.sum(DailyFigure.total),
                func.sum(DailyFigure.squares),
            )
            .where(
                DailyFigure.grain == ("month" if by_month else "day"),
                DailyFigure.day >= (wanted.first.replace(day=1) if by_month else wanted.first),
                DailyFigure.day <= wanted.last,
                DailyFigure.measure.in_(list(measures)),
                self._fits(wanted),
            )
            .group_by(DailyFigure.day, DailyFigure.measure, DailyFigure.detail)
        )
        for day, measure, detail, n, total, squares in await self.session.execute(query):
            days[day][measure][detail] = Sum(int(n), float(total), float(squares))
        return dict(days)

    async def split(self, wanted: Slice, attribute: str, measures: Iterable[str]) -> dict[str, Sums]:
        """Return the sums of some measures apart by channel, language, topic or handler."""
        column = getattr(DailyFigure, attribute)
        parts: dict[str, dict[str, dict[str, Sum]]] = defaultdict(lambda: defaultdict(dict))
        query = (
            select(
                column,
                DailyFigure.measure,
                DailyFigure.detail,
                func.sum(DailyFigure.n),
                func.sum(DailyFigure.total),
                func.sum(DailyFigure.squares),
            )
            .where(self._span(wanted.first, wanted.last), DailyFigure.measure.in_(list(measures)), self._fits(wanted))
            .group_by(column, DailyFigure.measure, DailyFigure.detail)
        )
        for value, measure, detail, n, total, squares in await self.session.execute(query):
            parts[value][measure][detail] = Sum(int(n), float(total), float(squares))
        return dict(parts)

    async def outages(self, since: datetime, until: datetime) -> list[tuple[str, datetime, datetime | None, int]]:
        """Return (part, start, end, messages affected) of the outages that touch a span, in order."""
        query = select(Outage.part, Outage.started_at, Outage.ended_at, Outage.messages_affected).where(
            Outage.started_at < until, or_(Outage.ended_at.is_(None), Outage.ended_at > since)
        )
        rows = await self.session.execute(query.order_by(Outage.part, Outage.started_at))
        return [(part, start, end, affected) for part, start, end, affected in rows]

    async def first_and_last_day(self) -> tuple[date, date] | None:
        """Return the first and the last day with conversations."""
        row = (await self.session.execute(select(func.min(ConversationFact.day), func.max(ConversationFact.day)))).one()
        return (row[0], row[1]) if row[0] is not None else None

    async def conversations(
        self, wanted: Slice, behind: str, *, limit: int, before: int | None = None
    ) -> Sequence[ConversationFact]:
        """Return conversations behind a figure, the newest first.

        Args:
            wanted: the slice.
            behind: one of ``BEHIND``, or ``unmet:<level>/<kind>``, ``left:<goal>/<step>``, ``reason:<reason>``.
            limit: at most so many.
            before: only those with a smaller id, to go on where the last page ended.

        Raises:
            KeyError: nothing is known by that name.
        """
        query = select(ConversationFact).where(
            ConversationFact.day >= wanted.first, ConversationFact.day <= wanted.last, _condition(behind)
        )
        for name, value in wanted.filters().items():
            query = query.where(getattr(ConversationFact, name) == value)
        if before is not None:
            query = query.where(ConversationFact.conversation_id < before)
        rows = list(await self.session.scalars(query.order_by(ConversationFact.conversation_id.desc()).limit(limit)))
        self.session.expunge_all()
        return rows

    @staticmethod
    def _fits(wanted: Slice) -> ColumnElement[bool]:
        return and_(
            DailyFigure.measure.not_in(SHOP_MEASURES),
            *(getattr(DailyFigure, name) == value for name, value in wanted.filters().items()),
        )

    @staticmethod
    def _span(first: date, last: date) -> ColumnElement[bool]:
        """Take whole months from the sums of months, and the days around them from those of days."""
        months, days = _months_and_days(first, last)
        return or_(
            and_(DailyFigure.grain == "month", DailyFigure.day.in_(months)) if months else false(),
            *(and_(DailyFigure.grain == "day", DailyFigure.day >= a, DailyFigure.day <= b) for a, b in days),
        )


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
    "matters": _F.matter.is_(True),
    "contained": and_(_F.matter.is_(True), _F.handoffs == 0),
    "handed_over": _F.handoffs > 0,
    "wait_abandoned": _F.wait_abandoned.is_(True),
    "confirmed": and_(_F.resolution == "confirmed", _F.withdrawn.is_(False)),
    "assumed": and_(_F.resolution == "assumed", _F.withdrawn.is_(False)),
    "withdrawn": _F.withdrawn.is_(True),
    "unresolved": _F.resolution == "unresolved",
    "repeated": _F.repeated.is_(True),
    "reopened": _F.reopened > 0,
    "not_understood": _F.not_understood > 0,
    "left": _F.abandoned_at.is_not(None),
    "surveyed": _F.answered_surveys > 0,
    "complaint": _F.complaint > 0,
    "complaint_serious": _F.complaint >= 2,
    "complaint_severe": _F.complaint >= 3,
    "complaint_repeated": _F.complaint_repeated.is_(True),
    "upset": _F.upset > 0,
    "not_recovered": _F.recovered.is_(False),
    "promise_kept": _F.promises_kept > 0,
    "promise_broken": _F.promises_broken > 0,
    "cross_channel": _F.cross_channel.is_(True),
    "mixed_language": _F.mixed_language.is_(True),
}


def _condition(behind: str) -> ColumnElement[bool]:
    kind, _, value = behind.partition(":")
    if kind == "unmet" and value:
        return ConversationFact.unmet.contains(f";{value};", autoescape=True)
    if kind == "left" and value:
        return ConversationFact.abandoned_at == value
    if kind == "reason" and value:
        return ConversationFact.handoff_reason == value
    return BEHIND[behind]
