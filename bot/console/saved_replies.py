"""Canned replies: the page on which they are kept, and filling them in for one conversation."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.status import HTTP_303_SEE_OTHER

from bot.clock import Clock
from bot.console.auth import SignedIn
from bot.console.guard import Door
from bot.console.rendering import Pages
from bot.errors import InvalidInput, NotFound
from bot.storage.agents import Agents
from bot.storage.database import Collision, Database
from bot.storage.desk import Desk
from bot.storage.records import Records
from bot.storage.tables import SavedReply

__all__ = ["FilledReply", "fill", "filled", "saved_reply_routes"]

VARIABLES = ("customer", "agent", "order", "shop")
_VARIABLE = re.compile(r"(?P<before> ?)\{(?P<name>[a-z_]+)\}")
_SHORTCUT = re.compile(r"[a-z0-9äöüß-]{1,40}")


@dataclass(frozen=True)
class FilledReply:
    """A canned reply in the customer's language, its variables filled in."""

    shortcut: str
    title: str
    text: str
    intents: tuple[str, ...]


def fill(template: str, values: Mapping[str, str]) -> str:
    """Fill in the variables of a canned reply.

    What is not known leaves no gap: "Guten Tag {customer}," becomes "Guten Tag,". An unknown variable stays as
    it is, so that whoever sends it sees the mistake.
    """

    def value(match: re.Match[str]) -> str:
        if match["name"] not in VARIABLES:
            return match[0]
        known = values.get(match["name"], "")
        return f"{match['before']}{known}" if known else ""

    return _VARIABLE.sub(value, template)


def filled(reply: SavedReply, language: str, values: Mapping[str, str]) -> FilledReply:
    """Return a canned reply for a customer; where their language is missing, in the other one."""
    own, other = (reply.text_de, reply.text_en) if language == "de" else (reply.text_en, reply.text_de)
    return FilledReply(reply.shortcut, reply.title, fill(own or other, values), tuple(reply.intents or ()))


def saved_reply_routes(database: Database, door: Door, pages: Pages, clock: Clock) -> APIRouter:
    """Return the routes of the page of canned replies. All agents read it; managers change it."""
    router = APIRouter(prefix="/saved-replies")
    Who = Annotated[SignedIn, Depends(door.signed_in)]
    Manager = Annotated[SignedIn, Depends(door.role("manager", "admin"))]

    async def page(request: Request, who: SignedIn, editing: SavedReply | None, error: str | None = None) -> Response:
        async with database.read() as session:
            replies = await Desk(session).saved_replies(who.agent.team, everybody=who.manages)
            teams = await Agents(session).team_names()
        return pages.page(
            request, "saved_replies.html", who, status=422 if error else 200,
            replies=replies, teams=teams, editing=editing, error=error,
        )  # fmt: skip

    @router.get("", response_class=HTMLResponse)
    async def overview(request: Request, who: Who, edit: int | None = None) -> Response:
        editing = None
        if edit is not None and who.manages:
            async with database.read() as session:
                editing = await Desk(session).saved_reply(edit)
        return await page(request, who, editing)

    @router.post("", response_class=HTMLResponse)
    async def save(
        request: Request,
        who: Manager,
        title: Annotated[str, Form(max_length=120)],
        shortcut: Annotated[str, Form(max_length=40)],
        text_de: Annotated[str, Form(max_length=3000)] = "",
        text_en: Annotated[str, Form(max_length=3000)] = "",
        intents: Annotated[str, Form(max_length=300)] = "",
        team: Annotated[str, Form(max_length=40)] = "",
        reply_id: Annotated[int | None, Form()] = None,
    ) -> Response:
        now = clock()
        values = SavedReply(
            title=title.strip(),
            shortcut=shortcut.strip().lower(),
            text_de=text_de.strip(),
            text_en=text_en.strip(),
            intents=[part.strip() for part in intents.split(",") if part.strip()],
            team=team or None,
            updated_at=now,
            updated_by=who.agent.id,
        )
        try:
            _check(values)
            async with database.begin() as session:
                desk = Desk(session)
                if reply_id is None:
                    row = await desk.add_saved_reply(values)
                else:
                    known = await desk.saved_reply(reply_id)
                    if known is None:
                        raise NotFound("There is no such canned reply (any more).")
                    row = known
                    for name in ("title", "shortcut", "text_de", "text_en", "intents", "team"):
                        setattr(row, name, getattr(values, name))
                    row.updated_at, row.updated_by = now, who.agent.id
                Records(session).audit(f"agent:{who.agent.id}", "saved_reply.save", now, subject=str(row.id))
        except InvalidInput as error:
            return await page(request, who, values, error.code)
        except Collision:
            return await page(request, who, values, "shortcut_taken")
        return RedirectResponse("/console/saved-replies", HTTP_303_SEE_OTHER)

    @router.post("/{reply_id}/delete")
    async def delete(who: Manager, reply_id: int) -> Response:
        async with database.begin() as session:
            desk = Desk(session)
            reply = await desk.saved_reply(reply_id)
            if reply is None:
                raise NotFound("There is no such canned reply (any more).")
            Records(session).audit(
                f"agent:{who.agent.id}", "saved_reply.delete", clock(), subject=str(reply_id), shortcut=reply.shortcut
            )
            await desk.delete_saved_reply(reply)
        return RedirectResponse("/console/saved-replies", HTTP_303_SEE_OTHER)

    return router


def _check(reply: SavedReply) -> None:
    if not reply.title or not (reply.text_de or reply.text_en):
        raise InvalidInput("A canned reply needs a title and a text.", code="saved_empty")
    if not _SHORTCUT.fullmatch(reply.shortcut):
        raise InvalidInput("A shortcut has small letters, digits and hyphens.", code="shortcut_form")
    for template in (reply.text_de, reply.text_en):
        unknown = [m["name"] for m in _VARIABLE.finditer(template) if m["name"] not in VARIABLES]
        if unknown:
            raise InvalidInput(f"There is no variable {{{unknown[0]}}}.", code="unknown_variable")
