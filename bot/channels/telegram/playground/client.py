"""The people's side of the playground: a page that plays a Telegram app, and what it asks."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field

from bot.channels.telegram.playground.server import FakeTelegram, Person

__all__ = ["playground_routes"]

HERE = Path(__file__).parent / "static"
FILES = {"telegram.js": "text/javascript; charset=utf-8", "telegram.css": "text/css; charset=utf-8"}
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'"


class NewPerson(BaseModel):
    """Somebody who gets Telegram."""

    name: str = Field(min_length=1, max_length=60)
    language: Literal["de", "en"] = "de"


class Act(BaseModel):
    """What a person does. Which fields count depends on ``what``."""

    what: Literal["say", "press", "edit", "sticker", "voice", "location", "block"]
    text: str = Field("", max_length=10_000)
    message: int = 0


def playground_routes(telegram: FakeTelegram, path: str, *, wait_s: float) -> APIRouter:
    """Return the page and its calls, under a path; a call that waits for news does so for ``wait_s`` seconds."""
    router = APIRouter(prefix=path, include_in_schema=False)

    def person_of(person_id: int) -> Person:
        person = telegram.people.get(person_id)
        if person is None:
            raise HTTPException(404, "There is no such person.")
        return person

    @router.get("", response_class=HTMLResponse)
    async def page() -> HTMLResponse:
        return HTMLResponse(
            (HERE / "telegram.html").read_text(encoding="utf-8"), headers={"Content-Security-Policy": POLICY}
        )

    @router.get("/static/{name}")
    async def static(name: str) -> Response:
        if name not in FILES:
            raise HTTPException(404)
        return Response((HERE / name).read_bytes(), media_type=FILES[name], headers={"Cache-Control": "no-cache"})

    @router.get("/state")
    async def state(person: int = 0, version: int = -1, wait: Annotated[bool, Query()] = True) -> dict[str, Any]:
        """Return everything that a person sees, as soon as it differs from a version."""
        if wait and version == telegram.version:
            with suppress(TimeoutError):
                await asyncio.wait_for(telegram.changed.wait(), wait_s)
        known = telegram.people.get(person)
        language = known.language_code if known else ""
        commands = telegram.settings["commands"]
        return {
            "version": telegram.version,
            "bot": telegram.bot,
            "people": [{"id": p.id, "name": p.first_name, "blocked": p.blocked} for p in telegram.people.values()],
            "messages": telegram.messages[person] if known else [],
            "commands": commands.get(language) or commands.get("", []),
            "description": telegram.settings["texts"].get(("description", language))
            or telegram.settings["texts"].get(("description", ""), ""),
            "typing": telegram.typing_in(person),
        }

    @router.post("/people")
    async def add_person(body: NewPerson) -> dict[str, int]:
        return {"id": telegram.person(body.name, language_code=body.language).id}

    @router.post("/people/{person_id}/acts")
    async def act(person_id: int, body: Act) -> dict[str, bool]:
        person = person_of(person_id)
        match body.what:
            case "say":
                telegram.say(person, body.text)
            case "press":
                with suppress(LookupError):  # taken away meanwhile
                    telegram.press(person, body.message, body.text)
            case "edit":
                telegram.edit(person, body.message, body.text)
            case "sticker":
                telegram.send(person, {"sticker": _STICKER | {"emoji": body.text or "👍"}})
            case "voice":
                voice = {"file_id": "voice", "file_unique_id": "voice", "duration": 3, "mime_type": "audio/ogg"}
                telegram.send(person, {"voice": voice})
            case "location":
                telegram.send(person, {"location": {"latitude": 53.55, "longitude": 9.99}})
            case "block":
                telegram.block(person)
        return {"ok": True}

    @router.post("/people/{person_id}/attachments")
    async def send_photo(
        person_id: int, request: Request, caption: Annotated[str, Query(max_length=1024)] = ""
    ) -> dict[str, bool]:
        telegram.send_photo(person_of(person_id), await request.body(), caption=caption or None)
        return {"ok": True}

    @router.get("/files/{file_id}")
    async def file(file_id: str) -> Response:
        name, data = telegram.files.get(file_id, ("", b""))
        if not name:
            raise HTTPException(404)
        picture = file_id.startswith("photo")
        headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; sandbox"}
        if not picture:
            headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return Response(data, media_type=_image_type(data) if picture else "application/octet-stream", headers=headers)

    return router


_STICKER = {
    "file_id": "sticker",
    "file_unique_id": "sticker",
    "type": "regular",
    "width": 512,
    "height": 512,
    "is_animated": False,
    "is_video": False,
}


def _image_type(data: bytes) -> str:
    return "image/png" if data.startswith(b"\x89PNG") else "image/jpeg"
