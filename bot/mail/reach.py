"""Writes a mail where the conversation's own channel would not bring a message to the customer."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from bot.clock import Clock
from bot.mail.mailer import Mailer
from bot.storage.database import Session
from bot.storage.mails import Mails
from bot.storage.tables import ConversationRow

__all__ = ["Reach"]

# Channels that bring a message to the customer's device wherever they are.
PUSH = frozenset({"telegram"})
WEB = "web"
# A visitor who closed the page is given this long to come back before the mail goes out.
COME_BACK = timedelta(minutes=10)


@dataclass(frozen=True)
class Reach:
    """Knows how a customer can be reached.

    Attributes:
        mailer: takes the mails.
        is_present: tells whether the customer has the web chat open.
        clock: the time.
    """

    mailer: Mailer
    is_present: Callable[[int], bool]
    clock: Clock

    async def mail_too(
        self,
        session: Session,
        conversation: ConversationRow,
        number: int,
        template: str,
        values: Mapping[str, Any],
        *,
        order_number: str | None,
        key: str,
    ) -> bool:
        """Queue a mail that says what a message of the conversation says, if the message may not arrive.

        It goes at once where the channel only answers when asked (REST) or no address is left, and after a while
        where the web chat is closed, unless the customer has come back by then.

        Args:
            session: the transaction in which the message was stored.
            conversation: what the message belongs to.
            number: of the message.
            template: of the mail; it is given the recipient's ``name`` besides ``values``.
            values: what the template asks for.
            order_number: what it is about, if it is about an order; its customer is written to.
            key: the same key is queued once.

        Returns:
            Whether a mail was queued: not where the channel reaches, nor where no proven address is known.
        """
        live = await Mails(session).live_channels(conversation.id)
        if live & PUSH or (WEB in live and self.is_present(conversation.id)):
            return False
        recipient = await Mails(session).recipient(conversation, order_number)
        if recipient is None:
            return False
        later = WEB in live
        return await self.mailer.queue(
            session,
            recipient.email,
            template,
            recipient.language,
            {"name": recipient.name, **values},
            key=key,
            conversation_id=conversation.id,
            not_before=self.clock() + COME_BACK if later else None,
            unless_seen=number if later else None,
        )
