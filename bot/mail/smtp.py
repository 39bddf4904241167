"""Hands mails to a mail server, and says of every failure whether trying again can help."""

import email.policy
import ssl
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Protocol
from urllib.parse import parse_qs, unquote, urlsplit

import aiosmtplib

from bot.conversation import PermanentFailure, TemporaryFailure
from bot.errors import InvalidInput
from bot.storage.mails import DueMail

__all__ = ["MailServer", "SmtpServer", "Transport", "build_message"]

TIMEOUT_S = 30.0
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Transport(Protocol):
    """What carries mails away."""

    async def send(self, mail: DueMail) -> None:
        """Send one mail.

        Raises:
            TemporaryFailure: may be tried again; ``unreachable`` says that it is not the mail's fault.
            PermanentFailure: must not be tried again.
        """
        ...


@dataclass(frozen=True)
class MailServer:
    """Where a mail server is and how to speak to it."""

    host: str
    port: int
    user: str | None
    password: str | None
    use_tls: bool
    start_tls: bool | None

    @classmethod
    def parse(cls, url: str) -> "MailServer":
        """Read ``smtp://user:password@host:587`` or ``smtps://...``.

        Mails and passwords go encrypted, except to this very machine. ``?tls=off`` allows a server in the
        own network that knows no encryption.

        Raises:
            InvalidInput: if it cannot be read; the message shows no password.
        """
        parts = urlsplit(url)
        options = parse_qs(parts.query)
        tls = options.pop("tls", ["on"])[-1]
        try:
            port = parts.port
        except ValueError:
            raise InvalidInput("ZUSAGE_SMTP_URL: the port is not a number.", code="smtp_url_invalid") from None
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname or options or tls not in ("on", "off"):
            raise InvalidInput(
                "ZUSAGE_SMTP_URL must look like smtp://user:password@host:587 or smtps://user:password@host:465, "
                "with ?tls=off for a server without encryption.",
                code="smtp_url_invalid",
            )
        direct = parts.scheme == "smtps"
        start_tls: bool | None = False
        if not direct and tls == "on":
            start_tls = None if parts.hostname in LOOPBACK else True
        return cls(
            host=parts.hostname,
            port=port or (465 if direct else 587),
            user=unquote(parts.username) if parts.username else None,
            password=unquote(parts.password) if parts.password else None,
            use_tls=direct,
            start_tls=start_tls,
        )


class SmtpServer:
    """Sends through one mail server, one connection per mail: a broken one spoils no other."""

    def __init__(self, server: MailServer, *, sender: str, sender_name: str) -> None:
        self._server = server
        self._sender = sender
        self._sender_name = sender_name

    async def send(self, mail: DueMail) -> None:
        """Send one mail; see Transport."""
        server = self._server
        message = build_message(mail, sender=self._sender, sender_name=self._sender_name)
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            username=server.user,
            password=server.password,
            use_tls=server.use_tls,
            start_tls=server.start_tls,
            timeout=TIMEOUT_S,
        )
        try:
            async with client:
                await client.send_message(message, sender=self._sender, recipients=[mail.to])
        except aiosmtplib.SMTPRecipientsRefused as error:
            refused = error.recipients[0]
            raise _judged(refused.code, refused.message) from error
        except aiosmtplib.SMTPDataError as error:
            raise _judged(error.code, error.message) from error
        except aiosmtplib.SMTPNotSupported as error:
            if "SMTPUTF8" in str(error):
                raise PermanentFailure(f"the mail server cannot write to such an address: {error}") from error
            raise TemporaryFailure(f"the mail server lacks something: {error}", unreachable=True) from error
        except aiosmtplib.SMTPResponseException as error:
            # It did not like us (sign-in, sender), not this mail: that is for the operator to mend.
            raise TemporaryFailure(f"{type(error).__name__}: {error.code} {error.message}", unreachable=True) from error
        except (aiosmtplib.SMTPException, OSError, ssl.SSLError) as error:
            raise TemporaryFailure(f"{type(error).__name__}: {error}", unreachable=True) from error


def build_message(mail: DueMail, *, sender: str, sender_name: str) -> EmailMessage:
    """Return a mail in the form in which it travels.

    The Message-ID stays the same however often it is sent, so a mailbox can recognise a repetition.
    """
    message = EmailMessage(policy=email.policy.SMTP)
    message["From"] = Address(display_name=sender_name, addr_spec=sender)
    message["To"] = Address(addr_spec=mail.to)
    if mail.reply_to:
        message["Reply-To"] = Address(addr_spec=mail.reply_to)
    message["Subject"] = mail.subject
    message["Date"] = format_datetime(mail.created_at)
    message["Message-ID"] = f"<{mail.public_id}@{sender.rpartition('@')[2]}>"
    # Nobody's "I am on holiday" should answer us.
    message["Auto-Submitted"] = "auto-generated"
    message["X-Auto-Response-Suppress"] = "All"
    message.set_content(mail.text)
    message.add_alternative(mail.html, subtype="html")
    for file in mail.files:
        main, _, sub = file.media_type.partition("/")
        message.add_attachment(file.content, maintype=main, subtype=sub, filename=file.name)
    return message


def _judged(code: int, words: str) -> PermanentFailure | TemporaryFailure:
    """By the first digit (RFC 5321, 4.2.1): 5 means never, 4 means not now."""
    text = f"{code} {words}"
    return PermanentFailure(text) if code >= 500 else TemporaryFailure(text)
