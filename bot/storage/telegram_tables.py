"""Tables of the Telegram channel, of leases, and of the codes that join a website chat and a Telegram chat."""

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from bot.storage.base import Base, BigInt, Json, UtcDateTime

__all__ = ["JoinCode", "Lease", "TelegramKeyboard", "TelegramUpdate"]


class Lease(Base):
    """Who may do something that only one process may do at a time, and until when."""

    __tablename__ = "leases"

    name: Mapped[str] = mapped_column(String(60), primary_key=True)
    owner: Mapped[str | None] = mapped_column(String(40))
    until: Mapped[datetime | None] = mapped_column(UtcDateTime)


class TelegramUpdate(Base):
    """One update of Telegram's, stored before it is confirmed. Its row is what makes a repeated one recognisable."""

    __tablename__ = "telegram_updates"
    __table_args__ = (
        UniqueConstraint("bot_id", "update_id"),
        Index("ix_telegram_updates_open", "bot_id", "state", "update_id"),
    )

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    bot_id: Mapped[int] = mapped_column(BigInt)
    update_id: Mapped[int] = mapped_column(BigInt)
    chat_id: Mapped[int | None] = mapped_column(BigInt)
    state: Mapped[str] = mapped_column(String(8))  # open, done, failed
    # What Telegram sent; emptied once handled, with the chat's id, because the conversation has it then.
    body: Mapped[dict[str, Any] | None] = mapped_column(Json)
    tries: Mapped[int] = mapped_column(Integer, default=0)
    next_try_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    error: Mapped[str | None] = mapped_column(String(300))
    received_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    handled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class TelegramKeyboard(Base):
    """Buttons below a message of ours in a Telegram chat, to be taken away once the customer has gone on."""

    __tablename__ = "telegram_keyboards"
    __table_args__ = (UniqueConstraint("address", "telegram_id"),)

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    address: Mapped[str] = mapped_column(String(128))  # the channel's external key
    telegram_id: Mapped[int] = mapped_column(BigInt)
    message_id: Mapped[int] = mapped_column(ForeignKey("messages.id", ondelete="CASCADE"), index=True)
    sent_at: Mapped[datetime] = mapped_column(UtcDateTime)
    closed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class JoinCode(Base):
    """A one-time code that carries a conversation from one channel to another. Only its hash is kept."""

    __tablename__ = "join_codes"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    code_hash: Mapped[str] = mapped_column(String(64), unique=True)
    conversation_id: Mapped[int] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), index=True)
    to_channel: Mapped[str] = mapped_column(String(20))
    # Where it was made, and where it was opened.
    from_key: Mapped[str] = mapped_column(String(128))
    to_key: Mapped[str | None] = mapped_column(String(128))
    to_name: Mapped[str | None] = mapped_column(String(80))
    state: Mapped[str] = mapped_column(String(10))  # new, opened, agreed, joined, refused
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    settled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
