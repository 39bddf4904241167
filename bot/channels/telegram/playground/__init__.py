"""A Telegram that runs here: for the demo without a token, and for tests. It obeys the documented Bot API."""

import time

from fastapi import FastAPI
from pydantic import SecretStr

from bot.channels.telegram.playground.client import playground_routes
from bot.channels.telegram.playground.server import FakeTelegram
from bot.settings import Settings

__all__ = ["Playground"]

PATH = "/telegram"
# Requests that wait for news hold up the end of the service, so they must not wait for long.
LONGEST_WAIT_S = 2.0


class Playground:
    """Telegram played by the service itself, with a page to write from."""

    def __init__(self, telegram: FakeTelegram | None = None) -> None:
        # Another bot at every start: what it remembers ends with the process, while the database goes on.
        token = f"{int(time.time())}:playground"
        self._telegram = telegram or FakeTelegram(token=token, longest_wait_s=LONGEST_WAIT_S)

    def settings_for(self, settings: Settings) -> Settings:
        """Return settings by which the bot talks to this Telegram."""
        return settings.model_copy(
            update={
                "telegram_token": SecretStr(self._telegram.token),
                "telegram_mode": "polling",
                "telegram_api_url": f"http://127.0.0.1:{settings.port}{PATH}/api",
            }
        )

    def add_to(self, app: FastAPI) -> None:
        """Serve the page and the Bot API."""
        app.include_router(playground_routes(self._telegram, PATH, wait_s=LONGEST_WAIT_S))
        app.mount(f"{PATH}/api", self._telegram.app)
