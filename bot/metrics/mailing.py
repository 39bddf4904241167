"""Mails the weekly report, once to each address, when the week is over."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from bot.clock import Clock, utc_now
from bot.conversation import Language
from bot.mail.mailer import Mailer
from bot.metrics.presentation import HEADLINES, Presentation
from bot.metrics.reading import FigureReader
from bot.metrics.report import NoBrowser, print_to_pdf, render_report, week_of
from bot.metrics.words import word
from bot.storage.database import Database
from bot.storage.figures import Slice
from bot.storage.mails import MailFile, Mails

__all__ = ["WeeklyReports"]

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WeeklyReports:
    """A job for the timers. Any number of processes may run it: a mail's key lets each report out once.

    ``to`` are the addresses, ``at`` the time of Monday (in the shop's zone) from which the week before is reported. A
    service that was not running then makes up for it later in the week.
    """

    database: Database
    mailer: Mailer
    reader: FigureReader
    to: Sequence[str]
    at: time
    shop: str
    language: Language
    clock: Clock = utc_now

    async def send_due(self) -> int:
        """Queue what is due and not yet queued; return the number of mails."""
        now = self.clock().astimezone(self.reader.zone)
        monday = now.date() - timedelta(days=now.weekday())
        if not self.to or now < datetime.combine(monday, self.at, self.reader.zone):
            return 0
        first, last = week_of(None, now.date())
        year, week, _ = first.isocalendar()
        name = f"{year}-W{week:02}"
        keys = {address: f"weekly-report:{name}:{address.lower()}" for address in self.to}
        async with self.database.read() as session:
            queued_before = await Mails(session).queued(keys.values())
        keys = {address: key for address, key in keys.items() if key not in queued_before}
        if not keys:
            return 0
        overview = await self.reader.overview(Slice(first, last))
        page = render_report(overview, self.shop, self.language)
        files = [MailFile(f"zusage-{name}.html", "text/html", page.encode())]
        try:
            files.append(MailFile(f"zusage-{name}.pdf", "application/pdf", await print_to_pdf(page)))
        except NoBrowser as error:
            log.info("The weekly report goes out without a PDF: %s", error.message)
        presentation = Presentation(overview, self.language)
        values = {
            "title": f"{word('page.report', self.language)} {name}: {self.shop}",
            "words": "\n".join([presentation.period, "", *(_line(presentation, key) for key in HEADLINES)]),
        }
        queued = 0
        async with self.database.begin() as session:
            for address, key in keys.items():
                queued += await self.mailer.queue(session, address, "report", self.language, values, files, key=key)
        return queued


def _line(presentation: Presentation, key: str) -> str:
    row = presentation.row(key)
    told = f"{row.label}: {row.value} ({word('page.before', presentation.language)} {row.before}"
    if row.change != "same":
        told += f", {word(f'page.{row.change}', presentation.language)}"
    return f"{told}{', ' + word('page.few', presentation.language) if row.few else ''})"
