"""The HTTP API, through a real server on loopback."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from engine import server
from engine.api import ParseRequest
from engine.server import CanaryFailed, application, check_canaries
from engine.settings import Settings
from engine.turn import Assistant
from tests.engine.conftest import turn

TOKEN = {"Authorization": "Bearer secret"}


@pytest.fixture
async def client(assistant: Assistant) -> AsyncIterator[TestClient]:
    """A client of a running server."""
    async with TestClient(TestServer(application(assistant, Settings(token="secret", turn_seconds=0.3)))) as client:
        yield client


async def _error(response: Any) -> dict[str, Any]:
    body = await response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message", "retry"}
    return body["error"]


class TestTurn:
    async def test_answers_with_replies_tracker_and_facts(self, client: TestClient) -> None:
        response = await client.post("/turn", json=turn({"text": "hallo"}), headers=TOKEN)
        assert response.status == 200
        body = await response.json()
        assert set(body) == {"replies", "tracker", "facts"}
        assert body["replies"][0] == {
            "text": "Guten Tag.",
            "buttons": [],
            "card": None,
            "input": None,
            "acknowledges": False,
        }

    async def test_what_it_returned_last_time_is_accepted(self, client: TestClient) -> None:
        first = await (await client.post("/turn", json=turn({"text": "wo ist mein paket"}), headers=TOKEN)).json()
        second = await client.post("/turn", json=turn({"text": "ZU-10234"}, first["tracker"], "de"), headers=TOKEN)
        assert (await second.json())["replies"][0]["text"] == "Postleitzahl?"

    async def test_a_late_turn_is_an_error_that_may_be_tried_again(self, client: TestClient) -> None:
        response = await client.post("/turn", json=turn({"payload": "/get_invoice"}), headers=TOKEN)
        assert response.status == 503
        assert await _error(response) == {
            "code": "deadline",
            "message": "The turn took more than 0.3 s.",
            "retry": True,
        }

    async def test_a_failed_turn_is_an_error(self, client: TestClient) -> None:
        response = await client.post("/turn", json=turn({"payload": "/newsletter"}), headers=TOKEN)
        assert response.status == 500
        assert (await _error(response))["code"] == "action_failed"

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"x"', b"\xff\xfe", b"null"])
    async def test_a_body_that_is_no_request_is_refused(self, client: TestClient, body: bytes) -> None:
        response = await client.post("/turn", data=body, headers=TOKEN)
        assert response.status in (400, 422)
        assert (await _error(response))["retry"] is False

    @pytest.mark.parametrize(
        "change",
        [
            {"message": {}},
            {"message": {"text": "hallo", "payload": "/greet"}},
            {"message": {"text": ["hallo"]}},
            {"tracker": "x"},
            {"conversation_id": ""},
            {"surprise": True},
            {"context": {}},
        ],
    )
    async def test_a_request_of_another_form_is_refused(self, client: TestClient, change: dict[str, Any]) -> None:
        response = await client.post("/turn", json={**turn({"text": "hallo"}), **change}, headers=TOKEN)
        assert response.status == 422
        assert (await _error(response))["code"] == "request_invalid"

    @pytest.mark.parametrize(
        "field", [{"now": "2026-11-21T12:00:00"}, {"timezone": "Europe/Nowhere"}, {"language": "fr"}]
    )
    async def test_a_context_that_makes_no_sense_is_refused(self, client: TestClient, field: dict[str, Any]) -> None:
        body = turn({"text": "hallo"})
        body["context"].update(field)
        response = await client.post("/turn", json=body, headers=TOKEN)
        assert (await _error(response))["code"] == "request_invalid"

    async def test_an_error_does_not_repeat_what_the_customer_wrote(self, client: TestClient) -> None:
        body = {**turn({"text": "hallo"}), "tracker": "anna@example.de"}
        response = await client.post("/turn", json=body, headers=TOKEN)
        assert "anna" not in json.dumps(await _error(response))

    async def test_too_large_a_request_is_refused(self, client: TestClient) -> None:
        response = await client.post("/turn", json=turn({"text": "a" * 100_000}), headers=TOKEN)
        assert response.status == 413
        assert (await _error(response))["code"] == "request_too_large"

    async def test_too_long_a_text_is_refused(self, client: TestClient) -> None:
        response = await client.post("/turn", json=turn({"text": "a" * 1001}), headers=TOKEN)
        assert (await _error(response))["code"] == "text_too_long"


class TestParse:
    async def test_says_what_a_text_means(self, client: TestClient) -> None:
        response = await client.post(
            "/parse", json={"text": "where is my parcel ZU-10234", "language": None}, headers=TOKEN
        )
        body = await response.json()
        assert set(body) == {"language", "intent", "ranking", "entities", "emotion", "understood"}
        assert (body["language"], body["intent"]["name"]) == ("en", "track_order")
        assert body["entities"] == [
            {"type": "order_number", "value": "ZU-10234", "text": "ZU-10234", "start": 19, "end": 27}
        ]
        assert len(body["ranking"]) == 3

    async def test_an_empty_text_is_refused(self, client: TestClient) -> None:
        response = await client.post("/parse", json={"text": " ", "language": "de"}, headers=TOKEN)
        assert (await _error(response))["code"] == "text_empty"


class TestAccess:
    @pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer sécret"}])
    @pytest.mark.parametrize("path", ["/turn", "/parse"])
    async def test_without_the_token_nothing_is_answered(
        self, client: TestClient, path: str, headers: dict[str, str]
    ) -> None:
        response = await client.post(path, json={}, headers=headers)
        assert response.status == 401
        assert (await _error(response))["code"] == "unauthorized"

    async def test_other_paths_do_not_exist(self, client: TestClient) -> None:
        response = await client.get("/conversations", headers=TOKEN)
        assert response.status == 404
        assert (await _error(response))["code"] == "not_found"


class TestHealth:
    async def test_is_ok_when_the_canaries_are_understood(self, client: TestClient) -> None:
        response = await client.get("/healthz")
        assert response.status == 200
        assert (await response.json())["status"] == "ok"

    async def test_is_not_ok_when_one_is_not(self, client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(server, "CANARIES", {("Wo bleibt mein Paket?", "de"): "greet"})
        response = await client.get("/healthz")
        assert response.status == 503
        assert (await _error(response))["code"] == "canary_failed"

    def test_an_assistant_that_understands_nothing_is_noticed(
        self, assistant: Assistant, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def parse_nothing(request: ParseRequest, *_: Any) -> dict[str, Any]:
            return {"intent": {"name": "nlu_fallback", "confidence": 0.1}, "language": "de"}

        monkeypatch.setattr(assistant, "parse", parse_nothing)
        with pytest.raises(CanaryFailed):
            check_canaries(assistant)
