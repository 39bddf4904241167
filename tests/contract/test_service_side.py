"""The service keeps to the golden messages. The engine's half: test_engine_side.py."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from bot.engine_client import EngineClient, TurnRequest, TurnResponse
from bot.errors import EngineFailed

HERE = Path(__file__).parent


def golden(name: str) -> Any:
    return json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["turn_request_text", "turn_request_payload"])
def test_requests_are_written_as_agreed(name: str) -> None:
    body = golden(name)
    assert TurnRequest.model_validate(body).model_dump(mode="json") == body


def test_nothing_of_an_answer_is_dropped() -> None:
    body = golden("turn_response")
    read = TurnResponse.model_validate(body)
    again = read.model_dump(mode="json", by_alias=True)
    again["facts"]["requests"][1].pop("reason")
    assert again == body


async def test_errors_keep_their_code_and_whether_to_try_again() -> None:
    client = EngineClient("http://engine", "t", 1)
    client._http = httpx.AsyncClient(
        base_url="http://engine",
        transport=httpx.MockTransport(lambda _request: httpx.Response(500, json=golden("error"))),
    )
    with pytest.raises(EngineFailed, match="action_failed") as failure:
        await client.turn(TurnRequest.model_validate(golden("turn_request_text")))
    assert failure.value.retry


def test_the_scripted_engine_of_our_tests_answers_as_agreed() -> None:
    from tests.engine_double import turn_response

    scripted, agreed = turn_response(golden("turn_request_text"), ["x"]), golden("turn_response")
    assert scripted.keys() == agreed.keys()
    assert scripted["facts"].keys() == agreed["facts"].keys()
    assert scripted["replies"][0].keys() == agreed["replies"][0].keys()
