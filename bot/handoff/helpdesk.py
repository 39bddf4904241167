"""Passes handoffs on to the shop's own help desk: as a mail with the transcript, or as a signed webhook.

The webhook follows the Standard Webhooks specification: headers ``webhook-id`` (the same on every try, and again as
``idempotency-key``), ``webhook-timestamp`` and ``webhook-signature``.
"""

import json
import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx

from bot.clock import Clock
from bot.conversation import Author, Language, Listener
from bot.handoff.service import HandoffService
from bot.mail.mailer import Mailer
from bot.shop.telling import signature
from bot.storage.conversations import Conversations
from bot.storage.database import Database, Session
from bot.storage.handoffs import Handoffs
from bot.storage.helpdesk import HelpDeskCases
from bot.storage.records import Records
from bot.storage.tables import ConversationRow, Handoff, HelpDeskCase, MessageRow

__all__ = ["HelpDesk"]

log = logging.getLogger(__name__)

# A customer who leaves no address in this time is passed on without one; the console can still reach them.
WITHOUT_ADDRESS_AFTER = timedelta(minutes=10)
TIMEOUT_S = 10
AT_ONCE = 4
LEASE = timedelta(minutes=1)
FIRST_BACK_OFF_S, LONGEST_BACK_OFF_S = 5, 3600
GIVE_UP_AFTER = timedelta(days=1)
MESSAGES = 500
# Whoever reads along outside must not see what colleagues write to each other.
TOLD = frozenset({Author.CUSTOMER, Author.BOT, Author.AGENT})


