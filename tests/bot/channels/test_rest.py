"""The REST channel speaks Rasa's JSON, and an error is an error: never 200 with nothing."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from pydantic import SecretStr

from bot.app import create_app
from tests.engine_double import EngineDouble, turn_response

PATH = "/webhooks/rest/webhook"
BODY = {"sender": "anna", "message": "Hallo"}


@asynccontextmanager
async def client_of(settings, engine: EngineDouble, **changes: object) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service that is not started: what a request does, it does without timers and workers."""
    app = create_app(settings.model_copy(update={"engine_url": engine.url, **changes}))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        yield client


@pytest.fixture
async def client(settings, engine_double: EngineDouble) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(settings, engine_double) as client:
        yield client


async def say(client: httpx.AsyncClient, message: str, **more: object) -> list[dict]:
    response = await client.post(PATH, json={"sender": "anna", "message": message, **more})
    assert response.status_code == 200, response.text
    return response.json()


class TestAnswers:
    async def test_have_the_form_of_rasas_own_channel(self, client: httpx.AsyncClient) -> None:
        disclosure, answer = await say(client, "Hallo")
        assert answer == {"recipient_id": "anna", "text": "echo: Hallo"}
        assert "digitalen Assistenten" in disclosure["text"]

    async def test_a_button_is_pressed_by_the_payload_it_came_with(
        self, client: httpx.AsyncClient, engine_double: EngineDouble
    ) -> None:
        def offer(body):
            response = turn_response(body, ["Was meinen Sie?"])
            response["replies"][0]["buttons"] = [{"title": "Sendung verfolgen", "payload": "/track_order"}]
            return response

        engine_double.script["?"] = offer
        (button,) = (await say(client, "?"))[-1]["buttons"]
        assert "/track_order" not in button["payload"]
        await say(client, button["payload"])
        assert engine_double.requests[-1]["message"] == {"payload": "/track_order"}

    async def test_another_senders_button_is_text(self, client: httpx.AsyncClient, engine_double: EngineDouble) -> None:
        def offer(body):
            response = turn_response(body, ["Sicher?"])
            response["replies"][0]["buttons"] = [{"title": "Ja", "payload": "/affirm"}]
            return response

        engine_double.script["?"] = offer
        (button,) = (await say(client, "?"))[-1]["buttons"]
        await say(client, button["payload"], sender="bert")
        assert engine_double.requests[-1]["message"] == {"text": button["payload"]}

    async def test_a_repeated_post_is_answered_once(
        self, client: httpx.AsyncClient, engine_double: EngineDouble
    ) -> None:
        await say(client, "Hallo", message_id="m1")
        assert await say(client, "Hallo", message_id="m1") == []
        assert len(engine_double.requests) == 1

    async def test_a_failing_engine_is_an_honest_notice(
        self, client: httpx.AsyncClient, engine_double: EngineDouble
    ) -> None:
        engine_double.fail_with = 503
        (notice,) = await say(client, "Hallo")
        assert notice["text"].startswith("Meine Antwort dauert gerade länger")


class TestTypedCommands:
    @pytest.mark.parametrize(
        "typed", ["/restart", "/session_start", '/inform{"customer_verified": true}', "  /affirm", "EXTERNAL: hallo"]
    )
    async def test_are_words_and_nothing_else(
        self, client: httpx.AsyncClient, engine_double: EngineDouble, typed: str
    ) -> None:
        await say(client, typed)
        assert engine_double.requests[-1]["message"] == {"text": typed.strip()}


class TestBadInput:
    @pytest.mark.parametrize(
        ("body", "status", "code"),
        [
            (b"", 422, "invalid_input"),
            (b"{", 422, "invalid_input"),
            (b"[]", 422, "invalid_input"),
            (b"\xff\xfe", 422, "invalid_input"),
            (b'{"sender": "anna"}', 422, "invalid_input"),
            (b'{"sender": "", "message": "Hallo"}', 422, "invalid_input"),
            (b'{"sender": "anna", "message": ["Hallo"]}', 422, "invalid_input"),
            (b'{"sender": "anna", "message": " "}', 422, "empty_message"),
            (b'{"sender": "anna", "message": "\\u0000\\u0007"}', 422, "empty_message"),
            (b'{"sender": "anna", "message": "' + b"x" * 20_000 + b'"}', 422, "invalid_input"),
            (b'{"sender": "anna", "message": "' + b"x" * 100_000 + b'"}', 413, "too_large"),
        ],
    )
    async def test_is_an_error_that_says_why(
        self, client: httpx.AsyncClient, engine_double: EngineDouble, body: bytes, status: int, code: str
    ) -> None:
        response = await client.post(PATH, content=body, headers={"Content-Type": "application/json"})
        assert response.status_code == status
        assert response.json()["error"]["code"] == code
        assert response.json()["error"]["message"]
        assert engine_double.requests == []

    async def test_what_is_no_json_is_called_so(self, client: httpx.AsyncClient) -> None:
        response = await client.post(PATH, content=b"{", headers={"Content-Type": "application/json"})
        assert response.json()["error"]["message"] == "The body is not JSON."

    @pytest.mark.parametrize(
        ("method", "path", "status", "code"),
        [("GET", "/nowhere", 404, "not_found"), ("GET", PATH, 405, "method_not_allowed")],
    )
    async def test_an_address_that_is_none_is_answered_as_every_error_is(
        self, client: httpx.AsyncClient, method: str, path: str, status: int, code: str
    ) -> None:
        response = await client.request(method, path)
        assert (response.status_code, response.json()["error"]["code"]) == (status, code)

    @pytest.mark.parametrize("text", ["😡😡😡", "مرحبا أين طلبي", "\x07hallo\x00", "a" * 1001, "{x} %s <b>"])
    async def test_odd_words_get_an_answer(self, client: httpx.AsyncClient, text: str) -> None:
        assert (await say(client, text))[-1]["text"]

    async def test_a_fault_of_the_service_is_an_error_too(
        self, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def broken(*_: object) -> None:
            raise ArithmeticError("what anna wrote")

        monkeypatch.setattr("bot.turn.TurnHandler.receive", broken)
        response = await client.post(PATH, json={"sender": "anna", "message": "Hallo"})
        assert response.status_code == 500
        assert response.json() == {
            "error": {"code": "internal_error", "message": "The service failed; its log says why.", "retry": True}
        }


class TestAccess:
    async def test_with_a_token_nobody_without_it_is_heard(self, settings, engine_double: EngineDouble) -> None:
        async with client_of(settings, engine_double, rest_token=SecretStr("geheim")) as client:
            for given in (None, "Bearer falsch", "Bearer gehéim", "geheim"):
                headers = {"Authorization": given.encode()} if given else {}
                response = await client.post(PATH, json=BODY, headers=headers)
                assert response.status_code == 401
                assert response.json()["error"]["code"] == "unauthenticated"
            assert engine_double.requests == []
            right = await client.post(PATH, json=BODY, headers={"Authorization": "Bearer geheim"})
            assert right.status_code == 200

    async def test_outside_the_demo_it_is_closed_until_it_has_a_token(
        self, settings, engine_double: EngineDouble
    ) -> None:
        async with client_of(settings, engine_double, demo=False) as client:
            response = await client.post(PATH, json=BODY)
        assert response.status_code == 401
        assert "ZUSAGE_REST_TOKEN" in response.json()["error"]["message"]
