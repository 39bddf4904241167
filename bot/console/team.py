"""Who is there, and who may what: presence, places, roles; an agent's own preferences."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.status import HTTP_204_NO_CONTENT, HTTP_303_SEE_OTHER

from bot.clock import Clock
from bot.console.auth import ROLES, SignedIn
from bot.console.guard import Door
from bot.console.rendering import Pages
from bot.errors import Conflict, NotFound
from bot.handoff.waiting import PRESENT_FOR
from bot.storage.agents import Agents
from bot.storage.database import Database
from bot.storage.records import Records
from bot.storage.wakeup import Notice

__all__ = ["team_routes"]


def team_routes(
    database: Database, door: Door, pages: Pages, announce: Callable[[Notice], Awaitable[None]], clock: Clock
) -> APIRouter:
    """Return the routes of the own presence and preferences, of who else is there, and of the team's page."""
    router = APIRouter()
    Who = Annotated[SignedIn, Depends(door.signed_in)]
    Manager = Annotated[SignedIn, Depends(door.role("manager", "admin"))]
    Admin = Annotated[SignedIn, Depends(door.role("admin"))]

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

    @router.post("/preferences")
    async def preferences(
        who: Who,
        keys: Annotated[bool, Form()] = False,
        sound: Annotated[bool, Form()] = False,
        notices: Annotated[bool, Form()] = False,
        theme: Annotated[Literal["auto", "light", "dark"], Form()] = "auto",
    ) -> Response:
        async with database.begin() as session:
            agent = await Agents(session).get(who.agent.id)
            assert agent is not None
            agent.preferences = {"keys": keys, "sound": sound, "notices": notices, "theme": theme}
        return Response(status_code=HTTP_204_NO_CONTENT, headers={"HX-Refresh": "true"})

    @router.get("/colleagues", response_class=HTMLResponse)
    async def colleagues(request: Request, who: Who) -> Response:
        now = clock()
        async with database.read() as session:
            everybody = await Agents(session).colleagues(now - PRESENT_FOR, now)
        return pages.page(request, "_colleagues.html", who, colleagues=everybody)

    # -- the team's page

    @router.get("/team", response_class=HTMLResponse)
    async def team(request: Request, who: Manager) -> Response:
        now = clock()
        async with database.read() as session:
            agents = Agents(session)
            values: dict[str, Any] = {
                "people": await agents.all(),
                "seats": {c.id: c for c in await agents.colleagues(now - PRESENT_FOR, now)},
                "teams": await agents.team_names(),
            }
        return pages.page(request, "team.html", who, roles=ROLES, **values)

    @router.post("/team/{agent_id}")
    async def change(
        who: Manager,
        agent_id: int,
        places: Annotated[int, Form(ge=1, le=50)],
        team: Annotated[str, Form(max_length=40)] = "",
        presence: Annotated[str, Form(pattern="^(available|busy|away)$")] = "away",
    ) -> Response:
        """Set an agent's places, team and presence."""
        async with database.begin() as session:
            agent = await Agents(session).get(agent_id)
            if agent is None:
                raise NotFound("There is no such agent.")
            agent.places, agent.team, agent.presence = places, team.strip() or None, presence
            Records(session).audit(
                f"agent:{who.agent.id}", "agent.change", clock(), subject=str(agent_id), places=places, team=agent.team,
                presence=presence,
            )  # fmt: skip
        await announce(Notice("team"))
        return RedirectResponse("/console/team", HTTP_303_SEE_OTHER)

    @router.post("/team/{agent_id}/role")
    async def change_role(
        who: Admin, agent_id: int, role: Annotated[Literal["agent", "manager", "admin"], Form()]
    ) -> Response:
        """Set an agent's role. Nobody takes the administrator's role from themselves: somebody must keep it."""
        if agent_id == who.agent.id:
            raise Conflict("You cannot change your own role.", code="own_role")
        async with database.begin() as session:
            agent = await Agents(session).get(agent_id)
            if agent is None:
                raise NotFound("There is no such agent.")
            before, agent.role = agent.role, role
            Records(session).audit(
                f"agent:{who.agent.id}", "agent.role", clock(), subject=str(agent_id), role=role, before=before
            )
        return RedirectResponse("/console/team", HTTP_303_SEE_OTHER)

    @router.post("/team/{agent_id}/disable")
    async def disable(who: Admin, agent_id: int) -> Response:
        """Let an agent sign in no more; what they have goes back to the queue."""
        if agent_id == who.agent.id:
            raise Conflict("You cannot disable yourself.", code="own_role")
        now = clock()
        async with database.begin() as session:
            agents = Agents(session)
            agent = await agents.get(agent_id)
            if agent is None:
                raise NotFound("There is no such agent.")
            agent.disabled_at, agent.presence = now, "away"
            await agents.revoke(agent_id, now)
            Records(session).audit(f"agent:{who.agent.id}", "agent.disable", now, subject=str(agent_id))
        await announce(Notice("team"))
        return RedirectResponse("/console/team", HTTP_303_SEE_OTHER)

    return router
