"""Tables of the conversation side. Shop data is in shop_tables.py."""

from datetime import datetime
from typing import Any

from sqlalchemy import Boolean, Float, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from bot.storage.base import Base, BigInt, Json, UtcDateTime

__all__ = [
    "Agent",
    "AgentSession",
    "Assignment",
    "AttachmentRow",
    "Audit",
    "ChannelLink",
    "ConversationRow",
    "ConversationTag",
    "Delivery",
    "Draft",
    "Handoff",
    "MessageRow",
    "Offer",
    "Outage",
    "PromiseRow",
    "SavedReply",
    "SignInAttempt",
    "Signal",
    "Survey",
    "SurveyAnswer",
    "Tag",
    "Turn",
]


class ConversationRow(Base):
    """One conversation with one customer, over one or several channels."""

    __tablename__ = "conversations"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True)
    channel: Mapped[str] = mapped_column(String(20), index=True)
    external_key: Mapped[str] = mapped_column(String(128))
    language: Mapped[str] = mapped_column(String(2))
    state: Mapped[str] = mapped_column(String(12), index=True)
    last_number: Mapped[int] = mapped_column(Integer, default=0)
    tracker: Mapped[dict[str, Any] | None] = mapped_column(Json)
    # A conversation is worked on under a lease; results are written only where the epoch is still ours.
    lease_owner: Mapped[str | None] = mapped_column(String(40))
    lease_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    lease_epoch: Mapped[int] = mapped_column(Integer, default=0)
    not_understood_in_a_row: Mapped[int] = mapped_column(Integer, default=0)
    customer_id: Mapped[int | None] = mapped_column(BigInt, index=True)
    # Hash of the network address of the last message, to count wrong proofs across conversations.
    address: Mapped[str | None] = mapped_column(String(64))
    page: Mapped[dict[str, Any] | None] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    last_customer_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    last_activity_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    close_reason: Mapped[str | None] = mapped_column(String(40))
    # The number up to which the customer has seen, where the channel tells.
    seen_number: Mapped[int] = mapped_column(Integer, default=0)


class ChannelLink(Base):
    """The address at which a channel knows a conversation. One open conversation per address."""

    __tablename__ = "channel_links"
    __table_args__ = (UniqueConstraint("channel", "external_key"),)

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), index=True)
    channel: Mapped[str] = mapped_column(String(20))
    external_key: Mapped[str] = mapped_column(String(128))
    dead_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class MessageRow(Base):
    """One message or status, numbered within its conversation."""

    __tablename__ = "messages"
    __table_args__ = (
        UniqueConstraint("conversation_id", "number"),
        # What makes a repeated message recognisable; NULLs (our own messages) never collide.
        UniqueConstraint("channel", "external_key", "external_id"),
    )

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"))
    number: Mapped[int] = mapped_column(Integer)
    author: Mapped[str] = mapped_column(String(10))
    channel: Mapped[str | None] = mapped_column(String(20))
    external_key: Mapped[str | None] = mapped_column(String(128))
    external_id: Mapped[str | None] = mapped_column(String(128))
    turn_id: Mapped[int | None] = mapped_column(BigInt, index=True)
    text: Mapped[str | None] = mapped_column(Text)
    buttons: Mapped[list[dict[str, Any]]] = mapped_column(Json, default=list)
    card: Mapped[dict[str, Any] | None] = mapped_column(Json)
    input: Mapped[dict[str, Any] | None] = mapped_column(Json)
    attachments: Mapped[list[dict[str, Any]]] = mapped_column(Json, default=list)
    event: Mapped[dict[str, Any] | None] = mapped_column(Json)
    agent_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))
    agent_name: Mapped[str | None] = mapped_column(String(80))
    # A note that only its author may read.
    private: Mapped[bool] = mapped_column(Boolean, default=False)
    acknowledges: Mapped[bool] = mapped_column(Boolean, default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class AttachmentRow(Base):
    """A file that a customer or agent sent: re-encoded, on disk, served by its public id."""

    __tablename__ = "attachments"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(200))
    media_type: Mapped[str] = mapped_column(String(80))
    size: Mapped[int] = mapped_column(Integer)
    path: Mapped[str] = mapped_column(String(300))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Offer(Base):
    """A button that was shown. A click is honoured only if it names one of its conversation's offers."""

    __tablename__ = "offers"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(24), unique=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), index=True)
    message_id: Mapped[int] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"))
    title: Mapped[str] = mapped_column(String(200))
    payload: Mapped[str] = mapped_column(Text)


