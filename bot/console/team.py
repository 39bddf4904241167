"""Who is there: presence and places."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import HTMLResponse
from starlette.status import HTTP_204_NO_CONTENT

from bot.clock import Clock
from bot.console.auth import SignedIn
from bot.console.guard import Door
from bot.console.rendering import Pages
from bot.handoff.waiting import PRESENT_FOR
from bot.storage.agents import Agents
from bot.storage.database import Database
from bot.storage.records import Records
from bot.storage.wakeup import Notice

__all__ = ["team_routes"]


def team_routes(
    database: Database, door: Door, pages: Pages, announce: Callable[[Notice], Awaitable[None]], clock: Clock
) -> APIRouter:
    """Return the routes of the own presence and of who else is there."""
    router = APIRouter()
    Who = Annotated[SignedIn, Depends(door.signed_in)]

    @router.post("/presence")
    async def presence(who: Who, presence: Annotated[str, Form(pattern="^(available|busy|away)$")]) -> Response:
        now = clock()
        async with database.begin() as session:
            agent = await Agents(session).get(who.agent.id)
            assert agent is not None
            agent.presence = presence
            agent.seen_at = now
            Records(session).audit(f"agent:{agent.id}", "agent.presence", now, presence=presence)
        await announce(Notice("team"))
        return Response(status_code=HTTP_204_NO_CONTENT)

    @router.get("/colleagues", response_class=HTMLResponse)
    async def colleagues(request: Request, who: Who) -> Response:
        now = clock()
        async with database.read() as session:
            everybody = await Agents(session).colleagues(now - PRESENT_FOR, now)
        return pages.page(request, "_colleagues.html", who, colleagues=everybody)

    return router
