"""SQL views for people with tools of their own: the exports' rows without anything that tells who somebody is."""

from hashlib import sha256
from typing import Any

from sqlalchemy import Connection, Select, func, inspect, select, text

from bot.storage.exports import DATASETS, view_columns
from bot.storage.shop_tables import CustomerRow, GrantRow, OrderRow, ReturnRow
from bot.storage.tables import ConversationRow, PromiseRow

__all__ = ["LEFT_OUT", "REPLACED", "VIEWS", "drop_views", "make_views"]

PREFIX = "view_"
# What the exports have and the views have not: texts, addresses, and documents that hold numbers of orders.
LEFT_OUT = {
    "conversations": ("customer", "address"),
    "messages": ("text",),
    "turns": ("entities", "operations"),
    "survey": ("text",),
    "promises": ("order", "return", "wording"),
    "handoffs": ("contact", "summary"),
    "orders": ("order", "customer"),
}
# What stands in for names: the number of the row that holds them.
REPLACED: dict[str, dict[str, Any]] = {
    "conversations": {
        "customer_id": select(func.min(CustomerRow.id))
        .join(GrantRow, GrantRow.customer_key == CustomerRow.key)
        .where(GrantRow.conversation_id == ConversationRow.public_id)
        .correlate(ConversationRow)
        .scalar_subquery()
    },
    "promises": {
        "order_id": select(func.min(OrderRow.id))
        .where(OrderRow.number == PromiseRow.order_number)
        .correlate(PromiseRow)
        .scalar_subquery(),
        "return_id": select(func.min(ReturnRow.id))
        .where(ReturnRow.number == PromiseRow.return_number)
        .correlate(PromiseRow)
        .scalar_subquery(),
    },
    "orders": {"customer_id": OrderRow.customer_id},
}
# What each conversation came to; docs/metrics.md has the rules.
_OUTCOMES = """
SELECT conversation_id, day, started_at, last_at, closed_at, channel, language, topic, handler, intent, matter,
       cross_channel, mixed_language, customer_messages, bot_messages, agent_messages, not_understood, judged, handoffs,
       handoff_reason, wait_abandoned, resolution, withdrawn, repeated, reopened, complaint, complaint_repeated, upset,
       recovered, abandoned_at, passed_over, asked_again, answer_bot_s, answer_agent_s, wait_s, level_missed,
       announced_exceeded, csat, ces, nps, surveys, answered_surveys, promises, promises_kept, promises_broken, unmet,
       person_seconds
FROM conversation_facts
"""
_SURVEY = """
SELECT s.id AS survey_id, {place} AS place, s.conversation_id, s."trigger", s.state, s.language, s.offered_at,
       s.ended_at, s.agent_id, {item} AS item, {kind} AS kind, {level} AS level,
       CAST({probability} AS DOUBLE PRECISION) AS probability, a.value, a.answered_at,
       COALESCE(LENGTH(a.text), 0) AS characters
FROM surveys s {drawn} LEFT JOIN survey_answers a ON a.survey_id = s.id AND a.item = {item}
"""
VIEWS = (*(f"{PREFIX}{name}" for name in DATASETS), f"{PREFIX}outcomes")


def make_views(connection: Connection) -> None:
    """Create the views, or replace those that an earlier version made otherwise; rights given on others stay."""
    for name, words in _definitions(connection).items():
        mark = sha256(words.encode()).hexdigest()[:16]
        if _mark_of(connection, name) == mark:
            continue
        connection.execute(text(f"DROP VIEW IF EXISTS {name}"))
        marked = words if connection.dialect.name == "postgresql" else f"/* {mark} */ {words}"
        connection.exec_driver_sql(f"CREATE VIEW {name} AS {marked}")
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql(f"COMMENT ON VIEW {name} IS '{mark}'")


def drop_views(connection: Connection) -> None:
    """Remove the views, so that migrations can change the tables under them."""
    for name in inspect(connection).get_view_names():
        if name.startswith(PREFIX):
            connection.execute(text(f"DROP VIEW {name}"))


def _mark_of(connection: Connection, name: str) -> str | None:
    if connection.dialect.name == "postgresql":
        described = text("SELECT obj_description(oid, 'pg_class') FROM pg_class WHERE oid = to_regclass(:name)")
        found = connection.scalar(described, {"name": name})
        return str(found) if found else None
    query = text("SELECT sql FROM sqlite_master WHERE type = 'view' AND name = :name")
    words = connection.scalar(query, {"name": name})
    return words.partition("/* ")[2].partition(" */")[0] if words else None


def _definitions(connection: Connection) -> dict[str, str]:
    postgresql = connection.dialect.name == "postgresql"

    def compiled(query: Select[tuple[object, ...]]) -> str:
        return str(query.compile(dialect=connection.dialect, compile_kwargs={"literal_binds": True})).replace("%%", "%")

    words = {}
    for name in DATASETS:
        if name == "survey":
            words[name] = _survey(postgresql=postgresql)
        else:
            words[name] = compiled(view_columns(name, LEFT_OUT.get(name, ()), REPLACED.get(name, {})))
    return {f"{PREFIX}{name}": sql for name, sql in (words | {"outcomes": _OUTCOMES.strip()}).items()}


def _survey(*, postgresql: bool) -> str:
    """Return the query of questions drawn, one row each, whether answered or not."""
    if postgresql:
        drawn = "CROSS JOIN LATERAL jsonb_array_elements(s.items) WITH ORDINALITY AS d(value, place)"
        parts = {key: f"(d.value->>'{key}')" for key in ("item", "kind", "level", "probability")}
        return _SURVEY.format(place="d.place", drawn=drawn, **parts).strip()
    parts = {key: f"json_extract(d.value, '$.{key}')" for key in ("item", "kind", "level", "probability")}
    return _SURVEY.format(place="d.key + 1", drawn="CROSS JOIN json_each(s.items) d", **parts).strip()
