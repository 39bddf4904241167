"""A shop with its own help desk: handoffs go out by mail or signed webhook, once, and nothing is lost on the way."""

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest

from bot.channels.web.labels import label_pdf
from bot.conversation import Author
from bot.handoff.helpdesk import GIVE_UP_AFTER, HelpDesk
from bot.handoff.service import HandoffService
from bot.mail.links import Links
from bot.mail.mailer import Mailer
from bot.mail.rendering import Templates
from bot.shop.policies import load_policies
from bot.storage.conversations import Conversations
from bot.storage.mail_tables import MailRow
from bot.storage.tables import ConversationRow, Handoff, HelpDeskCase, PromiseRow
from tests.bot.handoff.conftest import Floor

ROOT = Path(__file__).resolve().parents[3]
SECRET = "whsec_" + base64.b64encode(b"shared by both sides").decode()


class Desk:
    """The shop's help desk: keeps what it was sent, and answers as told."""

    def __init__(self) -> None:
        self.got: list[httpx.Request] = []
        self.answers: list[int | Exception] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.got.append(request)
        answer = self.answers.pop(0) if self.answers else 202
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(answer)

    @property
    def cases(self) -> list[dict]:
        return [json.loads(request.content)["data"] for request in self.got]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def passing_on(floor: Floor, desk: Desk, target: str) -> HelpDesk:
    floor.handoffs = HandoffService(floor.hours, 300, outside=True)
    shop = load_policies(ROOT / "policies.yml").shop
    mailer = Mailer(
        floor.database,
        Templates(shop, ZoneInfo("Europe/Berlin"), "https://service.example"),
        shop,
        Links("test-key", "https://service.example"),
        print_label=label_pdf,
        sends=True,
        clock=lambda: floor.now,
    )

    async def publish(conversation_id: int) -> None:
        floor.published.append(conversation_id)

    http = httpx.AsyncClient(transport=httpx.MockTransport(desk))
    return HelpDesk(
        target, SECRET, "https://service.example", "de", floor.database, floor.handoffs, mailer, publish,
        lambda: floor.now, http,
    )  # fmt: skip


@pytest.fixture
def webhook(floor: Floor, desk: Desk) -> HelpDesk:
    return passing_on(floor, desk, "https://desk.example/in")


@pytest.fixture
def mails(floor: Floor, desk: Desk) -> HelpDesk:
    return passing_on(floor, desk, "mailto:desk@shop.example")


async def waiting(floor: Floor, *, address: str | None = "anna@mail.example", key: str = "anna") -> int:
    """Let a customer ask for a person, and leave an address unless it is None."""
    conversation_id = await floor.conversation(key)
    async with floor.database.begin() as session:
        conversations = Conversations(session)
        row = await conversations.locked(conversation_id)
        await conversations.add_message(row, Author.CUSTOMER, floor.now, text="Meine Jacke ist **kaputt**")
        note = await conversations.add_message(row, Author.NOTE, floor.now, text="kennt man schon")
        note.agent_name = "Lena"
    await floor.queue(conversation_id)
    if address:
        await floor.take(conversation_id, address)
    return conversation_id


class TestCustomer:
    async def test_is_asked_where_the_answer_should_go_and_told_when_it_comes(
        self, floor: Floor, webhook: HelpDesk
    ) -> None:
        conversation_id = await floor.conversation("anna")
        (reply,) = await floor.queue(conversation_id)
        assert "per E-Mail" in reply.text
        assert reply.input == {"type": "email"}
        (noted,) = await floor.take(conversation_id, "anna@mail.example")
        assert "Wir antworten an anna@mail.example" in noted.text
        assert "bis spätestens" in noted.text

    async def test_asks_the_bot_again_once_the_desk_has_it(self, floor: Floor, webhook: HelpDesk) -> None:
        conversation_id = await waiting(floor)
        await webhook.look()
        (conversation,) = await floor.rows(ConversationRow)
        (handoff,) = await floor.rows(Handoff)
        assert conversation.state == "bot"
        assert (handoff.state, handoff.close_reason) == ("closed", "passed_outside")
        assert floor.published == [conversation_id]

    async def test_is_not_told_of_a_broken_promise_that_nobody_here_can_see_kept(
        self, floor: Floor, webhook: HelpDesk
    ) -> None:
        await waiting(floor)
        assert [p.state for p in await floor.rows(PromiseRow)] == ["open"]
        await webhook.look()
        assert [p.state for p in await floor.rows(PromiseRow)] == ["superseded"]


