"""Queues mails: rendered at once, kept with whatever else the caller commits, sent by the worker afterwards."""

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.clock import Clock, utc_now
from bot.conversation import Language
from bot.mail.files import LabelPrinter, files_for
from bot.mail.links import Links
from bot.mail.rendering import Templates
from bot.shop.mailing import Mail
from bot.shop.policies import Shop
from bot.storage.database import Database, Session
from bot.storage.mails import MailFile, Mails, after_commit

__all__ = ["SECRET_TEMPLATES", "Mailer"]

# Their words are emptied as soon as they are sent.
SECRET_TEMPLATES = frozenset({"code"})
# Receipts of withdrawals that one address gets without delay within a day.
AT_ONCE = 5


class Mailer:
    """Takes mails to customers and staff. Nothing is sent here, so nothing can fail for a reason of the network.

    ``sends`` is False where no mail server is set: mails are then kept and shown, and never sent.
    """

    def __init__(
        self,
        database: Database,
        templates: Templates,
        shop: Shop,
        links: Links,
        *,
        print_label: LabelPrinter,
        sends: bool,
        default_language: Language = "de",
        clock: Clock = utc_now,
    ) -> None:
        self._database = database
        self._templates = templates
        self._shop = shop
        self._links = links
        self._print_label = print_label
        self._sends = sends
        self._default_language = default_language
        self._clock = clock
        self._wake: Callable[[], None] = lambda: None

    def when_queued(self, wake: Callable[[], None]) -> None:
        """Call ``wake`` whenever a mail was committed."""
        self._wake = wake

    async def queue(
        self,
        session: Session,
        to: str,
        template: str,
        language: str,
        values: Mapping[str, Any],
        attachments: Sequence[MailFile] = (),
        *,
        key: str | None = None,
        conversation_id: int | None = None,
        reply_to: str | None = None,
        not_before: datetime | None = None,
        expires_at: datetime | None = None,
        unless_seen: int | None = None,
    ) -> bool:
        """Queue a mail in the caller's transaction; tell whether it is new.

        Args:
            session: the open transaction; the mail exists if and only if it commits.
            to: the address.
            template: name of a template in bot/mail/templates.
            language: ``de`` or ``en``; anything else is the shop's default language.
            values: what the template asks for.
            attachments: files that go with it.
            key: the same key again queues nothing; without one every call is a new mail.
            conversation_id: what it belongs to: erased with it.
            reply_to: who gets the answer, where not the shop.
            not_before: when to send; now if not given.
            expires_at: after this instant it is not worth sending.
            unless_seen: number of a message of the conversation; if the customer has seen it in the chat by the
                time the mail is to be sent, it is not.

        Raises:
            jinja2.TemplateError: if there is no such template, or it asks for a value that is not given.
        """
        now = self._clock()
        spoken = self._language(language)
        rendered = self._templates.render(template, spoken, values)
        new = await Mails(session).add(
            {
                "key": key or f"mail:{secrets.token_urlsafe(16)}",
                "template": template,
                "language": spoken,
                "to": to,
                "reply_to": reply_to,
                "subject": rendered.subject,
                "text": rendered.text,
                "html": rendered.html,
                "conversation_id": conversation_id,
                "unless_seen": unless_seen,
                "state": "waiting" if self._sends else "kept",
                "next_try_at": (not_before or now) if self._sends else None,
                "expires_at": expires_at,
                "created_at": now,
            },
            attachments,
        )
        if new and self._sends and not_before is None:
            after_commit(session, self._wake)
        return new

    async def send(self, mail: Mail, key: str) -> None:
        """Queue a mail of an operation; the same key again does nothing (bot/shop/mailing.py asks for this)."""
        async with self._database.begin() as session:
            conversation = await Mails(session).conversation_of_turn(key.split(":", 1)[0])
            language = self._language(conversation.language if conversation is not None else mail.language)
            values = {**_DEFAULTS.get(mail.kind, {}), **mail.data}
            if mail.kind == "return_label" and values.get("return"):
                values |= values["return"]  # a claim's goods go back under a return of their own
            if mail.kind == "newsletter_confirmation":
                values["link"] = self._links.newsletter(mail.to)
            minutes = values.get("minutes") if mail.kind == "code" else None
            now = self._clock()
            not_before = None
            if mail.kind == "withdrawal_receipt":
                # Anybody can have a receipt sent to any address. The first ones go at once, more only bit by bit, and
                # none is left out.
                earlier = await Mails(session).sent_to_since(mail.to, mail.kind, now - timedelta(days=1))
                not_before = now + timedelta(hours=earlier - AT_ONCE + 1) if earlier >= AT_ONCE else None
            await self.queue(
                session,
                mail.to,
                mail.kind,
                language,
                values,
                files_for(mail.kind, values, language, shop=self._shop.name, print_label=self._print_label),
                key=key,
                conversation_id=conversation.id if conversation is not None else None,
                not_before=not_before,
                expires_at=now + timedelta(minutes=minutes) if minutes else None,
            )

    def _language(self, value: str) -> Language:
        return "de" if value == "de" else "en" if value == "en" else self._default_language


# Operations leave out what does not apply; the templates of several operations ask for all of it.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "return_label": {"name": "", "lines": (), "hand_in_by": None, "pickup_on": None, "refund": None},
    "privacy_request_received": {"name": ""},
    "withdrawal_receipt": {"lines": None},
}
