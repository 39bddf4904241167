"""The engine's HTTP API for the service: POST /turn, POST /parse, GET /healthz."""

import asyncio
import hmac
import json
import logging
from typing import Any, Awaitable, Callable, Dict, Type, TypeVar
from zoneinfo import ZoneInfo

from aiohttp import web
from pydantic import BaseModel, ValidationError

from engine.api import ParseRequest, TurnRequest
from engine.errors import EngineError
from engine.logs import current_text
from engine.settings import Settings
from engine.turn import Assistant, utc_now

logger = logging.getLogger(__name__)

MAX_BODY = 64 * 1024
"""Bytes of a request: a tracker of 16 KiB, a message of 1,000 characters, and room to say that it is too long."""

CANARIES = {
    ("Wo bleibt mein Paket?", "de"): "track_order",
    ("Ich möchte mit einem Menschen sprechen", "de"): "human_handoff",
    ("Where is my parcel?", "en"): "track_order",
    ("I want to talk to a human", "en"): "human_handoff",
}
"""Sentences that every trained assistant understands; an engine that does not is not ready."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
M = TypeVar("M", bound=BaseModel)

_ASSISTANT = "assistant"
_SETTINGS = "settings"


class CanaryFailed(Exception):
    """The assistant loaded, but does not understand the simplest sentences."""


def check_canaries(assistant: Assistant) -> None:
    """Parse the canary sentences. Raises CanaryFailed naming the first one read wrong."""
    for (text, language), intent in CANARIES.items():
        parsed = assistant.parse(ParseRequest(text=text, language=None), utc_now(), language)
        if (parsed["intent"]["name"], parsed["language"]) != (intent, language):
            raise CanaryFailed(
                f"'{text}' should be {intent} in {language}; "
                f"the assistant reads {parsed['intent']} in {parsed['language']}."
            )


def application(assistant: Assistant, settings: Settings) -> web.Application:
    """The server, ready to be run."""
    app = web.Application(client_max_size=MAX_BODY, middlewares=[_errors_as_json, _token_required])
    app[_ASSISTANT], app[_SETTINGS] = assistant, settings
    app.router.add_get("/healthz", _health)
    app.router.add_post("/turn", _turn)
    app.router.add_post("/parse", _parse)
    return app


async def _health(request: web.Request) -> web.Response:
    try:
        check_canaries(request.app[_ASSISTANT])
    except CanaryFailed as error:
        raise EngineError.unavailable("canary_failed", str(error)) from error
    return _json({"status": "ok", "model": request.app[_ASSISTANT].model_filename})


async def _turn(request: web.Request) -> web.Response:
    turn = _parsed(TurnRequest, await _body(request))
    current_text.set(turn.message.text or turn.message.payload or "")
    settings: Settings = request.app[_SETTINGS]
    try:
        answer = await asyncio.wait_for(request.app[_ASSISTANT].turn(turn), settings.turn_seconds)
    except asyncio.TimeoutError:
        raise EngineError.unavailable("deadline", f"The turn took more than {settings.turn_seconds:g} s.") from None
    return _json(answer)


async def _parse(request: web.Request) -> web.Response:
    asked = _parsed(ParseRequest, await _body(request))
    current_text.set(asked.text)
    settings: Settings = request.app[_SETTINGS]
    now = utc_now().astimezone(ZoneInfo(settings.timezone))
    return _json(request.app[_ASSISTANT].parse(asked, now, settings.default_language))


async def _body(request: web.Request) -> Any:
    try:
        return json.loads(await request.read())
    except ValueError as error:
        raise EngineError("json_invalid", "The body is not JSON.", retry=False, status=400) from error


def _parsed(model: Type[M], body: Any) -> M:
    try:
        return model.parse_obj(body)
    except ValidationError as error:
        # Where and why, never the values: they may be a customer's words.
        problems = "; ".join(f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" for problem in error.errors())
        raise EngineError.bad_request("request_invalid", problems) from error


@web.middleware
async def _errors_as_json(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except EngineError as error:
        logger.warning("%s %s: %s", request.path, error.code, error.message)
        return _error(error)
    except web.HTTPRequestEntityTooLarge:
        return _error(
            EngineError("request_too_large", f"A request has at most {MAX_BODY} bytes.", retry=False, status=413)
        )
    except web.HTTPException as error:
        return _error(EngineError("not_found", error.reason, retry=False, status=error.status))
    except Exception:
        logger.exception("%s failed", request.path)
        return _error(EngineError.failed("internal", "The engine failed; its log says why.", retry=True))


@web.middleware
async def _token_required(request: web.Request, handler: Handler) -> web.StreamResponse:
    expected = f"Bearer {request.app[_SETTINGS].token}"
    given = request.headers.get("Authorization", "")
    if request.path != "/healthz" and not hmac.compare_digest(
        given.encode("utf-8", "surrogateescape"), expected.encode()
    ):
        raise EngineError("unauthorized", "The bearer token is missing or wrong.", retry=False, status=401)
    return await handler(request)


def _error(error: EngineError) -> web.Response:
    return _json({"error": {"code": error.code, "message": error.message, "retry": error.retry}}, error.status)


def _json(content: Dict[str, Any], status: int = 200) -> web.Response:
    return web.json_response(content, status=status, dumps=_dumps)


def _dumps(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, separators=(",", ":"))
