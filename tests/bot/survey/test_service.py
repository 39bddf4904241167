"""The survey in a conversation: offered, answered, skipped, left for something more important."""

from pathlib import Path

import pytest
from sqlalchemy import select

from bot.conversation import ConversationState
from bot.escalation import EscalationReason
from bot.storage.conversations import Conversations
from bot.storage.tables import Agent, Handoff, Signal, Turn
from bot.survey.bank import Bank, FollowUp, load_bank
from tests.bot.survey.conftest import Customer, fetched
from tests.engine_double import turn_response

BANK = load_bank(Path("survey.yml"))


async def drawn(customer: Customer) -> list[str]:
    return [item["item"] for item in (await customer.survey()).items]


class TestOffer:
    async def test_at_goodbye_the_first_question_follows_the_farewell(self, customer: Customer) -> None:
        await customer.says("bestellung")
        farewell, question = (await customer.says("tschüss"))[-2:]
        assert farewell.text == "Auf Wiedersehen."
        first = BANK.items[(await drawn(customer))[0]]
        assert question.text.startswith(BANK.texts.intro.de)
        assert first.question.de in question.text
        assert first.low.de in question.text
        assert first.high.de in question.text

    async def test_every_value_is_a_button_and_so_are_skip_and_stop(self, asked: Customer) -> None:
        item = BANK.items[(await drawn(asked))[0]]
        (question,) = [m for m in await asked.heard(0) if m.buttons]
        low, high = item.scale
        values = [str(value) for value in range(low, high + 1)]
        assert [b["title"] for b in question.buttons] == [*values, "Überspringen", "Umfrage beenden"]

    async def test_the_page_learns_how_to_show_the_question(self, asked: Customer) -> None:
        item = BANK.items[(await drawn(asked))[0]]
        (question,) = [m for m in await asked.heard(0) if m.buttons]
        assert question.input == {
            "type": {"nps": "scale", "ces": "ces"}.get(item.kind, "stars"),
            "kind": item.kind,
            "min": item.scale[0],
            "max": item.scale[1],
            "low": item.low.de,
            "high": item.high.de,
        }

    async def test_items_are_stored_with_the_probabilities_they_were_drawn_with(self, asked: Customer) -> None:
        survey = await asked.survey()
        assert (survey.trigger, survey.state, survey.language) == ("goodbye", "offered", "de")
        assert len(survey.items) == 4
        assert all(0 < item["probability"] <= 1 for item in survey.items)
        assert survey.items[-1] == {"item": "text", "kind": "text", "level": None, "probability": 1.0}

    async def test_in_the_language_of_the_conversation(self, customer: Customer) -> None:
        customer.double.script["bye"] = lambda body: turn_response(
            body, ["Goodbye."], requests=[{"kind": "survey"}], language="en"
        )
        question = (await customer.says("bye"))[-1]
        assert question.text.startswith(BANK.texts.intro.en)
        assert question.buttons[-1]["title"] == "End survey"

    async def test_once_per_conversation(self, asked: Customer) -> None:
        await asked.says(press="Umfrage beenden")
        await asked.says("bestellung")
        assert [m.text for m in await asked.says("tschüss")] == ["Auf Wiedersehen."]

    async def test_not_while_a_person_is_awaited(self, customer: Customer) -> None:
        customer.double.script["mensch"] = lambda body: turn_response(
            body, [], requests=[{"kind": "handoff", "reason": "customer_asked"}]
        )
        await customer.says("mensch")
        goodbye = await customer.says("tschüss")
        assert goodbye[0].text == "Auf Wiedersehen."
        assert "liegt noch bei unserem Team" in goodbye[-1].text
        assert await customer.survey() is None

    async def test_again_after_a_person_took_part(self, asked: Customer) -> None:
        await asked.says(press="Umfrage beenden")
        asked.wait(minutes=1)
        async with asked.database.begin() as session:
            agent = Agent(
                email="lena@example.org", name="Lena", role="agent", password_hash="-", presence="available",
                places=4, created_at=asked.now,
            )  # fmt: skip
            session.add(agent)
            await session.flush()
            row = await Conversations(session).locked(1)
            await asked.handoffs.queue(session, row, EscalationReason.CUSTOMER_ASKED, asked.now)
            handoff = (await session.scalars(select(Handoff))).one()
            await asked.handoffs.accept(session, handoff.id, agent, asked.now)
            await asked.handoffs.close(session, handoff.id, agent, asked.now)
        assert (await asked.offer("agent_closed"))[0].startswith(BANK.texts.intro.de)
        survey = await asked.survey()
        assert (survey.trigger, survey.agent_id) == ("agent_closed", agent.id)

    async def test_a_shop_may_leave_customers_alone_for_some_days(self, asked: Customer, bank: Bank) -> None:
        asked.use(bank.model_copy(update={"rest_days": 7}))
        await asked.says(press="Umfrage beenden")
        asked.wait(hours=1)
        await asked.silence.end_silent_conversations()
        asked.wait(days=5)
        assert [m.text for m in (await asked.says("tschüss"))][-1] == "Auf Wiedersehen."
        assert len(await asked.conversations()) == 2
        asked.wait(hours=1)
        await asked.silence.end_silent_conversations()
        asked.wait(days=4)
        assert BANK.texts.intro.de in (await asked.says("tschüss"))[-1].text


