"""The way by which the engine's actions ask the shop: one route, for whoever holds the engine's token."""

from hmac import compare_digest
from typing import Any

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.errors import Unauthenticated
from bot.shop.operations import Operations
from bot.storage.conversations import Conversations
from bot.storage.database import Database

__all__ = ["internal_routes"]


class OperationCall(BaseModel):
    """A call of an operation; docs/operations.md says what each one takes and answers."""

    model_config = ConfigDict(extra="forbid")

    conversation_id: str = Field(min_length=1, max_length=64)
    turn_id: str = Field(min_length=1, max_length=64)
    args: dict[str, Any] = Field(default_factory=dict)
    dry_run: bool = False


def internal_routes(operations: Operations, token: str, database: Database) -> APIRouter:
    """Return the route ``POST /internal/v1/operations/{name}``.

    Args:
        operations: of the shop.
        token: shared with the engine.
        database: of the conversations; where one comes from is where its wrong proofs are counted, too.
    """
    router = APIRouter(prefix="/internal/v1", include_in_schema=False)
    expected = f"Bearer {token}".encode()

    @router.post("/operations/{name}")
    async def call(name: str, request: Request) -> dict[str, Any]:
        # The body is read only now: whoever has no token learns nothing about what a right one looks like.
        if not compare_digest(request.headers.get("authorization", "").encode(), expected):
            raise Unauthenticated("the engine's token is missing or wrong")
        try:
            body = OperationCall.model_validate_json(await request.body())
        except ValidationError as error:
            details = [{**detail, "loc": ("body", *detail["loc"])} for detail in error.errors(include_url=False)]
            raise RequestValidationError(details) from error
        answer = await operations.call(
            name,
            conversation_id=body.conversation_id,
            turn_id=body.turn_id,
            args=body.args,
            dry_run=body.dry_run,
            address=await address_of(body.conversation_id),
        )
        return answer.as_json()

    async def address_of(conversation_id: str) -> str | None:
        async with database.read(short=True) as session:
            conversation = await Conversations(session).by_public_id(conversation_id)
            if conversation is None:
                return None
            return conversation.address or f"{conversation.channel}:{conversation.external_key}"[:80]

    return router
