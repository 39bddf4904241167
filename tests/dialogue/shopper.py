"""A shopper who follows a script and looks at what is answered."""

import re
from typing import Any, Self

import httpx

__all__ = ["Shopper"]


class Shopper:
    """Talks to the bot over the REST channel."""

    def __init__(self, service: str, name: str) -> None:
        self._http = httpx.Client(base_url=service, timeout=60, trust_env=False)
        self._name = name
        self._buttons: dict[str, str] = {}
        self.transcript: list[str] = []
        self.answer = ""

    def says(self, script: str, **values: Any) -> Self:
        """Go through a script of two columns: what is said, and what the answer must have.

        A line is `what is said | what must be there; and this; !but not this`. `[Title]` on the left chooses a
        button, on the right it must be offered. `{name}` stands for a value. Upper and lower case count.
        """
        for line in script.strip().splitlines():
            if not line.strip():
                continue
            said, _, wanted = (part.strip() for part in line.partition("|"))
            self.say(said.format_map(values))
            for fragment in filter(None, (part.strip() for part in wanted.split(";"))):
                self.expect(fragment.format_map(values))
        return self

    def say(self, said: str) -> Self:
        """Type something, or choose a button by its `[Title]`."""
        choice = re.fullmatch(r"\[(.+)\]", said)
        if choice and choice[1] not in self._buttons:
            raise AssertionError(f"there is no button {choice[1]!r}\n\n{self}")
        return self._hear(said, self._send(self._buttons[choice[1]] if choice else said, pressed=choice is not None))

    def _hear(self, said: str, replies: list[dict[str, Any]]) -> Self:
        """Note what was said and what was answered, with the buttons that can now be chosen."""
        self.transcript.append(f">>> {said}")
        texts = []
        self._buttons = {}
        for reply in replies:
            texts.append(reply["text"])
            for button in reply.get("buttons", []):
                self._buttons[button["title"]] = button["payload"]
        self.answer = "\n".join(texts)
        offered = " ".join(f"[{title}]" for title in self._buttons)
        self.transcript.append(f"    {self.answer}\n    {offered}".rstrip())
        return self

    def _send(self, message: str, *, pressed: bool) -> list[dict[str, Any]]:
        """Bring a text, or the payload of a pressed button, to the bot; return its answers as the REST channel does."""
        response = self._http.post("/webhooks/rest/webhook", json={"sender": self._name, "message": message})
        response.raise_for_status()
        answers: list[dict[str, Any]] = response.json()
        return answers

    def expect(self, fragment: str) -> None:
        """The last answer must have this text or `[button]`; with `!` it must not."""
        unwanted = fragment.startswith("!")
        fragment = fragment.removeprefix("!").strip()
        button = re.fullmatch(r"\[(.+)\]", fragment)
        there = button[1] in self._buttons if button else fragment in self.answer
        if there == unwanted:
            raise AssertionError(f"{'should not have' if unwanted else 'should have'} {fragment!r}:\n\n{self}")

    def __str__(self) -> str:
        return "\n".join(self.transcript)
