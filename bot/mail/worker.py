"""Sends queued mails, marks what became of each, and tries again with back-off."""

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta

from bot.clock import Clock, utc_now
from bot.conversation import PermanentFailure, TemporaryFailure
from bot.logs import mask
from bot.mail.mailer import SECRET_TEMPLATES
from bot.mail.smtp import Transport
from bot.storage.database import Database
from bot.storage.mails import DueMail, Mails
from bot.storage.records import Records

__all__ = ["MailWorker"]

log = logging.getLogger(__name__)

PART = "mail"  # by this name its outages are written down
AT_ONCE = 4
LOOK_AGAIN_S = 2.0
FIRST_BACK_OFF_S = 30
LONGEST_BACK_OFF_S = 3600
# Mail servers give each other this long (RFC 5321, 4.5.4.1: at least four to five days).
GIVE_UP_AFTER = timedelta(days=4)
# Longer than any sending takes. A mail whose sender died is sent again: twice is better than never.
LEASE = timedelta(minutes=5)


class MailWorker:
    """Sends what the mailer queued. Any number of processes may run one each on the same database."""

    def __init__(self, database: Database, transport: Transport, clock: Clock = utc_now) -> None:
        self._database = database
        self._transport = transport
        self._clock = clock
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        # Unknown at first, because a process before this one may have written an outage down.
        self._maybe_out = True

    def wake(self) -> None:
        """Look for work now."""
        self._news.set()

    async def start(self) -> None:
        """Begin to send."""
        self._task = asyncio.create_task(self._work(), name="mail")

    async def stop(self) -> None:
        """Stop; a mail that is being sent now is sent again later."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _work(self) -> None:
        while True:
            self._news.clear()
            sent = 0
            try:
                sent = await self.send_due()
            except Exception:
                log.exception("sending mails stumbled; it goes on")
            if not sent:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), LOOK_AGAIN_S)

    async def send_due(self) -> int:
        """Send the next mails that are due; return how many were tried."""
        async with self._database.begin() as session:
            due = await Mails(session).take_due(self._clock(), AT_ONCE, LEASE)
        for mail, failure in zip(due, await asyncio.gather(*(self._send(mail) for mail in due)), strict=True):
            await self._settle(mail, failure)
        return len(due)

    async def _send(self, mail: DueMail) -> PermanentFailure | TemporaryFailure | None:
        try:
            await self._transport.send(mail)
        except (PermanentFailure, TemporaryFailure) as failure:
            return failure
        except Exception as error:  # an address that no header can hold, for one: it must not stop the others
            log.exception("a mail could not be made")
            return PermanentFailure(f"{type(error).__name__}: {error}")
        return None

    async def _settle(self, mail: DueMail, failure: PermanentFailure | TemporaryFailure | None) -> None:
        now = self._clock()
        state, again = "sent", None
        too_old = now - mail.created_at > GIVE_UP_AFTER
        if isinstance(failure, PermanentFailure) or (failure is not None and too_old):
            state = "dead"
        elif isinstance(failure, TemporaryFailure):
            state = "failed"
            again = now + timedelta(seconds=min(LONGEST_BACK_OFF_S, FIRST_BACK_OFF_S * 2 ** (mail.tries - 1)))
        unreachable = isinstance(failure, TemporaryFailure) and failure.unreachable
        error = mask(str(failure)) if failure is not None else None  # servers like to repeat the address
        async with self._database.begin() as session:
            records = Records(session)
            await Mails(session).settle(
                mail.id,
                state,
                now,
                error=error,
                next_try_at=again,
                forget_words=state in ("sent", "dead") and mail.template in SECRET_TEMPLATES,
            )
            if state == "dead":
                log.warning("a mail (%s) could not be delivered: %s", mail.template, failure)
                records.signal(
                    "availability",
                    "mail_dead",
                    now,
                    conversation_id=mail.conversation_id,
                    data={"template": mail.template},
                )
            if unreachable:
                self._maybe_out = True
                await records.outage_seen(PART, now, error or "", message=mail.tries == 1)
            elif self._maybe_out:
                await records.outage_over(PART, now)
                self._maybe_out = False
        if unreachable:
            log.warning("the mail server cannot be used (%s)", failure)
