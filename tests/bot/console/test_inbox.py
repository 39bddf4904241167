"""The lists and one conversation: what agents see, and what their actions do to customers."""

from bot.storage.tables import Agent, Assignment, Audit, ConversationRow, Handoff, MessageRow, Signal
from tests.bot.console.conftest import Desk


class TestLists:
    async def test_waiting_conversations_are_in_the_queue_with_reason_and_last_words(self, desk: Desk) -> None:
        await desk.customer("anna", "Hallo", "Wo ist mein Paket?", reason="upset")
        page = (await (await desk.agent()).get("/")).text
        assert "Wo ist mein Paket?" in page
        assert "upset" in page

    async def test_a_conversation_that_waits_for_nobody_is_in_no_list(self, desk: Desk) -> None:
        await desk.customer("anna", "Nur eine Frage an den Bot", reason=None)
        assert "Nur eine Frage" not in (await (await desk.agent()).get("/")).text

    async def test_an_accepted_conversation_is_mine_and_with_a_colleague_for_others(self, desk: Desk) -> None:
        conversation_id = await desk.customer()
        lena, murat = await desk.agent("Lena"), await desk.agent("Murat")
        await lena.post(f"/conversations/{conversation_id}/accept")
        mine, theirs = (await lena.get("/lists")).text, (await murat.get("/lists")).text
        row = f'id="row-{conversation_id}"'
        assert mine.index('id="list-mine"') < mine.index(row) < mine.index('id="list-queue"')
        assert theirs.index('id="list-colleagues"') < theirs.index(row)

    async def test_a_filter_shows_only_what_fits(self, desk: Desk) -> None:
        await desk.customer("anna", "Ich bin sauer", reason="upset")
        await desk.customer("bert", "Ich will einen Menschen")
        page = (await (await desk.agent()).get("/?reason=upset")).text
        assert "Ich bin sauer" in page
        assert "Ich will einen Menschen" not in page

    async def test_the_number_of_unread_messages_is_what_came_after_the_agent_last_looked(self, desk: Desk) -> None:
        conversation_id = await desk.customer()
        lena = await desk.agent()
        await lena.post(f"/conversations/{conversation_id}/accept")
        await lena.post(f"/conversations/{conversation_id}/seen")
        await desk.says(conversation_id, "Hallo?")
        await desk.says(conversation_id, "Sind Sie da?")
        assert 'data-unread="2"' in (await lena.get("/lists")).text
        await lena.post(f"/conversations/{conversation_id}/seen")
        assert 'data-unread="0"' in (await lena.get("/lists")).text


class TestAccept:
    async def test_of_two_who_press_at_once_one_gets_it_and_the_other_hears_so(self, desk: Desk) -> None:
        import asyncio

        conversation_id = await desk.customer()
        lena, murat = await desk.agent("Lena"), await desk.agent("Murat")
        answers = await asyncio.gather(*(b.post(f"/conversations/{conversation_id}/accept") for b in (lena, murat)))
        assert sorted(a.status_code for a in answers) == [204, 409]
        loser = next(a for a in answers if a.status_code == 409)
        assert loser.json()["error"]["message"] == "Someone else was quicker, or the conversation has ended."
        (handoff,) = await desk.rows(Handoff)
        assert handoff.agent_id in (lena.agent.id, murat.agent.id)
        assert len(await desk.rows(Assignment)) == 1
        assert [t for t in await desk.texts(conversation_id, "system") if "für Sie da" in t] != []

    async def test_accepting_twice_is_accepting_once(self, desk: Desk) -> None:
        conversation_id = await desk.customer()
        lena = await desk.agent()
        for _ in range(2):
            assert (await lena.post(f"/conversations/{conversation_id}/accept")).status_code == 204
        assert len(await desk.texts(conversation_id, "system")) == 1
        assert len(await desk.rows(Signal, kind="wait_for_person")) == 1

    async def test_a_conversation_that_does_not_exist(self, desk: Desk) -> None:
        lena = await desk.agent()
        assert (await lena.get("/conversations/4711")).status_code == 404
        assert (await lena.post("/conversations/4711/accept")).status_code == 409
        assert (await lena.post("/conversations/4711/note", {"text": "x"})).status_code == 404


