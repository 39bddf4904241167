"""What the chat on the website asks of Telegram: a link to go on there, how far that has come, and the way back."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Request
from pydantic import BaseModel, Field
from telegram.error import TelegramError

from bot.channels.telegram.joining import Joining, JoinState
from bot.channels.web.limits import Allowances, address_key, network_of
from bot.channels.web.origins import Origins
from bot.channels.web.visitors import Visitor, Visitors
from bot.conversation import Language
from bot.errors import Forbidden, TooManyRequests, Unauthenticated, Unavailable
from bot.settings import Settings

__all__ = ["joining_routes"]


class Link(BaseModel):
    """A one-time link into Telegram."""

    url: str
    expires_at: datetime


class State(BaseModel):
    """How far it has come: none, offered, opened, agreed, joined; and the name of the Telegram account."""

    state: str
    name: str | None = None


class Return(BaseModel):
    """The code of a link that Telegram gave."""

    code: str = Field(min_length=20, max_length=64)


class Returned(BaseModel):
    """Who the browser is from now on."""

    visitor: str


def joining_routes(settings: Settings, visitors: Visitors, joining: Joining) -> APIRouter:
    """Return the routes; each asks for the chat's visitor token, and for a page that may use the chat."""
    origins = Origins(settings.public_url, settings.allowed_origins)
    offers = Allowances(burst=5, per_s=5 / 600)
    returns = Allowances(burst=10, per_s=10 / 600)

    def from_allowed_page(
        request: Request, origin: Annotated[str | None, Header()] = None, host: Annotated[str | None, Header()] = None
    ) -> None:
        # Browsers name no origin where a page only reads from its own; a foreign page always comes with one.
        only_reads = request.method == "GET" and origin is None
        if not only_reads and not origins.allows(origin, host):
            raise Forbidden("This web page may not use the chat. Add its origin to ZUSAGE_ALLOWED_ORIGINS.")

    def visitor_of(authorization: Annotated[str, Header()] = "") -> Visitor:
        visitor = visitors.read(authorization.removeprefix("Bearer "))
        if visitor is None:
            raise Unauthenticated("Send the chat's visitor token as 'Authorization: Bearer ...'.")
        return visitor

    router = APIRouter(tags=["channels"], prefix="/chat/telegram", dependencies=[Depends(from_allowed_page)])
    CurrentVisitor = Annotated[Visitor, Depends(visitor_of)]

    @router.get("", summary="How far the visitor has come on the way to Telegram")
    async def state(visitor: CurrentVisitor) -> State:
        return _shown(await joining.state(visitor))

    @router.post("", summary="A one-time link to go on in Telegram")
    async def offer(visitor: CurrentVisitor, language: Annotated[Language | None, Query(alias="lang")] = None) -> Link:
        _wait_or_go_on(offers.take(visitor.id))
        try:
            offered = await joining.offer(visitor, language or settings.default_language)
        except TelegramError as error:
            raise Unavailable("Telegram does not answer now; please try again later.") from error
        return Link(url=offered.url, expires_at=offered.expires_at)

    @router.post("/confirm", summary="Join: the Telegram account is the visitor's")
    async def confirm(visitor: CurrentVisitor) -> State:
        return _shown(await joining.confirm(visitor))

    @router.delete("", summary="Separate, or withdraw an open link", status_code=204)
    async def separate(visitor: CurrentVisitor) -> None:
        await joining.separate_visitor(visitor)

    @router.post("/return", summary="Go on here with what was begun in Telegram")
    async def come_back(request: Request, body: Return) -> Returned:
        network = network_of(request.client.host if request.client else None)
        _wait_or_go_on(returns.take(address_key(settings.signing_key, network)))
        return Returned(visitor=(await joining.come_back(body.code)).token)

    return router


def _shown(state: JoinState) -> State:
    return State(state=state.state, name=state.name)


def _wait_or_go_on(seconds: float) -> None:
    if seconds:
        raise TooManyRequests("Please wait a moment.", retry_after_s=seconds)
