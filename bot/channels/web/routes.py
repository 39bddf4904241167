"""The web chat's doors: loader, frame and files, the socket, the same frames by POST, pictures, transcript."""

import asyncio
import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Header, Query, Request, Response, WebSocket
from fastapi.responses import HTMLResponse, JSONResponse
from jinja2 import Environment
from starlette.websockets import WebSocketDisconnect, WebSocketState

from bot.channels.web.assets import Assets
from bot.channels.web.chat import Chat, refusal
from bot.channels.web.hub import CHANNEL, Hub, Link
from bot.channels.web.labels import label_pdf, label_qr
from bot.channels.web.limits import Allowance, Allowances, Places, address_key, network_of
from bot.channels.web.origins import Origins, origin_of
from bot.channels.web.protocol import Exchange, Hello, Ping, parse, seen_by_customer
from bot.channels.web.transcript import transcript
from bot.channels.web.uploads import UPLOAD_LIMIT, Uploads
from bot.channels.web.visitors import Visitor
from bot.conversation import Attachment, Language
from bot.errors import Forbidden, InvalidInput, NotFound, TooManyRequests, Unauthenticated, ZusageError
from bot.settings import Settings
from bot.shop.policies import Shop
from bot.storage.chats import Chats
from bot.storage.conversations import Conversations, to_message
from bot.storage.database import Database

__all__ = ["web_routes"]

log = logging.getLogger(__name__)

HELLO_WITHIN_S = 10.0
SEND_WITHIN_S = 20.0
BAD_FRAMES = 5
# A person writes a frame now and then; a tab that catches up a handful at once.
FRAMES_AT_ONCE, FRAMES_PER_S = 40, 10.0

# Reasons we close a socket for; docs/chat-protocol.md explains them.
CLOSE_BAD_FRAMES = 4400
CLOSE_NO_HELLO = 4408
CLOSE_TOO_LARGE = 1009
CLOSE_TOO_SLOW = 4413
CLOSE_FLOOD = 4429


