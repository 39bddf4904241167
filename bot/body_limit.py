"""Refuses request bodies that are too large, before anything is read into memory."""

from collections.abc import Callable
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["BodyLimit"]


class _TooLarge(Exception):
    pass


class BodyLimit:
    """ASGI middleware. ``limit_for`` gives the limit of a path in bytes."""

    def __init__(self, app: ASGIApp, limit_for: Callable[[str], int]) -> None:
        self.app = app
        self.limit_for = limit_for

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting the bytes of its body."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        limit = self.limit_for(scope["path"])
        seen = 0
        refused = False

        async def counted() -> Message:
            nonlocal seen, refused
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                refused = True
                raise _TooLarge
            return message

        async def unless_refused(message: Message) -> None:
            # The framework turns any failure while reading into its own answer; ours says what is wrong.
            if not refused:
                await send(message)

        with suppress(_TooLarge):
            await self.app(scope, counted, unless_refused)
        if refused:
            body = (
                b'{"error":{"code":"too_large","message":"The request is larger than %d bytes.","retry":false}}' % limit
            )
            headers = [
                (b"content-type", b"application/json"),
                (b"content-length", str(len(body)).encode()),
                (b"connection", b"close"),
            ]
            await send({"type": "http.response.start", "status": 413, "headers": headers})
            await send({"type": "http.response.body", "body": body})
