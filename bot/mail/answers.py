"""Mails agents' answers to customers who left an address instead of waiting."""

from dataclasses import dataclass
from datetime import timedelta

from bot.clock import Clock
from bot.mail.mailer import Mailer
from bot.storage.database import Database
from bot.storage.mails import ANSWER, Mails

__all__ = ["AnswersByMail"]

# Agents write in several short messages; they become one mail once nothing was added for this long.
QUIET = timedelta(seconds=60)
LOOK_BACK = timedelta(days=2)


@dataclass(frozen=True)
class AnswersByMail:
    """A job for the timers. It looks at what is stored: a restart loses nothing, a second process adds nothing."""

    database: Database
    mailer: Mailer
    clock: Clock

    async def mail_answers(self) -> int:
        """Queue a mail for everything that agents wrote to such customers; return how many."""
        now = self.clock()
        async with self.database.read() as session:
            answers = await Mails(session).answers_to_mail(now - LOOK_BACK)
        ready = [answer for answer in answers if answer.ended or answer.written_at <= now - QUIET]
        for answer in ready:
            async with self.database.begin() as session:
                await self.mailer.queue(
                    session,
                    answer.to,
                    ANSWER,
                    answer.language,
                    {
                        "name": "",
                        "agent": answer.agent,
                        "words": "\n\n".join(answer.words),
                        "reference": answer.public_id[:8],
                    },
                    key=f"{ANSWER}:{answer.conversation_id}:{answer.upto}",
                    conversation_id=answer.conversation_id,
                )
        return len(ready)
