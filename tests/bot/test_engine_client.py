"""An engine that is away, late, refuses or talks nonsense is an error with a way on, never an empty answer."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.responses import PlainTextResponse

from bot.engine_client import AT_ONCE, EngineClient, EngineUnreachable, TurnContext, TurnRequest
from bot.errors import EngineFailed
from tests.engine_double import EngineDouble, free_port, turn_response


@pytest.fixture
async def client(engine_double: EngineDouble) -> AsyncIterator[EngineClient]:
    client = EngineClient(engine_double.url, "t", timeout_s=5)
    yield client
    await client.close()


def request(text: str = "Hallo") -> TurnRequest:
    return TurnRequest(
        conversation_id="c",
        turn_id="t",
        message={"text": text},
        tracker=None,
        context=TurnContext(
            now=datetime(2026, 11, 21, tzinfo=UTC),
            timezone="Europe/Berlin",
            channel="web",
            language="de",
            default_language="de",
        ),
    )


class TestTurn:
    async def test_nobody_there_is_worth_another_try(self) -> None:
        client = EngineClient(f"http://127.0.0.1:{free_port()}", "t", timeout_s=5)
        with pytest.raises(EngineUnreachable) as failure:
            await client.turn(request())
        assert failure.value.retry
        assert not await client.healthy()
        await client.close()

    async def test_an_answer_that_takes_too_long_is_not_waited_for(self, engine_double: EngineDouble) -> None:
        engine_double.delay_s = 30
        client = EngineClient(engine_double.url, "t", timeout_s=0.2)
        with pytest.raises(EngineUnreachable):
            await client.turn(request())
        await client.close()

    async def test_in_a_rush_each_waits_for_its_turn_and_all_are_answered(
        self, client: EngineClient, engine_double: EngineDouble
    ) -> None:
        engine_double.delay_s = 0.02
        answers = await asyncio.gather(*(client.turn(request(f"nr {i}")) for i in range(3 * AT_ONCE)))
        assert [answer.replies[0].text for answer in answers] == [f"echo: nr {i}" for i in range(3 * AT_ONCE)]

    async def test_who_waits_too_long_for_others_is_told_so(self, engine_double: EngineDouble) -> None:
        engine_double.hold = asyncio.Event()
        client = EngineClient(engine_double.url, "t", timeout_s=0.5)
        answers = [client.turn(request(f"nr {i}")) for i in range(2 * AT_ONCE)]
        failed = await asyncio.gather(*answers, return_exceptions=True)
        assert all(isinstance(failure, EngineUnreachable) for failure in failed)
        engine_double.hold.set()
        assert (await client.turn(request())).replies[0].text == "echo: Hallo"
        await client.close()

    async def test_nothing_said_and_nothing_asked_for_is_an_error(
        self, client: EngineClient, engine_double: EngineDouble
    ) -> None:
        engine_double.script["Hallo"] = lambda body: turn_response(body, [])
        with pytest.raises(EngineFailed, match="nothing"):
            await client.turn(request())

    async def test_a_request_for_a_person_needs_no_words(
        self, client: EngineClient, engine_double: EngineDouble
    ) -> None:
        engine_double.script["Hallo"] = lambda body: turn_response(
            body, [], requests=[{"kind": "handoff", "reason": "customer_asked"}]
        )
        assert (await client.turn(request())).facts.requests[0].kind == "handoff"

    @pytest.mark.parametrize(
        "answer",
        [
            PlainTextResponse("<html>a proxy's own words</html>"),
            PlainTextResponse("[]"),
            PlainTextResponse("null"),
            {},
            {"replies": "Guten Tag", "tracker": {}, "facts": {"language": "de"}},
        ],
    )
    async def test_what_is_no_answer_of_the_contract_is_an_error(
        self, client: EngineClient, engine_double: EngineDouble, answer: Any
    ) -> None:
        engine_double.script["Hallo"] = lambda _body: answer
        with pytest.raises(EngineFailed):
            await client.turn(request())

    async def test_an_error_that_is_not_json_is_one_all_the_same(
        self, client: EngineClient, engine_double: EngineDouble
    ) -> None:
        engine_double.script["Hallo"] = lambda _body: PlainTextResponse("Bad Gateway", 502)
        with pytest.raises(EngineFailed, match="502"):
            await client.turn(request())

    async def test_an_error_does_not_repeat_what_the_customer_wrote(
        self, client: EngineClient, engine_double: EngineDouble
    ) -> None:
        said = "Meine Adresse ist Kirchweg 3"
        engine_double.script[said] = lambda body: {"replies": body["message"]["text"]}
        with pytest.raises(EngineFailed) as failure:
            await client.turn(request(said))
        assert "Kirchweg" not in str(failure.value)


class TestParse:
    async def test_what_is_no_answer_of_the_contract_is_an_error(
        self, client: EngineClient, engine_double: EngineDouble
    ) -> None:
        engine_double.emotions["Hallo"] = {"label": "joy"}
        with pytest.raises(EngineFailed):
            await client.parse("Hallo")
