"""The service's operations on a demo shop, served for the engine that is measured."""

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.app import create_app
from bot.settings import Settings
from bot.shop_side import refresh
from bot.storage import migrate
from tests.engine_double import serve


@asynccontextmanager
async def serve_shop(engine_token: str) -> AsyncIterator[str]:
    """Serve a service with the demo shop, in a folder that goes away; yields its address."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(_env_file=None, data_dir=Path(folder), engine_token=engine_token, demo=True)  # type: ignore[call-arg]
        migrate.upgrade(settings.database)
        await refresh(settings)
        async with serve(create_app(settings)) as url:
            yield url
