"""Kill -9 at every boundary: no message is lost, each is answered once, order is kept."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine, text

from tests.engine_double import free_port
from tests.faults.killable import BOUNDARIES

WITHIN_S = 60


class Service:
    """The service in a process of its own, started again whenever it has died."""

    def __init__(self, settings, engine_url: str, boundary: str, marker: Path) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.command = [sys.executable, "-m", "tests.faults.killable", str(self.port), boundary, str(marker)]
        self.environment = {
            **os.environ,
            "ZUSAGE_DATA_DIR": str(settings.data_dir),
            "ZUSAGE_DATABASE_URL": settings.database_url,
            "ZUSAGE_ENGINE_URL": engine_url,
            "ZUSAGE_DEMO": "true",
            "ZUSAGE_LEASE_S": "3",
            "ZUSAGE_ENGINE_TIMEOUT_S": "2",
        }
        self.deaths = 0
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, env=self.environment)

    def revive(self) -> None:
        if self.process is None or self.process.poll() is not None:
            if self.process is not None:
                assert self.process.returncode == -signal.SIGKILL
                self.deaths += 1
            self.start()

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)


async def post_until_taken(service: Service, client: httpx.AsyncClient, body: dict) -> list[dict]:
    """Post as a careful client does: the same message with the same id until there is an answer."""
    for _ in range(WITHIN_S * 5):
        service.revive()
        try:
            response = await client.post(f"{service.url}/webhooks/rest/webhook", json=body)
        except httpx.HTTPError:
            await asyncio.sleep(0.2)
            continue
        assert response.status_code == 200, response.text
        return response.json()
    raise AssertionError("the service did not come back")


@pytest.mark.slow
@pytest.mark.parametrize("boundary", BOUNDARIES)
async def test_a_kill_loses_nothing_and_says_nothing_twice(boundary, settings, engine_double, tmp_path) -> None:
    service = Service(settings, engine_double.url, boundary, tmp_path / "killed")
    heard: list[str] = []
    try:
        async with httpx.AsyncClient(timeout=60, trust_env=False) as client:
            for i in range(3):
                body = {"sender": "anna", "message": f"nr {i}", "message_id": f"m{i}"}
                heard += [a["text"] for a in await post_until_taken(service, client, body)]
            for _ in range(WITHIN_S * 2):
                if len(heard) >= 4:
                    break
                await asyncio.sleep(0.5)  # an interrupted message is taken up again when its lease has ended
                body = {"sender": "anna", "message": "nr 2", "message_id": "m2"}
                heard += [a["text"] for a in await post_until_taken(service, client, body)]
    finally:
        service.stop()
    assert service.deaths == 1
    assert heard[1:] == ["echo: nr 0", "echo: nr 1", "echo: nr 2"]
    assert "digitalen Assistenten" in heard[0]
    engine = create_engine(settings.database_url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        authors = connection.execute(text("SELECT author FROM messages ORDER BY number")).scalars().all()
        turns = connection.execute(text("SELECT state FROM turns ORDER BY id")).scalars().all()
    engine.dispose()
    assert sorted(authors) == ["bot"] * 4 + ["customer"] * 3
    assert turns == ["done"] * 3