class Turn(Base):
    """One customer message and everything that answers it."""

    __tablename__ = "turns"
    __table_args__ = (Index("ix_turns_pending", "state", "next_try_at"),)

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), index=True)
    message_id: Mapped[int] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"), unique=True)
    state: Mapped[str] = mapped_column(String(12))
    payload: Mapped[str | None] = mapped_column(Text)
    # Replies that the channel prepared; the engine is not asked then.
    prepared: Mapped[list[dict[str, Any]] | None] = mapped_column(Json)
    tries: Mapped[int] = mapped_column(Integer, default=0)
    next_try_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    error: Mapped[str | None] = mapped_column(String(300))
    delay_told: Mapped[bool] = mapped_column(Boolean, default=False)
    language: Mapped[str | None] = mapped_column(String(2))
    intent: Mapped[str | None] = mapped_column(String(60), index=True)
    confidence: Mapped[float | None] = mapped_column(Float)
    ranking: Mapped[list[dict[str, Any]] | None] = mapped_column(Json)
    entities: Mapped[list[dict[str, Any]] | None] = mapped_column(Json)
    emotion: Mapped[str | None] = mapped_column(String(20))
    valence: Mapped[float | None] = mapped_column(Float)
    emotion_confidence: Mapped[float | None] = mapped_column(Float)
    understood: Mapped[bool | None] = mapped_column(Boolean)
    acknowledged: Mapped[bool | None] = mapped_column(Boolean)
    goal: Mapped[str | None] = mapped_column(String(60))
    step: Mapped[str | None] = mapped_column(String(60))
    operations: Mapped[list[dict[str, Any]] | None] = mapped_column(Json)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    answered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Delivery(Base):
    """One message on its way to the customer through one channel."""

    __tablename__ = "deliveries"
    __table_args__ = (Index("ix_deliveries_due", "state", "next_try_at"),)

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), index=True)
    message_id: Mapped[int] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"), index=True)
    channel: Mapped[str] = mapped_column(String(20))
    external_key: Mapped[str] = mapped_column(String(128))
    state: Mapped[str] = mapped_column(String(12))
    tries: Mapped[int] = mapped_column(Integer, default=0)
    # How many parts were sent, where a channel needs several for one message.
    part: Mapped[int] = mapped_column(Integer, default=0)
    next_try_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    external_id: Mapped[str | None] = mapped_column(String(128))
    error: Mapped[str | None] = mapped_column(String(300))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Agent(Base):
    """A person of the shop's staff."""

    __tablename__ = "agents"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    email: Mapped[str] = mapped_column(String(200), unique=True)  # lower case
    name: Mapped[str] = mapped_column(String(80))
    role: Mapped[str] = mapped_column(String(10))  # agent, manager, admin
    team: Mapped[str | None] = mapped_column(String(40))
    password_hash: Mapped[str] = mapped_column(String(200))
    must_change_password: Mapped[bool] = mapped_column(Boolean, default=False)
    totp_secret: Mapped[str | None] = mapped_column(String(64))
    totp_step: Mapped[int] = mapped_column(Integer, default=0)  # the last one used: a code works once
    places: Mapped[int] = mapped_column(Integer, default=4)
    presence: Mapped[str] = mapped_column(String(10), default="away")  # available, busy, away
    seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    language: Mapped[str | None] = mapped_column(String(2))
    preferences: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class AgentSession(Base):
    """A signed-in browser of an agent; the cookie holds a random token, the row its hash."""

    __tablename__ = "agent_sessions"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    agent_id: Mapped[int] = mapped_column(ForeignKey("agents.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    browser: Mapped[str | None] = mapped_column(String(200))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SignInAttempt(Base):
    """A failed try to sign in, to limit further ones."""

    __tablename__ = "sign_in_attempts"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    email_hash: Mapped[str] = mapped_column(String(64), index=True)
    address_hash: Mapped[str] = mapped_column(String(64), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class Handoff(Base):
    """One transfer of a conversation to people, from queue to end."""

    __tablename__ = "handoffs"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), index=True)
    state: Mapped[str] = mapped_column(String(12), index=True)
    reason: Mapped[str] = mapped_column(String(40))
    summary: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    outside_hours: Mapped[bool] = mapped_column(Boolean, default=False)
    # What was said about the wait when it was queued, and where the customer stood then.
    announced_wait_s: Mapped[int | None] = mapped_column(Integer)
    position: Mapped[int | None] = mapped_column(Integer)
    # What the wait was expected to be before experience corrected it, in seconds, and how many places were free.
    expected_wait_s: Mapped[float | None] = mapped_column(Float)
    free_places: Mapped[int | None] = mapped_column(Integer)
    # When the customer is told that it takes longer, unless somebody came.
    notice_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    agent_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"), index=True)
    team: Mapped[str | None] = mapped_column(String(40))
    queued_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    accepted_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    first_reply_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    close_reason: Mapped[str | None] = mapped_column(String(40))
    delay_told: Mapped[bool] = mapped_column(Boolean, default=False)
    # Where the customer wants the answer instead of waiting, and how far we have come in asking.
    contact: Mapped[str | None] = mapped_column(String(200))
    contact_step: Mapped[str | None] = mapped_column(String(12))
    snoozed_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # The number up to which the agent has seen.
    seen_number: Mapped[int] = mapped_column(Integer, default=0)


class HelpDeskCase(Base):
    """A handoff that goes to the shop's own help desk, and how far it has come."""

    __tablename__ = "helpdesk_cases"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), index=True)
    handoff_id: Mapped[int] = mapped_column(ForeignKey("handoffs.id", ondelete="CASCADE"), unique=True)
    state: Mapped[str] = mapped_column(String(8))  # waiting, taken, dead
    tries: Mapped[int] = mapped_column(Integer, default=0)
    next_try_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    error: Mapped[str | None] = mapped_column(String(300))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    taken_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Assignment(Base):
    """The time in which one agent had one handoff; open while ``until`` is empty."""

    __tablename__ = "assignments"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    handoff_id: Mapped[int] = mapped_column(ForeignKey("handoffs.id", ondelete="CASCADE"), index=True)
    agent_id: Mapped[int] = mapped_column(ForeignKey("agents.id"), index=True)
    how: Mapped[str] = mapped_column(String(12))  # accepted, automatic, transferred, reopened
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # closed, returned, transferred, vanished
    end: Mapped[str | None] = mapped_column(String(12))


