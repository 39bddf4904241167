"""A browser in the chat of the website, by the chat's way without a socket."""

import secrets
from typing import Any

import httpx


class Browser:
    """One visitor's chat."""

    def __init__(self, url: str, visitor: str | None = None) -> None:
        self.http = httpx.AsyncClient(base_url=url, trust_env=False, timeout=60, headers={"Origin": url})
        self.visitor = visitor
        self.messages: dict[tuple[str, int], dict[str, Any]] = {}
        self.conversation: str | None = None

    async def exchange(self, *frames: dict[str, Any]) -> list[dict[str, Any]]:
        hello = {"type": "hello", "protocol": 1, "visitor": self.visitor, "language": "de"}
        response = await self.http.post("/chat", json={"hello": hello, "frames": list(frames), "wait_s": 0})
        assert response.status_code == 200, response.text
        answer: list[dict[str, Any]] = response.json()["frames"]
        for frame in answer:
            if frame["type"] == "welcome":
                self.visitor, self.conversation = frame["visitor"], frame.get("conversation")
            if frame["type"] == "messages":
                for message in frame["messages"]:
                    self.messages[frame["conversation"], message["number"]] = message
        return answer

    async def say(self, text: str) -> None:
        await self.exchange({"type": "message", "id": secrets.token_urlsafe(12), "text": text})

    async def sees(self) -> list[str]:
        """Return everything in the chat, in order."""
        await self.exchange()
        return [message.get("text") or "" for _, message in sorted(self.messages.items())]

    async def call(self, method: str, path: str, **more: Any) -> httpx.Response:
        return await self.http.request(
            method, f"/chat/telegram{path}", headers={"Authorization": f"Bearer {self.visitor}"}, **more
        )

    async def transcript(self) -> str:
        response = await self.http.get("/chat/transcript", headers={"Authorization": f"Bearer {self.visitor}"})
        return response.text
