"""What customers hear who wait for a person: true, and never the last word."""

import pytest

from bot.escalation import EscalationReason
from bot.handoff.waiting import BY_MAIL, LEAVE
from bot.storage.tables import Agent, ConversationRow, Handoff, PromiseRow, Signal
from tests.bot.handoff.conftest import SUNDAY, Floor


def titles(reply) -> list[str]:
    return [button["payload"] for button in reply.buttons]


class TestAnnounce:
    async def test_with_a_free_agent_it_takes_the_default_while_there_is_no_experience(self, floor: Floor) -> None:
        await floor.agent()
        (reply,) = await floor.queue(await floor.conversation(intents=["track_order"]))
        assert "Es dauert voraussichtlich 5 Minuten." in reply.text
        assert "nichts wiederholen" in reply.text
        (handoff,) = await floor.rows(Handoff)
        assert (handoff.announced_wait_s, handoff.position, handoff.free_places) == (300, 1, 3)

    async def test_whoever_stands_further_back_hears_the_position(self, floor: Floor) -> None:
        await floor.agent()
        for key in ("anna", "bert"):
            await floor.queue(await floor.conversation(key))
        (reply,) = await floor.queue(await floor.conversation("cem"))
        assert "Sie sind Nummer 3 in der Warteschlange" in reply.text

    async def test_with_all_places_taken_the_wait_is_longer(self, floor: Floor) -> None:
        agent = await floor.agent(places=1)
        first = await floor.conversation("anna")
        await floor.queue(first)
        await floor.accept(first, agent)
        await floor.queue(await floor.conversation("bert"))
        handoffs = await floor.rows(Handoff)
        assert handoffs[1].free_places == 0
        assert handoffs[1].announced_wait_s > handoffs[0].announced_wait_s

    @pytest.mark.parametrize("presence", ["busy", "away", "gone"])
    async def test_with_nobody_available_no_time_is_named_but_an_answer_promised(
        self, floor: Floor, presence: str
    ) -> None:
        await floor.agent(presence="available" if presence == "gone" else presence)
        if presence == "gone":
            floor.later(minutes=5)
        conversation_id = await floor.conversation()
        (reply,) = await floor.queue(conversation_id)
        assert "niemand angemeldet" in reply.text
        assert "Antwort bis spätestens heute um 14:0" in reply.text
        (handoff,) = await floor.rows(Handoff)
        assert handoff.announced_wait_s is None
        (promise,) = await floor.rows(PromiseRow)
        assert (promise.kind, promise.state) == ("answer", "open")

    async def test_outside_service_hours_the_next_opening_and_an_answer_are_promised(self, floor: Floor) -> None:
        floor.now = SUNDAY
        await floor.agent()  # somebody looks in on Sunday; that changes no promise
        (reply,) = await floor.queue(await floor.conversation())
        assert "wieder ab Montag, 23. November, 08:00 Uhr" in reply.text
        assert "bis spätestens Montag, 23. November, 12:00 Uhr" in reply.text
        (handoff,) = await floor.rows(Handoff)
        assert handoff.outside_hours
        assert {s.kind for s in await floor.rows(Signal)} >= {"handoff_queued", "outside_hours"}

    async def test_in_english_too(self, floor: Floor) -> None:
        floor.now = SUNDAY
        (reply,) = await floor.queue(await floor.conversation(language="en"))
        assert "back from 08:00 on Monday 23 November" in reply.text

    async def test_who_only_asked_for_a_person_is_asked_what_it_is_about(self, floor: Floor) -> None:
        await floor.agent()
        (reply,) = await floor.queue(await floor.conversation(intents=["human_handoff"]))
        assert "worum es geht" in reply.text
        (reply,) = await floor.queue(await floor.conversation("bert", intents=["track_order", "human_handoff"]))
        assert "worum es geht" not in reply.text
        assert "beantworte ich gern einfache Fragen" in reply.text

    async def test_asking_again_tells_where_one_stands_and_queues_nothing(self, floor: Floor) -> None:
        await floor.agent()
        conversation_id = await floor.conversation()
        await floor.queue(conversation_id)
        floor.later(minutes=2)
        (reply,) = await floor.queue(conversation_id)
        assert "liegt bereits bei unserem Team" in reply.text
        assert "3 Minuten" in reply.text
        assert len(await floor.rows(Handoff)) == 1

    async def test_who_is_with_an_agent_already_hears_that(self, floor: Floor) -> None:
        agent = await floor.agent()
        conversation_id = await floor.conversation()
        await floor.queue(conversation_id)
        await floor.accept(conversation_id, agent)
        (reply,) = await floor.queue(conversation_id)
        assert "bereits mit unserem Team verbunden" in reply.text


