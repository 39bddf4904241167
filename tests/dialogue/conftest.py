"""Dialogues with everything real: the trained assistant in its engine, the service, a database, the demo shop."""

import asyncio
import os
import secrets
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from sqlalchemy import create_engine

from tests.dialogue.shop import DemoShop
from tests.dialogue.shopper import Shopper
from tests.engine_double import free_port
from tests.telegram_double.shopper import TelegramShopper

PROJECT = Path(__file__).resolve().parents[2]
ENGINE = PROJECT / ".venv-engine" / "bin" / "python"
TOKEN = "dialogue-tests"
READY_WITHIN_S = 90
# Every dialogue goes through the REST channel, and those marked ``telegram`` through Telegram too; if this says
# ``telegram``, all of them go through Telegram instead.
ALL_THROUGH = os.environ.get("ZUSAGE_DIALOGUE_CHANNEL")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/dialogue" in item.nodeid:
            item.add_marker(pytest.mark.engine)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "telegram: a dialogue that goes through Telegram too")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "channel" in metafunc.fixturenames and metafunc.definition.get_closest_marker("telegram") and not ALL_THROUGH:
        metafunc.parametrize("channel", ["rest", "telegram"])


@pytest.fixture
def channel() -> str:
    """Through which channel a dialogue goes."""
    return ALL_THROUGH or "rest"


@pytest.fixture(scope="session")
def dialogue_settings(migrated_sqlite: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One database for all dialogues: each takes orders of its own."""
    from bot.settings import Settings

    folder = tmp_path_factory.mktemp("dialogue")
    with _database_address(migrated_sqlite, folder) as address:
        port, engine_port = free_port(), free_port()
        yield Settings(
            _env_file=None,
            data_dir=folder,
            database_url=address,
            port=port,
            engine_url=f"http://127.0.0.1:{engine_port}",
            engine_token=TOKEN,
            secret_key="dialogue-tests",
            rest_token="",
            demo=True,
            service_hours="Mon-Sun 00:00-23:59",
            holidays="",
        )


@pytest.fixture(scope="session")
def engine(dialogue_settings: Any) -> Iterator[str]:
    """The engine as a process of its own, with the assistant trained from the present sources."""
    subprocess.run([str(ENGINE), "-m", "engine.train"], cwd=PROJECT, check=True, timeout=600, capture_output=True)
    url = httpx.URL(dialogue_settings.engine_url)
    log = dialogue_settings.data_dir / "engine.log"
    environment = {
        **os.environ,
        "ZUSAGE_ENGINE_TOKEN": TOKEN,
        "ZUSAGE_SERVICE_URL": f"http://127.0.0.1:{dialogue_settings.port}",
    }
    with log.open("w") as output:
        process = subprocess.Popen(
            [str(ENGINE), "-m", "engine", "--model", "models", "--port", str(url.port)],
            cwd=PROJECT,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until(lambda: _answers(f"{url}/healthz") or _gone(process, log), "the engine")
        yield str(url)
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def shop(dialogue_settings: Any) -> DemoShop:
    """The demo shop, filled anew around today for every file."""
    shop = DemoShop(dialogue_settings)
    asyncio.run(shop.fill())
    return shop


@pytest.fixture(scope="session")
def service(dialogue_settings: Any, engine: str, telegram: Any) -> Iterator[str]:
    """The service on loopback."""
    from bot.app import create_app

    server = uvicorn.Server(
        uvicorn.Config(create_app(dialogue_settings), host="127.0.0.1", port=dialogue_settings.port, log_config=None)
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{dialogue_settings.port}"
    _wait_until(lambda: _answers(f"{address}/readyz"), "the service")
    yield address
    server.should_exit = True
    thread.join(10)


@pytest.fixture(scope="session")
def telegram(dialogue_settings: Any) -> Iterator[Any]:
    """Telegram, played on a port of its own and without its limits: its address, and itself."""
    from fastapi import FastAPI
    from pydantic import SecretStr

    from bot.channels.telegram import pacing
    from bot.channels.telegram.playground import Playground
    from bot.channels.telegram.playground.server import FakeTelegram

    fake, app = FakeTelegram(per_chat_s=0.0, per_s=10_000, longest_wait_s=2.0), FastAPI()
    Playground(fake).add_to(app)
    limits = pacing.PER_CHAT_S, pacing.AFTER_ANOTHER_S
    pacing.PER_CHAT_S = pacing.AFTER_ANOTHER_S = 0.0
    port = free_port()
    dialogue_settings.telegram_token = SecretStr(fake.token)
    dialogue_settings.telegram_api_url = f"http://127.0.0.1:{port}/telegram/api"
    dialogue_settings.telegram_per_second = 10_000
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    address = f"http://127.0.0.1:{port}"
    _wait_until(lambda: _answers(f"{address}/telegram"), "Telegram")
    yield address, fake
    server.should_exit = True
    thread.join(10)
    pacing.PER_CHAT_S, pacing.AFTER_ANOTHER_S = limits


@pytest.fixture
def talk(service: str, channel: str, telegram: Any, dialogue_settings: Any, request: pytest.FixtureRequest) -> Any:
    """Hold a dialogue as a new shopper; see `Shopper.says`."""
    database = create_engine(_sync(dialogue_settings.database_url))

    def shopper_of(name: str) -> Shopper:
        if channel == "rest":
            return Shopper(service, name)
        address, fake = telegram
        return TelegramShopper(address, fake.bot["id"], database, name)

    def start(script: str = "", **values: Any) -> Shopper:
        shopper = shopper_of(f"{request.node.name[:40]}-{secrets.token_hex(4)}")
        return shopper.says(script, **values) if script else shopper

    yield start
    database.dispose()


def _sync(address: str) -> str:
    return address.replace("postgresql://", "postgresql+psycopg://")


def _database_address(template: Path, folder: Path) -> Any:
    from contextlib import contextmanager

    from tests.conftest import TEST_DATABASE, _with_database

    @contextmanager
    def sqlite() -> Iterator[str]:
        path = folder / "zusage.db"
        path.write_bytes(template.read_bytes())
        yield f"sqlite:///{path}"

    @contextmanager
    def postgresql() -> Iterator[str]:
        import psycopg

        from bot.storage import migrate

        name = f"zusage_test_{secrets.token_hex(6)}"
        with psycopg.connect(TEST_DATABASE, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        migrate.upgrade(_with_database(TEST_DATABASE, name))
        yield _with_database(TEST_DATABASE, name)
        with psycopg.connect(TEST_DATABASE, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")

    return postgresql() if TEST_DATABASE else sqlite()


def _answers(address: str) -> bool:
    try:
        return httpx.get(address, timeout=2, trust_env=False).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _gone(process: "subprocess.Popen[bytes]", log: Path) -> bool:
    if process.poll() is not None:
        raise RuntimeError(f"the engine ended:\n{log.read_text()[-2000:]}")
    return False


def _wait_until(ready: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + READY_WITHIN_S
    while not ready():
        if time.monotonic() > end:
            raise TimeoutError(f"{what} is not ready after {READY_WITHIN_S} s")
        time.sleep(0.2)
