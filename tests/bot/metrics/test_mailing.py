"""The weekly report by mail: when the week is over, once to everybody, whoever else is at it."""

import asyncio
from datetime import UTC, date, datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from bot.handoff.hours import ServiceHours
from bot.mail.links import Links
from bot.mail.mailer import Mailer
from bot.mail.rendering import Templates
from bot.metrics import mailing
from bot.metrics.expectations import expectation_map
from bot.metrics.facts import Rules
from bot.metrics.figures import Costs
from bot.metrics.mailing import WeeklyReports
from bot.metrics.reading import FigureReader
from bot.metrics.refresh import Refresher
from bot.metrics.report import NoBrowser
from bot.metrics.simulation.timeline import Plan, simulate
from bot.shop.policies import load_policies
from bot.storage.mail_tables import MailFileRow, MailRow
from bot.survey.bank import load_bank

BERLIN = ZoneInfo("Europe/Berlin")
SUNDAY_NIGHT = datetime(2026, 3, 29, 21, 59, tzinfo=UTC)  # the night the clock is put forward: Berlin is at +2
MONDAY_EARLY = datetime(2026, 3, 30, 4, 59, tzinfo=UTC)
MONDAY_AT_SEVEN = datetime(2026, 3, 30, 5, 0, tzinfo=UTC)
FRIDAY = datetime(2026, 4, 3, 12, 0, tzinfo=UTC)
NEXT_MONDAY = datetime(2026, 4, 6, 5, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_browser(monkeypatch):
    """Printing is tried in tests/browser; here it would only take time."""

    async def none(_page: str) -> bytes:
        raise NoBrowser("none here")

    monkeypatch.setattr(mailing, "print_to_pdf", none)


@pytest.fixture
async def at(settings, database):
    """Make the job as it is at an instant."""
    plan = Plan(40, 14, 5, date(2026, 3, 29), BERLIN)
    await simulate(database, plan, load_bank(Path("survey.yml")), ServiceHours("Mon-Sat 08:00-20:00", BERLIN))
    await Refresher(database, Rules(BERLIN, expectation_map())).rebuild()
    shop = load_policies(settings.policies).shop
    templates, links = Templates(shop, BERLIN, settings.url), Links(settings.signing_key, settings.url)

    def job(now: datetime, *to: str) -> WeeklyReports:
        mailer = Mailer(database, templates, shop, links, print_label=lambda **_: b"", sends=True, clock=lambda: now)
        reader = FigureReader(database, BERLIN, Costs(), lambda: now)
        addresses = to or ("mia@shop.test", "ole@shop.test")
        return WeeklyReports(database, mailer, reader, addresses, time(7), shop.name, "de", lambda: now)

    return job


async def mails(database) -> list[MailRow]:
    async with database.read() as session:
        return list(await session.scalars(select(MailRow).order_by(MailRow.id)))


async def test_it_goes_out_on_monday_from_the_hour_on(at, database) -> None:
    assert await at(MONDAY_EARLY).send_due() == 0
    assert await at(MONDAY_AT_SEVEN).send_due() == 2
    assert [mail.to for mail in await mails(database)] == ["mia@shop.test", "ole@shop.test"]


async def test_on_sunday_night_the_week_before_is_still_the_last_whole_one(at, database) -> None:
    await at(SUNDAY_NIGHT).send_due()
    assert {mail.subject.split(":")[0] for mail in await mails(database)} == {"Wochenbericht 2026-W12"}


async def test_everybody_gets_it_once_a_week(at, database) -> None:
    assert await at(MONDAY_AT_SEVEN).send_due() == 2
    assert await at(FRIDAY).send_due() == 0
    assert await at(NEXT_MONDAY).send_due() == 2


async def test_two_processes_at_once_send_it_once(at, database) -> None:
    queued = await asyncio.gather(at(MONDAY_AT_SEVEN).send_due(), at(MONDAY_AT_SEVEN).send_due())
    assert sum(queued) == 2
    assert len(await mails(database)) == 2


async def test_a_service_that_slept_on_monday_makes_up_for_it(at, database) -> None:
    assert await at(FRIDAY).send_due() == 2


async def test_an_address_added_later_gets_this_weeks_too(at, database) -> None:
    await at(MONDAY_AT_SEVEN, "mia@shop.test").send_due()
    assert await at(FRIDAY, "mia@shop.test", "ole@shop.test").send_due() == 1


async def test_it_says_the_most_important_and_brings_the_rest_as_a_file(at, database) -> None:
    await at(MONDAY_AT_SEVEN, "mia@shop.test").send_due()
    (mail,) = await mails(database)
    assert mail.subject.startswith("Wochenbericht 2026-W13")
    assert "23. März 2026 – 29. März 2026" in mail.text
    assert "Vom Bot gelöst" in mail.text
    async with database.read() as session:
        (file,) = await session.scalars(select(MailFileRow))
    assert (file.name, file.media_type) == ("zusage-2026-W13.html", "text/html")
    assert b"Vom Bot gel" in file.content


async def test_without_addresses_nothing_happens(settings, at, database) -> None:
    job = at(MONDAY_AT_SEVEN)
    assert await WeeklyReports(**{**vars(job), "to": ()}).send_due() == 0
