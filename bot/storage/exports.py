"""Reads what is exported: raw rows in the order of their ids, page by page, so that nothing large is held."""

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal, or_, select
from sqlalchemy.orm import InstrumentedAttribute, aliased

from bot.storage.database import Database
from bot.storage.shop_tables import CustomerRow, GrantRow, OrderRow, ReturnRow
from bot.storage.tables import (
    ConversationRow,
    Handoff,
    MessageRow,
    Outage,
    PromiseRow,
    Signal,
    Survey,
    SurveyAnswer,
    Turn,
)

__all__ = ["DATASETS", "Filters", "pages", "view_columns"]

PAGE = 5000

Row = tuple[Any, ...]


@dataclass(frozen=True)
class Filters:
    """Which rows: ``since`` <= time < ``until``, ids above ``after``, and what the conversation must be."""

    since: datetime | None = None
    until: datetime | None = None
    after: int = 0
    channel: str | None = None
    language: str | None = None


@dataclass(frozen=True)
class _Source:
    """How a dataset is read: its columns by name, its key and time, and the conversation it belongs to."""

    columns: dict[str, Any]
    key: Any
    time: Any
    conversation: Any = None
    joins: Callable[[Select[Any]], Select[Any]] = lambda query: query


def _customer() -> ColumnElement[Any]:
    """The customer a conversation proved to be with, by the shop's own key; without proof the channel's address."""
    proved = (
        select(func.min(GrantRow.customer_key))
        .where(GrantRow.conversation_id == ConversationRow.public_id)
        .correlate(ConversationRow)
        .scalar_subquery()
    )
    return func.coalesce(proved, ConversationRow.channel + ":" + ConversationRow.external_key)


_messages_of = aliased(ConversationRow)

_SOURCES: dict[str, _Source] = {
    "conversations": _Source(
        {
            "conversation_id": ConversationRow.id,
            "started_at": ConversationRow.created_at,
            "channel": ConversationRow.channel,
            "language": ConversationRow.language,
            "state": ConversationRow.state,
            "messages": ConversationRow.last_number,
            "last_customer_at": ConversationRow.last_customer_at,
            "last_activity_at": ConversationRow.last_activity_at,
            "closed_at": ConversationRow.closed_at,
            "close_reason": ConversationRow.close_reason,
            "customer": _customer(),
            "address": ConversationRow.external_key,
        },
        ConversationRow.id,
        ConversationRow.created_at,
        ConversationRow.id,
    ),
    "messages": _Source(
        {
            "message_id": MessageRow.id,
            "conversation_id": MessageRow.conversation_id,
            "number": MessageRow.number,
            "at": MessageRow.created_at,
            "author": MessageRow.author,
            "channel": MessageRow.channel,
            "turn_id": MessageRow.turn_id,
            "agent_id": MessageRow.agent_id,
            "acknowledges": MessageRow.acknowledges,
            "characters": func.coalesce(func.length(MessageRow.text), 0),
            "text": MessageRow.text,
        },
        MessageRow.id,
        MessageRow.created_at,
        MessageRow.conversation_id,
        lambda query: query.where(or_(MessageRow.private.is_(False), MessageRow.author != "note")),
    ),
    "turns": _Source(
        {
            "turn_id": Turn.id,
            "conversation_id": Turn.conversation_id,
            "message_id": Turn.message_id,
            "received_at": Turn.created_at,
            "answered_at": Turn.answered_at,
            "state": Turn.state,
            "button": Turn.payload.is_not(None),
            "language": Turn.language,
            "intent": Turn.intent,
            "confidence": Turn.confidence,
            "understood": Turn.understood,
            "entities": Turn.entities,
            "emotion": Turn.emotion,
            "valence": Turn.valence,
            "emotion_confidence": Turn.emotion_confidence,
            "acknowledged": Turn.acknowledged,
            "goal": Turn.goal,
            "step": Turn.step,
            "operations": Turn.operations,
            "tries": Turn.tries,
        },
        Turn.id,
        Turn.created_at,
        Turn.conversation_id,
    ),
    "signals": _Source(
        {
            "signal_id": Signal.id,
            "conversation_id": Signal.conversation_id,
            "turn_id": Signal.turn_id,
            "at": Signal.at,
            "family": Signal.family,
            "kind": Signal.kind,
            "value": Signal.value,
            "unit": Signal.unit,
            "data": Signal.data,
        },
        Signal.id,
        Signal.at,
        Signal.conversation_id,
    ),
    "promises": _Source(
        {
            "promise_id": PromiseRow.id,
            "conversation_id": PromiseRow.conversation_id,
            "turn_id": PromiseRow.turn_id,
            "kind": PromiseRow.kind,
            "made_by": PromiseRow.made_by,
            "agent_id": PromiseRow.agent_id,
            "made_at": PromiseRow.made_at,
            "due_at": PromiseRow.due_at,
            "state": PromiseRow.state,
            "settled_at": PromiseRow.settled_at,
            "told_at": PromiseRow.told_at,
            "order": PromiseRow.order_number,
            "return": PromiseRow.return_number,
            "wording": PromiseRow.wording,
        },
        PromiseRow.id,
        PromiseRow.made_at,
        PromiseRow.conversation_id,
    ),
    "handoffs": _Source(
        {
            "handoff_id": Handoff.id,
            "conversation_id": Handoff.conversation_id,
            "state": Handoff.state,
            "reason": Handoff.reason,
            "outside_hours": Handoff.outside_hours,
            "queued_at": Handoff.queued_at,
            "announced_wait_s": Handoff.announced_wait_s,
            "accepted_at": Handoff.accepted_at,
            "first_reply_at": Handoff.first_reply_at,
            "ended_at": Handoff.ended_at,
            "close_reason": Handoff.close_reason,
            "agent_id": Handoff.agent_id,
            "team": Handoff.team,
            "contact": Handoff.contact,
            "summary": Handoff.summary,
        },
        Handoff.id,
        Handoff.queued_at,
        Handoff.conversation_id,
    ),
    "outages": _Source(
        {
            "outage_id": Outage.id,
            "part": Outage.part,
            "started_at": Outage.started_at,
            "ended_at": Outage.ended_at,
            "messages_affected": Outage.messages_affected,
        },
        Outage.id,
        Outage.started_at,
    ),
    "orders": _Source(
        {
            "order_id": OrderRow.id,
            "order": OrderRow.number,
            "customer": CustomerRow.key,
            "placed_at": OrderRow.placed_at,
            "stage": OrderRow.stage,
            "cancelled_at": OrderRow.cancelled_at,
            "delivered_at": OrderRow.delivered_at,
            "returned_at": select(func.min(ReturnRow.created_at))
            .where(ReturnRow.order_id == OrderRow.id)
            .correlate(OrderRow)
            .scalar_subquery(),
        },
        OrderRow.id,
        OrderRow.placed_at,
        None,
        lambda query: query.join(CustomerRow, CustomerRow.id == OrderRow.customer_id),
    ),
}

