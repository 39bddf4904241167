"""The whole service with a Telegram that runs here: real app, real database, the engine's double."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from bot.app import create_app
from bot.channels.telegram.playground.server import FakeTelegram, Person
from bot.settings import Settings
from tests.engine_double import EngineDouble, free_port, serve

WITHIN_S = 20


class World:
    """A running service and its Telegram."""

    def __init__(self, settings: Settings, telegram: FakeTelegram, engine: EngineDouble, url: str) -> None:
        self.settings, self.telegram, self.engine, self.url = settings, telegram, engine, url
        self.app: Any = None

    async def hears(self, person: Person, *texts: str) -> None:
        """Wait until the bot has said exactly this to a person, in this order, behind the opening words."""
        await until(
            lambda: self.telegram.texts(person)[-len(texts) :] == list(texts), lambda: self.telegram.texts(person)
        )

    async def hears_something_with(self, person: Person, words: str) -> None:
        await until(lambda: any(words in t for t in self.telegram.texts(person)), lambda: self.telegram.texts(person))


async def until(condition: Callable[[], Any], otherwise: Callable[[], Any] = lambda: None) -> None:
    """Wait for a condition; fail with what there is instead."""
    deadline = time.monotonic() + WITHIN_S
    while not condition():
        assert time.monotonic() < deadline, otherwise()
        await asyncio.sleep(0.02)


@asynccontextmanager
async def running(
    settings: Settings,
    engine: EngineDouble,
    *,
    mode: str = "polling",
    telegram: FakeTelegram | None = None,
    **more: Any,
) -> AsyncIterator[World]:
    """Serve the service with Telegram for the length of a block."""
    telegram = telegram or FakeTelegram(per_chat_s=0.0)
    port = free_port()
    async with serve(telegram.app) as api:
        settings = settings.model_copy(
            update={
                "port": port,
                "engine_url": engine.url,
                "telegram_token": type(settings.telegram_token)(telegram.token),
                "telegram_api_url": api,
                "telegram_mode": mode,
                **more,
            }
        )
        app = create_app(settings)
        async with serve(app, port) as url:
            world = World(settings, telegram, engine, url)
            world.app = app
            try:
                yield world
            finally:
                await telegram.close()
