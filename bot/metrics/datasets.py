"""The exportable datasets: what each column means, its type, and how much it says about a person."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from hashlib import blake2b
from typing import Any

from bot.storage.exports import DATASETS as STORED

__all__ = ["DATASETS", "Column", "Converter", "Dataset", "Privacy", "Type", "converters"]


class Type(StrEnum):
    """Type of a column's values."""

    INTEGER = "integer"
    NUMBER = "number"
    TEXT = "text"
    BOOLEAN = "boolean"
    INSTANT = "instant"  # with offset, in UTC
    JSON = "json"


class Privacy(StrEnum):
    """What becomes of a value in an export without personal data."""

    OPEN = "open"
    PSEUDONYM = "pseudonym"  # replaced by a keyed hash: the same person, the same word, nobody's name
    PERSONAL = "personal"  # left out


@dataclass(frozen=True)
class Column:
    """One column; ``meaning`` gives the unit where there is one."""

    name: str
    type: Type
    meaning: str
    privacy: Privacy = Privacy.OPEN


@dataclass(frozen=True)
class Dataset:
    """One table of an export: one row per ``row``; ``time`` is the column that a date range means."""

    name: str
    row: str
    time: str
    columns: tuple[Column, ...]


_I, _N, _T, _B, _AT, _J = Type.INTEGER, Type.NUMBER, Type.TEXT, Type.BOOLEAN, Type.INSTANT, Type.JSON
_PSEUDONYM, _PERSONAL = Privacy.PSEUDONYM, Privacy.PERSONAL
_C = Column

_CONVERSATION = _C("conversation_id", _I, "conversation it belongs to")
_AGENT = _C("agent_id", _I, "agent of the shop's staff, by number")

DATASETS: dict[str, Dataset] = {
    dataset.name: dataset
    for dataset in (
        Dataset(
            "conversations",
            "conversation",
            "started_at",
            (
                _C("conversation_id", _I, "number of the conversation"),
                _C("started_at", _AT, "first message received"),
                _C("channel", _T, "channel it began on: web, telegram, rest"),
                _C("language", _T, "language last spoken: de, en"),
                _C("state", _T, "bot, waiting (for a person), agent, closed"),
                _C("messages", _I, "messages of all sides, status lines included"),
                _C("last_customer_at", _AT, "last message of the customer"),
                _C("last_activity_at", _AT, "last message of anybody"),
                _C("closed_at", _AT, "when it ended; empty while open"),
                _C("close_reason", _T, "what ended it: goodbye, agent_closed, silence, ..."),
                _C(
                    "customer",
                    _T,
                    "the customer, by the shop's key once proved, else by the channel's address",
                    _PSEUDONYM,
                ),
                _C("address", _T, "the channel's own key of the customer, e.g. a chat id", _PERSONAL),
            ),
        ),
        Dataset(
            "messages",
            "message",
            "at",
            (
                _C("message_id", _I, "number of the message"),
                _CONVERSATION,
                _C("number", _I, "place in its conversation, counted from 1"),
                _C("at", _AT, "when it was stored"),
                _C("author", _T, "customer, bot, agent, system (status line), note (internal)"),
                _C("channel", _T, "channel a customer's message came through"),
                _C("turn_id", _I, "turn it belongs to"),
                _AGENT,
                _C("acknowledges", _B, "whether it takes up the customer's feeling"),
                _C("characters", _I, "length of the text"),
                _C("text", _T, "what was said", _PERSONAL),
            ),
        ),
        Dataset(
            "turns",
            "customer message with what was understood and done",
            "received_at",
            (
                _C("turn_id", _I, "number of the turn"),
                _CONVERSATION,
                _C("message_id", _I, "the customer's message"),
                _C("received_at", _AT, "when the message was stored"),
                _C("answered_at", _AT, "when the bot's answer was stored; empty if a person had to answer"),
                _C("state", _T, "pending, done, with_person, failed"),
                _C("button", _B, "whether a button was pressed instead of typing"),
                _C("language", _T, "language of the message"),
                _C("intent", _T, "what was understood (docs/nlu.md lists the intents)"),
                _C("confidence", _N, "calibrated probability of the intent, 0 to 1"),
                _C("understood", _B, "whether that was enough to answer"),
                _C("entities", _T, "types of the values found, separated by semicolons"),
                _C("emotion", _T, "label of the emotion"),
                _C("valence", _N, "how the customer feels, -1 (bad) to 1 (good)"),
                _C("emotion_confidence", _N, "probability of the emotion's label, 0 to 1"),
                _C("acknowledged", _B, "whether the answer took the emotion up"),
                _C("goal", _T, "matter under way; 'survey' for an answer to the survey"),
                _C("step", _T, "what the matter needs next"),
                _C("operations", _T, "shop operations tried, as name:ok or name:code, separated by semicolons"),
                _C("tries", _I, "failed attempts of the engine"),
            ),
        ),
        Dataset(
            "survey",
            "question drawn for a survey, answered or not",
            "offered_at",
            (
                _C("survey_id", _I, "number of the survey"),
                _C("place", _I, "place of the question in it, counted from 1"),
                _CONVERSATION,
                _C("trigger", _T, "what ended the conversation: goodbye, agent_closed, silence"),
                _C("state", _T, "offered, answering, paused, done, skipped, expired"),
                _C("language", _T, "language it was asked in"),
                _C("offered_at", _AT, "when it was offered"),
                _C("ended_at", _AT, "when it ended"),
                _AGENT,
                _C("item", _T, "name of the question in survey.yml, or text"),
                _C("kind", _T, "level, importance, nps, csat, ces, text"),
                _C("level", _T, "accuracy, availability, partnership, advice"),
                _C("probability", _N, "probability with which the question was drawn; its inverse is the weight"),
                _C("value", _I, "the answer: nps 0 to 10, ces 1 to 7, others 1 to 5; empty if not answered"),
                _C("answered_at", _AT, "when it was answered"),
                _C("characters", _I, "length of the comment"),
                _C("text", _T, "the comment", _PERSONAL),
            ),
        ),
        Dataset(
            "signals",
            "availability or empathy signal",
            "at",
            (
                _C("signal_id", _I, "number of the signal"),
                _CONVERSATION,
                _C("turn_id", _I, "turn it belongs to"),
                _C("at", _AT, "when it happened"),
                _C("family", _T, "availability, empathy"),
                _C("kind", _T, "what it is (docs/signals.md explains every kind)"),
                _C("value", _N, "its value, in its unit"),
                _C("unit", _T, "s (seconds), valence (-1 to 1), bool (0 or 1)"),
                _C("data", _J, "its details"),
            ),
        ),
        Dataset(
            "promises",
            "date, time or amount held out to a customer",
            "made_at",
            (
                _C("promise_id", _I, "number of the promise"),
                _CONVERSATION,
                _C("turn_id", _I, "turn in which it was made"),
                _C("kind", _T, "delivery, refund, return_label, callback, answer, replacement, restock"),
                _C("made_by", _T, "bot, agent"),
                _AGENT,
                _C("made_at", _AT, "when it was made"),
                _C("due_at", _AT, "until when it holds"),
                _C("state", _T, "open, kept, broken, withdrawn, superseded"),
                _C("settled_at", _AT, "when that was known"),
                _C("told_at", _AT, "when the customer was told that it breaks"),
                _C("order", _T, "order it is about", _PSEUDONYM),
                _C("return", _T, "return it is about", _PSEUDONYM),
                _C("wording", _T, "what the customer read", _PERSONAL),
            ),
        ),
        Dataset(
            "handoffs",
            "transfer of a conversation to people",
            "queued_at",
            (
                _C("handoff_id", _I, "number of the handoff"),
                _CONVERSATION,
                _C("state", _T, "queued, accepted, returned, closed, abandoned"),
                _C("reason", _T, "why: customer_asked, not_understood, upset, policy, operation_failed, ..."),
                _C("outside_hours", _B, "whether it was queued outside service hours"),
                _C("queued_at", _AT, "when it was queued"),
                _C("announced_wait_s", _I, "wait that was announced, in seconds; empty if none could be"),
                _C("accepted_at", _AT, "when a person took it first"),
                _C("first_reply_at", _AT, "when that person first wrote"),
                _C("ended_at", _AT, "when it ended"),
                _C("close_reason", _T, "why the agent closed it"),
                _AGENT,
                _C("team", _T, "team it was for"),
                _C("contact", _T, "where the customer wants the answer", _PERSONAL),
                _C("summary", _J, "what the agent was told at the start", _PERSONAL),
            ),
        ),
        Dataset(
            "outages",
            "time in which a part did not answer",
            "started_at",
            (
                _C("outage_id", _I, "number of the outage"),
                _C("part", _T, "engine, shop, telegram, mail"),
                _C("started_at", _AT, "first failure"),
                _C("ended_at", _AT, "first success afterwards; empty while it lasts"),
                _C("messages_affected", _I, "customers' messages that had to wait"),
            ),
        ),
        Dataset(
            "orders",
            "order of the shop",
            "placed_at",
            (
                _C("order_id", _I, "number of the row"),
                _C("order", _T, "order number", _PSEUDONYM),
                _C("customer", _T, "the customer, by the shop's key", _PSEUDONYM),
                _C("placed_at", _AT, "when it was placed"),
                _C("stage", _T, "how far it has come"),
                _C("cancelled_at", _AT, "when it was cancelled"),
                _C("delivered_at", _AT, "when it was delivered"),
                _C("returned_at", _AT, "when the first return was registered"),
            ),
        ),
    )
}