def web_routes(
    settings: Settings, database: Database, hub: Hub, chat: Chat, shop: Shop, privacy: Mapping[Language, str]
) -> APIRouter:
    """Return everything the chat needs on the web.

    Args:
        settings: origins, limits and signing key.
        database: where conversations are.
        hub: brings news to open tabs.
        chat: handles the frames.
        shop: whose name the chat shows.
        privacy: addresses of the privacy page.
    """
    router = APIRouter(tags=["channels"])
    origins = Origins(settings.public_url, settings.allowed_origins)
    assets = Assets(Path(__file__).parent / "static")
    uploads = Uploads(settings.data_dir / "uploads")
    places = Places(settings.chat_connections_per_address)
    pictures = Allowances(burst=6, per_s=6 / 600)
    pictures_of_network = Allowances(burst=60, per_s=60 / 600)
    pictures_at = settings.product_picture_url or ("/demo/pictures/{sku}.svg" if settings.demo else "")
    frame_headers = _frame_headers(origins, pictures_at)
    page = Environment(autoescape=True).from_string(assets.text("frame.html"))

    other: dict[Language, tuple[str]] = {"de": ("chat/en.js",), "en": ("chat/de.js",)}

    # -- who asks

    def network(client: Any) -> str:
        return address_key(settings.signing_key, network_of(client.host if client else None))

    def from_allowed_page(
        request: Request, origin: Annotated[str | None, Header()] = None, host: Annotated[str | None, Header()] = None
    ) -> None:
        if not origins.allows(origin, host):
            raise Forbidden("This web page may not use the chat. Add its origin to ZUSAGE_ALLOWED_ORIGINS.")

    def visitor_of(authorization: Annotated[str, Header()] = "") -> Visitor:
        visitor = chat.visitors.read(authorization.removeprefix("Bearer "))
        if visitor is None:
            raise Unauthenticated("Send the chat's visitor token as 'Authorization: Bearer ...'.")
        return visitor

    # -- files

    @router.get("/widget.js", summary="The loader for any web page")
    async def loader(request: Request) -> Response:
        return assets.respond(request, "widget.js")

    @router.get("/chat/static/{version}/{name:path}", include_in_schema=False)
    async def static(request: Request, version: str, name: str) -> Response:
        return assets.respond(request, name, version=version)

    @router.get("/chat", summary="The chat itself, for the loader's frame or on a page of its own")
    async def frame(lang: Annotated[Language | None, Query()] = None) -> HTMLResponse:
        language = lang or settings.default_language
        config = {
            "shop": shop.name,
            "privacy": privacy[language],
            "withdrawal": "/withdrawal" if language == "en" else "/widerruf",
            "embed": origins.allowed,
            "maxChars": settings.message_max_chars,
            "maxUpload": UPLOAD_LIMIT,
            "pictures": pictures_at,
            "timeZone": settings.timezone,
            "telegram": bool(settings.telegram_token.get_secret_value()),
        }
        html = page.render(
            language=language,
            title=shop.name,
            base=f"/chat/static/{assets.version}",
            modules=[name for name in assets.names(".js") if name.startswith("chat/") and name not in other[language]],
            config=json.dumps(config, ensure_ascii=False),
        )
        return HTMLResponse(html, headers=frame_headers)

    # -- the socket

    @router.websocket("/chat")
    async def socket(websocket: WebSocket) -> None:
        headers = websocket.headers
        if not origins.allows(headers.get("origin"), headers.get("host")):
            log.warning("refused a chat socket from origin %s", headers.get("origin"))
            await websocket.send_denial_response(Response(status_code=403))
            return
        address = network(websocket.client)
        try:
            with places.one(address):
                await websocket.accept()
                await _serve(websocket, Link(address))
        except TooManyRequests as error:
            log.warning("refused a chat socket: %d are open from one network", settings.chat_connections_per_address)
            await websocket.send_denial_response(Response(error.message, status_code=429))

    async def _serve(websocket: WebSocket, link: Link) -> None:
        link_writer = asyncio.create_task(_write(websocket, link))
        try:
            async with asyncio.timeout(HELLO_WITHIN_S):
                raw = await _text(websocket)
            frame = parse(raw)
            if not isinstance(frame, Hello):
                raise InvalidInput("The first frame must be a hello.", code="hello_first")
            await chat.hello(link, frame)
            await _read(websocket, link)
        except TimeoutError:
            await _close(websocket, CLOSE_NO_HELLO, "no hello")
        except ZusageError as error:
            await _refuse_and_close(websocket, error)
        except WebSocketDisconnect:
            pass
        except RuntimeError:
            # Starlette's word for a socket that went away between two of our steps.
            if websocket.application_state is WebSocketState.CONNECTED:
                raise
        finally:
            hub.leave(link)
            link_writer.cancel()
            with suppress(asyncio.CancelledError):
                await link_writer

    async def _read(websocket: WebSocket, link: Link) -> None:
        """Handle a browser's frames one after another; the next is read when this one is stored."""
        allowance = Allowance(FRAMES_AT_ONCE, FRAMES_PER_S)
        bad = 0
        while True:
            raw = await _text(websocket)
            if allowance.take():
                await _close(websocket, CLOSE_FLOOD, "too many frames")
                return
            try:
                frame = parse(raw)
            except InvalidInput as error:
                bad += 1
                if error.code == "frame_too_large":
                    await _close(websocket, CLOSE_TOO_LARGE, "frame too large")
                    return
                if bad >= BAD_FRAMES:
                    await _close(websocket, CLOSE_BAD_FRAMES, "too many bad frames")
                    return
                link.push(refusal(error))
                continue
            await chat.handle(link, frame)

    async def _write(websocket: WebSocket, link: Link) -> None:
        """Send what is pushed. A browser that takes nothing for long, or falls behind, is let go: it comes back."""
        while (frame := await link.next()) is not None:
            try:
                async with asyncio.timeout(SEND_WITHIN_S):
                    await websocket.send_text(frame.model_dump_json(exclude_none=True))
            except TimeoutError:
                break
            except (WebSocketDisconnect, RuntimeError):  # gone; the reader notices too
                return
        await _close(websocket, CLOSE_TOO_SLOW, "read on from your last number")

    # -- the same by POST

    @router.post(
        "/chat",
        summary="Frames there and back, where WebSockets are blocked",
        dependencies=[Depends(from_allowed_page)],
    )
    async def exchange(request: Request, body: Exchange) -> JSONResponse:
        link = Link(network(request.client))
        with places.one(link.address):
            try:
                await chat.hello(link, body.hello)
                welcome = link.waiting()
                for frame in body.frames:
                    if isinstance(frame, Hello | Ping):
                        continue
                    await chat.handle(link, frame)
                frames = link.waiting()
                if not frames and len(welcome) == 1 and body.wait_s:
                    with suppress(TimeoutError):
                        async with asyncio.timeout(body.wait_s):
                            first = await link.next()
                            frames = [*([first] if first else []), *link.waiting()]
            finally:
                hub.leave(link)
        return JSONResponse(
            {"frames": [frame.model_dump(mode="json", exclude_none=True) for frame in welcome + frames]}
        )

    # -- pictures

    @router.post("/chat/attachments", summary="Upload a picture", dependencies=[Depends(from_allowed_page)])
    async def upload(
        request: Request,
        visitor: Annotated[Visitor, Depends(visitor_of)],
        name: Annotated[str, Query(max_length=200)] = "",
        language: Language | None = None,
    ) -> Attachment:
        wait_s = pictures.take(visitor.id) or pictures_of_network.take(network(request.client))
        if wait_s:
            raise TooManyRequests("Please wait a moment before you send another picture.", retry_after_s=wait_s)
        attachment, file_name = await uploads.keep(await request.body(), name)
        now = chat.clock()
        try:
            async with database.begin() as session:
                conversation = await Conversations(session).at(CHANNEL, visitor.id)
                if conversation is None:
                    conversation = await Conversations(session).open(
                        CHANNEL, visitor.id, language or settings.default_language, now
                    )
                await Chats(session).add_attachment(conversation.id, attachment, file_name, now)
        except BaseException:
            uploads.drop(file_name)
            raise
        hub.follow(visitor.id, conversation.id, conversation.public_id)
        return attachment

    @router.get("/chat/attachments/{public_id}", summary="A picture of the visitor's own conversation")
    async def picture(public_id: str, visitor: Annotated[Visitor, Depends(visitor_of)]) -> Response:
        async with database.read() as session:
            row = await Chats(session).attachment_of(CHANNEL, visitor.id, public_id)
        if row is None:
            raise NotFound("There is no such picture.")
        try:
            data = await asyncio.to_thread(uploads.path(row.path).read_bytes)
        except FileNotFoundError:
            raise NotFound("There is no such picture.") from None
        return Response(data, media_type=row.media_type, headers=_download_headers("photo.jpg"))

    # -- return labels

    @router.get("/chat/labels/{conversation}/{number}.{kind}", summary="The return label of a message")
    async def label(
        conversation: str, number: int, kind: Literal["svg", "pdf"], visitor: Annotated[Visitor, Depends(visitor_of)]
    ) -> Response:
        async with database.read() as session:
            head = await Chats(session).own(CHANNEL, visitor.id, conversation)
            rows = (
                await Conversations(session).messages(head.conversation_id, after=number - 1, limit=1) if head else []
            )
        card = rows[0].card if rows and rows[0].number == number else None
        reference = ((card or {}).get("label") or {}).get("reference")
        if head is None or card is None or not reference:
            raise NotFound("There is no such label.")
        if kind == "svg":
            return Response(label_qr(reference), media_type="image/svg+xml", headers=_download_headers("label.svg"))
        page = label_pdf(
            shop=shop.name,
            number=str(card.get("number") or ""),
            order_number=str(card.get("order_number") or ""),
            reference=reference,
            hand_in_by=str(card.get("hand_in_text") or ""),
            language=head.language,
        )
        return Response(page, media_type="application/pdf", headers=_download_headers("label.pdf"))

    # -- the way to Telegram

    @router.get("/chat/telegram-code.svg", summary="A link to Telegram as a QR code, for the phone beside the screen")
    async def telegram_code(
        link: Annotated[str, Query(pattern=r"^https://t\.me/\w{3,40}\?start=[A-Za-z0-9_-]{1,64}$")],
        visitor: Annotated[Visitor, Depends(visitor_of)],
    ) -> Response:
        return Response(label_qr(link), media_type="image/svg+xml", headers=_download_headers("telegram.svg"))

    # -- transcript

    @router.get("/chat/transcript", summary="The visitor's conversation as a text file")
    async def save(visitor: Annotated[Visitor, Depends(visitor_of)]) -> Response:
        async with database.read() as session:
            head = (await Chats(session).heads(CHANNEL, [visitor.id])).get(visitor.id)
            if head is None:
                raise NotFound("There is no conversation yet.")
            rows = await Conversations(session).messages(head.conversation_id, limit=10_000)
            messages = [seen for row in rows if (seen := seen_by_customer(to_message(row)))]
        words = transcript(messages, shop=shop.name, language=head.language, zone=settings.zone, now=chat.clock())
        return Response(words, media_type="text/plain; charset=utf-8", headers=_download_headers("chat.txt"))

    return router


