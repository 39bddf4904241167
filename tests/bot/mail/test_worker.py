"""What becomes of a queued mail: sent, tried again, given up; whatever the mail server does."""

from datetime import timedelta

import pytest
from jinja2 import TemplateNotFound
from sqlalchemy import select

from bot.conversation import Author
from bot.mail.mailer import Mailer
from bot.shop.mailing import Mail
from bot.storage.conversations import Conversations
from bot.storage.mail_tables import MailRow
from bot.storage.tables import Outage, Signal
from tests.bot.mail.conftest import NOW, only_mail, states, worker_of

WORDS = {"title": "Wochenbericht", "words": "Alles gut."}


async def queue(mailer: Mailer, database, to: str = "jana@example.org", **more) -> None:
    async with database.begin() as session:
        await mailer.queue(session, to, "report", "de", WORDS, **more)


class TestQueueing:
    async def test_a_mail_goes_out_once(self, mailer, worker, server, database) -> None:
        await queue(mailer, database)
        assert await worker.send_due() == 1
        assert await worker.send_due() == 0
        assert server.recipients == ["jana@example.org"]
        assert await states(database) == ["sent"]

    async def test_the_same_key_is_queued_once(self, mailer, worker, server, database) -> None:
        for _ in range(3):
            await queue(mailer, database, key="report:2026-W46")
        await worker.send_due()
        assert len(server.received) == 1

    async def test_a_transaction_that_fails_sends_nothing(self, mailer, worker, server, database) -> None:
        async def fail() -> None:
            async with database.begin() as session:
                await mailer.queue(session, "jana@example.org", "report", "de", WORDS)
                raise RuntimeError

        with pytest.raises(RuntimeError):
            await fail()
        await worker.send_due()
        assert server.received == []

    async def test_the_worker_is_woken_by_the_commit_and_not_before(self, mailer, database) -> None:
        woken = []
        mailer.when_queued(lambda: woken.append(True))
        async with database.begin() as session:
            await mailer.queue(session, "jana@example.org", "report", "de", WORDS)
            assert not woken
        assert woken == [True]

    async def test_a_mail_for_later_waits(self, mailer, worker, server, database, clock) -> None:
        await queue(mailer, database, not_before=NOW + timedelta(minutes=10))
        assert await worker.send_due() == 0
        clock.forward(minutes=10)
        assert await worker.send_due() == 1

    async def test_what_came_too_late_is_not_sent(self, mailer, worker, server, database, clock) -> None:
        await queue(mailer, database, expires_at=NOW + timedelta(minutes=10))
        clock.forward(minutes=11)
        await worker.send_due()
        assert server.received == []
        row = await only_mail(database)
        assert (row.state, row.text) == ("expired", None)

    async def test_an_unknown_template_is_the_callers_error(self, mailer, database) -> None:
        async with database.begin() as session:
            with pytest.raises(TemplateNotFound, match="no_such"):
                await mailer.queue(session, "jana@example.org", "no_such", "de", {})


class TestWhatTravels:
    async def test_text_html_and_headers(self, mailer, worker, server, database) -> None:
        await queue(mailer, database, reply_to="chef@luettmoor.example")
        await worker.send_due()
        message = server.received[0]
        row = await only_mail(database)
        assert message["Subject"] == "Wochenbericht"
        assert str(message["From"]) == "Lüttmoor <service@luettmoor.example>"
        assert message["To"] == "jana@example.org"
        assert message["Reply-To"] == "chef@luettmoor.example"
        assert message["Message-ID"] == f"<{row.public_id}@luettmoor.example>"
        assert message["Auto-Submitted"] == "auto-generated"
        assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
        assert "Alles gut." in message.get_body(("plain",)).get_content()

    async def test_a_line_break_in_a_subject_makes_no_header(self, mailer, worker, server, database) -> None:
        async with database.begin() as session:
            values = {"title": "Hallo\r\nBcc: victim@example.org", "words": ""}
            await mailer.queue(session, "jana@example.org", "report", "de", values)
        await worker.send_due()
        assert server.recipients == ["jana@example.org"]
        assert server.received[0]["Bcc"] is None

    async def test_an_address_that_no_header_can_hold_stops_no_other(self, mailer, worker, server, database) -> None:
        await queue(mailer, database, to="not an address")
        await queue(mailer, database)
        await worker.send_due()
        assert await states(database) == ["dead", "sent"]