class Tag(Base):
    """A word by which agents sort conversations."""

    __tablename__ = "tags"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(40), unique=True)


class ConversationTag(Base):
    """A tag on a conversation."""

    __tablename__ = "conversation_tags"

    conversation_id: Mapped[int] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    tag_id: Mapped[int] = mapped_column(
        ForeignKey("tags.id", ondelete="CASCADE"), primary_key=True, autoincrement=False, index=True
    )


class SavedReply(Base):
    """A canned reply in both languages, with variables such as ``{customer}``."""

    __tablename__ = "saved_replies"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    shortcut: Mapped[str] = mapped_column(String(40), unique=True)
    title: Mapped[str] = mapped_column(String(120))
    text_de: Mapped[str] = mapped_column(Text, default="")
    text_en: Mapped[str] = mapped_column(Text, default="")
    intents: Mapped[list[str]] = mapped_column(Json, default=list)
    team: Mapped[str | None] = mapped_column(String(40))
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_by: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))


class Draft(Base):
    """What an agent has typed and not sent yet."""

    __tablename__ = "drafts"

    agent_id: Mapped[int] = mapped_column(
        ForeignKey("agents.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    conversation_id: Mapped[int] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    text: Mapped[str] = mapped_column(Text)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Survey(Base):
    """One survey offered at the end of one conversation."""

    __tablename__ = "surveys"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), index=True)
    state: Mapped[str] = mapped_column(String(12))  # offered, answering, paused, done, skipped, expired
    trigger: Mapped[str] = mapped_column(String(20))  # goodbye, agent_closed, silence
    language: Mapped[str] = mapped_column(String(2))
    # The items drawn, in order, each with the probability it was drawn with: [{"item","kind","level","probability"}]
    items: Mapped[list[dict[str, Any]]] = mapped_column(Json)
    position: Mapped[int] = mapped_column(Integer, default=0)
    asked_again: Mapped[bool] = mapped_column(Boolean, default=False)
    agent_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))
    offered_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SurveyAnswer(Base):
    """One answer to one item."""

    __tablename__ = "survey_answers"
    __table_args__ = (UniqueConstraint("survey_id", "item"),)

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    survey_id: Mapped[int] = mapped_column(ForeignKey("surveys.id", ondelete="CASCADE"))
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), index=True)
    item: Mapped[str] = mapped_column(String(40))
    kind: Mapped[str] = mapped_column(String(12))  # level, importance, nps, csat, ces, text
    level: Mapped[str | None] = mapped_column(String(16))  # accuracy, availability, partnership, advice
    value: Mapped[int | None] = mapped_column(Integer)
    text: Mapped[str | None] = mapped_column(Text)
    probability: Mapped[float] = mapped_column(Float)
    answered_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


