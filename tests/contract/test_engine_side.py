"""The engine keeps to the golden messages. The service's half: test_service_side.py."""

import json
from pathlib import Path
from typing import Any

import pytest

from engine.api import FACTS, Reply, TurnRequest
from engine.errors import EngineError

HERE = Path(__file__).parent


def golden(name: str) -> Any:
    return json.loads((HERE / (name + ".json")).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["turn_request_text", "turn_request_payload"])
def test_requests_are_read_as_agreed(name: str) -> None:
    body = golden(name)
    read = TurnRequest.parse_obj(body)
    assert read.message.text == body["message"].get("text")
    assert read.message.payload == body["message"].get("payload")
    assert read.context.now.isoformat() == body["context"]["now"]


def test_an_unknown_field_is_refused_so_that_both_sides_change_together() -> None:
    with pytest.raises(ValueError, match="extra"):
        TurnRequest.parse_obj(dict(golden("turn_request_text"), surprise=1))


def test_replies_and_reported_facts_have_the_agreed_fields() -> None:
    answer = golden("turn_response")
    assert Reply.parse_obj(answer["replies"][0]).dict() == answer["replies"][0]
    for kind, key in (("operation", "operations"), ("promise", "promises"), ("request", "requests")):
        for fact in answer["facts"][key]:
            written = json.loads(FACTS[kind].parse_obj(fact).json(by_alias=True))
            assert {name: value for name, value in written.items() if value is not None or name in fact} == fact


def test_errors_are_rendered_as_agreed() -> None:
    assert set(golden("error")["error"]) == {"code", "message", "retry"}
    assert issubclass(EngineError, Exception)