class TestWhenTheServerMisbehaves:
    async def test_an_unknown_recipient_is_given_up_and_counted(self, mailer, worker, server, database) -> None:
        server.refuse["jana@example.org"] = "550 5.1.1 <jana@example.org> no such user"
        await queue(mailer, database)
        await worker.send_due()
        row = await only_mail(database)
        assert row.state == "dead"
        assert "550" in row.error
        assert "jana@example.org" not in row.error  # servers repeat the address; it is not kept twice
        async with database.read() as session:
            signal = (await session.scalars(select(Signal).where(Signal.kind == "mail_dead"))).one()
            assert signal.data == {"template": "report"}
            assert (await session.scalars(select(Outage))).all() == []

    async def test_a_full_mailbox_is_tried_again_ever_more_seldom(
        self, mailer, worker, server, database, clock
    ) -> None:
        server.refuse["jana@example.org"] = "452 mailbox full"
        await queue(mailer, database)
        waits = []
        for _ in range(4):
            await worker.send_due()
            row = await only_mail(database)
            assert row.state == "failed"
            waits.append((row.next_try_at - clock.now).total_seconds())
            clock.now = row.next_try_at
        assert waits == [30, 60, 120, 240]
        server.refuse.clear()
        await worker.send_due()
        assert await states(database) == ["sent"]

    async def test_after_four_days_it_is_given_up(self, mailer, worker, server, database, clock) -> None:
        server.refuse["jana@example.org"] = "452 mailbox full"
        await queue(mailer, database)
        await worker.send_due()
        clock.forward(days=4, hours=1)
        await worker.send_due()
        assert await states(database) == ["dead"]

    async def test_a_content_that_is_refused_is_given_up(self, mailer, worker, server, database) -> None:
        server.after_data = ["554 looks like spam"]
        await queue(mailer, database)
        await worker.send_due()
        assert await states(database) == ["dead"]

    async def test_a_server_that_is_out_is_one_outage_and_loses_nothing(self, mailer, server, database, clock) -> None:
        down = worker_of(database, "smtp://127.0.0.1:1", clock)
        await queue(mailer, database)
        await queue(mailer, database, to="ole@example.org")
        await down.send_due()
        assert await states(database) == ["failed", "failed"]
        async with database.read() as session:
            outage = (await session.scalars(select(Outage))).one()
            assert (outage.part, outage.ended_at, outage.messages_affected) == ("mail", None, 2)
        clock.forward(minutes=1)
        await worker_of(database, server.url, clock).send_due()
        assert sorted(server.recipients) == ["jana@example.org", "ole@example.org"]
        async with database.read() as session:
            assert (await session.scalars(select(Outage))).one().ended_at == clock.now

    async def test_a_server_that_does_not_like_us_is_an_outage_too(self, mailer, worker, server, database) -> None:
        server.greeting = "554 go away"
        await queue(mailer, database)
        await worker.send_due()
        assert await states(database) == ["failed"]
        async with database.read() as session:
            assert (await session.scalars(select(Outage))).one().part == "mail"

    async def test_one_lost_after_it_was_taken_goes_again_under_the_same_id(
        self, mailer, worker, server, database, clock
    ) -> None:
        server.after_data = ["vanish"]
        await queue(mailer, database)
        await worker.send_due()
        assert await states(database) == ["failed"]
        clock.forward(minutes=1)
        await worker.send_due()
        first, second = server.received
        assert first["Message-ID"] == second["Message-ID"]

    async def test_a_mail_whose_sender_died_goes_again(self, mailer, worker, server, database, clock) -> None:
        from bot.mail.worker import LEASE
        from bot.storage.mails import Mails

        await queue(mailer, database)
        async with database.begin() as session:
            assert len(await Mails(session).take_due(clock(), 4, LEASE)) == 1  # and then the process is gone
        assert await worker.send_due() == 0
        clock.now += LEASE
        assert await worker.send_due() == 1
        assert len(server.received) == 1


class TestUnlessSeen:
    async def conversation(self, database) -> int:
        async with database.begin() as session:
            row = await Conversations(session).open("web", "anna", "de", NOW)
            await Conversations(session).add_message(row, Author.BOT, NOW, text="Ihre Lieferung verspätet sich.")
            return row.id

    async def queued(self, mailer, database) -> int:
        conversation_id = await self.conversation(database)
        await queue(
            mailer,
            database,
            conversation_id=conversation_id,
            unless_seen=1,
            not_before=NOW + timedelta(minutes=10),
        )
        return conversation_id

    async def test_a_customer_who_did_not_come_back_gets_it(self, mailer, worker, database, clock) -> None:
        await self.queued(mailer, database)
        clock.forward(minutes=10)
        await worker.send_due()
        assert await states(database) == ["sent"]

    async def test_a_customer_who_saw_it_does_not(self, mailer, worker, server, database, clock) -> None:
        conversation_id = await self.queued(mailer, database)
        async with database.begin() as session:
            (await Conversations(session).locked(conversation_id)).seen_number = 1
        clock.forward(minutes=10)
        await worker.send_due()
        assert (await states(database), server.received) == (["unneeded"], [])

    async def test_a_customer_who_wrote_since_does_not(self, mailer, worker, server, database, clock) -> None:
        conversation_id = await self.queued(mailer, database)
        async with database.begin() as session:
            row = await Conversations(session).locked(conversation_id)
            await Conversations(session).add_message(row, Author.CUSTOMER, NOW, text="Danke!")
        clock.forward(minutes=10)
        await worker.send_due()
        assert (await states(database), server.received) == (["unneeded"], [])


class TestReceiptsOfWithdrawals:
    async def test_they_slow_down_for_one_address_and_none_is_left_out(self, mailer, database) -> None:
        data = {
            "number": "W-1",
            "received_at": "2026-11-11T10:30:00+01:00",
            "name": "J",
            "contract": "x",
            "receipt_to": "v@example.org",
            "text": {"de": "x", "en": "x"},
        }
        for n in range(8):
            await mailer.send(Mail("withdrawal_receipt", "v@example.org", "de", data), f"t{n}:withdraw_contract:x:0")
        await mailer.send(Mail("withdrawal_receipt", "other@example.org", "de", data), "t9:withdraw_contract:x:0")
        async with database.read() as session:
            rows = list(await session.scalars(select(MailRow).order_by(MailRow.id)))
        waits = [(row.next_try_at - row.created_at).total_seconds() for row in rows]
        assert waits == [0, 0, 0, 0, 0, 3600, 7200, 10800, 0]
