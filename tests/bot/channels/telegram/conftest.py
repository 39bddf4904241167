"""A running service with a Telegram of its own, and a picture."""

import io
from collections.abc import AsyncIterator

import pytest
from PIL import Image

from bot.channels.telegram import pacing
from tests.telegram_double.world import World, running


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most tests are not about limits, and would only wait for them; ``paced`` brings them back."""
    monkeypatch.setattr(pacing, "PER_CHAT_S", 0.0)
    monkeypatch.setattr(pacing, "AFTER_ANOTHER_S", 0.0)


@pytest.fixture
def paced(unhurried: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep Telegram's limits."""
    monkeypatch.setattr(pacing, "PER_CHAT_S", 1.0)
    monkeypatch.setattr(pacing, "AFTER_ANOTHER_S", 1.0)


@pytest.fixture
async def world(settings, engine_double) -> AsyncIterator[World]:
    """The service, polling."""
    async with running(settings, engine_double) as world:
        yield world


@pytest.fixture
def picture() -> bytes:
    """A picture as a phone makes it."""
    out = io.BytesIO()
    Image.new("RGB", (320, 240), "orange").save(out, "JPEG")
    return out.getvalue()