class TestAnswer:
    async def test_by_button_to_the_end(self, asked: Customer) -> None:
        for _ in range(3):
            (question,) = await asked.says(press="5")
        assert question.text == BANK.texts.free_text.de
        assert question.input == {"type": "text"}
        (thanks,) = await asked.says("Alles gut erklärt")
        assert thanks.text == BANK.texts.thanks_text.de
        answers = await asked.answers()
        assert list(answers) == await drawn(asked)
        assert list(answers.values()) == [(5, None)] * 3 + [(None, "Alles gut erklärt")]
        assert (await asked.survey()).state == "done"

    async def test_typed_with_words_around_the_number(self, asked: Customer) -> None:
        await asked.says("eine 4")
        await asked.says("5, weil es schnell ging")
        await asked.says("drei bitte")
        assert list((await asked.answers()).values()) == [(4, None), (5, "weil es schnell ging"), (3, None)]

    async def test_a_vague_one_is_asked_again_once(self, asked: Customer) -> None:
        item = BANK.items[(await drawn(asked))[0]]
        (again,) = await asked.says("ganz gut")
        low, high = item.scale
        assert again.text == BANK.texts.again.de.format(min=low, max=high)
        assert again.buttons
        (second,) = await asked.says("ja, schon gut")
        assert BANK.items[(await drawn(asked))[1]].question.de in second.text
        assert await asked.answers() == {}

    async def test_partial_answers_are_kept_when_the_customer_stops(self, asked: Customer) -> None:
        await asked.says(press="4")
        (stopped,) = await asked.says("keine Lust mehr, danke")
        assert len(await asked.answers()) == 1
        (stopped,) = await asked.says(press="Umfrage beenden")
        assert stopped.text == BANK.texts.stopped.de
        survey = await asked.survey()
        assert (survey.state, len(await asked.answers())) == ("skipped", 1)

    async def test_skipping_leads_to_the_next_question(self, asked: Customer) -> None:
        (second,) = await asked.says(press="Überspringen")
        assert BANK.items[(await drawn(asked))[1]].question.de in second.text
        (third,) = await asked.says("weiß nicht")
        assert BANK.items[(await drawn(asked))[2]].question.de in third.text

    async def test_a_farewell_ends_it(self, asked: Customer) -> None:
        (stopped,) = await asked.says("danke, tschüss!")
        assert stopped.text == BANK.texts.stopped.de

    async def test_no_comment_is_an_answer_too(self, asked: Customer) -> None:
        for _ in range(3):
            await asked.says(press="5")
        (thanks,) = await asked.says(press="Nein, danke")
        assert thanks.text == BANK.texts.thanks.de

    async def test_pressing_another_value_later_changes_the_answer(self, asked: Customer) -> None:
        first = (await drawn(asked))[0]
        button = {b["title"]: b["id"] for m in await asked.heard(0) for b in m.buttons or []}["2"]
        await asked.says(press="5")
        from bot.conversation import Incoming

        before = await asked.last_message_id()
        await asked.turns.handle_turn(
            Incoming(channel="web", external_key="anna", external_id="late", button_id=button)
        )
        told, question = await asked.heard(before)
        assert told.text == BANK.texts.changed.de.format(value=2)
        assert BANK.items[(await drawn(asked))[1]].question.de in question.text
        assert await asked.answers() == {first: (2, None)}

    async def test_survey_answers_are_marked_as_no_matter_of_the_shop(self, asked: Customer) -> None:
        await asked.says(press="5")
        async with asked.database.read() as session:
            goals = list(await session.scalars(select(Turn.goal).order_by(Turn.id)))
        assert goals == [None, None, "survey"]

    async def test_they_need_no_engine(self, asked: Customer) -> None:
        asked.double.fail_with = 500
        (second,) = await asked.says("5")
        assert BANK.items[(await drawn(asked))[1]].question.de in second.text


