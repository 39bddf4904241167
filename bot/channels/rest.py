"""The REST channel: Rasa's own JSON, answered with everything that waits for this sender."""

import secrets
from hmac import compare_digest
from typing import Annotated, Any

from fastapi import APIRouter, Header
from pydantic import BaseModel, ConfigDict, Field

from bot.clock import utc_now
from bot.conversation import Author, Incoming, Language
from bot.errors import Unauthenticated
from bot.settings import Settings
from bot.storage.conversations import Conversations
from bot.storage.database import Database
from bot.turn import TurnHandler

__all__ = ["CHANNEL", "rest_routes"]

CHANNEL = "rest"


class RestMessage(BaseModel):
    """What a client posts. ``message`` is typed text, or the payload of a button that was answered before."""

    model_config = ConfigDict(extra="ignore")

    sender: str = Field(min_length=1, max_length=100, description="The client's own key of the conversation.")
    message: str = Field(max_length=16_000, description="Text, or a button's payload.")
    message_id: str | None = Field(
        None, min_length=1, max_length=100, description="Makes a repeated post harmless; without it each post is new."
    )
    language: Language | None = Field(None, description="Language of the client's page, if known.")


def rest_routes(settings: Settings, database: Database, turns: TurnHandler) -> APIRouter:
    """Return the channel's route.

    A sender is whoever says so; therefore the channel is for programs that hold the token. Without a
    token it is open in the demo only.
    """
    router = APIRouter(tags=["channels"])
    token = settings.rest_token.get_secret_value()

    @router.post("/webhooks/rest/webhook", summary="Send a message, get the answers")
    async def webhook(body: RestMessage, authorization: Annotated[str, Header()] = "") -> list[dict[str, Any]]:
        if token:
            if not compare_digest(authorization.encode(), f"Bearer {token}".encode()):
                raise Unauthenticated("Send the token of ZUSAGE_REST_TOKEN as 'Authorization: Bearer ...'.")
        elif not settings.demo:
            raise Unauthenticated("The REST channel is closed until ZUSAGE_REST_TOKEN is set.")
        async with database.read() as session:
            conversation = await Conversations(session).at(CHANNEL, body.sender)
            offer = await Conversations(session).offer(conversation.id, body.message) if conversation else None
        await turns.handle_turn(
            Incoming(
                channel=CHANNEL,
                external_key=body.sender,
                external_id=body.message_id or secrets.token_urlsafe(12),
                text=None if offer else body.message,
                button_id=offer.public_id if offer else None,
                language=body.language,
            )
        )
        return await collect(body.sender)

    async def collect(sender: str) -> list[dict[str, Any]]:
        """Take everything that waits for a sender: answers, late answers, words of an agent."""
        answers = []
        async with database.begin() as session:
            for message in await Conversations(session).take_waiting(CHANNEL, sender, utc_now()):
                answer: dict[str, Any] = {"recipient_id": sender, "text": message.text or ""}
                if message.buttons:
                    answer["buttons"] = [{"title": b.title, "payload": b.id} for b in message.buttons]
                if message.card:
                    answer["custom"] = message.card
                if message.author is Author.AGENT:
                    answer["metadata"] = {"agent": message.agent_name}
                answers.append(answer)
        return answers

    return router