class TestReply:
    async def test_a_reply_is_on_its_way_to_the_customer_under_the_agents_name(self, desk: Desk) -> None:
        from bot.storage.tables import Delivery

        conversation_id = await desk.customer()
        lena = await desk.agent()
        await lena.post(f"/conversations/{conversation_id}/accept")
        assert (
            await lena.post(f"/conversations/{conversation_id}/reply", {"text": "Ich sehe nach."})
        ).status_code == 204
        (message,) = await desk.rows(MessageRow, author="agent")
        assert (message.text, message.agent_name) == ("Ich sehe nach.", "Lena")
        assert len(await desk.rows(Delivery, message_id=message.id)) == 1

    async def test_only_who_has_the_conversation_may_reply(self, desk: Desk) -> None:
        conversation_id = await desk.customer()
        lena, murat = await desk.agent("Lena"), await desk.agent("Murat", role="admin")
        assert (await lena.post(f"/conversations/{conversation_id}/reply", {"text": "x"})).status_code == 409
        await lena.post(f"/conversations/{conversation_id}/accept")
        for action in ("reply", "return", "close"):
            response = await murat.post(f"/conversations/{conversation_id}/{action}", {"text": "x", "reason": "solved"})
            assert response.status_code == 409, action
        assert await desk.rows(MessageRow, author="agent") == []

    async def test_an_empty_or_endless_reply_is_refused(self, desk: Desk) -> None:
        conversation_id = await desk.customer()
        lena = await desk.agent()
        await lena.post(f"/conversations/{conversation_id}/accept")
        for text in ("", "  \n", "\u202e", "x" * 4001):
            assert (await lena.post(f"/conversations/{conversation_id}/reply", {"text": text})).status_code == 422


class TestEnding:
    async def test_returned_to_the_bot_the_customer_hears_that_no_person_answers_now(self, desk: Desk) -> None:
        conversation_id = await desk.customer()
        lena = await desk.agent()
        await lena.post(f"/conversations/{conversation_id}/accept")
        await lena.post(f"/conversations/{conversation_id}/return", {"text": "Der Bot hilft weiter."})
        assert (await desk.texts(conversation_id, "agent")) == ["Der Bot hilft weiter."]
        assert "kein Mensch" in (await desk.texts(conversation_id, "system"))[-1]
        (conversation,), (handoff,) = await desk.rows(ConversationRow), await desk.rows(Handoff)
        assert (conversation.state, handoff.state) == ("bot", "returned")

    async def test_closing_asks_the_customer_for_a_survey(self, desk: Desk) -> None:
        from bot.storage.tables import Survey

        conversation_id = await desk.customer()
        lena = await desk.agent()
        await lena.post(f"/conversations/{conversation_id}/accept")
        await lena.post(f"/conversations/{conversation_id}/close", {"reason": "solved"})
        (handoff,), (survey,) = await desk.rows(Handoff), await desk.rows(Survey)
        assert (handoff.state, handoff.close_reason) == ("closed", "solved")
        assert survey.trigger == "agent_closed"

    async def test_closing_needs_a_known_reason(self, desk: Desk) -> None:
        conversation_id = await desk.customer()
        lena = await desk.agent()
        await lena.post(f"/conversations/{conversation_id}/accept")
        assert (await lena.post(f"/conversations/{conversation_id}/close", {"reason": "x"})).status_code == 422
        (handoff,) = await desk.rows(Handoff)
        assert handoff.state == "accepted"

    async def test_a_customer_who_was_gone_before_anyone_came_counts_as_abandoned(self, desk: Desk) -> None:
        conversation_id = await desk.customer()
        lena = await desk.agent()
        await lena.post(f"/conversations/{conversation_id}/accept")
        await lena.post(f"/conversations/{conversation_id}/close", {"reason": "customer_gone"})
        (handoff,) = await desk.rows(Handoff)
        assert handoff.state == "abandoned"
        assert [s.kind for s in await desk.rows(Signal)].count("handoff_abandoned") == 1


class TestPresence:
    async def test_an_agent_is_available_after_signing_in_and_what_they_chose_afterwards(self, desk: Desk) -> None:
        lena = await desk.agent()
        assert (await desk.rows(Agent))[0].presence == "available"
        await lena.post("/presence", {"presence": "busy"})
        assert (await desk.rows(Agent))[0].presence == "busy"
        assert (await lena.post("/presence", {"presence": "asleep"})).status_code == 422


class TestAudit:
    async def test_looking_accepting_and_closing_are_written_down(self, desk: Desk) -> None:
        conversation_id = await desk.customer()
        lena = await desk.agent()
        await lena.get(f"/conversations/{conversation_id}")
        await lena.post(f"/conversations/{conversation_id}/accept")
        await lena.post(f"/conversations/{conversation_id}/close")
        actions = [a.action for a in await desk.rows(Audit, conversation_id=conversation_id)]
        assert actions == ["conversation.view", "handoff.accept", "handoff.close"]