class TestNewQuestion:
    async def test_wins_over_an_open_question(self, asked: Customer) -> None:
        assert [m.text for m in await asked.says("bestellung")] == ["Ist unterwegs."]
        assert (await asked.survey()).state == "paused"

    async def test_is_answered_although_a_number_came_with_it(self, asked: Customer) -> None:
        text = "5. Und wo ist mein Paket?"
        assert [m.text for m in await asked.says(text)] == [f"echo: {text}"]
        assert list((await asked.answers()).values()) == [(5, None)]

    async def test_the_survey_goes_on_at_the_next_goodbye(self, asked: Customer) -> None:
        await asked.says(press="5")
        await asked.says("bestellung")
        question = (await asked.says("tschüss"))[-1]
        assert question.text.startswith(BANK.texts.resume.de)
        assert BANK.items[(await drawn(asked))[1]].question.de in question.text

    async def test_a_button_of_the_paused_survey_still_counts(self, asked: Customer) -> None:
        await asked.says("bestellung")
        (second,) = await asked.says(press="5")
        assert BANK.items[(await drawn(asked))[1]].question.de in second.text

    @pytest.fixture
    async def at_free_text(self, asked: Customer) -> Customer:
        for _ in range(3):
            await asked.says(press="5")
        return asked

    async def test_instead_of_a_comment_is_answered(self, at_free_text: Customer) -> None:
        text = "das Paket ist immer noch nicht da"
        at_free_text.double.intents[text] = "delivery_late"
        assert [m.text for m in await at_free_text.says(text)] == [f"echo: {text}"]

    async def test_what_may_be_either_is_kept_and_one_press_makes_it_a_question(self, at_free_text: Customer) -> None:
        text = "Die Lieferung war leider langsam"
        at_free_text.double.intents[text] = "delivery_late"
        (thanks,) = await at_free_text.says(text)
        assert (await at_free_text.answers())["text"] == (None, text)
        assert [b["title"] for b in thanks.buttons] == [BANK.texts.needs_help.de]
        (answer,) = await at_free_text.says(press=BANK.texts.needs_help.de)
        assert answer.text == f"echo: {text}"

    async def test_is_seen_by_its_form_while_the_engine_is_down(self, at_free_text: Customer) -> None:
        at_free_text.double.fail_with = 500
        await at_free_text.says("Wo ist mein Paket?")
        assert "text" not in await at_free_text.answers()
        assert (await at_free_text.survey()).state == "paused"


class TestLate:
    @pytest.fixture
    async def ended(self, asked: Customer) -> Customer:
        """A customer who went away before the first question; the conversation is closed."""
        asked.wait(hours=1)
        await asked.silence.end_silent_conversations()
        assert (await asked.conversations())[0].state == ConversationState.CLOSED
        return asked

    @pytest.mark.parametrize("how", [{"text": "5"}, {"press": "5"}])
    async def test_an_answer_counts_and_does_not_reopen_the_conversation(self, ended: Customer, how) -> None:
        ended.wait(hours=5)
        (second,) = await ended.says(**how)
        assert BANK.items[(await drawn(ended))[1]].question.de in second.text
        assert list((await ended.answers()).values()) == [(5, None)]
        (conversation,) = await ended.conversations()
        assert conversation.state == ConversationState.CLOSED
        async with ended.database.read() as session:
            assert "reopened" not in list(await session.scalars(select(Signal.kind)))

    async def test_a_press_days_later_opens_no_new_conversation(self, ended: Customer) -> None:
        ended.wait(days=10)
        await ended.says(press="5")
        assert len(await ended.conversations()) == 1
        assert list((await ended.answers()).values()) == [(5, None)]

    async def test_a_press_in_the_next_conversation_counts_for_the_old_one(self, ended: Customer) -> None:
        ended.wait(days=10)
        await ended.says("bestellung")
        (old, new) = await ended.conversations()
        (second,) = await ended.says(press="5")
        assert second.conversation_id == new.id
        assert (await ended.survey()).conversation_id == old.id
        assert list((await ended.answers()).values()) == [(5, None)]

    async def test_too_late_is_said_and_not_counted(self, ended: Customer) -> None:
        ended.wait(days=15)
        (told,) = await ended.says(press="5")
        assert told.text == BANK.texts.over.de
        assert await ended.answers() == {}

    async def test_a_new_matter_reopens(self, ended: Customer) -> None:
        ended.wait(hours=5)
        assert [m.text for m in await ended.says("bestellung")] == ["Ist unterwegs."]
        assert (await ended.conversations())[0].state == ConversationState.BOT

    async def test_a_stranger_cannot_answer(self, ended: Customer) -> None:
        async with ended.database.read() as session:
            from bot.storage.tables import Offer

            button = (await session.scalars(select(Offer.public_id).where(Offer.title == "5"))).one()
        from bot.conversation import Incoming

        await ended.turns.handle_turn(Incoming(channel="web", external_key="eve", external_id="x", button_id=button))
        assert await ended.answers() == {}


