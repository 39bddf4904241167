"""A browser's side of docs/chat-protocol.md, as plain as it can be: what the page does, without a page."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect

WITHIN_S = 60.0


class ChatClient:
    """One tab. Keeps what it was told, by conversation and number, and sends one message at a time."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.frames: list[dict[str, Any]] = []
        self.visitor: str | None = None
        self.conversation: str | None = None
        self.last = 0
        self.messages: dict[tuple[str, int], dict[str, Any]] = {}
        self._news = asyncio.Event()
        self._reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async for raw in self.socket:
            frame = json.loads(raw)
            self.frames.append(frame)
            if frame["type"] == "welcome":
                self.visitor = frame["visitor"]
                self.conversation = frame.get("conversation")
            elif frame["type"] == "received" and frame["conversation"] != self.conversation:
                self.conversation, self.last = frame["conversation"], 0
            elif frame["type"] == "messages":
                if frame["conversation"] != self.conversation and not frame.get("earlier"):
                    self.conversation, self.last = frame["conversation"], 0
                for message in frame["messages"]:
                    self.messages.setdefault((frame["conversation"], message["number"]), message)
                if not frame.get("earlier"):
                    self.last = max(self.last, frame["upto"])
            self._news.set()

    async def send(self, frame: dict[str, Any] | str) -> None:
        await self.socket.send(frame if isinstance(frame, str) else json.dumps(frame))

    async def hello(self, **values: Any) -> dict[str, Any]:
        await self.send({"type": "hello", **values})
        return await self.wait_for("welcome")

    async def say(self, text: str | None = None, *, message_id: str | None = None, **values: Any) -> dict[str, Any]:
        """Send a message; return the frame that took or refused it."""
        message_id = message_id or secrets.token_hex(8)
        seen = len(self.frames)
        await self.send({"type": "message", "id": message_id, "text": text, **values})
        return await self.wait_until(
            lambda: next(
                (f for f in self.frames[seen:] if f["type"] in ("received", "refused") and f.get("id") == message_id),
                None,
            )
        )

    async def wait_for(self, kind: str, after: int = 0) -> dict[str, Any]:
        """Return the first frame of a kind from a place on."""
        return await self.wait_until(lambda: next((f for f in self.frames[after:] if f["type"] == kind), None))

    async def wait_for_text(self, words: str) -> dict[str, Any]:
        """Return the first message whose text contains these words."""
        return await self.wait_until(
            lambda: next((m for m in self.messages.values() if words in (m.get("text") or "")), None)
        )

    async def wait_until(self, found: Any) -> Any:
        async with asyncio.timeout(WITHIN_S):
            while not (result := found()):
                self._news.clear()
                if self._reader.done():
                    raise ConnectionError(f"closed: {self.socket.close_code} {self.socket.close_reason}")
                await self._news.wait()
        return result

    async def closed(self) -> int:
        """Wait for the service to close; return the code."""
        async with asyncio.timeout(WITHIN_S):
            await self.socket.wait_closed()
        return self.socket.close_code or 0

    @property
    def texts(self) -> list[str]:
        """What was said, in order."""
        return [message.get("text") or "" for _, message in sorted(self.messages.items(), key=lambda item: item[0][1])]

    async def close(self) -> None:
        await self.socket.close()
        await asyncio.gather(self._reader, return_exceptions=True)


@asynccontextmanager
async def tab(url: str, *, origin: str | None = "", hello: bool = True, **values: Any) -> AsyncIterator[ChatClient]:
    """Open a tab. ``origin`` empty: the service's own page; None: none at all."""
    address = url.replace("http", "ws", 1) + "/chat"
    async with connect(address, origin=url if origin == "" else origin, max_size=None, proxy=None) as socket:  # type: ignore[arg-type]
        client = ChatClient(socket)
        if hello:
            await client.hello(**values)
        try:
            yield client
        finally:
            await client.close()