_SURVEY_COLUMNS = (
    "survey_id", "place", "conversation_id", "trigger", "state", "language", "offered_at", "ended_at", "agent_id",
    "item", "kind", "level", "probability", "value", "answered_at", "characters", "text",
)  # fmt: skip

# Names of all datasets with those of their columns, in order. The first column identifies a row for resuming.
DATASETS: dict[str, tuple[str, ...]] = {
    **{name: tuple(source.columns) for name, source in _SOURCES.items()},
    "survey": _SURVEY_COLUMNS,
}


def view_columns(dataset: str, left_out: Collection[str], added: Mapping[str, Any]) -> Select[Any]:
    """Return the query of a dataset with other columns than an export has, for a view on the database."""
    source = _SOURCES[dataset]
    columns = {name: column for name, column in source.columns.items() if name not in left_out} | dict(added)
    return source.joins(select(*(column.label(name) for name, column in columns.items())))


async def pages(database: Database, dataset: str, filters: Filters) -> AsyncIterator[Sequence[Row]]:
    """Yield a dataset's rows in pages; each page is read in a transaction of its own.

    Rows that are written while an export runs may or may not be in it, each whole.
    """
    after = filters.after
    while True:
        if dataset == "survey":
            last, rows = await _survey_page(database, filters, after)
        else:
            last, rows = await _page(database, _SOURCES[dataset], filters, after)
        if rows:
            yield rows
        if last is None:
            return
        after = last


async def _page(database: Database, source: _Source, filters: Filters, after: int) -> tuple[int | None, Sequence[Row]]:
    columns = [literal(None).label(n) if c is None else c.label(n) for n, c in source.columns.items()]
    query = source.joins(select(source.key, *columns))
    query = _filtered(query, source.key, source.time, source.conversation, filters, after)
    async with database.read() as session:
        rows = (await session.execute(query)).all()
    last = int(rows[-1][0]) if len(rows) == PAGE else None
    return last, [tuple(row[1:]) for row in rows]


def _filtered(
    query: Select[Any],
    key: Any,
    time: Any,
    conversation: InstrumentedAttribute[Any] | None,
    filters: Filters,
    after: int,
) -> Select[Any]:
    query = query.where(key > after)
    if filters.since is not None:
        query = query.where(time >= filters.since)
    if filters.until is not None:
        query = query.where(time < filters.until)
    wanted = {"channel": filters.channel, "language": filters.language}
    conditions = [getattr(_messages_of, name) == value for name, value in wanted.items() if value is not None]
    if conditions and conversation is not None:
        query = query.where(conversation.in_(select(_messages_of.id).where(*conditions)))
    return query.order_by(key).limit(PAGE)


async def _survey_page(database: Database, filters: Filters, after: int) -> tuple[int | None, Sequence[Row]]:
    """Read surveys with one row per item that was drawn, whether it was answered or not."""
    query = _filtered(select(Survey), Survey.id, Survey.offered_at, Survey.conversation_id, filters, after)
    async with database.read() as session:
        surveys = list(await session.scalars(query))
        if not surveys:
            return None, []
        answers = await session.scalars(
            select(SurveyAnswer).where(
                SurveyAnswer.survey_id.in_(query.with_only_columns(Survey.id).subquery().select())
            )
        )
        given = {(answer.survey_id, answer.item): answer for answer in answers}
        rows: list[Row] = []
        for s in surveys:
            for place, drawn in enumerate(s.items, start=1):
                answer = given.get((s.id, drawn["item"]))
                rows.append(
                    (
                        *(s.id, place, s.conversation_id, s.trigger, s.state, s.language, s.offered_at, s.ended_at),
                        *(s.agent_id, drawn["item"], drawn["kind"], drawn["level"], drawn["probability"]),
                        *(
                            (answer.value, answer.answered_at, len(answer.text or ""), answer.text)
                            if answer is not None
                            else (None, None, 0, None)
                        ),
                    )
                )
        last = surveys[-1].id if len(surveys) == PAGE else None
        return last, rows
