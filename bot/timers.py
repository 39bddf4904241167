"""Runs the service's periodic work: each job at its interval, one failure never ends the job."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress

__all__ = ["Timers"]

log = logging.getLogger(__name__)

Job = Callable[[], Awaitable[object]]


class Timers:
    """Periodic jobs. State lives in the database: after a restart each job simply looks again."""

    def __init__(self) -> None:
        self._jobs: list[tuple[float, Job, str, float]] = []
        self._tasks: list[asyncio.Task[None]] = []

    def every(self, seconds: float, job: Job, name: str, *, first_after: float = 0) -> None:
        """Run ``job`` every so many seconds, first at the start or so many seconds after it."""
        self._jobs.append((seconds, job, name, first_after))

    async def start(self) -> None:
        """Begin."""
        self._tasks = [asyncio.create_task(self._run(*job), name=f"timer-{job[2]}") for job in self._jobs]

    async def stop(self) -> None:
        """End all jobs."""
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with suppress(asyncio.CancelledError):
                await task

    @staticmethod
    async def _run(seconds: float, job: Job, name: str, first_after: float) -> None:
        await asyncio.sleep(first_after)
        while True:
            try:
                await job()
            except Exception:
                log.exception("timer %s stumbled; it goes on", name)
            await asyncio.sleep(seconds)
