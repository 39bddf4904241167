"""A mailer on a real database, a worker, and a mail server that can misbehave."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from bot.channels.web.labels import label_pdf
from bot.mail.links import Links
from bot.mail.mailer import Mailer
from bot.mail.rendering import Templates
from bot.mail.smtp import MailServer, SmtpServer
from bot.mail.worker import MailWorker
from bot.shop.policies import Shop, load_policies
from bot.storage.mail_tables import MailRow
from tests.mail_server import MailServerDouble, mail_server

ROOT = Path(__file__).resolve().parents[3]
BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 11, 9, 30, tzinfo=UTC)


class TurnableClock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        self.now += timedelta(**span)


@pytest.fixture
def clock() -> TurnableClock:
    return TurnableClock()


@pytest.fixture(scope="session")
def shop() -> Shop:
    return load_policies(ROOT / "policies.yml").shop


@pytest.fixture
def templates(shop: Shop) -> Templates:
    return Templates(shop, BERLIN, "https://service.example")


@pytest.fixture
def links() -> Links:
    return Links("test-key", "https://service.example")


def mailer_of(database, templates: Templates, shop: Shop, links: Links, clock, *, sends: bool = True) -> Mailer:
    return Mailer(database, templates, shop, links, print_label=label_pdf, sends=sends, clock=clock)


@pytest.fixture
def mailer(database, templates: Templates, shop: Shop, links: Links, clock) -> Mailer:
    return mailer_of(database, templates, shop, links, clock)


@pytest.fixture
async def server() -> AsyncIterator[MailServerDouble]:
    async with mail_server() as double:
        yield double


@pytest.fixture
def worker(database, server: MailServerDouble, clock) -> MailWorker:
    return worker_of(database, server.url, clock)


def worker_of(database, url: str, clock) -> MailWorker:
    transport = SmtpServer(MailServer.parse(url), sender="service@luettmoor.example", sender_name="Lüttmoor")
    return MailWorker(database, transport, clock)


async def states(database) -> list[str]:
    async with database.read() as session:
        return list(await session.scalars(select(MailRow.state).order_by(MailRow.id)))


async def only_mail(database) -> MailRow:
    async with database.read() as session:
        return (await session.scalars(select(MailRow))).one()