class TestNotice:
    async def test_when_it_takes_longer_the_customer_hears_so_with_a_new_time(self, floor: Floor) -> None:
        agent = await floor.agent(places=1)
        first, second = await floor.conversation("anna"), await floor.conversation("bert")
        await floor.queue(first)
        await floor.accept(first, agent)
        await floor.queue(second)
        (handoff,) = await floor.rows(Handoff, conversation_id=second)
        floor.later(seconds=handoff.announced_wait_s - 5)
        await floor.there(agent)
        await floor.watch.look()
        assert await floor.said(second) == []
        floor.later(seconds=6)
        await floor.there(agent)
        await floor.watch.look()
        (notice,) = await floor.said(second)
        assert "länger, als ich gesagt habe: voraussichtlich noch" in notice
        assert floor.published == [second]

    async def test_it_is_not_repeated_before_the_new_time_is_over(self, floor: Floor) -> None:
        agent = await floor.agent(places=1)
        first, second = await floor.conversation("anna"), await floor.conversation("bert")
        await floor.queue(first)
        await floor.accept(first, agent)
        await floor.queue(second)
        for _ in range(3):
            (handoff,) = await floor.rows(Handoff, conversation_id=second)
            floor.now = max(floor.now, handoff.notice_at)
            await floor.there(agent)
            for _ in range(3):
                await floor.watch.look()
                floor.later(seconds=30)
        assert len(await floor.said(second)) == 3

    async def test_when_everybody_left_no_new_time_is_invented(self, floor: Floor) -> None:
        await floor.agent()
        conversation_id = await floor.conversation()
        await floor.queue(conversation_id)
        floor.later(minutes=6)
        await floor.watch.look()
        (notice,) = await floor.said(conversation_id)
        assert "eine Zeit kann ich gerade nicht nennen" in notice
        floor.later(hours=1)
        await floor.watch.look()
        assert len(await floor.said(conversation_id)) == 1

    async def test_what_was_announced_first_stays_the_measure(self, floor: Floor) -> None:
        agent = await floor.agent()
        conversation_id = await floor.conversation()
        await floor.queue(conversation_id)
        floor.later(minutes=6)
        await floor.there(agent)
        await floor.watch.look()
        floor.later(minutes=1)
        await floor.accept(conversation_id, agent)
        (signal,) = await floor.rows(Signal, kind="wait_for_person")
        assert (signal.value, signal.data["announced_s"]) == (420.0, 300)