async def _text(websocket: WebSocket) -> str:
    """Wait for a frame. A binary one is read as nothing, which no parser accepts.

    Raises:
        WebSocketDisconnect: the browser went away.
    """
    message = await websocket.receive()
    if message["type"] == "websocket.disconnect":
        raise WebSocketDisconnect(message.get("code", 1005))
    return message.get("text") or ""


async def _close(websocket: WebSocket, code: int, reason: str) -> None:
    with suppress(WebSocketDisconnect, RuntimeError):
        await websocket.close(code, reason)


async def _refuse_and_close(websocket: WebSocket, error: ZusageError) -> None:
    retry_after_s = error.retry_after_s if isinstance(error, TooManyRequests) else None
    with suppress(WebSocketDisconnect, RuntimeError):
        await websocket.send_text(refusal(error, retry_after_s=retry_after_s).model_dump_json(exclude_none=True))
    await _close(websocket, CLOSE_FLOOD if error.retry else CLOSE_BAD_FRAMES, error.code)


def _frame_headers(origins: Origins, pictures_at: str) -> dict[str, str]:
    """Return what a browser must know of the frame: where it may be shown, and that it runs only our files."""
    pictures = [origin_of(pictures_at)] if urlsplit(pictures_at).scheme else []
    images = " ".join(["'self'", "blob:", "data:", *sorted({*origins.allowed, *pictures})])
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
        f"img-src {images}; base-uri 'none'; form-action 'none'; frame-ancestors {origins.may_embed()}; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    )
    return {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-cache",
        "Referrer-Policy": "no-referrer",
        "X-Content-Type-Options": "nosniff",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    }


def _download_headers(name: str) -> dict[str, str]:
    return {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }
