"""A running service with a Telegram of its own, and a picture."""

import io
from collections.abc import AsyncIterator

import pytest
from PIL import Image

from tests.telegram_double.world import World, running


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
