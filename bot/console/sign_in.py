"""The pages to sign in and out, and an agent's own account."""

from typing import Annotated

import pyotp
import segno
from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.status import HTTP_303_SEE_OTHER, HTTP_401_UNAUTHORIZED, HTTP_429_TOO_MANY_REQUESTS

from bot.clock import Clock
from bot.console.auth import PASSWORD_MIN, Authentication, CodeNeeded, SignedIn
from bot.console.guard import Door
from bot.console.rendering import Pages
from bot.errors import InvalidInput, NotFound, TooManyRequests, Unauthenticated, ZusageError
from bot.settings import Settings
from bot.storage.agents import Agents
from bot.storage.database import Database
from bot.storage.records import Records

__all__ = ["sign_in_routes"]

YEAR_S = 365 * 24 * 3600


def sign_in_routes(
    settings: Settings, database: Database, auth: Authentication, door: Door, pages: Pages, clock: Clock
) -> APIRouter:
    """Return the routes of signing in and of the own account."""
    router = APIRouter()
    secure = settings.url.startswith("https:")
    Anyhow = Annotated[SignedIn, Depends(door.signed_in_anyhow)]
    Who = Annotated[SignedIn, Depends(door.signed_in)]

    def _address(request: Request) -> str:
        return request.client.host if request.client else "?"

    def _welcome(token: str, onward: str) -> RedirectResponse:
        response = RedirectResponse(_inside(onward), HTTP_303_SEE_OTHER)
        response.set_cookie(
            door.cookie,
            token,
            max_age=settings.session_hours * 3600,
            path="/",
            secure=secure,
            httponly=True,
            samesite="strict",
        )
        return response

    @router.get("/sign-in", response_class=HTMLResponse)
    async def form(request: Request, next: str = "") -> Response:
        if await auth.signed_in(request.cookies.get(door.cookie)):
            return RedirectResponse(_inside(next), HTTP_303_SEE_OTHER)
        return pages.page(request, "sign_in.html", onward=_inside(next), error=None, email="", pending=None)

    @router.post("/sign-in", response_class=HTMLResponse)
    async def sign_in(
        request: Request,
        email: Annotated[str, Form(max_length=200)],
        password: Annotated[str, Form(max_length=1000)],
        onward: Annotated[str, Form(max_length=300)] = "",
    ) -> Response:
        try:
            result = await auth.sign_in(
                email, password, address=_address(request), browser=request.headers.get("user-agent", "")
            )
        except (Unauthenticated, TooManyRequests) as error:
            return pages.page(
                request, "sign_in.html", status=error.status, onward=_inside(onward), error=error.code, email=email,
                pending=None,
            )  # fmt: skip
        if isinstance(result, CodeNeeded):
            return pages.page(
                request, "sign_in.html", onward=_inside(onward), error=None, email=email, pending=result.pending
            )
        return _welcome(result[0], onward)

    @router.post("/sign-in/code", response_class=HTMLResponse)
    async def code(
        request: Request,
        pending: Annotated[str, Form(max_length=300)],
        code: Annotated[str, Form(max_length=20)],
        onward: Annotated[str, Form(max_length=300)] = "",
    ) -> Response:
        try:
            token, _ = await auth.confirm(
                pending, code, address=_address(request), browser=request.headers.get("user-agent", "")
            )
        except (Unauthenticated, TooManyRequests) as error:
            again = None if error.code == "code_too_late" else pending
            status = HTTP_429_TOO_MANY_REQUESTS if isinstance(error, TooManyRequests) else HTTP_401_UNAUTHORIZED
            return pages.page(
                request, "sign_in.html", status=status, onward=_inside(onward), error=error.code, email="",
                pending=again,
            )  # fmt: skip
        return _welcome(token, onward)

    @router.post("/sign-out")
    async def sign_out(who: Anyhow) -> Response:
        await auth.sign_out(who)
        response = RedirectResponse("/console/sign-in", HTTP_303_SEE_OTHER, headers={"Clear-Site-Data": '"cache"'})
        response.delete_cookie(door.cookie, path="/", secure=secure, httponly=True, samesite="strict")
        return response

    # -- the own account

    async def _account(
        request: Request, who: SignedIn, *, error: ZusageError | None = None, done: str | None = None
    ) -> Response:
        async with database.read() as session:
            sessions = await Agents(session).sessions_of(who.agent.id, clock())
        return pages.page(
            request,
            "account.html",
            who,
            status=error.status if error else 200,
            sessions=sessions,
            error=error.code if error else None,
            done=done,
            password_min=PASSWORD_MIN,
        )

    @router.get("/account", response_class=HTMLResponse)
    async def account(request: Request, who: Anyhow) -> Response:
        return await _account(request, who)

    @router.post("/account/password", response_class=HTMLResponse)
    async def password(
        request: Request,
        who: Anyhow,
        old: Annotated[str, Form(max_length=1000)],
        new: Annotated[str, Form(max_length=1000)],
    ) -> Response:
        try:
            await auth.change_password(who, old, new)
        except (InvalidInput, Unauthenticated) as error:
            return await _account(request, who, error=error)
        fresh = await auth.signed_in(request.cookies.get(door.cookie))
        return await _account(request, fresh or who, done="password")

    @router.get("/account/totp", response_class=HTMLResponse)
    async def totp(request: Request, who: Who) -> Response:
        secret = pyotp.random_base32()
        return _totp_page(request, who, secret)

    def _totp_page(request: Request, who: SignedIn, secret: str, error: str | None = None) -> Response:
        address = pyotp.TOTP(secret).provisioning_uri(name=who.agent.email, issuer_name="Zusage")
        picture = segno.make(address, error="m").svg_data_uri(scale=5, border=2)
        return pages.page(request, "totp.html", who, secret=secret, picture=picture, error=error)

    @router.post("/account/totp", response_class=HTMLResponse)
    async def totp_on(
        request: Request,
        who: Who,
        secret: Annotated[str, Form(pattern=r"^[A-Z2-7]{32}$")],
        code: Annotated[str, Form(max_length=20)],
    ) -> Response:
        try:
            await auth.enable_totp(who, secret, code)
        except InvalidInput as error:
            return _totp_page(request, who, secret, error.code)
        fresh = await auth.signed_in(request.cookies.get(door.cookie))
        return await _account(request, fresh or who, done="totp_on")

    @router.post("/account/totp/off", response_class=HTMLResponse)
    async def totp_off(request: Request, who: Who, password: Annotated[str, Form(max_length=1000)]) -> Response:
        try:
            await auth.disable_totp(who, password)
        except Unauthenticated as error:
            return await _account(request, who, error=error)
        fresh = await auth.signed_in(request.cookies.get(door.cookie))
        return await _account(request, fresh or who, done="totp_off")

    @router.post("/account/sessions/{session_id}/end")
    async def end_session(request: Request, who: Who, session_id: int) -> Response:
        async with database.begin() as session:
            if not await Agents(session).revoke(who.agent.id, clock(), only=session_id):
                raise NotFound("There is no such session.")
            Records(session).audit(f"agent:{who.agent.id}", "agent.session_ended", clock(), subject=str(session_id))
        return RedirectResponse("/console/account", HTTP_303_SEE_OTHER)

    @router.post("/language")
    async def language(
        request: Request, language: Annotated[str, Form(pattern="^(de|en)$")], onward: Annotated[str, Form()] = ""
    ) -> Response:
        """Switch the console's language, also before signing in."""
        who = await auth.signed_in(request.cookies.get(door.cookie))
        if who is not None:
            who = await door.signed_in_anyhow(request)
            async with database.begin() as session:
                agent = await Agents(session).get(who.agent.id)
                assert agent is not None
                agent.language = language
        response = RedirectResponse(_inside(onward), HTTP_303_SEE_OTHER)
        response.set_cookie(
            "zusage_language",
            language,
            max_age=YEAR_S,
            path="/console",
            secure=secure,
            httponly=True,
            samesite="strict",
        )
        return response

    return router


def _inside(address: str) -> str:
    """Return an address within the console: a link must not lead a freshly signed-in agent elsewhere."""
    if address.startswith("/console") and "\\" not in address and "//" not in address:
        return address
    return "/console/"