class TestFollowUp:
    async def low(self, customer: Customer, bank: Bank, mode: str) -> list:
        customer.use(bank.model_copy(update={"follow_up": FollowUp(mode=mode), "free_text": False}))
        await customer.says("bestellung")
        await customer.says("tschüss")
        for _ in range(3):
            replies = await customer.says(press="1")
        return replies

    async def test_is_off_unless_a_shop_wants_it(self, customer: Customer, bank: Bank) -> None:
        assert [m.text for m in await self.low(customer, bank, "never")] == [BANK.texts.thanks.de]

    @pytest.mark.parametrize("how", [{"press": "Ja, bitte"}, {"text": "ja gerne"}])
    async def test_asks_whether_a_person_should_look_into_it(self, customer: Customer, bank: Bank, how) -> None:
        (question,) = await self.low(customer, bank, "ask")
        assert question.text == BANK.texts.follow_up.de
        await customer.says(**how)
        (handoff,) = await fetched(customer.database, select(Handoff))
        assert handoff.reason == EscalationReason.LOW_SCORE
        assert (await customer.survey()).state == "done"

    async def test_no_means_no(self, customer: Customer, bank: Bank) -> None:
        await self.low(customer, bank, "ask")
        assert [m.text for m in await customer.says("nein danke")] == [BANK.texts.thanks.de]

    async def test_may_queue_without_asking(self, customer: Customer, bank: Bank) -> None:
        await self.low(customer, bank, "always")
        assert (await customer.conversations())[0].state == ConversationState.WAITING


class TestSilence:
    async def test_after_a_matter_the_survey_is_offered(self, customer: Customer) -> None:
        await customer.says("bestellung")
        before = await customer.last_message_id()
        customer.wait(seconds=customer.settings.silence_survey_s - 1)
        await customer.silence.end_silent_conversations()
        assert await customer.heard(before) == []
        customer.wait(seconds=2)
        await customer.silence.end_silent_conversations()
        (question,) = await customer.heard(before)
        assert question.text.startswith(BANK.texts.intro_after_silence.de)
        assert (await customer.survey()).trigger == "silence"

    async def test_after_mere_small_talk_the_conversation_just_ends(self, customer: Customer) -> None:
        await customer.says("hallo")
        customer.wait(hours=1)
        await customer.silence.end_silent_conversations()
        (conversation,) = await customer.conversations()
        assert (conversation.state, conversation.close_reason) == (ConversationState.CLOSED, "silence")
        assert await customer.survey() is None

    async def test_after_the_survey_the_conversation_ends(self, asked: Customer) -> None:
        await asked.says(press="Umfrage beenden")
        assert (await asked.conversations())[0].state == ConversationState.BOT
        asked.wait(hours=1)
        await asked.silence.end_silent_conversations()
        (conversation,) = await asked.conversations()
        assert (conversation.state, conversation.close_reason) == (ConversationState.CLOSED, "goodbye")
        assert conversation.closed_at == asked.now

    async def test_an_unanswered_survey_expires_and_keeps_its_answers(self, asked: Customer) -> None:
        await asked.says(press="5")
        asked.wait(hours=1)
        await asked.silence.end_silent_conversations()
        survey = await asked.survey()
        assert (survey.state, survey.ended_at) == ("expired", asked.now)
        assert len(await asked.answers()) == 1

    async def test_whoever_waits_for_a_person_or_an_answer_is_not_at_the_end(self, customer: Customer) -> None:
        customer.double.fail_with = 500
        await customer.says("bestellung")
        customer.wait(hours=1)
        before = await customer.last_message_id()
        await customer.silence.end_silent_conversations()
        assert await customer.heard(before) == []
        assert (await customer.conversations())[0].state == ConversationState.BOT
