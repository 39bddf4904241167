"""Confirms a newsletter subscription. The link only shows a button: mail programs follow links by themselves."""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import HTMLResponse

from bot.channels.pages.page import Pages
from bot.clock import Clock
from bot.conversation import Language
from bot.mail.links import Links
from bot.settings import Settings
from bot.storage.database import Database
from bot.storage.newsletter import Newsletters

__all__ = ["newsletter_routes"]


def newsletter_routes(settings: Settings, pages: Pages, links: Links, database: Database, clock: Clock) -> APIRouter:
    """Return the page that a confirmation mail links to."""
    router = APIRouter(prefix="/newsletter", include_in_schema=False)
    environment = pages.environment(Path(__file__).parent / "templates")

    async def show(token: str, language: Language | None, *, confirmed: bool) -> HTMLResponse:
        address = links.newsletter_address(token)
        state = "invalid"
        spoken: Language = language or settings.default_language
        if address is not None:
            async with database.begin() as session:
                newsletters = Newsletters(session)
                if confirmed:
                    await newsletters.confirm(address, clock())
                found = await newsletters.at(address)
            state = found.state if found is not None else "invalid"
            if found is not None and language is None:
                spoken = "en" if found.language == "en" else "de"
        other: Language = "de" if spoken == "en" else "en"
        return pages.respond(
            environment,
            "confirm.html",
            spoken,
            status=404 if state == "invalid" else 200,
            state=state,
            token=token,
            address=address,
            other=f"/newsletter/{token}?lang={other}",
        )

    @router.get("/{token}")
    async def ask(token: str, lang: Annotated[Language | None, Query()] = None) -> HTMLResponse:
        return await show(token, lang, confirmed=False)

    @router.post("/{token}")
    async def confirm(token: str, lang: Annotated[Language | None, Query()] = None) -> HTMLResponse:
        return await show(token, lang, confirmed=True)

    return router