@dataclass(frozen=True)
class HelpDesk:
    """A job for the timers. What is to go out is found in the database: a crash loses nothing and repeats nothing.

    Attributes:
        target: ``mailto:`` and an address, or the address of a webhook.
        secret: signs what the webhook gets.
        url: where this service is reached, for the link to the conversation.
    """

    target: str
    secret: str
    url: str
    language: Language
    database: Database
    handoffs: HandoffService
    mailer: Mailer
    publish: Listener
    clock: Clock
    http: httpx.AsyncClient = field(
        default_factory=lambda: httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False, follow_redirects=False)
    )

    async def look(self) -> None:
        """File what has come in, and send what is due."""
        async with self.database.read() as session:
            cases = HelpDeskCases(session)
            new = await cases.not_filed(self.clock() - WITHOUT_ADDRESS_AFTER)
            addressed = await cases.taken_without_address()
        for handoff_id in new:
            await self._file(handoff_id)
        for handoff_id in addressed:
            await self._tell_address(handoff_id)
        async with self.database.begin() as session:
            due = [
                (case.id, case.handoff_id, case.tries, case.created_at)
                for case in await HelpDeskCases(session).take_due(self.clock(), AT_ONCE, LEASE)
            ]
        for case_id, handoff_id, tries, created_at in due:
            await self._post(case_id, handoff_id, tries, created_at)

    async def close(self) -> None:
        """Close the connection."""
        await self.http.aclose()

    async def _file(self, handoff_id: int) -> None:
        """Note that a handoff goes out. A mail is queued with it and retried by the mails' own worker."""
        now = self.clock()
        by_mail = self.target.startswith("mailto:")
        async with self.database.begin() as session:
            handoff = await Handoffs(session).locked(handoff_id)
            if handoff is None or await HelpDeskCases(session).of_handoff(handoff_id) is not None:
                return
            await HelpDeskCases(session).add(
                HelpDeskCase(
                    conversation_id=handoff.conversation_id,
                    handoff_id=handoff_id,
                    state="taken" if by_mail else "waiting",
                    next_try_at=None if by_mail else now,
                    created_at=now,
                    taken_at=now if by_mail else None,
                )
            )
            if by_mail:
                await self._mail(session, handoff, f"helpdesk:{handoff_id}")
        if by_mail:
            await self._hand_over(handoff_id)

    async def _tell_address(self, handoff_id: int) -> None:
        """Send a case again whose customer has left an address since: now the desk can answer."""
        async with self.database.begin() as session:
            handoff = await Handoffs(session).locked(handoff_id)
            case = await HelpDeskCases(session).of_handoff(handoff_id)
            if handoff is None or case is None or case.state != "taken":
                return
            if self.target.startswith("mailto:"):
                await self._mail(session, handoff, f"helpdesk:{handoff_id}:address")
            else:
                case.state, case.tries, case.next_try_at, case.created_at = "waiting", 0, self.clock(), self.clock()
                return
        await self._hand_over(handoff_id)

    async def _hand_over(self, handoff_id: int) -> None:
        """End the handoff here once the desk has it and can reach the customer; else the console keeps it."""
        async with self.database.begin() as session:
            conversation_id = await self.handoffs.pass_outside(session, handoff_id, self.clock())
        if conversation_id is not None:
            await self.publish(conversation_id)

    async def _mail(self, session: Session, handoff: Handoff, key: str) -> None:
        case = await self._case(session, handoff)
        await self.mailer.queue(
            session,
            self.target.removeprefix("mailto:"),
            "helpdesk_case",
            self.language,
            {**case, "language": self.language, "spoken": case["language"]},
            key=key,
            conversation_id=handoff.conversation_id,
            reply_to=handoff.contact,
        )

    async def _post(self, case_id: int, handoff_id: int, tries: int, created_at: datetime) -> None:
        async with self.database.read() as session:
            handoff = await Handoffs(session).get(handoff_id)
            if handoff is None:
                return
            case = await self._case(session, handoff)
        message_id = f"handoff-{handoff_id}" + ("-address" if case["again"] else "")
        now = self.clock()
        body = json.dumps({"type": "handoff.queued", "timestamp": now.isoformat(), "data": case}).encode()
        stamp = str(int(now.timestamp()))
        headers = {
            "content-type": "application/json",
            "webhook-id": message_id,
            "idempotency-key": message_id,
            "webhook-timestamp": stamp,
            "webhook-signature": signature(self.secret, message_id, stamp, body),
        }
        error: str | None = None
        try:
            response = await self.http.post(self.target, content=body, headers=headers)
            if not response.is_success:
                error = f"answered {response.status_code}"
        except httpx.HTTPError as failure:
            error = type(failure).__name__
        await self._settle(case_id, handoff_id, tries, created_at, error)

    async def _settle(self, case_id: int, handoff_id: int, tries: int, created_at: datetime, error: str | None) -> None:
        now = self.clock()
        async with self.database.begin() as session:
            case = await HelpDeskCases(session).locked(case_id)
            if case is None or case.state != "waiting":
                return
            case.error = error
            if error is None:
                case.state, case.taken_at, case.next_try_at = "taken", now, None
            elif now - created_at > GIVE_UP_AFTER:
                case.state, case.next_try_at = "dead", None
                Records(session).signal("availability", "helpdesk_dead", now, conversation_id=case.conversation_id)
                log.error("the help desk did not take handoff %s (%s); it stays in the console", handoff_id, error)
            else:
                wait = min(LONGEST_BACK_OFF_S, FIRST_BACK_OFF_S * 2 ** (tries - 1))
                case.next_try_at = now + timedelta(seconds=wait)
                log.warning("the help desk did not take handoff %s (%s); again in %s s", handoff_id, error, wait)
        if error is None:
            await self._hand_over(handoff_id)

    async def _case(self, session: Session, handoff: Handoff) -> dict[str, Any]:
        """Return what the desk is told: everything that an agent would see, so that nobody asks again."""
        conversation = await session.get_one(ConversationRow, handoff.conversation_id)
        messages = await Conversations(session).messages(
            conversation.id, after=max(0, conversation.last_number - MESSAGES)
        )
        case = await HelpDeskCases(session).of_handoff(handoff.id)
        return {
            "handoff": handoff.id,
            "reference": conversation.public_id[:8],
            "conversation": conversation.public_id,
            "reason": handoff.reason,
            "language": conversation.language,
            "channel": conversation.channel,
            "queued_at": handoff.queued_at.isoformat(),
            "outside_hours": handoff.outside_hours,
            "contact": handoff.contact,
            "again": case is not None and case.taken_at is not None,
            "summary": handoff.summary,
            "transcript": [_line(message) for message in messages if message.author in TOLD],
            "console_url": f"{self.url}/console/conversations/{conversation.id}",
        }


def _line(message: MessageRow) -> dict[str, Any]:
    return {
        "number": message.number,
        "author": message.author,
        "name": message.agent_name,
        "at": message.created_at.isoformat(),
        "text": message.text or "",
        "pictures": len(message.attachments or []),
    }
