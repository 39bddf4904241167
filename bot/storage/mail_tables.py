"""Tables of mails: what is to be sent, what was sent, and the files that go with them."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, Integer, LargeBinary, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from bot.storage.base import Base, BigInt, UtcDateTime

__all__ = ["MailFileRow", "MailRow"]


class MailRow(Base):
    """One mail to one address, rendered when it was queued: what is kept is what was sent."""

    __tablename__ = "mails"
    __table_args__ = (Index("ix_mails_due", "state", "next_try_at"),)

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    public_id: Mapped[str] = mapped_column(String(32), unique=True)  # stands in the Message-ID
    key: Mapped[str] = mapped_column(String(250), unique=True)  # the same key is sent once
    template: Mapped[str] = mapped_column(String(40), index=True)
    language: Mapped[str] = mapped_column(String(2))
    to: Mapped[str] = mapped_column(String(254))
    to_key: Mapped[str] = mapped_column(String(254), index=True)
    # Who the answer to this mail goes to, where not to the shop.
    reply_to: Mapped[str | None] = mapped_column(String(254))
    subject: Mapped[str] = mapped_column(Text)
    # Emptied after sending where the words are a secret, such as a one-time code.
    text: Mapped[str | None] = mapped_column(Text)
    html: Mapped[str | None] = mapped_column(Text)
    conversation_id: Mapped[int | None] = mapped_column(ForeignKey("conversations.id", ondelete="CASCADE"), index=True)
    # Not sent if the customer has seen this message of the conversation by then.
    unless_seen: Mapped[int | None] = mapped_column(Integer)
    # waiting, sending, sent, failed (is tried again), dead, expired, unneeded, kept (nothing is sent here)
    state: Mapped[str] = mapped_column(String(10))
    tries: Mapped[int] = mapped_column(Integer, default=0)
    next_try_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    error: Mapped[str | None] = mapped_column(String(300))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class MailFileRow(Base):
    """A file that goes with a mail."""

    __tablename__ = "mail_files"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    mail_id: Mapped[int] = mapped_column(ForeignKey("mails.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(120))
    media_type: Mapped[str] = mapped_column(String(80))
    content: Mapped[bytes] = mapped_column(LargeBinary)
