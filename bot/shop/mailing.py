"""Mails that operations send; whoever sends them keeps an outbox, so that the same key sends nothing twice."""

from dataclasses import dataclass
from typing import Any, Literal, Protocol

__all__ = ["Mail", "MailKind", "Mailer"]

MailKind = Literal[
    "code",
    "invoice",
    "order_confirmation",
    "return_label",
    "newsletter_confirmation",
    "privacy_request_received",
    "restock_watch",
    "withdrawal_receipt",
]


@dataclass(frozen=True)
class Mail:
    """One mail to one customer.

    Attributes:
        kind: which template.
        to: the address.
        language: ``de`` or ``en``.
        data: what the template shows, as JSON: the operation's answer and what it adds.
    """

    kind: MailKind
    to: str
    language: str
    data: dict[str, Any]


class Mailer(Protocol):
    """Takes mails to be sent."""

    async def send(self, mail: Mail, key: str) -> None:
        """Put a mail into the outbox; the same key again does nothing."""
        ...
