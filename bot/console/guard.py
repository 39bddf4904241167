"""What stands before every page: security headers, same-origin requests only, a signed-in agent, the right role."""

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bot.console.auth import Authentication, SignedIn
from bot.errors import Forbidden, Unauthenticated

__all__ = ["Door", "Guard", "NotSignedIn", "PasswordChangeNeeded"]

SAFE = frozenset({"GET", "HEAD"})
HEADERS = {
    # No script and no style but our own files: text of customers can never become either.
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # Not "no-referrer": browsers would then send "Origin: null" with our own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class NotSignedIn(Unauthenticated):
    """Nobody is signed in here, or no longer."""

    code = "not_signed_in"


class PasswordChangeNeeded(Forbidden):
    """The password was set by somebody else and must be changed first."""

    code = "password_change_needed"


class Guard:
    """ASGI middleware: adds the headers, and refuses changes that another website asks for."""

    def __init__(self, app: ASGIApp, public_url: str) -> None:
        self.app = app
        self._public = urlsplit(public_url).netloc.lower()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if it may pass."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                # Pages hold personal data; nothing of them may stay in a cache or come back after signing out.
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        if scope["method"] not in SAFE and not self._own(Headers(scope=scope)):
            body = {
                "error": {
                    "code": "foreign_origin",
                    "message": "Requests of other websites are refused.",
                    "retry": False,
                }
            }
            await JSONResponse(body, 403)(scope, receive, with_headers)
            return
        await self.app(scope, receive, with_headers)

    def _own(self, headers: Headers) -> bool:
        if headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return False
        claimed = headers.get("origin") or headers.get("referer")
        if not claimed:
            return False
        return urlsplit(claimed).netloc.lower() in (headers.get("host", "").lower(), self._public)


@dataclass(frozen=True)
class Door:
    """Lets signed-in agents in. Its methods are FastAPI dependencies."""

    auth: Authentication
    cookie: str

    async def signed_in(self, request: Request) -> SignedIn:
        """Return who is signed in.

        Raises:
            NotSignedIn: nobody.
            PasswordChangeNeeded: the agent must choose a password first.
        """
        who = await self.signed_in_anyhow(request)
        if who.agent.must_change_password:
            raise PasswordChangeNeeded("Choose a password of your own first.")
        return who

    async def signed_in_anyhow(self, request: Request) -> SignedIn:
        """Return who is signed in, even if the password must be changed first.

        Raises:
            NotSignedIn: nobody.
            Forbidden: something is to be changed and the session's own token is missing.
        """
        who = await self.auth.signed_in(request.cookies.get(self.cookie))
        if who is None:
            raise NotSignedIn("Please sign in.")
        if request.method not in SAFE:
            token = request.headers.get("x-csrf-token")
            if token is None and request.headers.get("content-type", "").startswith(
                ("application/x-www-form-urlencoded", "multipart/form-data")
            ):
                value = (await request.form()).get("csrf")
                token = value if isinstance(value, str) else None
            if token is None or not hmac.compare_digest(token.encode(), who.csrf.encode()):
                raise Forbidden("The request lacks the session's token. Reload the page.", code="csrf")
        return who

    def role(self, *roles: str) -> Callable[[Request], Awaitable[SignedIn]]:
        """Return a dependency that lets only these roles in."""

        async def let_in(request: Request) -> SignedIn:
            who = await self.signed_in(request)
            if who.agent.role not in roles:
                raise Forbidden("Your role does not allow this.")
            return who

        return let_in
