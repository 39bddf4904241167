"""A shopper's whole way: a question, anger, a person, the survey; and the traces it leaves in every table."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

from sqlalchemy import select

from bot.conversation import Incoming
from bot.engine_client import EngineClient
from bot.handoff.hours import ServiceHours
from bot.handoff.service import HandoffService
from bot.metrics.expectations import expectation_map
from bot.metrics.facts import Rules
from bot.metrics.figures import Costs
from bot.metrics.reading import FigureReader
from bot.metrics.refresh import Refresher
from bot.storage.conversations import Conversations
from bot.storage.figure_tables import ConversationFact
from bot.storage.figures import Slice
from bot.storage.tables import Agent, Handoff, MessageRow, PromiseRow, Signal, Survey, SurveyAnswer, Turn
from bot.survey.bank import load_bank
from bot.survey.service import SurveyService
from bot.survey.silence import Silence
from bot.turn import TurnHandler
from tests.engine_double import turn_response

BERLIN = ZoneInfo("Europe/Berlin")


async def test_a_shoppers_whole_way_and_its_traces(settings, database, engine_double) -> None:
    now = datetime(2026, 5, 4, 8, 0, tzinfo=UTC)  # a Monday, 10:00 in Berlin

    async def ignore(_conversation_id: int) -> None:
        return None

    handoffs = HandoffService(ServiceHours("Mon-Fri 08:00-18:00", BERLIN), 300)
    surveys = SurveyService(load_bank(Path("survey.yml")), handoffs, Random(1))
    turns = TurnHandler(
        settings=settings,
        database=database,
        engine=EngineClient(engine_double.url, "t", 5),
        handoffs=handoffs,
        surveys=surveys,
        publish=ignore,
        clock=lambda: now,
    )
    count = 0

    async def says(text: str) -> None:
        nonlocal count
        count += 1
        await turns.handle_turn(Incoming(channel="web", external_key="anna", external_id=f"m{count}", text=text))

    # She asks where her order is, and hears a day.
    due = (now + timedelta(days=1)).isoformat()
    engine_double.script["Wo ist meine Bestellung LM-1?"] = lambda body: turn_response(
        body,
        ["Sie kommt morgen."],
        intent={"name": "track_order", "confidence": 0.97},
        operations=[{"name": "order", "order": "LM-1", "ok": True, "code": None}],
        promises=[{"kind": "delivery", "order": "LM-1", "return": None, "wording": "morgen", "due": due}],
    )
    await says("Wo ist meine Bestellung LM-1?")

    # That angers her; the bot takes it up, and she asks for a person.
    engine_double.script["Das ist eine Frechheit, ich will einen Menschen!"] = lambda body: turn_response(
        body,
        ["Das ist ärgerlich."],
        intent={"name": "human_handoff", "confidence": 0.98},
        emotion={"label": "anger", "valence": -0.6, "confidence": 0.9},
        acknowledged=True,
        requests=[{"kind": "handoff", "reason": "customer_asked"}],
    )
    await says("Das ist eine Frechheit, ich will einen Menschen!")

    # Lena comes after a minute, answers after another, and closes.
    now += timedelta(minutes=1)
    async with database.begin() as session:
        lena = Agent(email="lena@example.org", name="Lena", role="agent", password_hash="-", created_at=now)
        session.add(lena)
        await session.flush()
        handoff = (await session.scalars(select(Handoff))).one().id
        await handoffs.accept(session, handoff, lena, now)
    now += timedelta(minutes=1)
    async with database.begin() as session:
        await handoffs.reply(session, handoff, lena, "Das tut mir leid, ich sehe nach.", now)
    now += timedelta(minutes=1)
    engine_double.emotions["Danke, sehr nett"] = {"label": "gratitude", "valence": 0.6, "confidence": 0.9}
    await says("Danke, sehr nett")
    async with database.begin() as session:
        conversation = await handoffs.close(session, handoff, lena, now)
        for reply in await surveys.offer(session, conversation, "agent_closed", now):
            await Conversations(session).add_reply(conversation, reply, now)

    # She answers two questions with words, and goes.
    await says("eine 5")
    await says("5, weil Lena so nett war")
    await says("danke, tschüss")
    now += timedelta(minutes=16)
    await Silence(database, surveys, ignore, lambda: now, settings.silence_survey_s).end_silent_conversations()
    await Refresher(database, Rules(BERLIN, expectation_map()), lambda: now).refresh()

    async with database.read() as session:

        async def rows(table):
            return list(await session.scalars(select(table).order_by(table.id)))

        messages = await rows(MessageRow)
        assert [m.number for m in messages] == list(range(1, len(messages) + 1))
        assert {m.author for m in messages} == {"customer", "bot", "agent", "system"}
        assert [t.intent or t.goal or t.state for t in await rows(Turn)] == [
            *("track_order", "human_handoff", "with_person", "survey", "survey", "survey")
        ]
        promises = await rows(PromiseRow)  # the bot's, and the one that somebody will answer
        assert [(p.kind, p.order_number, p.state) for p in promises] == [
            ("delivery", "LM-1", "open"),
            ("answer", None, "open"),
        ]
        (taken,) = await rows(Handoff)
        assert (taken.reason, taken.state, taken.agent_id) == ("customer_asked", "closed", lena.id)
        (survey,) = await rows(Survey)
        assert (survey.state, survey.trigger, survey.agent_id) == ("skipped", "agent_closed", lena.id)
        answers = await rows(SurveyAnswer)
        assert [(a.value, a.text) for a in answers] == [(5, None), (5, "weil Lena so nett war")]
        assert [a.probability for a in answers] == [item["probability"] for item in survey.items[:2]]
        signals = {(s.kind, s.data.get("by")): s.value for s in await rows(Signal)}
        assert signals["wait_for_person", None] == 60
        assert signals["first_response", "agent"] == 120
        assert signals["acknowledgement", "bot"] == 1
        assert signals["recovery", None] == 1.2
        (fact,) = list(await session.scalars(select(ConversationFact)))
        assert (fact.handler, fact.topic, fact.resolution, fact.recovered) == ("person", "orders", "handed_over", True)
        assert (fact.closed_at, fact.answered_surveys, fact.handoff_reason) == (now, 1, "customer_asked")

    figures = await FigureReader(database, BERLIN, Costs(), lambda: now).figures(Slice(now.date(), now.date()))
    assert figures["conversations"].value == 1
    assert figures["handoff_rate"].value == 1
    assert figures["wait_p50"].value == 60
    assert figures["survey_response"].value == 1
    assert figures["recovery_person"].value == 1