class Signal(Base):
    """One availability or empathy signal, written when it happened."""

    __tablename__ = "signals"
    __table_args__ = (Index("ix_signals_kind_at", "kind", "at"),)

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    conversation_id: Mapped[int | None] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), index=True)
    turn_id: Mapped[int | None] = mapped_column(BigInt)
    family: Mapped[str] = mapped_column(String(14))  # availability, empathy
    kind: Mapped[str] = mapped_column(String(40))
    value: Mapped[float | None] = mapped_column(Float)
    unit: Mapped[str | None] = mapped_column(String(12))
    data: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class Outage(Base):
    """A time in which a part did not answer. At most one open row per part."""

    __tablename__ = "outages"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    part: Mapped[str] = mapped_column(String(20), index=True)  # engine, telegram, shop, mail
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    messages_affected: Mapped[int] = mapped_column(Integer, default=0)
    error: Mapped[str | None] = mapped_column(String(300))


class PromiseRow(Base):
    """A date, time or amount that was held out to the customer."""

    __tablename__ = "promises"
    __table_args__ = (Index("ix_promises_open", "state", "due_at"),)

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), index=True)
    turn_id: Mapped[int | None] = mapped_column(BigInt)
    kind: Mapped[str] = mapped_column(String(20))
    order_number: Mapped[str | None] = mapped_column(String(40), index=True)
    return_number: Mapped[str | None] = mapped_column(String(40))
    wording: Mapped[str] = mapped_column(Text)
    made_by: Mapped[str] = mapped_column(String(10))  # bot, agent
    agent_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id"))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    state: Mapped[str] = mapped_column(String(12))  # open, kept, broken, withdrawn, superseded
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    told_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    evidence: Mapped[dict[str, Any] | None] = mapped_column(Json)


class Audit(Base):
    """Who saw, did or changed what. Rows are only ever added."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    actor: Mapped[str] = mapped_column(String(80))  # agent:7, bot, system, cli, api:token
    action: Mapped[str] = mapped_column(String(60), index=True)
    conversation_id: Mapped[int | None] = mapped_column(BigInt, index=True)
    subject: Mapped[str | None] = mapped_column(String(80))
    data: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
