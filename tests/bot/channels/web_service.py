"""The whole service on loopback with a scripted engine behind it, for the tests of the web chat."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.app import create_app
from bot.server import server
from bot.settings import Settings
from tests.engine_double import EngineDouble, free_port


@dataclass
class WebService:
    """A running service."""

    url: str
    settings: Settings
    engine: EngineDouble


@asynccontextmanager
async def web_service(settings: Settings, engine: EngineDouble, **changes: object) -> AsyncIterator[WebService]:
    settings = settings.model_copy(update={"engine_url": engine.url, "port": free_port(), **changes})
    running = server(create_app(settings), settings)
    task = asyncio.create_task(running.serve())
    while not running.started:
        if task.done():
            await task
        await asyncio.sleep(0.01)
    try:
        yield WebService(f"http://127.0.0.1:{settings.port}", settings, engine)
    finally:
        running.should_exit = True
        await task
