"""Puts the console together: one application, mounted at /console, with its own errors and headers."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.exceptions import HTTPException
from starlette.staticfiles import StaticFiles
from starlette.status import HTTP_303_SEE_OTHER
from starlette.types import Scope

from bot.clock import Clock
from bot.console.audit import audit_routes
from bot.console.auth import Authentication
from bot.console.conversation import PictureStore, conversation_routes
from bot.console.drafts import DraftReader
from bot.console.figures import figure_routes
from bot.console.guard import Door, Guard, NotSignedIn, PasswordChangeNeeded
from bot.console.inbox import inbox_routes
from bot.console.live import Live
from bot.console.orders import order_routes
from bot.console.rendering import Pages, language_of
from bot.console.saved_replies import saved_reply_routes
from bot.console.side import Side
from bot.console.sign_in import sign_in_routes
from bot.console.suggestions import Suggestions
from bot.console.team import team_routes
from bot.console.texts import known, word
from bot.conversation import Language
from bot.engine_client import EngineClient
from bot.errors import ZusageError
from bot.handoff.service import HandoffService
from bot.knowledge.search import KnowledgeSearch
from bot.metrics.reading import FigureReader
from bot.settings import Settings
from bot.shop.calendar import Calendar
from bot.shop.operations import Operations
from bot.storage.database import Database
from bot.storage.inbox import InboxRow
from bot.storage.knowledge import KnowledgeStore
from bot.storage.wakeup import Wakeup
from bot.survey.service import SurveyService

__all__ = ["Console"]

STATIC = Path(__file__).parent / "static"
YEAR_S = 365 * 24 * 3600


class _Files(StaticFiles):
    """Our own files; their addresses carry a hash of the content."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["Cache-Control"] = f"public, max-age={YEAR_S}, immutable"
        return response


@dataclass
class Console:
    """The console and its stream of changes. ``app`` is to be mounted; start and stop come with the service."""

    app: FastAPI
    live: Live

    @classmethod
    def build(
        cls,
        settings: Settings,
        database: Database,
        engine: EngineClient,
        wakeup: Wakeup,
        handoffs: HandoffService,
        surveys: SurveyService,
        operations: Operations,
        pictures: PictureStore,
        figures: FigureReader,
        shop_name: str,
        clock: Clock,
    ) -> "Console":
        """Put the console together."""
        pages = Pages(settings.zone, settings.default_language)
        auth = Authentication(settings, database, clock)
        secure = settings.url.startswith("https:")
        door = Door(auth, "__Host-zusage_agent" if secure else "zusage_agent")
        calendar = Calendar(settings.zone, settings.holidays)
        drafts = DraftReader(database, engine, calendar, clock)
        suggestions = Suggestions(database, engine, KnowledgeSearch(KnowledgeStore(database)))

        def render_row(row: InboxRow, language: Language) -> str:
            return pages.text("_row.html", language, row=row)

        live = Live(database, clock, render_row)
        wakeup.listen(live.wake)
        wakeup.listen_to_notices(live.notice)

        app = FastAPI(title="Zusage console", docs_url=None, redoc_url=None, openapi_url=None)
        app.add_middleware(Guard, public_url=settings.url)
        for routes in (
            sign_in_routes(settings, database, auth, door, pages, clock),
            inbox_routes(database, auth, door, pages, live, clock, Side(clock).read),
            conversation_routes(
                database,
                door,
                pages,
                handoffs,
                surveys,
                pictures,
                drafts,
                suggestions,
                shop_name,
                wakeup.publish,
                wakeup.announce,
                clock,
            ),
            order_routes(database, door, pages, operations, wakeup.publish, clock),
            saved_reply_routes(database, door, pages, clock),
            figure_routes(database, door, pages, figures, shop_name, clock),
            team_routes(database, door, pages, wakeup.announce, clock),
            audit_routes(database, door, pages, clock),
        ):
            app.include_router(routes)
        app.mount("/static", _Files(directory=STATIC))
        _render_errors(app, pages)
        return cls(app, live)


def _render_errors(app: FastAPI, pages: Pages) -> None:
    """Answer errors so that agents can read them: as a page, or as the message of a page's own request."""

    def render(request: Request, code: str, message: str, status: int) -> Response:
        language = language_of(request, None, pages.default_language)
        key = f"error.{code}"
        words = word(key, language) if known(key, language) else message
        if request.headers.get("hx-request") == "true" or "text/html" not in request.headers.get("accept", ""):
            return JSONResponse({"error": {"code": code, "message": words, "retry": False}}, status)
        return pages.page(request, "error.html", None, status=status, words=words, code=status)

    async def domain(request: Request, error: Exception) -> Response:
        assert isinstance(error, ZusageError)
        if isinstance(error, NotSignedIn | PasswordChangeNeeded):
            where = "/console/account" if isinstance(error, PasswordChangeNeeded) else _sign_in(request)
            if request.headers.get("hx-request") == "true":
                return Response(status_code=error.status, headers={"HX-Redirect": where})
            if request.method == "GET" and "text/html" in request.headers.get("accept", ""):
                return RedirectResponse(where, HTTP_303_SEE_OTHER)
        return render(request, error.code, error.message, error.status)

    async def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        return render(request, "invalid_input", f"{'.'.join(map(str, first['loc'][1:]))}: {first['msg']}", 422)

    async def http(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        code = "not_found" if error.status_code == 404 else "not_possible"
        return render(request, code, str(error.detail), error.status_code)

    app.add_exception_handler(ZusageError, domain)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)


def _sign_in(request: Request) -> str:
    where = request.headers.get("hx-current-url") or str(request.url)
    path = where.split("://", 1)[-1]
    path = path[path.find("/") :] if "/" in path else "/console/"
    return f"/console/sign-in?next={quote(path)}"
