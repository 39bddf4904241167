"""Every mail that an operation sends, rendered from what the operation really answers, in both languages."""

import re
from dataclasses import replace

import pytest
from sqlalchemy import select

from bot.channels.web.labels import label_pdf
from bot.mail.mailer import Mailer
from bot.mail.rendering import Templates
from bot.shop.mailing import Mail
from bot.storage.mail_tables import MailRow
from bot.storage.mails import Mails
from tests.bot.mail.conftest import mailer_of
from tests.bot.shop.conftest import (  # noqa: F401
    TurnableClock,
    clock,
    desk_of,
    loaded,
    loaded_sqlite,
    policies,
    shop_data,
)


@pytest.fixture
def mailer(loaded, templates: Templates, shop, links, clock: TurnableClock) -> Mailer:  # noqa: F811
    return mailer_of(loaded, templates, shop, links, clock, sends=False)


@pytest.fixture
def desk(loaded, shop_data, policies, clock, mailer):  # noqa: F811
    desk = desk_of(loaded, shop_data, policies, clock, mailer=mailer)
    desk.database = loaded
    return desk


@pytest.fixture
def english_desk(loaded, shop_data, policies, clock, mailer):  # noqa: F811
    desk = desk_of(loaded, shop_data, policies, clock, mailer=InEnglish(mailer))
    desk.database = loaded
    return desk


async def mails(desk) -> list[MailRow]:
    async with desk.database.read() as session:
        return list(await session.scalars(select(MailRow).order_by(MailRow.id)))


class InEnglish:
    """Stands for customers whose language is English."""

    def __init__(self, mailer: Mailer) -> None:
        self.mailer = mailer

    async def send(self, mail: Mail, key: str) -> None:
        await self.mailer.send(replace(mail, language="en"), key)


class TestReturnLabel:
    @pytest.mark.parametrize("label", ["qr", "pdf"])
    async def test_the_label_goes_with_it(self, desk, label: str) -> None:
        order = await desk.proven("delivered", full=True)
        answer = await desk.done("create_return", order_number=order.number, label=label, drop_off="service_point")
        (row,) = await mails(desk)
        assert (row.template, row.to, row.state) == ("return_label", order.email, "kept")
        assert answer["number"] in row.subject
        assert answer["label"]["reference"] in row.text
        assert re.search(r"bis (Mo|Di|Mi|Do|Fr|Sa|So)\w+, \d+\. \w+ 2026", row.text)
        async with desk.database.read() as session:
            (file,) = (await Mails(session).files([row.id]))[row.id]
        assert file.content.startswith(b"%PDF" if label == "pdf" else b"\x89PNG")

    async def test_repeating_the_turn_sends_one(self, desk) -> None:
        order = await desk.proven("delivered")
        for _ in range(2):
            await desk.done("create_return", order_number=order.number, turn="t-once")
        assert len(await mails(desk)) == 1

    async def test_a_preview_sends_none(self, desk) -> None:
        order = await desk.proven("delivered")
        await desk.done("create_return", order_number=order.number, dry=True)
        assert await mails(desk) == []

    async def test_a_label_is_sent_again(self, desk) -> None:
        order = await desk.proven("delivered")
        await desk.done("create_return", order_number=order.number)
        await desk.done("resend_label", order_number=order.number)
        assert [row.template for row in await mails(desk)] == ["return_label", "return_label"]


class TestCopies:
    async def test_an_invoice_names_every_line_and_the_total(self, desk) -> None:
        order = await desk.proven("delivered")
        await desk.done("resend_invoice", order_number=order.number)
        (row,) = await mails(desk)
        assert order.invoice_number in row.subject
        for line in order.lines:
            assert line.name in row.text

    async def test_a_confirmation(self, desk) -> None:
        order = await desk.proven("processing")
        await desk.done("resend_confirmation", order_number=order.number)
        (row,) = await mails(desk)
        assert (row.template, order.number in row.subject) == ("order_confirmation", True)


class TestCode:
    async def test_it_says_the_code_and_ends_with_it(self, desk, clock) -> None:  # noqa: F811
        order = desk.sample("delivered")
        await desk.done("send_code", order_number=order.number)
        (row,) = await mails(desk)
        code = re.search(r"\b\d{6}\b", row.text)[0]
        assert (row.expires_at - clock.now).total_seconds() == 600
        data = await desk.done("confirm_code", code=code)
        assert data["level"] == "full"

    async def test_its_words_are_gone_once_it_is_sent(self, desk, templates, shop, links, clock, server) -> None:  # noqa: F811
        from tests.bot.mail.conftest import worker_of

        desk.verifier._mailer = mailer_of(desk.database, templates, shop, links, clock)
        await desk.done("send_code", order_number=desk.sample("delivered").number)
        await worker_of(desk.database, server.url, clock).send_due()
        (row,) = await mails(desk)
        assert (row.state, row.text, row.html) == ("sent", None, None)
        assert len(server.received) == 1


class TestService:
    async def test_a_newsletter_is_confirmed_by_a_link_for_that_address(self, desk, links) -> None:
        await desk.done("newsletter", subscribe=True, email="neu@example.org")
        (row,) = await mails(desk)
        token = re.search(r"/newsletter/(\S+)", row.text)[1]
        assert links.newsletter_address(token) == "neu@example.org"
        assert links.newsletter_address(token[:-2] + "xx") is None

    async def test_a_privacy_request_is_acknowledged(self, desk) -> None:
        await desk.proven("delivered", full=True)
        answer = await desk.done("privacy_request", kind="access")
        (row,) = await mails(desk)
        assert answer["number"] in row.subject
        assert "Auskunft" in row.text

    async def test_a_withdrawal_is_acknowledged_with_its_content_and_its_second(self, desk) -> None:
        answer = await desk.done(
            "withdraw_contract",
            name="Jana Müller",
            contract="LM-104217",
            receipt_to="jana@example.org",
            lines="nur die Jacke",
        )
        (row,) = await mails(desk)
        assert row.to == "jana@example.org"
        for said in (answer["number"], "Jana Müller", "LM-104217", "nur die Jacke", "11. November 2026, 10:30:00 Uhr"):
            assert said in row.text


async def test_in_english_nothing_is_missing_and_nothing_german(english_desk) -> None:
    desk = english_desk
    order = await desk.proven("delivered", full=True)
    await desk.done("create_return", order_number=order.number)
    await desk.done("resend_invoice", order_number=order.number)
    await desk.done("resend_confirmation", order_number=order.number)
    await desk.done("privacy_request", kind="erasure")
    await desk.done("newsletter", subscribe=True, email="new@example.org")
    await desk.done("withdraw_contract", name="Jane", contract="LM-1", receipt_to="jane@example.org")
    await desk.done("send_code", order_number=order.number)
    rows = await mails(desk)
    assert [row.template for row in rows] == [
        "return_label",
        "invoice",
        "order_confirmation",
        "privacy_request_received",
        "newsletter_confirmation",
        "withdrawal_receipt",
        "code",
    ]
    for row in rows:
        assert row.language == "en"
        assert not re.search(r"\b(Ihre?|Guten Tag|und|Sie|Uhr)\b", row.text), row.text


def test_labels_are_drawn_by_the_chats_printer() -> None:
    assert label_pdf(
        shop="Lüttmoor", number="R-1", order_number="LM-1", reference="X", hand_in_by="2026-11-25", language="de"
    ).startswith(b"%PDF")
