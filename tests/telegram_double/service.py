"""The service as a process of its own, so that it can be killed: ``python -m tests.telegram_double.service PORT``."""

import asyncio
import os
import signal
import subprocess
import sys
import time

import httpx
import uvicorn

STARTS_WITHIN_S = 60


class Service:
    """A service process on this test's database, with Telegram at an address."""

    def __init__(self, environment: dict[str, str], port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self._command = [sys.executable, "-m", "tests.telegram_double.service", str(port)]
        self._environment = {**os.environ, **environment, "ZUSAGE_PORT": str(port)}
        self._process: subprocess.Popen[bytes] | None = None
        self.kills = 0

    async def start(self) -> None:
        self._process = subprocess.Popen(self._command, env=self._environment)  # noqa: ASYNC220  (at once)
        deadline = time.monotonic() + STARTS_WITHIN_S
        async with httpx.AsyncClient(trust_env=False) as client:
            while time.monotonic() < deadline:
                assert self._process.poll() is None, "the service ended by itself"
                try:
                    if (await client.get(f"{self.url}/healthz")).is_success:
                        return
                except httpx.HTTPError:
                    await asyncio.sleep(0.1)
        raise AssertionError("the service did not start")

    async def kill_and_restart(self) -> None:
        """Kill -9, in whatever it is doing."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self.kills += 1
        await self.start()

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()


if __name__ == "__main__":
    from bot.app import create_app
    from bot.logs import set_up
    from bot.settings import Settings

    set_up("warning")
    uvicorn.run(
        create_app(Settings(_env_file=None)),
        host="127.0.0.1",
        port=int(sys.argv[1]),
        log_config=None,
        access_log=False,
    )