assert all(STORED[d.name] == tuple(c.name for c in d.columns) for d in DATASETS.values())

Converter = Callable[[Any], Any]


def converters(dataset: Dataset, *, key: str, personal: bool) -> list[tuple[int, Converter]]:
    """Return what to do to the values of a stored row, by position; untouched positions are not listed.

    Args:
        dataset: whose rows.
        key: secret that pseudonyms are made with; the same key gives the same pseudonyms in every export.
        personal: whether personal data goes out as it is.
    """
    result: list[tuple[int, Converter]] = []
    for position, column in enumerate(dataset.columns):
        if column.privacy is Privacy.PERSONAL and not personal:
            result.append((position, _nothing))
        elif column.privacy is Privacy.PSEUDONYM and not personal:
            result.append((position, _pseudonymiser(key)))
        elif column.name == "entities":
            result.append((position, _entity_types))
        elif column.name == "operations":
            result.append((position, _operation_words))
    return result


def _nothing(_value: Any) -> None:
    return None


def _pseudonymiser(key: str) -> Converter:
    secret = blake2b(key.encode(), digest_size=32, person=b"zusage export").digest()

    def pseudonym(value: Any) -> str | None:
        return None if value is None else blake2b(str(value).encode(), key=secret, digest_size=8).hexdigest()

    return pseudonym


def _entity_types(value: Sequence[dict[str, Any]] | None) -> str | None:
    return None if value is None else ";".join(str(entity["type"]) for entity in value)


def _operation_words(value: Sequence[dict[str, Any]] | None) -> str | None:
    if value is None:
        return None
    return ";".join(f"{o['name']}:{'ok' if o['ok'] else o.get('code') or 'failed'}" for o in value)


def as_text(value: Any) -> str:
    """Return a value as text: instants in ISO 8601 with offset, truth values in words, documents in JSON."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return str(value)
