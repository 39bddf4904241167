"""A message as actions get it, with the real domain."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.turn import Turn

PROJECT = Path(__file__).resolve().parents[2]
NOW = "2026-11-23T10:00:00+01:00"


@pytest.fixture(scope="session")
def domain() -> dict[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    content: dict[str, Any] = yaml.load((PROJECT / "domain.yml").read_text(encoding="utf-8"), Loader=loader)
    return content


@pytest.fixture
def turn_of(domain: dict[str, Any]) -> Callable[..., Turn]:
    """A turn of one message: text, intent, entities, slots, emotion."""

    def make(
        text: str = "",
        *,
        language: str = "de",
        intent: str = "inform",
        emotion: dict[str, Any] | None = None,
        **slots: Any,
    ) -> Turn:
        message = {
            "text": text,
            "intent": {"name": intent, "confidence": 1.0},
            "entities": [],
            "emotion": emotion,
            "metadata": {"now": NOW, "timezone": "Europe/Berlin", "turn_id": "t_1", "chosen": False},
        }
        tracker = Tracker("c_1", {"language": language, **slots}, message, [], False, None, {}, "action_listen")
        return Turn(CollectingDispatcher(), tracker, domain)

    return make


@pytest.fixture
def monday() -> datetime:
    return datetime.fromisoformat(NOW)
