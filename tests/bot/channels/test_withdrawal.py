"""The withdrawal page: two steps, three questions, a receipt at once, evidence, and a person who sees to it."""

import re
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import func, select

from bot.app import create_app
from bot.clock import utc_now
from bot.storage.mail_tables import MailRow
from bot.storage.shop_tables import CustomerRow, OrderRow, WithdrawalRow
from bot.storage.tables import Audit, ConversationRow, Delivery, Handoff, MessageRow, Survey

GOOD = {"name": "Jana Müller", "contract": "LM-104217", "lines": "", "email": "jana@example.org"}
PAGES = [
    ("de", "/widerruf", "/widerruf/bestaetigen", "/widerruf/aendern"),
    ("en", "/withdrawal", "/withdrawal/confirm", "/withdrawal/edit"),
]


class Shopper:
    """A browser without scripts, cookies and patience."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def declare(self, path: str = "/widerruf", **typed: str) -> httpx.Response:
        return await self.client.post(path, data=GOOD | typed)

    @staticmethod
    def form_of(page: httpx.Response) -> dict[str, str]:
        import html

        return {
            name: html.unescape(value)
            for name, value in re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text)
        }

    async def withdraw(self, path: str = "/widerruf", confirm: str = "/widerruf/bestaetigen", **typed: str):
        review = await self.declare(path, **typed)
        return await self.client.post(confirm, data=self.form_of(review))


@pytest.fixture
async def service(settings):
    app = create_app(settings)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=app), base_url="http://shop.example", follow_redirects=True
    ) as client:
        yield Shopper(client)


async def rows(database, table) -> list:
    async with database.read() as session:
        return list(await session.scalars(select(table).order_by(table.id)))


class TestTheLaw:
    @pytest.mark.parametrize(
        ("path", "first", "second"),
        [
            ("/widerruf", "Vertrag widerrufen", "Widerruf bestätigen"),
            ("/withdrawal", "Withdraw from contract", "Confirm withdrawal"),
        ],
    )
    async def test_two_steps_with_the_laws_words(self, service, path: str, first: str, second: str) -> None:
        form = await service.client.get(path)
        assert f"<button>{first}</button>" in form.text
        review = await service.declare(path)
        assert f"<button>{second}</button>" in review.text

    async def test_three_things_are_asked_and_no_reason(self, service) -> None:
        form = await service.client.get("/widerruf")
        required = re.findall(r'<(?:input|textarea) id="(\w+)"[^>]*required', form.text)
        assert required == ["name", "contract", "email"]
        for asked_elsewhere in ("Grund", "warum", "Kundennummer", "Passwort", "Telefon"):
            assert asked_elsewhere not in re.sub(r"<footer.*", "", form.text, flags=re.DOTALL)

    async def test_neither_account_nor_cookie_nor_script(self, service) -> None:
        page = await service.withdraw()
        assert page.status_code == 200
        assert not service.client.cookies
        assert "<script" not in page.text
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "script-src" not in policy

    @pytest.mark.parametrize(("language", "path", "confirm", "edit"), PAGES)
    async def test_the_receipt_comes_at_once_with_content_date_and_time(
        self, service, database, language: str, path: str, confirm: str, edit: str
    ) -> None:
        page = await service.withdraw(path, confirm, lines="nur die Jacke")
        (declared,) = await rows(database, WithdrawalRow)
        assert declared.number in page.text
        receipt = next(m for m in await rows(database, MailRow) if m.template == "withdrawal_receipt")
        assert (receipt.to, receipt.language) == ("jana@example.org", language)
        second = declared.received_at.strftime("%M:%S")
        for text in (page.text, receipt.text):
            for said in ("Jana Müller", "LM-104217", "nur die Jacke", second):
                assert said in text
        assert receipt.created_at - declared.received_at < timedelta(seconds=5)

    async def test_the_receipt_can_be_kept_as_a_file(self, service) -> None:
        page = await service.withdraw()
        link = re.search(r'href="(/widerruf/eingang/[^"]+/file)"', page.text)[1]
        file = await service.client.get(link)
        assert file.headers["content-disposition"].startswith("attachment")
        assert "Hiermit widerrufe ich, Jana Müller" in file.text
        assert "Eingegangen am" in file.text

    async def test_the_evidence_is_kept(self, service, database) -> None:
        await service.withdraw()
        (declared,) = await rows(database, WithdrawalRow)
        assert (declared.name, declared.contract, declared.receipt_to) == (
            "Jana Müller",
            "LM-104217",
            "jana@example.org",
        )
        entry = next(a for a in await rows(database, Audit) if a.action == "withdrawal.declared")
        assert entry.subject == declared.number
        assert entry.at == declared.received_at

    async def test_it_never_argues(self, service) -> None:
        pages = [await service.client.get("/widerruf"), await service.declare(), await service.withdraw()]
        for page in pages:
            for persuasion in ("schade", "wirklich", "sicher?", "stattdessen", "Gutschein", "leider"):
                assert persuasion not in re.sub(r"<(header|footer).*?</\1>", "", page.text, flags=re.DOTALL)


class TestTheTeam:
    async def test_an_order_that_exists_is_named(self, service, database) -> None:
        async with database.begin() as session:
            customer = CustomerRow(
                key="c",
                email="j@example.org",
                email_key="j@example.org",
                first_name="J",
                last_name="M",
                source="import",
            )
            session.add(customer)
            await session.flush()
            session.add(
                OrderRow(
                    number="LM-104217", number_key="LM104217", customer_id=customer.id, email="j@example.org",
                    stage="delivered", source="import",
                )
            )  # fmt: skip
        await service.withdraw(contract="die Regenjacke aus lm 104217 von letzter Woche, lm-104217")
        (declared,) = await rows(database, WithdrawalRow)
        assert declared.order_number == "LM-104217"

    async def test_an_order_that_nobody_knows_is_accepted_and_marked_for_a_person(self, service, database) -> None:
        page = await service.withdraw(contract="zwei Gummistiefel, bestellt am 1. April telefonisch")
        assert "eingegangen" in page.text
        (declared,) = await rows(database, WithdrawalRow)
        assert declared.order_number is None
        (handoff,) = await rows(database, Handoff)
        assert (handoff.reason, handoff.contact, handoff.state) == ("withdrawal", "jana@example.org", "queued")
        messages = [m.text for m in await rows(database, MessageRow)]
        assert any("zwei Gummistiefel" in text for text in messages)
        assert any("Keine Bestellung dieser Bezeichnung gefunden" in text for text in messages)
        note = next(m for m in await rows(database, MailRow) if m.template == "withdrawal_arrived")
        assert note.to == "service@luettmoor.example"
        assert note.reply_to == "jana@example.org"

    async def test_nothing_is_sent_into_a_chat_that_is_none(self, service, database) -> None:
        await service.withdraw()
        assert await rows(database, Delivery) == []

    async def test_no_survey_is_offered_about_it(self, service, database, settings) -> None:
        from bot.handoff.hours import ServiceHours
        from bot.handoff.service import HandoffService
        from bot.storage.conversations import Conversations
        from bot.survey.bank import load_bank
        from bot.survey.service import SurveyService

        await service.withdraw()
        handoffs = HandoffService(ServiceHours(settings.service_hours, settings.zone, ""), 300, timedelta(hours=8))
        surveys = SurveyService(load_bank(settings.survey), handoffs)
        async with database.begin() as session:
            conversation = await Conversations(session).locked((await rows(database, ConversationRow))[0].id)
            conversation.state = "bot"
            assert await surveys.offer(session, conversation, "agent_closed", conversation.created_at) == []
        assert await rows(database, Survey) == []

    async def test_one_declared_in_the_chat_is_filed_by_the_timer_once(self, service, database, settings) -> None:
        headers = {"Authorization": f"Bearer {settings.engine_key}"}
        args = {"name": "Ole", "contract": "LM-1", "receipt_to": "ole@example.org"}
        await service.client.post(
            "/internal/v1/operations/withdraw_contract",
            json={"conversation_id": "c", "turn_id": "t", "args": args},
            headers=headers,
        )
        assert await rows(database, Handoff) == []
        for _ in range(2):
            await service.withdraw()  # wakes the filing, as the timer does
        assert len(await rows(database, WithdrawalRow)) == 3
        assert len(await rows(database, Handoff)) == 3


class TestOnce:
    async def test_pressing_twice_declares_once(self, service, database) -> None:
        form = service.form_of(await service.declare())
        pages = [await service.client.post("/widerruf/bestaetigen", data=form) for _ in range(3)]
        assert len({re.search(r"<strong>(.*?)</strong>", page.text)[1] for page in pages}) == 1
        async with database.read() as session:
            assert await session.scalar(select(func.count(WithdrawalRow.id))) == 1
            assert (
                await session.scalar(select(func.count(MailRow.id)).where(MailRow.template == "withdrawal_receipt"))
                == 1
            )

    async def test_a_reload_of_the_receipt_declares_nothing(self, service, database) -> None:
        page = await service.withdraw()
        assert (await service.client.get(str(page.url))).status_code == 200
        assert len(await rows(database, WithdrawalRow)) == 1

    async def test_a_receipt_is_only_for_who_holds_its_address(self, service) -> None:
        await service.withdraw()
        for token in ("W-1", "abc.def.ghi"):
            assert (await service.client.get(f"/widerruf/eingang/{token}")).status_code == 404


class TestMistakes:
    @pytest.mark.parametrize(
        ("typed", "said"),
        [
            ({"name": ""}, "Bitte geben Sie Ihren Namen an."),
            ({"name": " \u200b "}, "Bitte geben Sie Ihren Namen an."),
            ({"contract": ""}, "welchen Vertrag"),
            ({"email": ""}, "wohin die Eingangsbestätigung"),
            ({"email": "jana@"}, "An diese Adresse kann keine E-Mail gehen"),
            ({"email": "jana@example.org\nBcc: x@example.org"}, "An diese Adresse kann keine E-Mail gehen"),
            ({"name": "x" * 121}, "höchstens 120 Zeichen"),
            ({"contract": "x" * 1001}, "höchstens 1000 Zeichen"),
        ],
    )
    async def test_what_is_missing_is_said_and_nothing_is_lost(self, service, database, typed, said: str) -> None:
        page = await service.declare(**typed)
        assert page.status_code == 422
        assert said in page.text
        assert 'aria-invalid="true"' in page.text
        assert "<title>Fehler: " in page.text
        if "name" not in typed:
            assert 'value="Jana Müller"' in page.text
        assert await rows(database, WithdrawalRow) == []

    async def test_details_can_be_changed_after_the_review(self, service) -> None:
        form = service.form_of(await service.declare(lines="nur die Mütze"))
        page = await service.client.post("/widerruf/aendern", data=form)
        assert 'value="Jana Müller"' in page.text
        assert "nur die Mütze" in page.text

    async def test_what_is_typed_is_shown_and_not_obeyed(self, service) -> None:
        typed = {"name": '"><img src=x onerror=alert(1)>', "contract": "<script>alert(1)</script>"}
        for page in (await service.declare(**typed), await service.withdraw(**typed)):
            assert "<script>" not in page.text
            assert "<img" not in page.text
            assert "&lt;script&gt;" in page.text

    async def test_a_page_that_was_open_overnight_asks_once_more_and_loses_nothing(self, service, database) -> None:
        form = service.form_of(await service.declare())
        page = await service.client.post("/widerruf/bestaetigen", data=form | {"form": "expired"})
        assert "Bitte bestätigen Sie noch einmal" in page.text
        assert await rows(database, WithdrawalRow) == []
        done = await service.client.post("/widerruf/bestaetigen", data=service.form_of(page))
        assert "eingegangen" in done.text

    async def test_going_back_to_an_address_that_only_takes_posts_begins_anew(self, service) -> None:
        assert "Vertrag widerrufen" in (await service.client.get("/widerruf/bestaetigen")).text
        assert (await service.client.get("/widerruf/xyz")).status_code == 404


class TestAbuse:
    @pytest.mark.parametrize("headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}])
    async def test_another_website_cannot_confirm_for_somebody(self, service, database, headers) -> None:
        form = service.form_of(await service.declare())
        page = await service.client.post("/widerruf/bestaetigen", data=form, headers=headers)
        assert "Widerruf bestätigen" in page.text
        assert await rows(database, WithdrawalRow) == []

    async def test_our_own_page_can(self, service, database) -> None:
        form = service.form_of(await service.declare())
        headers = {"Origin": "http://shop.example", "Sec-Fetch-Site": "same-origin"}
        await service.client.post("/widerruf/bestaetigen", data=form, headers=headers)
        assert len(await rows(database, WithdrawalRow)) == 1

    async def test_a_flood_has_to_wait_and_an_honest_person_loses_nothing(self, service, database) -> None:
        answers = [await service.withdraw(email=f"p{n}@example.org") for n in range(22)]
        assert [page.status_code for page in answers] == [200] * 20 + [429] * 2
        late = answers[-1]
        assert int(late.headers["retry-after"]) > 0
        assert "Ihre Angaben sind noch da" in late.text
        assert service.form_of(late)["email"] == "p21@example.org"
        assert "service@luettmoor.example" in late.text  # the other way, which counts as much
        assert len(await rows(database, WithdrawalRow)) == 20

    async def test_nobodys_mailbox_can_be_flooded_with_receipts(self, service, database) -> None:
        for _ in range(8):
            await service.withdraw(email="victim@example.org")
        receipts = [m for m in await rows(database, MailRow) if m.template == "withdrawal_receipt"]
        assert len(receipts) == 8  # none is left out
        assert len(await rows(database, WithdrawalRow)) == 8

    async def test_too_much_at_once_is_refused(self, service) -> None:
        page = await service.declare(contract="x" * 100_000)
        assert page.status_code == 413


class TestNewsletter:
    async def test_a_link_shows_a_button_and_only_the_button_subscribes(self, service, database, settings) -> None:
        from bot.mail.links import Links
        from bot.storage.newsletter import Newsletters
        from bot.storage.shop_tables import NewsletterRow

        async with database.begin() as session:
            session.add(
                NewsletterRow(
                    email_key="neu@example.org", email="neu@example.org", language="de", state="asked",
                    changed_at=utc_now(),
                )
            )  # fmt: skip
        link = Links(settings.signing_key, "").newsletter("neu@example.org")
        assert "Ja, ich möchte den Newsletter" in (await service.client.get(link)).text
        async with database.read() as session:
            assert (await Newsletters(session).at("neu@example.org")).state == "asked"
        assert "Sie bekommen den Newsletter" in (await service.client.post(link)).text
        async with database.read() as session:
            assert (await Newsletters(session).at("neu@example.org")).state == "subscribed"
        assert (await service.client.get(link + "x")).status_code == 404
