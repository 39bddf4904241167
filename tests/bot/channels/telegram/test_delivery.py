"""Sending when things go wrong: 429, blocked, time-outs, Telegram gone, parts of long texts."""

import io
from datetime import timedelta

import pytest
from PIL import Image
from sqlalchemy import select

from bot.channels.telegram.pictures import progress_picture
from bot.channels.telegram.playground.faults import Faults
from bot.channels.telegram.playground.server import FakeTelegram
from bot.clock import utc_now
from bot.conversation import Reply
from bot.storage.conversations import Conversations
from bot.storage.tables import Delivery, Outage, Signal
from tests.engine_double import turn_response
from tests.telegram_double.world import eventually, running, until


async def deliveries(world) -> list[tuple[str, int]]:
    async with world.database.read() as session:
        rows = await session.scalars(select(Delivery).where(Delivery.channel == "telegram").order_by(Delivery.id))
        return [(row.state, row.part) for row in rows]


async def states(world) -> list[str]:
    return [state for state, _ in await deliveries(world)]


async def signals(world) -> list[str]:
    async with world.database.read() as session:
        kinds = await session.scalars(select(Signal.kind).where(Signal.kind.like("delivery%")))
        return list(kinds)


async def test_a_chat_that_must_wait_stops_no_other(settings, engine_double) -> None:
    async with running(settings, engine_double) as world:
        anna, bert = world.telegram.person("Anna"), world.telegram.person("Bert")
        world.telegram.say(anna, "eins")
        await world.hears(anna, "echo: eins")
        world.telegram.faults = Faults(script=["too_many"], retry_after_s=3600)
        before = utc_now()
        world.telegram.say(anna, "zwei")
        await eventually(lambda: states(world), ["sent", "sent", "failed"])
        world.telegram.say(bert, "hallo")
        await world.hears(bert, "echo: hallo")
        async with world.database.begin() as session:
            (waiting,) = await session.scalars(select(Delivery).where(Delivery.state == "failed"))
            assert waiting.next_try_at >= before + timedelta(seconds=3600)
            waiting.next_try_at = utc_now()
        await world.hears(anna, "echo: eins", "echo: zwei")
        assert world.telegram.refused == [anna.id]  # asked once, then waited


async def test_a_time_out_is_counted_and_not_sent_again(settings, engine_double) -> None:
    async with running(settings, engine_double, telegram_timeout_s=3) as world:
        anna = world.telegram.person("Anna")
        world.telegram.say(anna, "eins")
        await world.hears(anna, "echo: eins")
        world.telegram.faults = Faults(script=["hang"], hang_s=20)
        world.telegram.say(anna, "zwei")
        await eventually(lambda: signals(world), ["delivery_ambiguous"])
        world.telegram.say(anna, "drei")
        await world.hears(anna, "echo: eins", "echo: zwei", "echo: drei")
        await eventually(lambda: states(world), ["sent", "sent", "ambiguous", "sent"])


async def test_an_inner_error_of_telegrams_is_ambiguous_too(settings, engine_double) -> None:
    async with running(settings, engine_double) as world:
        anna = world.telegram.person("Anna")
        world.telegram.say(anna, "eins")
        await world.hears(anna, "echo: eins")
        world.telegram.faults = Faults(script=["refuse"])
        world.telegram.say(anna, "zwei")
        await eventually(lambda: signals(world), ["delivery_ambiguous"])


async def test_what_cannot_reach_telegram_is_sent_when_it_is_back(settings, engine_double) -> None:
    telegram = FakeTelegram(per_chat_s=0.0)
    async with running(settings, engine_double, telegram=telegram) as world:
        anna = telegram.person("Anna")
        telegram.say(anna, "eins")
        await world.hears(anna, "echo: eins")
        await world.cut_off()
        async with world.database.begin() as session:
            key = f"{telegram.bot['id']}:{anna.id}"
            conversation = await Conversations(session).at("telegram", key)
            await Conversations(session).add_reply(conversation, Reply(text="Ihr Paket kommt heute."), utc_now())

        async def outages() -> list[bool]:
            async with world.database.read() as session:
                rows = await session.scalars(select(Outage).where(Outage.part == "telegram"))
                return [row.ended_at is not None for row in rows]

        await eventually(outages, [False])
        await world.back_again()
        await world.hears(anna, "Ihr Paket kommt heute.")
        await eventually(outages, [True])
        assert await signals(world) == []


async def test_a_message_that_telegram_refuses_stops_nothing_after_it(settings, engine_double) -> None:
    async with running(settings, engine_double) as world:
        anna = world.telegram.person("Anna")
        world.telegram.faults.script = ["well", "bad"]
        world.telegram.say(anna, "kaputt")
        world.telegram.say(anna, "hallo")
        await world.hears_something_with(anna, "echo: hallo")
        await eventually(lambda: states(world), ["sent", "dead", "sent"])
        assert await signals(world) == ["delivery_dead"]