class TestAnswerByMail:
    async def test_long_waits_offer_mail_and_leaving(self, floor: Floor) -> None:
        await floor.agent()
        (reply,) = await floor.queue(await floor.conversation())
        assert titles(reply) == [BY_MAIL, LEAVE]

    async def test_where_messages_arrive_anyway_no_mail_is_offered(self, floor: Floor) -> None:
        await floor.agent()
        (reply,) = await floor.queue(await floor.conversation(channel="telegram"))
        assert titles(reply) == [LEAVE]

    async def test_an_address_is_asked_for_noted_and_the_time_promised(self, floor: Floor) -> None:
        await floor.agent()
        conversation_id = await floor.conversation()
        await floor.queue(conversation_id)
        (asked,) = await floor.take(conversation_id, "Antwort lieber per E-Mail", BY_MAIL)
        assert asked.input == {"type": "email"}
        (noted,) = await floor.take(conversation_id, "gern an Anna.Mueller@Example.org, danke!")
        assert "Anna.Mueller@example.org" in noted.text
        assert "bis spätestens heute um 14:00 Uhr" in noted.text
        (handoff,) = await floor.rows(Handoff)
        assert handoff.contact == "Anna.Mueller@example.org"
        assert (await floor.rows(PromiseRow))[0].kind == "answer"
        assert len(await floor.rows(Signal, kind="callback_wanted")) == 1

    async def test_who_left_an_address_is_not_told_that_it_takes_longer(self, floor: Floor) -> None:
        await floor.agent()
        conversation_id = await floor.conversation()
        await floor.queue(conversation_id)
        await floor.take(conversation_id, "", BY_MAIL)
        await floor.take(conversation_id, "a@example.org")
        floor.later(hours=2)
        await floor.watch.look()
        assert await floor.said(conversation_id) == []

    @pytest.mark.parametrize("address", ["anna@", "anna@@example.org", "anna@example", "@example.org x"])
    async def test_an_impossible_address_is_asked_for_again(self, floor: Floor, address: str) -> None:
        conversation_id = await floor.conversation()
        await floor.queue(conversation_id)
        await floor.take(conversation_id, "", BY_MAIL)
        (again,) = await floor.take(conversation_id, address)
        assert "kann so nicht stimmen" in again.text
        assert await floor.take(conversation_id, "anna@example.org") is not None

    async def test_a_question_in_between_is_a_question(self, floor: Floor) -> None:
        conversation_id = await floor.conversation()
        await floor.queue(conversation_id)
        await floor.take(conversation_id, "", BY_MAIL)
        assert await floor.take(conversation_id, "Was kostet eigentlich der Versand?") is None

    async def test_an_address_nobody_asked_for_is_not_taken(self, floor: Floor) -> None:
        conversation_id = await floor.conversation()
        await floor.queue(conversation_id)
        assert await floor.take(conversation_id, "meine Mail ist a@example.org") is None


class TestLeaving:
    async def test_no_longer_needed_ends_the_handoff_as_abandoned_and_the_bot_goes_on(self, floor: Floor) -> None:
        conversation_id = await floor.conversation()
        await floor.queue(conversation_id)
        floor.later(seconds=90)
        (reply,) = await floor.take(conversation_id, "Nicht mehr nötig", LEAVE)
        assert "aus der Warteschlange genommen" in reply.text
        (handoff,), (conversation,) = await floor.rows(Handoff), await floor.rows(ConversationRow)
        assert (handoff.state, conversation.state) == ("abandoned", "bot")
        (signal,) = await floor.rows(Signal, kind="handoff_abandoned")
        assert (signal.value, signal.data["accepted"]) == (90.0, False)

    async def test_a_button_of_a_handoff_that_is_over_is_no_longer_valid(self, floor: Floor) -> None:
        conversation_id = await floor.conversation()
        await floor.queue(conversation_id)
        await floor.take(conversation_id, "", LEAVE)
        for payload in (LEAVE, BY_MAIL):
            (reply,) = await floor.take(conversation_id, "", payload)
            assert "gilt nicht mehr" in reply.text

    async def test_goodbye_while_waiting_takes_nothing_away(self, floor: Floor) -> None:
        conversation_id = await floor.conversation()
        await floor.queue(conversation_id)
        async with floor.database.begin() as session:
            from bot.storage.conversations import Conversations

            row = await Conversations(session).locked(conversation_id)
            (reply,) = await floor.handoffs.waiting.farewell(session, row, floor.now)
        assert titles(reply) == [BY_MAIL, LEAVE]
        (handoff,) = await floor.rows(Handoff)
        assert handoff.state == "queued"


