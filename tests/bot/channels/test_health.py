"""What load balancers and monitoring hear: the truth about this process, the database and the engine."""

from collections.abc import AsyncIterator

import httpx
import pytest

from bot.app import create_app
from bot.storage.database import Database
from tests.engine_double import EngineDouble


@pytest.fixture
async def client(settings, engine_double: EngineDouble) -> AsyncIterator[httpx.AsyncClient]:
    app = create_app(settings.model_copy(update={"engine_url": engine_double.url}))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service") as client:
        yield client


class TestReady:
    async def test_when_database_and_engine_answer(self, client: httpx.AsyncClient) -> None:
        response = await client.get("/readyz")
        assert (response.status_code, response.json()) == (200, {"database": "ok", "engine": "ok"})

    async def test_not_while_the_engine_is_down_but_alive(
        self, client: httpx.AsyncClient, engine_double: EngineDouble
    ) -> None:
        engine_double.fail_with = 503
        response = await client.get("/readyz")
        assert (response.status_code, response.json()) == (503, {"database": "ok", "engine": "down"})
        assert (await client.get("/healthz")).status_code == 200

    async def test_not_while_the_database_is_down(
        self, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def gone(self: Database) -> None:
            raise OSError

        monkeypatch.setattr(Database, "check", gone)
        response = await client.get("/readyz")
        assert (response.status_code, response.json()) == (503, {"database": "down", "engine": "ok"})


class TestMetrics:
    async def test_are_numbers_and_never_what_anybody_said(self, client: httpx.AsyncClient) -> None:
        body = {"sender": "anna@example.de", "message": "Kirchweg 3"}
        await client.post("/webhooks/rest/webhook", json=body)
        page = (await client.get("/metrics")).text
        assert "zusage_" in page
        assert "Kirchweg" not in page
        assert "anna" not in page
