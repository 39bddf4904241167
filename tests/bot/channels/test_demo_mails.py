"""The demo's mailbox shows what was queued, and nothing of a mail can act on the page."""

import httpx
import pytest

from bot.app import create_app
from bot.mail.rendering import Templates
from tests.bot.mail.conftest import clock, links, mailer, shop, templates  # noqa: F401


@pytest.fixture
async def client(settings):
    app = create_app(settings)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as client:
        yield client


async def test_an_empty_mailbox_says_so(client) -> None:
    page = await client.get("/demo/mails")
    assert page.status_code == 200
    assert "Noch keine E-Mail" in page.text


async def test_a_mail_is_listed_and_read(client, database, mailer) -> None:  # noqa: F811
    async with database.begin() as session:
        await mailer.queue(session, "jana@example.org", "report", "de", {"title": "Bericht", "words": "<script>x"})
    page = await client.get("/demo/mails?lang=en")
    assert "jana@example.org" in page.text
    link = page.text.split('href="/demo/mails/')[1].split("?")[0]
    read = await client.get(f"/demo/mails/{link}")
    assert "&lt;script&gt;x" in read.text
    assert "<script>" not in read.text
    assert "frame-src 'self'" in read.headers["content-security-policy"]
    html = await client.get(f"/demo/mails/{link}/html")
    assert "sandbox" in html.headers["content-security-policy"]
    assert "<script>" not in html.text


async def test_there_is_no_such_mail(client) -> None:
    assert (await client.get("/demo/mails/nothing")).status_code == 404


async def test_outside_the_demo_there_is_no_mailbox(settings) -> None:
    app = create_app(settings.model_copy(update={"demo": False}))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as client:
        assert (await client.get("/demo/mails")).status_code == 404


def test_a_template_never_asks_the_network(templates: Templates) -> None:  # noqa: F811
    mail = templates.render("report", "de", {"title": "Bericht", "words": "x"})
    assert "<img" not in mail.html
    assert "src=" not in mail.html