class TestVanishedAgents:
    async def test_what_a_vanished_agent_had_goes_back_to_its_old_place(self, floor: Floor) -> None:
        agent = await floor.agent()
        first, second = await floor.conversation("anna"), await floor.conversation("bert")
        await floor.queue(first)
        await floor.accept(first, agent)
        await floor.queue(second)
        floor.later(minutes=4)
        await floor.watch.return_vanished()
        handoff, behind = await floor.rows(Handoff)
        assert (handoff.state, handoff.agent_id) == ("queued", None)
        async with floor.database.read() as session:
            from bot.storage.handoffs import Handoffs

            assert [await Handoffs(session).position(h) for h in (handoff, behind)] == [1, 2]
        assert "behalten Ihren Platz" in (await floor.said(first))[-1]
        assert len(await floor.rows(Signal, kind="agent_vanished")) == 1

    async def test_an_agent_who_is_there_keeps_everything(self, floor: Floor) -> None:
        agent = await floor.agent(presence="busy")
        conversation_id = await floor.conversation()
        await floor.queue(conversation_id)
        await floor.accept(conversation_id, agent)
        floor.later(minutes=4)
        await floor.there(agent)
        await floor.watch.return_vanished()
        assert (await floor.rows(Handoff))[0].state == "accepted"

    async def test_whoever_takes_or_answers_is_there(self, floor: Floor) -> None:
        agent = await floor.agent()
        taken, taken_over = await floor.conversation("anna"), await floor.conversation("bert")
        await floor.queue(taken)
        floor.later(minutes=4)  # the browser slept, and has not told of itself yet
        await floor.accept(taken, agent)
        await floor.watch.return_vanished()
        floor.later(minutes=2)
        async with floor.database.begin() as session:
            row = await session.get(Agent, agent.id)
            reason = EscalationReason.CUSTOMER_ASKED
            handoff = await floor.handoffs.take_over(session, taken_over, row, reason, floor.now)
        floor.later(minutes=2)
        await floor.watch.return_vanished()
        async with floor.database.begin() as session:
            await floor.handoffs.reply(session, handoff.id, await session.get(Agent, agent.id), "Hallo", floor.now)
        floor.later(minutes=2)
        await floor.watch.return_vanished()
        assert [row.state for row in await floor.rows(Handoff)] == ["accepted", "accepted"]
        floor.later(minutes=2)
        await floor.watch.return_vanished()
        assert [row.state for row in await floor.rows(Handoff)] == ["queued", "queued"]

    async def test_the_customer_waited_once_however_often_agents_change(self, floor: Floor) -> None:
        lena, murat = await floor.agent("Lena"), await floor.agent("Murat")
        conversation_id = await floor.conversation()
        await floor.queue(conversation_id)
        await floor.accept(conversation_id, lena)
        floor.later(minutes=4)
        await floor.watch.return_vanished()
        await floor.accept(conversation_id, murat)
        assert len(await floor.rows(Signal, kind="wait_for_person")) == 1


class TestDealingOut:
    async def test_the_queue_is_dealt_out_in_its_order_to_whoever_has_most_free_places(self, floor: Floor) -> None:
        lena, murat = await floor.agent("Lena", places=1), await floor.agent("Murat", places=2)
        ids = [await floor.conversation(key) for key in "abcd"]
        for conversation_id in ids:
            await floor.queue(conversation_id)
        await floor.watching(automatic=True).look()
        handoffs = await floor.rows(Handoff)
        assert [h.state for h in handoffs] == ["accepted"] * 3 + ["queued"]
        assert sorted(h.agent_id for h in handoffs[:3]) == [lena.id, murat.id, murat.id]

    async def test_busy_and_absent_agents_get_nothing(self, floor: Floor) -> None:
        await floor.agent("Lena", presence="busy")
        await floor.queue(await floor.conversation())
        await floor.watching(automatic=True).look()
        assert (await floor.rows(Handoff))[0].state == "queued"

    async def test_what_is_for_a_team_goes_to_that_team_and_holds_up_nobody_behind(self, floor: Floor) -> None:
        await floor.agent("Lena", team="Service")
        for key in "ab":
            await floor.queue(await floor.conversation(key))
        async with floor.database.begin() as session:
            (await session.get(Handoff, 1)).team = "Technik"
        await floor.watching(automatic=True).look()
        assert [h.state for h in await floor.rows(Handoff)] == ["queued", "accepted"]
