"""Health and metrics for those who operate the service: /healthz, /readyz, /metrics."""

from typing import Any

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Gauge, generate_latest

from bot.engine_client import EngineClient
from bot.storage.database import Database
from bot.storage.overview import Overview

__all__ = ["health_routes"]


def health_routes(database: Database, engine: EngineClient) -> APIRouter:
    """Return the routes for load balancers and monitoring; they tell numbers, never content."""
    router = APIRouter(tags=["health"])

    @router.get("/healthz", summary="Is the process alive?")
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    @router.get("/readyz", summary="Can it answer customers?")
    async def readyz(response: Response) -> dict[str, Any]:
        try:
            await database.check()
            database_ok = True
        except Exception:
            database_ok = False
        engine_ok = await engine.healthy()
        if not (database_ok and engine_ok):
            response.status_code = 503
        return {"database": "ok" if database_ok else "down", "engine": "ok" if engine_ok else "down"}

    @router.get("/metrics", summary="Figures for Prometheus", include_in_schema=False)
    async def metrics() -> Response:
        registry = CollectorRegistry()
        async with database.read() as session:
            for name, (help_text, labels, rows) in (await Overview(session).gauges()).items():
                gauge = Gauge(f"zusage_{name}", help_text, labels, registry=registry)
                for values, number in rows:
                    (gauge.labels(*values) if labels else gauge).set(number)
        return Response(generate_latest(registry), media_type=CONTENT_TYPE_LATEST)

    return router
