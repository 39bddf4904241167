"""Reads whole conversations for figures, and keeps what was made of them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

from sqlalchemy import delete, func, insert, or_, select, union
from sqlalchemy.ext.asyncio import AsyncSession

from bot.storage.figure_tables import ConversationFact, DailyFigure, FigureState
from bot.storage.shop_tables import GrantRow
from bot.storage.tables import (
    ConversationRow,
    Handoff,
    MessageRow,
    PromiseRow,
    Signal,
    Survey,
    SurveyAnswer,
    Turn,
)

__all__ = ["FactStore", "RawConversation", "RawHandoff", "RawPromise", "RawSignal", "RawSurvey", "RawTurn", "Relation"]


class RawTurn(NamedTuple):
    """What figures need of a turn."""

    id: int
    created_at: datetime
    state: str
    language: str | None
    intent: str | None
    understood: bool | None
    goal: str | None
    step: str | None
    operations: Sequence[Mapping[str, Any]] | None


class RawSignal(NamedTuple):
    """What figures need of a signal."""

    kind: str
    value: float | None
    data: Mapping[str, Any]
    at: datetime


class RawHandoff(NamedTuple):
    """What figures need of a handoff."""

    state: str
    reason: str
    outside_hours: bool
    announced_wait_s: int | None
    queued_at: datetime
    accepted_at: datetime | None
    ended_at: datetime | None


class RawPromise(NamedTuple):
    """What figures need of a promise."""

    turn_id: int | None
    kind: str
    made_by: str
    state: str
    due_at: datetime
    told_at: datetime | None


class RawSurvey(NamedTuple):
    """A survey with its answers: (kind, level, value, probability)."""

    trigger: str
    answers: Sequence[tuple[str, str | None, int | None, float]]


@dataclass
class RawConversation:
    """A conversation with everything that figures are made of."""

    id: int
    channel: str
    external_key: str
    language: str
    created_at: datetime
    closed_at: datetime | None
    customer_key: str | None = None
    messages: dict[str, int] = field(default_factory=dict)  # by author
    channels: int = 1
    turns: list[RawTurn] = field(default_factory=list)
    signals: list[RawSignal] = field(default_factory=list)
    handoffs: list[RawHandoff] = field(default_factory=list)
    promises: list[RawPromise] = field(default_factory=list)
    surveys: list[RawSurvey] = field(default_factory=list)


class Relation(NamedTuple):
    """What one conversation needs to know of another of the same customer."""

    conversation_id: int
    customer: str
    started_at: datetime
    last_at: datetime
    complaint: int
    resolution: str
    details: Mapping[str, Any]


class FactStore:
    """Queries on one open transaction."""

    def __init__(self, session: AsyncSession) -> None:
        self.session = session

    async def load(self, ids: Sequence[int]) -> list[RawConversation]:
        """Return conversations with what belongs to them, in the order of their ids."""
        rows = await self.session.execute(
            select(
                ConversationRow.id,
                ConversationRow.public_id,
                ConversationRow.channel,
                ConversationRow.external_key,
                ConversationRow.language,
                ConversationRow.created_at,
                ConversationRow.closed_at,
            )
            .where(ConversationRow.id.in_(ids))
            .order_by(ConversationRow.id)
        )
        raw: dict[int, RawConversation] = {}
        public: dict[str, RawConversation] = {}
        for number, public_id, channel, address, language, created_at, closed_at in rows:
            one = RawConversation(number, channel, address, language, created_at, closed_at)
            public[public_id] = raw[number] = one
        await self._load_customers(public)
        await self._load_messages(raw)
        turns = await self.session.execute(
            select(
                Turn.conversation_id, Turn.id, Turn.created_at, Turn.state, Turn.language, Turn.intent,
                Turn.understood, Turn.goal, Turn.step, Turn.operations,
            ).where(Turn.conversation_id.in_(raw)).order_by(Turn.id)
        )  # fmt: skip
        for row in turns:
            raw[row[0]].turns.append(RawTurn._make(row[1:]))
        signals = await self.session.execute(
            select(Signal.conversation_id, Signal.kind, Signal.value, Signal.data, Signal.at)
            .where(Signal.conversation_id.in_(raw))
            .order_by(Signal.id)
        )
        for row in signals:
            raw[row[0]].signals.append(RawSignal._make(row[1:]))
        handoffs = await self.session.execute(
            select(
                Handoff.conversation_id, Handoff.state, Handoff.reason, Handoff.outside_hours,
                Handoff.announced_wait_s, Handoff.queued_at, Handoff.accepted_at, Handoff.ended_at,
            ).where(Handoff.conversation_id.in_(raw)).order_by(Handoff.id)
        )  # fmt: skip
        for row in handoffs:
            raw[row[0]].handoffs.append(RawHandoff._make(row[1:]))
        promises = await self.session.execute(
            select(
                PromiseRow.conversation_id, PromiseRow.turn_id, PromiseRow.kind, PromiseRow.made_by,
                PromiseRow.state, PromiseRow.due_at, PromiseRow.told_at,
            ).where(PromiseRow.conversation_id.in_(raw)).order_by(PromiseRow.id)
        )  # fmt: skip
        for row in promises:
            raw[row[0]].promises.append(RawPromise._make(row[1:]))
        await self._load_surveys(raw)
        return list(raw.values())

    async def _load_customers(self, public: Mapping[str, RawConversation]) -> None:
        grants = await self.session.execute(
            select(GrantRow.conversation_id, func.min(GrantRow.customer_key))
            .where(GrantRow.conversation_id.in_(public))
            .group_by(GrantRow.conversation_id)
        )
        for public_id, key in grants:
            public[public_id].customer_key = key

    async def _load_messages(self, raw: Mapping[int, RawConversation]) -> None:
        counts = await self.session.execute(
            select(MessageRow.conversation_id, MessageRow.author, MessageRow.channel, func.count())
            .where(MessageRow.conversation_id.in_(raw))
            .group_by(MessageRow.conversation_id, MessageRow.author, MessageRow.channel)
        )
        channels: dict[int, set[str]] = defaultdict(set)
        for number, author, channel, count in counts:
            messages = raw[number].messages
            messages[author] = messages.get(author, 0) + count
            if author == "customer" and channel:
                channels[number].add(channel)
        for number, seen in channels.items():
            raw[number].channels = len(seen)

    async def _load_surveys(self, raw: Mapping[int, RawConversation]) -> None:
        surveys = await self.session.execute(
            select(Survey.id, Survey.conversation_id, Survey.trigger)
            .where(Survey.conversation_id.in_(raw))
            .order_by(Survey.id)
        )
        given: dict[int, list[tuple[str, str | None, int | None, float]]] = {}
        for survey, number, trigger in surveys:
            given[survey] = []
            raw[number].surveys.append(RawSurvey(trigger, given[survey]))
        answers = await self.session.execute(
            select(
                SurveyAnswer.survey_id,
                SurveyAnswer.kind,
                SurveyAnswer.level,
                SurveyAnswer.value,
                SurveyAnswer.probability,
            )
            .where(SurveyAnswer.conversation_id.in_(raw))
            .order_by(SurveyAnswer.id)
        )
        for survey, kind, level, value, probability in answers:
            given[survey].append((kind, level, value, probability))

    # -- what has changed

    async def changed_since(self, since: datetime, limit: int | None = None) -> list[int]:
        """Return the conversations in which anything happened since then, or of which anything became known."""
        changes = union(
            select(ConversationRow.id).where(ConversationRow.last_activity_at >= since),
            select(ConversationRow.id).where(ConversationRow.closed_at >= since),
            select(Handoff.conversation_id).where(Handoff.ended_at >= since),
            select(PromiseRow.conversation_id).where(
                or_(PromiseRow.made_at >= since, PromiseRow.settled_at >= since, PromiseRow.told_at >= since)
            ),
            select(SurveyAnswer.conversation_id).where(SurveyAnswer.answered_at >= since),
            select(Survey.conversation_id).where(Survey.offered_at >= since),
        ).subquery()
        return list(await self.session.scalars(select(changes.c[0]).order_by(changes.c[0]).limit(limit)))

    async def ids_after(self, after: int, limit: int) -> list[int]:
        """Return the next conversations by id."""
        query = select(ConversationRow.id).where(ConversationRow.id > after).order_by(ConversationRow.id).limit(limit)
        return list(await self.session.scalars(query))

    async def count(self) -> int:
        """Return how many conversations there are."""
        return int(await self.session.scalar(select(func.count()).select_from(ConversationRow)) or 0)

    # -- facts

    async def replace(self, facts: Sequence[Mapping[str, Any]]) -> set[date]:
        """Store facts in place of earlier ones; return the days that either belong to."""
        if not facts:
            return set()
        ids = [fact["conversation_id"] for fact in facts]
        days = set(
            await self.session.scalars(
                select(ConversationFact.day).where(ConversationFact.conversation_id.in_(ids)).distinct()
            )
        )
        await self.session.execute(delete(ConversationFact).where(ConversationFact.conversation_id.in_(ids)))
        await self.session.execute(insert(ConversationFact), list(facts))
        return days | {fact["day"] for fact in facts}

    async def relatives(self, customers: Iterable[str]) -> list[Relation]:
        """Return all conversations of some customers, in order of their beginning."""
        rows = await self.session.execute(
            select(
                ConversationFact.conversation_id,
                ConversationFact.customer,
                ConversationFact.started_at,
                ConversationFact.last_at,
                ConversationFact.complaint,
                ConversationFact.resolution,
                ConversationFact.details,
            )
            .where(ConversationFact.customer.in_(set(customers)))
            .order_by(ConversationFact.started_at, ConversationFact.conversation_id)
        )
        return [Relation._make(row) for row in rows]

    async def relate(self, values: Mapping[int, Mapping[str, Any]]) -> set[date]:
        """Set columns that depend on other conversations; return the days of those that changed."""
        rows = await self.session.scalars(
            select(ConversationFact).where(ConversationFact.conversation_id.in_(list(values)))
        )
        days = set()
        for row in rows:
            for name, value in values[row.conversation_id].items():
                if getattr(row, name) != value:
                    setattr(row, name, value)
                    days.add(row.day)
        await self.session.flush()
        return days

    async def customers_of(self, ids: Sequence[int]) -> list[str]:
        """Return the customers of some conversations."""
        query = select(ConversationFact.customer).where(ConversationFact.conversation_id.in_(ids)).distinct()
        return sorted(await self.session.scalars(query))

    async def customers_with_several(self, after: str, limit: int) -> list[str]:
        """Return the next customers with more than one conversation, in the database's order."""
        query = (
            select(ConversationFact.customer)
            .where(ConversationFact.customer > after)
            .group_by(ConversationFact.customer)
            .having(func.count() > 1)
            .order_by(ConversationFact.customer)
            .limit(limit)
        )
        return list(await self.session.scalars(query))

    async def facts_of(self, day: date) -> list[ConversationFact]:
        """Return the facts of the conversations that began on a day."""
        rows = list(await self.session.scalars(select(ConversationFact).where(ConversationFact.day == day)))
        self.session.expunge_all()
        return rows

    async def days(self) -> list[date]:
        """Return all days with facts."""
        return list(await self.session.scalars(select(ConversationFact.day).distinct().order_by(ConversationFact.day)))

    async def forget_other_days(self, days: Iterable[date]) -> None:
        """Delete the sums of all days and months but some days'; months are summed anew from days."""
        known = set(await self.session.scalars(select(DailyFigure.day).where(DailyFigure.grain == "day").distinct()))
        await self.session.execute(delete(DailyFigure).where(DailyFigure.grain == "month"))
        await self.session.execute(
            delete(DailyFigure).where(DailyFigure.grain == "day", DailyFigure.day.in_(known - set(days)))
        )

    # -- one at a time

    async def take_lease(self, owner: str, until: datetime, now: datetime) -> bool:
        """Take the right to refresh unless somebody else has it; tell whether it was given."""
        row = await self.session.get(FigureState, "lease", with_for_update=True)
        if row is not None and datetime.fromisoformat(row.value["until"]) > now:
            return False
        await self.remember("lease", {"owner": owner, "until": until.isoformat()})
        return True

    async def give_lease_back(self, owner: str) -> None:
        """Let others refresh."""
        row = await self.session.get(FigureState, "lease", with_for_update=True)
        if row is not None and row.value["owner"] == owner:
            await self.session.delete(row)

    # -- sums

    async def put_sums(self, grain: str, day: date, rows: Sequence[Mapping[str, Any]], *, shop: bool = False) -> None:
        """Replace the sums of a day (or of the shop's orders of that day)."""
        where = (DailyFigure.grain == grain) & (DailyFigure.day == day)
        of_shop = DailyFigure.measure.startswith("order")
        await self.session.execute(delete(DailyFigure).where(where, of_shop if shop else ~of_shop))
        if rows:
            await self.session.execute(insert(DailyFigure), [{"grain": grain, "day": day, **row} for row in rows])

    async def sum_month(self, first: date, last: date) -> None:
        """Replace the sums of a month by those of its days."""
        keys = (
            DailyFigure.measure,
            DailyFigure.channel,
            DailyFigure.language,
            DailyFigure.topic,
            DailyFigure.handler,
            DailyFigure.detail,
        )
        await self.session.execute(delete(DailyFigure).where(DailyFigure.grain == "month", DailyFigure.day == first))
        sums = (
            select(*keys, func.sum(DailyFigure.n), func.sum(DailyFigure.total), func.sum(DailyFigure.squares))
            .where(DailyFigure.grain == "day", DailyFigure.day >= first, DailyFigure.day <= last)
            .group_by(*keys)
        )
        names = [key.key for key in keys]
        rows = [
            {"grain": "month", "day": first, **dict(zip([*names, "n", "total", "squares"], row, strict=True))}
            for row in await self.session.execute(sums)
        ]
        if rows:
            await self.session.execute(insert(DailyFigure), rows)

    async def state(self, name: str) -> dict[str, Any] | None:
        """Return what was remembered under a name."""
        row = await self.session.get(FigureState, name)
        return dict(row.value) if row is not None else None

    async def remember(self, name: str, value: dict[str, Any]) -> None:
        """Remember something under a name."""
        await self.session.merge(FigureState(name=name, value=value))
