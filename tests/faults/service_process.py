"""The service as a process of its own, to be killed and started again."""

import asyncio
import os
import subprocess
import sys

import httpx

from tests.engine_double import free_port

WITHIN_S = 120


class ServiceProcess:
    """A service on a database; several may share one."""

    def __init__(self, settings, engine_url: str, port: int | None = None) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = {
            **os.environ,
            "ZUSAGE_DATA_DIR": str(settings.data_dir),
            "ZUSAGE_DATABASE_URL": settings.database_url,
            "ZUSAGE_ENGINE_URL": engine_url,
            "ZUSAGE_PORT": str(self.port),
            "ZUSAGE_DEMO": "true",
            "ZUSAGE_SERVICE_HOURS": "Mon-Sun 00:00-23:59",
            "ZUSAGE_HOLIDAYS": "",
            "ZUSAGE_SECRET_KEY": "the same in all processes",
            "ZUSAGE_CHAT_NEW_VISITORS_PER_MINUTE": "10000",
            "ZUSAGE_CHAT_CONNECTIONS_PER_ADDRESS": "10000",
        }
        self.process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start, and wait until it answers."""
        self.process = self._spawn()
        async with httpx.AsyncClient(trust_env=False) as client, asyncio.timeout(WITHIN_S):
            while True:
                assert self.process.poll() is None, "the service ended by itself"
                try:
                    if (await client.get(f"{self.url}/healthz")).status_code == 200:
                        return
                except httpx.HTTPError:
                    await asyncio.sleep(0.1)

    def _spawn(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.faults.killable", str(self.port), "", "unused"]
        return subprocess.Popen(command, env=self.environment)

    def kill(self) -> None:
        """End it as a power cut does."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(30)
