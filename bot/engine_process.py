"""Runs the engine as a child of ``zusage up``: starts it, watches it, starts it again, ends it."""

import asyncio
import ctypes
import logging
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from bot.processes import end
from bot.settings import Settings
from bot.shop.product_names import FILE_NAME

__all__ = ["EngineProcess", "engine_python"]

log = logging.getLogger(__name__)

GRACE_S = 5.0
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


def engine_python(root: Path) -> Path:
    """Return the interpreter of the engine's environment.

    Raises:
        FileNotFoundError: the environment is not there; the message names the command that makes it.
    """
    path = root / ".venv-engine" / "bin" / "python"
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing: run 'make setup' first")
    return path


class EngineProcess:
    """One engine on this machine. A dead one is started again, with a growing pause."""

    def __init__(self, settings: Settings, root: Path, port: int) -> None:
        self._python = engine_python(root)
        self._root = root
        self._port = port
        self._environment = {
            **os.environ,
            "ZUSAGE_ENGINE_TOKEN": settings.engine_key,
            "ZUSAGE_PRODUCT_NAMES": str((settings.data_dir / FILE_NAME).resolve()),
            "ZUSAGE_SERVICE_URL": f"http://{settings.host}:{settings.port}",
        }
        self._process: asyncio.subprocess.Process | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the engine and keep it running."""
        self._task = asyncio.create_task(self._keep_running(), name="engine")

    async def stop(self) -> None:
        """End the engine, politely first."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._process is not None:
            await end(self._process, GRACE_S)

    async def _keep_running(self) -> None:
        pause = 0.5
        while True:
            started = asyncio.get_running_loop().time()
            self._process = await asyncio.create_subprocess_exec(
                str(self._python),
                "-m",
                "engine",
                "--model",
                "models",
                "--port",
                str(self._port),
                cwd=self._root,
                env=self._environment,
                stdout=sys.stderr,
                preexec_fn=_be_our_child,
            )
            code = await self._process.wait()
            lived = asyncio.get_running_loop().time() - started
            pause = 0.5 if lived > 60 else min(pause * 2, 15)
            log.error("the engine ended with code %s; starting it again in %.1f s", code, pause)
            await asyncio.sleep(pause)


def _be_our_child() -> None:
    # Ctrl-C in the terminal reaches the whole process group; ending the engine is our job alone.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # If we are killed, an engine left behind would hold the port and keep us from starting again.
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
