"""Refreshes the figures in a process of its own: counting must not hold up whoever waits for an answer."""

import asyncio
import json
import logging
import os
import signal
import sys
from dataclasses import dataclass
from threading import Event
from types import FrameType
from zoneinfo import ZoneInfo

from bot import logs
from bot.clock import Clock, utc_now
from bot.metrics.expectations import expectation_map
from bot.metrics.facts import Rules
from bot.metrics.refresh import Refresher, Stopped
from bot.settings import Settings
from bot.storage.database import Database

__all__ = ["RefreshFailed", "RefreshProcess"]

log = logging.getLogger(__name__)

GRACE_S = 10.0


class RefreshFailed(Exception):
    """The process ended in an error; its own log says which."""


@dataclass(frozen=True)
class RefreshProcess:
    """Runs ``python -m bot.metrics.refresh_process`` whenever there is something to take in."""

    settings: Settings
    database: Database
    rules: Rules
    clock: Clock = utc_now

    async def refresh(self) -> None:
        """Refresh, if anything has happened. When cancelled, what is at work ends after its present batch.

        Raises:
            RefreshFailed: what was not taken in is taken in next time.
        """
        if not await Refresher(self.database, self.rules, self.clock).due():
            return
        task = {
            "database": self.settings.database,
            "zone": self.rules.zone.key,
            "service_level_s": self.rules.service_level_s,
            "log_level": self.settings.log_level,
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", __spec__.name, stdin=asyncio.subprocess.PIPE, stdout=sys.stderr
        )
        try:
            # By standard input, since the address may hold a password, which others could read in an argument.
            await process.communicate(json.dumps(task).encode())
        except asyncio.CancelledError:
            await _end(process)
            raise
        if process.returncode:
            raise RefreshFailed(f"it ended with code {process.returncode}")


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), GRACE_S)
    except TimeoutError:
        process.kill()
        await process.wait()


def main() -> int:
    """Refresh the database named on standard input; return the exit code."""
    stop = Event()

    def ask_to_stop(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    # Ctrl-C in the terminal comes here too. What is begun is ended, so that the next refresh can start at once.
    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)
    task = json.loads(sys.stdin.read())
    logs.set_up(task["log_level"])
    rules = Rules(ZoneInfo(task["zone"]), expectation_map(), task["service_level_s"])

    async def run() -> None:
        database = Database(task["database"], pool_size=2)
        try:
            await Refresher(database, rules, stopped=stop.is_set).refresh()
        finally:
            await database.close()

    try:
        asyncio.run(run())
    except Stopped:
        pass
    except Exception:
        log.exception("the figures could not be brought up to date")
        return os.EX_SOFTWARE
    return os.EX_OK


if __name__ == "__main__":
    sys.exit(main())
