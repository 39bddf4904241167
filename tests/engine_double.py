"""An engine that obeys the contract and can be told to fail; for tests of faults the real one does not have at will.

Its answers are checked against the golden files in tests/contract, like the real engine's.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse


class EngineDouble:
    """Answers every text with ``echo: <text>`` unless scripted otherwise.

    ``script`` maps a text to a function of the request body that returns a response body or an HTTP status.
    """

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.script: dict[str, Any] = {}
        self.intents: dict[str, str] = {}  # what /parse understands in a text
        self.emotions: dict[str, dict[str, Any]] = {}  # and what it feels in it
        self.find_entities: Callable[[str], list[dict[str, Any]]] = lambda _: []
        self.delay_s = 0.0
        self.hold: asyncio.Event | None = None  # turns are answered once it is set
        self.fail_with: int | None = None
        self.app = FastAPI()
        self.app.post("/turn")(self._turn)
        self.app.post("/parse")(self._parse)
        self.app.get("/healthz")(self._healthz)

    async def _healthz(self) -> JSONResponse:
        return JSONResponse({"status": "ok", "model": "double"}, 503 if self.fail_with else 200)

    async def _parse(self, request: Request) -> Any:
        body = await request.json()
        if self.fail_with is not None:
            return error(self.fail_with)
        name = self.intents.get(body["text"])
        score = {"name": name, "confidence": 0.9} if name else None
        return {
            "language": body.get("language") or "de",
            "intent": score,
            "ranking": [score] if score else [],
            "entities": self.find_entities(body["text"]),
            "emotion": self.emotions.get(body["text"]),
            "understood": score is not None,
        }

    async def _turn(self, request: Request) -> Any:
        body = await request.json()
        self.requests.append(body)
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        if self.hold is not None:
            await self.hold.wait()
        if self.fail_with is not None:
            return error(self.fail_with)
        message = body["message"]
        words = message.get("text") or message.get("payload")
        scripted = self.script.get(words)
        if scripted is not None:
            answer = scripted(body) if callable(scripted) else scripted
            return error(answer) if isinstance(answer, int) else answer
        return turn_response(body, [f"echo: {words}"])


def error(status: int, *, retry: bool = True) -> JSONResponse:
    """Return an error as the engine renders it."""
    return JSONResponse({"error": {"code": "internal_error", "message": "scripted failure", "retry": retry}}, status)


def turn_response(body: dict[str, Any], texts: list[str], **facts: Any) -> dict[str, Any]:
    """Return a response of the contract's shape; the tracker counts the turns."""
    count = (body.get("tracker") or {}).get("turns", 0) + 1
    return {
        "replies": [{"text": t, "buttons": [], "card": None, "input": None, "acknowledges": False} for t in texts],
        "tracker": {"turns": count},
        "facts": {
            "language": body["context"]["language"] or body["context"]["default_language"],
            "intent": {"name": "greet", "confidence": 0.99},
            "ranking": [{"name": "greet", "confidence": 0.99}],
            "entities": [],
            "emotion": {"label": "neutral", "valence": 0.0, "confidence": 0.9},
            "understood": True,
            "acknowledged": False,
            "asked_again": [],
            "goal": None,
            "step": None,
            "operations": [],
            "promises": [],
            "requests": [],
        }
        | facts,
    }


def free_port() -> int:
    """Return a port that nobody uses right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def serve(app: Any, port: int | None = None):
    """Serve an ASGI app on loopback for the length of a block; yields its address."""
    port = port or free_port()
    server = uvicorn.Server(
        uvicorn.Config(
            app, host="127.0.0.1", port=port, log_config=None, timeout_graceful_shutdown=1, ws_max_size=16 * 1024
        )
    )
    task = asyncio.create_task(server.serve())
    while not server.started:
        if task.done():
            await task
        await asyncio.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task
