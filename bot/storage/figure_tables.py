"""Tables that figures are read from. All of it is derived from other tables and can be made anew at any time."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import Boolean, Date, Float, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from bot.storage.base import Base, BigInt, Json, UtcDateTime

__all__ = ["ANY", "ApiToken", "ConversationFact", "DailyFigure", "FigureState"]

# Stands for any channel, language, topic and handler: in the rows that unfiltered figures are read from.
ANY = "*"


class ConversationFact(Base):
    """What one conversation came to. docs/metrics.md defines every column."""

    __tablename__ = "conversation_facts"
    __table_args__ = (
        Index("ix_conversation_facts_day", "day", "channel", "language", "topic"),
        Index("ix_conversation_facts_customer", "customer", "started_at"),
    )

    conversation_id: Mapped[int] = mapped_column(
        ForeignKey("conversations.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    day: Mapped[date] = mapped_column(Date)  # of the first message, in the shop's time zone
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    # The customer by the shop's key, else by the channel's address.
    customer: Mapped[str] = mapped_column(String(160))
    channel: Mapped[str] = mapped_column(String(20))
    language: Mapped[str] = mapped_column(String(2))
    topic: Mapped[str] = mapped_column(String(12))
    handler: Mapped[str] = mapped_column(String(8))  # bot, person
    intent: Mapped[str | None] = mapped_column(String(60))  # the first matter
    matter: Mapped[bool] = mapped_column(Boolean)
    cross_channel: Mapped[bool] = mapped_column(Boolean)
    mixed_language: Mapped[bool] = mapped_column(Boolean)
    customer_messages: Mapped[int] = mapped_column(Integer)
    bot_messages: Mapped[int] = mapped_column(Integer)
    agent_messages: Mapped[int] = mapped_column(Integer)
    not_understood: Mapped[int] = mapped_column(Integer)
    judged: Mapped[int] = mapped_column(Integer)
    handoffs: Mapped[int] = mapped_column(Integer)
    handoff_reason: Mapped[str | None] = mapped_column(String(40))
    wait_abandoned: Mapped[bool] = mapped_column(Boolean)
    resolution: Mapped[str] = mapped_column(String(12))
    withdrawn: Mapped[bool] = mapped_column(Boolean)
    repeated: Mapped[bool] = mapped_column(Boolean)
    reopened: Mapped[int] = mapped_column(Integer)
    complaint: Mapped[int] = mapped_column(Integer)
    complaint_repeated: Mapped[bool] = mapped_column(Boolean)
    upset: Mapped[int] = mapped_column(Integer)
    recovered: Mapped[bool | None] = mapped_column(Boolean)
    abandoned_at: Mapped[str | None] = mapped_column(String(120))  # goal/step of a matter that was left
    passed_over: Mapped[int] = mapped_column(Integer)  # upset messages whose answer did not take the feeling up
    asked_again: Mapped[int] = mapped_column(Integer)
    # The slowest answer and the longest wait for a person, in seconds; none if there was none.
    answer_bot_s: Mapped[float | None] = mapped_column(Float)
    answer_agent_s: Mapped[float | None] = mapped_column(Float)
    wait_s: Mapped[float | None] = mapped_column(Float)
    level_missed: Mapped[bool] = mapped_column(Boolean)  # a person came later than the service level asks for
    announced_exceeded: Mapped[bool] = mapped_column(Boolean)
    # The lowest answers to the survey.
    csat: Mapped[int | None] = mapped_column(Integer)
    ces: Mapped[int | None] = mapped_column(Integer)
    nps: Mapped[int | None] = mapped_column(Integer)
    surveys: Mapped[int] = mapped_column(Integer)
    answered_surveys: Mapped[int] = mapped_column(Integer)
    promises: Mapped[int] = mapped_column(Integer)  # those superseded by a newer one left out
    promises_kept: Mapped[int] = mapped_column(Integer)
    promises_broken: Mapped[int] = mapped_column(Integer)
    unmet: Mapped[str] = mapped_column(String(400))  # unmet expectations, as ;level/kind;level/kind;
    person_seconds: Mapped[float] = mapped_column(Float)
    # What is counted beside the columns: times, load, flows, answers, promises, expectations, matters.
    details: Mapped[dict[str, Any]] = mapped_column(Json)


class DailyFigure(Base):
    """A sum over the conversations that began on one day, or in one month, and share the filter's attributes.

    A row of ``ANY`` adds up all the others of its day: a sixth as many, for the figures that are asked for most.

    ``n`` counts, ``total`` adds values (or weights), ``squares`` their squares. ``detail`` tells what is
    counted within a measure: a state, a reason, a rounded time.
    """

    __tablename__ = "daily_figures"
    __table_args__ = (
        Index("ix_daily_figures_channel", "grain", "channel", "day"),
        {"sqlite_with_rowid": False},
    )

    grain: Mapped[str] = mapped_column(String(5), primary_key=True)  # day, month
    day: Mapped[date] = mapped_column(Date, primary_key=True)  # a month is named by its first day
    measure: Mapped[str] = mapped_column(String(40), primary_key=True)
    channel: Mapped[str] = mapped_column(String(20), primary_key=True)
    language: Mapped[str] = mapped_column(String(2), primary_key=True)
    topic: Mapped[str] = mapped_column(String(12), primary_key=True)
    handler: Mapped[str] = mapped_column(String(8), primary_key=True)
    detail: Mapped[str] = mapped_column(String(120), primary_key=True)
    n: Mapped[int] = mapped_column(BigInt)
    total: Mapped[float] = mapped_column(Float)
    squares: Mapped[float] = mapped_column(Float)


class FigureState(Base):
    """How far the figures have come, by name: what was seen, for which rules and settings."""

    __tablename__ = "figure_state"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    value: Mapped[dict[str, Any]] = mapped_column(Json)


class ApiToken(Base):
    """A program's right to read figures and exports; only the token's hash is kept."""

    __tablename__ = "api_tokens"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    scopes: Mapped[list[str]] = mapped_column(Json)  # metrics, export, export:personal
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(80))
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
