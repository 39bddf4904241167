"""Who left an address for the answer gets what the agent wrote, in one mail, once."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from bot.conversation import Author, Reply
from bot.mail.answers import AnswersByMail
from bot.storage.conversations import Conversations
from bot.storage.mail_tables import MailRow
from bot.storage.tables import Handoff
from tests.bot.mail.conftest import NOW


@pytest.fixture
async def desk(database, mailer, clock):
    class Desk:
        job = AnswersByMail(database, mailer, clock)

        async def wants_answer_at(self, contact: str | None) -> None:
            async with database.begin() as session:
                conversation = await Conversations(session).open("web", "anna", "en", NOW)
                session.add(
                    Handoff(
                        conversation_id=conversation.id,
                        state="accepted",
                        reason="customer_asked",
                        queued_at=NOW,
                        contact=contact,
                    )
                )

        async def writes(self, words: str) -> None:
            async with database.begin() as session:
                conversation = await Conversations(session).locked(1)
                reply = Reply(text=words, author=Author.AGENT, agent_name="Lena")
                await Conversations(session).add_reply(conversation, reply, clock.now)

        async def closes(self) -> None:
            async with database.begin() as session:
                await session.execute(update(Handoff).values(ended_at=clock.now, state="closed"))

        async def mails(self) -> list[MailRow]:
            async with database.read() as session:
                return list(await session.scalars(select(MailRow).order_by(MailRow.id)))

    return Desk()


async def test_several_short_messages_become_one_mail(desk, clock) -> None:
    await desk.wants_answer_at("anna@example.org")
    await desk.writes("Hello Anna,")
    clock.forward(seconds=20)
    await desk.writes("your parcel is on its way.")
    await desk.job.mail_answers()
    assert await desk.mails() == []  # the agent may still be writing
    clock.forward(seconds=60)
    for _ in range(2):
        await desk.job.mail_answers()
    (mail,) = await desk.mails()
    assert mail.to == "anna@example.org"
    assert "Hello Anna,\n\nyour parcel is on its way." in mail.text
    assert "Lena" in mail.text


async def test_what_is_written_later_is_a_mail_of_its_own(desk, clock) -> None:
    await desk.wants_answer_at("anna@example.org")
    await desk.writes("First.")
    clock.forward(minutes=2)
    await desk.job.mail_answers()
    await desk.writes("Second.")
    await desk.closes()
    await desk.job.mail_answers()  # the conversation has ended: nothing more will come
    first, second = await desk.mails()
    assert "Second." in second.text
    assert "First." not in second.text
    assert first.key != second.key


async def test_who_waits_in_the_chat_gets_no_mail(desk, clock) -> None:
    await desk.wants_answer_at(None)
    await desk.writes("Hello.")
    clock.forward(minutes=5)
    assert await desk.job.mail_answers() == 0


async def test_an_old_matter_is_left_alone(desk, clock) -> None:
    await desk.wants_answer_at("anna@example.org")
    await desk.writes("Hello.")
    await desk.closes()
    clock.now += timedelta(days=3)
    assert await desk.job.mail_answers() == 0
