"""What agents do with a conversation: accept, reply, note, pass on, put aside, return, close, reopen."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Response
from starlette.status import HTTP_204_NO_CONTENT

from bot.clock import Clock
from bot.console.auth import SignedIn
from bot.console.guard import Door
from bot.conversation import Listener, clean_text
from bot.errors import Conflict, InvalidInput
from bot.handoff.service import HandoffService
from bot.storage.agents import Agents
from bot.storage.conversations import Conversations
from bot.storage.database import Database, Session
from bot.storage.handoffs import Handoffs
from bot.storage.tables import Agent
from bot.storage.wakeup import Notice
from bot.survey.service import SurveyService

__all__ = ["conversation_routes"]

MESSAGE_MAX = 4000  # characters


def conversation_routes(
    database: Database,
    door: Door,
    handoffs: HandoffService,
    surveys: SurveyService,
    publish: Listener,
    announce: Callable[[Notice], Awaitable[None]],
    clock: Clock,
) -> APIRouter:
    """Return the routes of everything that changes a conversation. They answer 204; the page hears of it live."""
    router = APIRouter(prefix="/conversations/{conversation_id}")
    Who = Annotated[SignedIn, Depends(door.signed_in)]
    Words = Annotated[str, Form(max_length=MESSAGE_MAX)]

    async def open_handoff(session: Session, conversation_id: int) -> int:
        handoff = await Handoffs(session).open_of(conversation_id)
        if handoff is None:
            raise Conflict("This conversation is with nobody (any more).", code="handoff_ended")
        return handoff.id

    async def agent_of(session: Session, who: SignedIn) -> Agent:
        agent = await Agents(session).get(who.agent.id)
        assert agent is not None  # signed in a moment ago, and agents are never deleted
        return agent

    async def done(conversation_id: int) -> Response:
        await publish(conversation_id)
        return Response(status_code=HTTP_204_NO_CONTENT)

    @router.post("/accept")
    async def accept(who: Who, conversation_id: int) -> Response:
        async with database.begin() as session:
            handoff_id = await open_handoff(session, conversation_id)
            await handoffs.accept(session, handoff_id, await agent_of(session, who), clock())
        await announce(Notice("team"))
        return await done(conversation_id)

    @router.post("/reply")
    async def reply(who: Who, conversation_id: int, text: Words) -> Response:
        words = clean_text(text)
        if not words:
            raise InvalidInput("The message is empty.", code="empty_message")
        async with database.begin() as session:
            handoff_id = await open_handoff(session, conversation_id)
            await handoffs.reply(session, handoff_id, await agent_of(session, who), words, clock())
        return await done(conversation_id)

    @router.post("/note")
    async def note(who: Who, conversation_id: int, text: Words, private: Annotated[bool, Form()] = False) -> Response:
        words = clean_text(text)
        if not words:
            raise InvalidInput("The note is empty.", code="empty_message")
        async with database.begin() as session:
            agent = await agent_of(session, who)
            await handoffs.note(session, conversation_id, agent, words, clock(), private=private)
        return await done(conversation_id)

    @router.post("/return")
    async def give_back(who: Who, conversation_id: int, text: Words = "") -> Response:
        async with database.begin() as session:
            handoff_id = await open_handoff(session, conversation_id)
            agent = await agent_of(session, who)
            await handoffs.give_back(session, handoff_id, agent, clock(), words=clean_text(text) or None)
        await announce(Notice("team"))
        return await done(conversation_id)

    @router.post("/close")
    async def close(who: Who, conversation_id: int, reason: Annotated[str, Form(max_length=40)] = "solved") -> Response:
        now = clock()
        async with database.begin() as session:
            handoff_id = await open_handoff(session, conversation_id)
            conversation = await handoffs.close(session, handoff_id, await agent_of(session, who), now, reason=reason)
            if reason != "spam":
                for item in await surveys.offer(session, conversation, "agent_closed", now):
                    await Conversations(session).add_reply(conversation, item, now)
        await announce(Notice("team"))
        return await done(conversation_id)

    @router.post("/seen")
    async def seen(who: Who, conversation_id: int) -> Response:
        async with database.begin() as session:
            news = await handoffs.seen(session, conversation_id, await agent_of(session, who))
        return await done(conversation_id) if news else Response(status_code=HTTP_204_NO_CONTENT)

    return router
