"""Judges one promise against the shop's facts. Pure functions: no clock, no database."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from zoneinfo import ZoneInfo

from bot.shop.promise_facts import OrderFacts

__all__ = ["ConversationFacts", "Judgement", "Promise", "PromiseState", "judge"]


class PromiseState(StrEnum):
    """The life of a promise."""

    OPEN = "open"
    KEPT = "kept"
    BROKEN = "broken"
    WITHDRAWN = "withdrawn"  # it no longer binds: the order was cancelled, or the customer's part did not happen
    SUPERSEDED = "superseded"  # the same was promised again with another date


@dataclass(frozen=True)
class Promise:
    """What was held out, to whom, until when."""

    id: int
    conversation_id: int
    kind: str
    order_number: str | None
    return_number: str | None
    made_at: datetime
    due_at: datetime


@dataclass(frozen=True)
class ConversationFacts:
    """What happened to the concerns of a conversation.

    Attributes:
        answered_at: when a person wrote, or a data-protection request was answered; instants in order.
        restocked_at: when it was told that goods somebody waits for are back; instants in order.
        restock_on: when those that are not back are expected.
    """

    answered_at: tuple[datetime, ...] = ()
    restocked_at: tuple[datetime, ...] = ()
    restock_on: date | None = None


@dataclass(frozen=True)
class Judgement:
    """What became of a promise. ``new_day`` is the day it will be instead, where the shop knows one.

    ``at_risk`` means still open, but already known to break.
    """

    state: PromiseState
    at_risk: bool = False
    new_day: date | None = None
    evidence: dict[str, str] = field(default_factory=dict)


def judge(
    promise: Promise, order: OrderFacts | None, conversation: ConversationFacts, *, now: datetime, zone: ZoneInfo
) -> Judgement:
    """Judge a promise by the facts of now.

    A promise for a day holds until that day ends in the shop's zone, which is what ``due_at`` says.

    Args:
        promise: what was promised.
        order: facts of its order, None where the shop has no such order (any more).
        conversation: facts of its conversation.
        now: the present instant.
        zone: the shop's time zone, for comparing days.
    """
    if promise.kind in ("callback", "answer"):
        answered = next((at for at in conversation.answered_at if at >= promise.made_at), None)
        return _by_deed(promise, answered, None, now=now, zone=zone, deed="answered_at")
    if promise.kind == "restock":
        told = next((at for at in conversation.restocked_at if at >= promise.made_at), None)
        return _by_deed(promise, told, conversation.restock_on, now=now, zone=zone, deed="told_at")
    if order is None:
        if now > promise.due_at:
            return Judgement(PromiseState.WITHDRAWN, evidence={"why": "order_unknown"})
        return Judgement(PromiseState.OPEN)
    if promise.kind == "delivery":
        if order.cancelled_at is not None and order.delivered_at is None:
            return Judgement(PromiseState.WITHDRAWN, evidence={"cancelled_at": order.cancelled_at.isoformat()})
        return _by_deed(promise, order.delivered_at, order.expected_on, now=now, zone=zone, deed="delivered_at")
    if promise.kind == "replacement":
        return _by_deed(
            promise,
            order.replacement_delivered_at,
            order.replacement_expected_on,
            now=now,
            zone=zone,
            deed="replacement_delivered_at",
        )
    if promise.kind == "return_label":
        ready = any(r.label_ready for r in order.returns if promise.return_number in (None, r.number))
        return _by_deed(promise, promise.made_at if ready else None, None, now=now, zone=zone, deed="label_ready_at")
    if promise.kind == "refund":
        return _refund(promise, order, now=now, zone=zone)
    if now > promise.due_at:
        return Judgement(PromiseState.WITHDRAWN, evidence={"why": "nothing_to_check"})
    return Judgement(PromiseState.OPEN)


def _refund(promise: Promise, order: OrderFacts, *, now: datetime, zone: ZoneInfo) -> Judgement:
    refunds = [r for r in order.refunds if promise.return_number in (None, r.return_number)]
    issued = min((r.issued_at for r in refunds if r.issued_at is not None), default=None)
    expected = max((r.expected_on for r in refunds if r.issued_at is None and r.expected_on), default=None)
    if issued is None and promise.return_number is not None and now > promise.due_at:
        goods = next((r for r in order.returns if r.number == promise.return_number), None)
        if goods is not None and goods.received_at is None:
            return Judgement(PromiseState.WITHDRAWN, evidence={"why": "goods_not_returned"})
    return _by_deed(promise, issued, expected, now=now, zone=zone, deed="issued_at")


def _by_deed(
    promise: Promise, done_at: datetime | None, expected_on: date | None, *, now: datetime, zone: ZoneInfo, deed: str
) -> Judgement:
    if done_at is not None:
        state = PromiseState.KEPT if done_at <= promise.due_at else PromiseState.BROKEN
        return Judgement(state, evidence={deed: done_at.isoformat()})
    due_day = promise.due_at.astimezone(zone).date()
    later = expected_on if expected_on is not None and expected_on > due_day else None
    if now > promise.due_at:
        # A day that is past already is no news worth telling.
        upcoming = later if later is not None and later >= now.astimezone(zone).date() else None
        return Judgement(PromiseState.BROKEN, new_day=upcoming, evidence={"not_done_at": now.isoformat()})
    return Judgement(PromiseState.OPEN, at_risk=later is not None, new_day=later)