class TestWebhook:
    async def test_carries_all_that_an_agent_would_see_but_no_notes(
        self, floor: Floor, webhook: HelpDesk, desk: Desk
    ) -> None:
        await waiting(floor)
        await webhook.look()
        (case,) = desk.cases
        assert case["contact"] == "anna@mail.example"
        assert case["reason"] == "customer_asked"
        assert case["summary"]["last_words"] == "Meine Jacke ist **kaputt**"
        assert case["transcript"][0]["text"] == "Meine Jacke ist **kaputt**"
        assert "kennt man schon" not in desk.got[0].content.decode()
        assert case["console_url"].startswith("https://service.example/console/conversations/")

    async def test_is_signed_as_the_standard_has_it(self, floor: Floor, webhook: HelpDesk, desk: Desk) -> None:
        await waiting(floor)
        await webhook.look()
        (request,) = desk.got
        signed = f"{request.headers['webhook-id']}.{request.headers['webhook-timestamp']}.".encode() + request.content
        digest = hmac.new(b"shared by both sides", signed, hashlib.sha256).digest()
        assert request.headers["webhook-signature"] == f"v1,{base64.b64encode(digest).decode()}"
        assert int(request.headers["webhook-timestamp"]) == int(floor.now.timestamp())

    async def test_is_tried_again_with_the_same_key_until_it_is_taken(
        self, floor: Floor, webhook: HelpDesk, desk: Desk
    ) -> None:
        desk.answers = [503, httpx.ConnectTimeout("late"), 302, 200]
        await waiting(floor)
        for _ in range(40):
            await webhook.look()
            floor.later(seconds=5)
        assert len(desk.got) == 4
        assert len({request.headers["idempotency-key"] for request in desk.got}) == 1
        assert [c.state for c in await floor.rows(HelpDeskCase)] == ["taken"]
        assert [h.state for h in await floor.rows(Handoff)] == ["closed"]

    async def test_that_is_never_taken_leaves_the_customer_in_the_console(
        self, floor: Floor, webhook: HelpDesk, desk: Desk
    ) -> None:
        desk.answers = [500] * 100
        await waiting(floor)
        end = floor.now + GIVE_UP_AFTER + timedelta(hours=3)
        while floor.now < end:
            await webhook.look()
            floor.later(minutes=30)
        assert [c.state for c in await floor.rows(HelpDeskCase)] == ["dead"]
        assert [h.state for h in await floor.rows(Handoff)] == ["queued"]
        sent = len(desk.got)
        await webhook.look()
        assert len(desk.got) == sent

    async def test_of_two_processes_one_sends(self, floor: Floor, webhook: HelpDesk, desk: Desk) -> None:
        await waiting(floor)
        await webhook.look()
        await passing_on(floor, desk, "https://desk.example/in").look()
        assert len(desk.got) == 1

    async def test_what_an_agent_has_taken_stays_inside(self, floor: Floor, webhook: HelpDesk, desk: Desk) -> None:
        conversation_id = await waiting(floor)
        await floor.accept(conversation_id, await floor.agent())
        await webhook.look()
        assert desk.got == []


class TestWithoutAddress:
    async def test_goes_out_after_a_while_and_stays_in_the_console_too(
        self, floor: Floor, webhook: HelpDesk, desk: Desk
    ) -> None:
        await waiting(floor, address=None)
        await webhook.look()
        assert desk.got == []
        floor.later(minutes=11)
        await webhook.look()
        assert [case["contact"] for case in desk.cases] == [None]
        assert [h.state for h in await floor.rows(Handoff)] == ["queued"]

    async def test_an_address_left_later_follows_under_a_key_of_its_own(
        self, floor: Floor, webhook: HelpDesk, desk: Desk
    ) -> None:
        conversation_id = await waiting(floor, address=None)
        floor.later(minutes=11)
        await webhook.look()
        await floor.take(conversation_id, "anna@mail.example")
        await webhook.look()
        await webhook.look()
        assert [case["contact"] for case in desk.cases] == [None, "anna@mail.example"]
        assert len({request.headers["webhook-id"] for request in desk.got}) == 2
        assert [h.state for h in await floor.rows(Handoff)] == ["closed"]


class TestMail:
    async def test_carries_the_transcript_and_is_answered_to_the_customer(self, floor: Floor, mails: HelpDesk) -> None:
        await waiting(floor)
        await mails.look()
        await mails.look()
        (mail,) = await floor.rows(MailRow)
        assert (mail.to, mail.reply_to) == ("desk@shop.example", "anna@mail.example")
        assert mail.subject.startswith("Kundenanfrage ")
        assert "Meine Jacke ist **kaputt**" in mail.text
        assert "möchte einen Menschen" in mail.text
        assert "kennt man schon" not in mail.text
        assert "/console/conversations/" in mail.text
        assert [h.state for h in await floor.rows(Handoff)] == ["closed"]

    async def test_without_an_address_it_says_so_and_a_second_one_brings_it(
        self, floor: Floor, mails: HelpDesk
    ) -> None:
        conversation_id = await waiting(floor, address=None)
        floor.later(minutes=11)
        await mails.look()
        await floor.take(conversation_id, "anna@mail.example")
        await mails.look()
        await mails.look()
        first, second = await floor.rows(MailRow)
        assert "keine Adresse hinterlassen" in first.text
        assert (first.reply_to, second.reply_to) == (None, "anna@mail.example")
