"""The small assistant of these tests, trained once, and ways to talk to it."""

from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from engine import tensorflow_stub

tensorflow_stub.install()

from engine import logs  # noqa: E402
from engine.actions_in_process import InProcessActions  # noqa: E402
from engine.api import TurnRequest  # noqa: E402
from engine.train import train  # noqa: E402
from engine.turn import Assistant  # noqa: E402

logs.configure()  # Rasa's debugging output costs more time than the tests themselves

HERE = Path(__file__).parent / "assistant"
NOW = "2026-11-21T12:00:00+01:00"


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The trained archive."""
    return train(HERE / "config.yml", HERE / "domain.yml", HERE / "data", tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def assistant(model: Path) -> Assistant:
    """The assistant with its actions in process, half a second for each."""
    return Assistant(model, InProcessActions("tests.engine.assistant.actions", seconds=0.5))


class Conversation:
    """A customer's side: keeps what travels, as the service does."""

    def __init__(self, assistant: Assistant, language: str | None = None) -> None:
        self.assistant, self.language, self.now = assistant, language, NOW
        self.tracker: dict[str, Any] | None = None
        self.facts: dict[str, Any] = {}
        self.replies: list = []

    async def _turn(self, message: dict[str, str]) -> "list[str]":
        answer = await self.assistant.turn(self._request(message))
        self.tracker, self.facts, self.replies = answer["tracker"], answer["facts"], answer["replies"]
        self.language = self.facts["language"]
        return [reply["text"] for reply in self.replies]

    def _request(self, message: dict[str, str]) -> TurnRequest:
        body = turn(message, self.tracker, self.language)
        body["context"]["now"] = self.now
        return TurnRequest.parse_obj(body)

    async def say(self, text: str) -> "list[str]":
        """Type a text; returns the texts of the replies."""
        return await self._turn({"text": text})

    async def choose(self, payload: str) -> "list[str]":
        """Press a button."""
        return await self._turn({"payload": payload})


def turn(message: dict[str, str], tracker: dict[str, Any] | None = None, language: str | None = None) -> dict[str, Any]:
    """A complete request for POST /turn."""
    return {
        "conversation_id": "c1",
        "turn_id": "t1",
        "message": message,
        "tracker": tracker,
        "context": {
            "now": NOW,
            "timezone": "Europe/Berlin",
            "channel": "web",
            "language": language,
            "default_language": "de",
        },
    }


@pytest.fixture
def conversation(assistant: Assistant) -> Conversation:
    """A new conversation."""
    return Conversation(assistant)


@pytest.fixture
def now() -> datetime:
    """The moment of every message in these tests: a Saturday at noon."""
    return datetime.fromisoformat(NOW)