@pytest.mark.parametrize("failing", [0, 1, 2])
async def test_of_a_long_text_no_part_is_said_twice(settings, engine_double, failing) -> None:
    long = " ".join(f"Das ist Satz {i}." for i in range(600))
    engine_double.script["lang"] = lambda body: turn_response(body, [long])
    async with running(settings, engine_double) as world:
        anna = world.telegram.person("Anna")
        world.telegram.say(anna, "hallo")
        await world.hears(anna, "echo: hallo")
        world.telegram.faults = Faults(script=["well"] * failing + ["too_many"], retry_after_s=1)
        world.telegram.say(anna, "lang")
        await until(lambda: len(world.telegram.texts(anna)) == 5)
        assert " ".join(world.telegram.texts(anna)[2:]) == long
        await eventually(lambda: deliveries(world), [("sent", 0), ("sent", 0), ("sent", 2)])
        assert len(world.telegram.refused) == 1


async def test_of_a_long_text_the_parts_after_an_ambiguous_one_still_come(settings, engine_double) -> None:
    long = " ".join(f"Das ist Satz {i}." for i in range(600))
    engine_double.script["lang"] = lambda body: turn_response(body, [long])
    async with running(settings, engine_double) as world:
        anna = world.telegram.person("Anna")
        world.telegram.say(anna, "hallo")
        await world.hears(anna, "echo: hallo")
        world.telegram.faults = Faults(script=["well", "refuse"])
        world.telegram.say(anna, "lang")
        await until(lambda: len(world.telegram.texts(anna)) == 4)
        assert world.telegram.texts(anna)[2].startswith("Das ist Satz 0.")
        assert world.telegram.texts(anna)[3].endswith("Das ist Satz 599.")
        assert await signals(world) == ["delivery_ambiguous"]


async def test_the_pace_is_kept(paced, settings, engine_double) -> None:
    telegram = FakeTelegram(per_chat_s=1.0, per_s=5)
    async with running(settings, engine_double, telegram=telegram, telegram_per_second=5) as world:
        people = [telegram.person(f"P{i}") for i in range(12)]
        for person in people:
            telegram.say(person, "hallo")
        for person in people:
            await world.hears(person, "echo: hallo")
    assert telegram.breaches == []


CARD = {
    "type": "order",
    "number": "LM-1042",
    "status": "shipped",
    "status_text": "unterwegs",
    "lines": [{"name": "Jacke <Sylt>", "variant": "M", "quantity": 1, "price": "89,90 €"}],
}


class TestOrderCards:
    @pytest.fixture
    def answer(self, engine_double) -> None:
        def shipped(body):
            response = turn_response(body, ["Sie ist <unterwegs>."])
            response["replies"][0] |= {"card": CARD, "buttons": [{"title": "Danke", "payload": "/thank"}]}
            return response

        engine_double.script["wo"] = shipped

    async def test_come_with_a_picture_of_how_far_the_order_is(self, settings, engine_double, answer) -> None:
        async with running(settings, engine_double) as world:
            anna = world.telegram.person("Anna")
            world.telegram.say(anna, "wo")
            await world.hears_something_with(anna, "Sie ist <unterwegs>.")
            shown = world.telegram.last(anna)
            assert "Bestellung LM-1042 · unterwegs\n1 × Jacke <Sylt> (M) · 89,90 €" in shown["caption"]
            with Image.open(io.BytesIO(world.telegram.files[shown["photo"][-1]["file_id"]][1])) as picture:
                assert (picture.format, picture.size) == ("PNG", (1080, 280))
            world.telegram.press(anna, shown["message_id"], "Danke")
            await world.hears_something_with(anna, "echo: /thank")

    async def test_come_without_it_where_telegram_takes_no_pictures(self, settings, engine_double, answer) -> None:
        async with running(settings, engine_double) as world:
            anna = world.telegram.person("Anna")
            world.telegram.faults.script = ["well", "bad"]  # the opening words, then the picture
            world.telegram.say(anna, "wo")
            await world.hears_something_with(anna, "Sie ist <unterwegs>.")
            assert "photo" not in world.telegram.last(anna)
            await eventually(lambda: states(world), ["sent", "sent"])


async def test_a_label_to_print_comes_as_a_document(settings, engine_double) -> None:
    def registered(body):
        response = turn_response(body, ["Ihre Rücksendung ist angemeldet."])
        label = {"kind": "pdf", "reference": "L123"}
        response["replies"][0]["card"] = {"type": "return", "number": "R-7", "order_number": "LM-1", "label": label}
        return response

    engine_double.script["zurück"] = registered
    async with running(settings, engine_double) as world:
        anna = world.telegram.person("Anna")
        world.telegram.say(anna, "zurück")
        await world.hears_something_with(anna, "Ihr Rücksendeetikett")
        document = world.telegram.last(anna)["document"]
        assert document["file_name"] == "R-7.pdf"
        assert world.telegram.files[document["file_id"]][1].startswith(b"%PDF")


def test_every_station_has_a_picture_of_its_own() -> None:
    names = ["Bestellt", "In Vorbereitung", "Unterwegs", "In Zustellung", "Zugestellt"]
    pictures = [progress_picture(i, names, late=late) for i in range(5) for late in (False, True)]
    assert len(set(pictures)) == 10
