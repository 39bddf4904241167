"""Talks to the engine: one HTTP call per turn, with a deadline and errors that say whether to try again."""

import asyncio
from datetime import datetime
from typing import Any, Literal

import httpx
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.conversation import Language
from bot.errors import EngineFailed

__all__ = [
    "Emotion",
    "EngineButton",
    "EngineClient",
    "EngineReply",
    "EngineUnreachable",
    "Facts",
    "IntentScore",
    "OperationFact",
    "ParseResult",
    "PromiseFact",
    "Request",
    "TurnRequest",
    "TurnResponse",
]


# Messages that the engine is given at a time. It works on one, and asks the shop about some others meanwhile.
AT_ONCE = 16


class EngineUnreachable(EngineFailed):
    """Nobody answers at the engine's address, or not in time: not the message's fault."""

    code = "engine_unreachable"


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True)


class IntentScore(_Frozen):
    """An intent and its calibrated probability (0..1)."""

    name: str
    confidence: float


class Entity(_Frozen):
    """A value found in the text; ``start`` and ``end`` are character offsets."""

    type: str
    value: Any
    text: str
    start: int
    end: int


class Emotion(_Frozen):
    """Emotion of a message: label, valence (-1..1), confidence (0..1)."""

    label: str
    valence: float
    confidence: float


class OperationFact(_Frozen):
    """A shop operation that an action attempted."""

    name: str
    order: str | None = None
    ok: bool
    code: str | None = None


class PromiseFact(_Frozen):
    """A promise that a reply made."""

    model_config = ConfigDict(frozen=True, populate_by_name=True)

    kind: str
    order: str | None = None
    return_number: str | None = Field(None, alias="return")
    wording: str
    due: datetime


class Request(_Frozen):
    """What the engine asks the service to do."""

    kind: Literal["handoff", "survey"]
    reason: str | None = None


class Facts(_Frozen):
    """What the engine found out in one turn."""

    language: Language
    intent: IntentScore | None = None
    ranking: list[IntentScore] = []
    entities: list[Entity] = []
    emotion: Emotion | None = None
    understood: bool = True
    acknowledged: bool = False
    asked_again: list[str] = []
    goal: str | None = None
    step: str | None = None
    operations: list[OperationFact] = []
    promises: list[PromiseFact] = []
    requests: list[Request] = []


class EngineButton(_Frozen):
    """A choice: what the customer reads, and what Rasa gets when it is chosen."""

    title: str
    payload: str


class EngineReply(_Frozen):
    """One message of the bot."""

    text: str | None = None
    buttons: list[EngineButton] = []
    card: dict[str, Any] | None = None
    input: dict[str, Any] | None = None
    acknowledges: bool = False


class TurnContext(_Frozen):
    """What the engine must know beside the message; it keeps nothing itself."""

    now: datetime
    timezone: str
    channel: str
    language: Language | None
    default_language: Language


class TurnRequest(_Frozen):
    """One call of the engine. Exactly one of text and payload is set in ``message``."""

    conversation_id: str
    turn_id: str
    message: dict[str, str]
    tracker: dict[str, Any] | None
    context: TurnContext


class TurnResponse(_Frozen):
    """The engine's answer."""

    replies: list[EngineReply]
    tracker: dict[str, Any]
    facts: Facts


class ParseResult(_Frozen):
    """What the engine understands in a text, without a conversation."""

    language: Language
    intent: IntentScore | None
    ranking: list[IntentScore] = []
    entities: list[Entity] = []
    emotion: Emotion | None = None
    understood: bool


class EngineClient:
    """HTTP client of the engine's internal API."""

    def __init__(self, url: str, token: str, timeout_s: float) -> None:
        self._http = httpx.AsyncClient(
            base_url=url.rstrip("/"),
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(timeout_s, connect=2.0),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=AT_ONCE),
            trust_env=False,
        )
        # In a rush messages queue here, where the wait does not count as the engine's own time.
        self._room = asyncio.Semaphore(AT_ONCE)
        self._timeout_s = timeout_s

    async def turn(self, request: TurnRequest) -> TurnResponse:
        """Ask for the answer to one message.

        Raises:
            EngineUnreachable: not reached, or not in time; try again.
            EngineFailed: reached, but this message could not be answered.
        """
        response = _of_contract(TurnResponse, await self._post("/turn", request.model_dump(mode="json")))
        if not response.replies and not response.facts.requests:
            raise EngineFailed("the engine answered nothing")
        return response

    async def parse(self, text: str, language: Language | None = None) -> ParseResult:
        """Ask what the engine understands in a text.

        Raises:
            EngineFailed: as for ``turn``.
        """
        return _of_contract(ParseResult, await self._post("/parse", {"text": text, "language": language}))

    async def healthy(self) -> bool:
        """Tell whether the engine is ready to answer."""
        try:
            response = await self._http.get("/healthz", timeout=2.0)
        except httpx.HTTPError:
            return False
        return response.status_code == httpx.codes.OK

    async def close(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def _post(self, path: str, body: dict[str, Any]) -> Any:
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._room.acquire()
        except TimeoutError:
            raise EngineUnreachable("the engine does not answer: too many messages wait for it") from None
        try:
            response = await self._http.post(path, json=body)
        except httpx.HTTPError as error:
            raise EngineUnreachable(f"the engine does not answer: {type(error).__name__}") from error
        finally:
            self._room.release()
        try:
            if response.status_code == httpx.codes.OK:
                return response.json()
            detail = response.json()["error"]
            message, retry = f"{detail['code']}: {detail['message']}", bool(detail["retry"])
        except (ValueError, KeyError, TypeError):
            message, retry = f"HTTP {response.status_code}", True
        raise EngineFailed(message, retry=retry)


def _of_contract[M: BaseModel](model: type[M], body: Any) -> M:
    try:
        return model.model_validate(body)
    except ValidationError as error:
        # Not the error's own words: they hold the customer's.
        raise EngineFailed(f"the engine's answer does not fit the contract: {error.error_count()} errors") from None
