"""The demo's mailbox: every mail that a customer would have got, as it would have looked."""

from pathlib import Path
from typing import Annotated, Any

from babel.dates import format_datetime
from fastapi import APIRouter, Query, Response
from fastapi.responses import HTMLResponse

from bot.channels.pages.page import Pages, plain_headers
from bot.conversation import Language
from bot.errors import NotFound
from bot.settings import Settings
from bot.storage.database import Database
from bot.storage.mails import MailFile, Mails

__all__ = ["mail_routes"]

SHOWN = 200

# What the mail itself may do when it is looked at: be read, in its own colours.
_MAIL_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_STATES: dict[Language, dict[str, str]] = {
    "de": {
        "waiting": "wartet",
        "sending": "wird gesendet",
        "sent": "gesendet",
        "failed": "wird wiederholt",
        "dead": "unzustellbar",
        "expired": "abgelaufen",
        "unneeded": "nicht mehr nötig",
        "kept": "nur gezeigt",
    },
    "en": {
        "waiting": "waiting",
        "sending": "being sent",
        "sent": "sent",
        "failed": "to be tried again",
        "dead": "undeliverable",
        "expired": "expired",
        "unneeded": "no longer needed",
        "kept": "shown only",
    },
}


def mail_routes(settings: Settings, pages: Pages, database: Database) -> APIRouter:
    """Return the mailbox under ``/demo/mails``. Only for the demo: it shows everybody's mails to everybody."""
    router = APIRouter(prefix="/demo/mails", include_in_schema=False)
    environment = pages.environment(Path(__file__).parent / "templates")

    @router.get("")
    async def mails(lang: Annotated[Language | None, Query()] = None) -> HTMLResponse:
        language = lang or settings.default_language
        async with database.read() as session:
            rows = await Mails(session).latest(SHOWN)
        return pages.respond(
            environment,
            "mails.html",
            language,
            mails=[shown(row, language) for row in rows],
            other=f"/demo/mails?lang={'de' if language == 'en' else 'en'}",
        )

    @router.get("/{public_id}")
    async def mail(public_id: str, lang: Annotated[Language | None, Query()] = None) -> HTMLResponse:
        language = lang or settings.default_language
        row, files = await found(public_id)
        return pages.respond(
            environment,
            "mail.html",
            language,
            headers=plain_headers(frames=True),
            mail={**shown(row, language), "words": row.text},
            files=files,
        )

    @router.get("/{public_id}/html")
    async def html(public_id: str) -> HTMLResponse:
        row, _ = await found(public_id)
        return HTMLResponse(row.html or "", headers=_MAIL_HEADERS)

    @router.get("/{public_id}/files/{position}")
    async def file(public_id: str, position: int) -> Response:
        _, files = await found(public_id)
        if not 0 <= position < len(files):
            raise NotFound("There is no such file.")
        headers = {
            "Content-Disposition": f'attachment; filename="{files[position].name}"',
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
        }
        return Response(files[position].content, media_type=files[position].media_type, headers=headers)

    async def found(public_id: str) -> tuple[Any, list[MailFile]]:
        async with database.read() as session:
            row = await Mails(session).by_public_id(public_id)
            files = (await Mails(session).files([row.id])).get(row.id, []) if row is not None else []
        if row is None:
            raise NotFound("There is no such mail.")
        return row, files

    def shown(row: Any, language: Language) -> dict[str, Any]:
        return {
            "id": row.public_id,
            "to": row.to,
            "subject": row.subject,
            "state": _STATES[language][row.state],
            "when": format_datetime(
                row.created_at, "short", tzinfo=settings.zone, locale="de_DE" if language == "de" else "en_GB"
            ),
        }

    return router
