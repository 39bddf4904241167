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

from bot import logs
from bot.clock import Clock, utc_now
from bot.metrics.facts import rules_of
from bot.metrics.refresh import Refresher, Stopped
from bot.processes import end
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
    clock: Clock = utc_now

    async def refresh(self) -> None:
        """Refresh, if anything has happened. When cancelled, what is at work ends after its present batch.

        Raises:
            RefreshFailed: what was not taken in is taken in next time.
        """
        if not await Refresher(self.database, rules_of(self.settings), self.clock).due():
            return
        task = self.settings.model_dump(include={"timezone", "service_level_s", "log_level"})
        task["database_url"] = self.settings.database
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", __spec__.name, stdin=asyncio.subprocess.PIPE, stdout=sys.stderr
        )
        try:
            # By standard input, since the address may hold a password, which others could read in an argument.
            await process.communicate(json.dumps(task).encode())
        except asyncio.CancelledError:
            await end(process, GRACE_S)
            raise
        if process.returncode:
            raise RefreshFailed(f"it ended with code {process.returncode}")


def main() -> int:
    """Refresh the database named on standard input; return the exit code."""
    stop = Event()

    def ask_to_stop(_signal: int, _frame: FrameType | None) -> None:
        stop.set()

    # Ctrl-C in the terminal comes here too. What is begun is ended, so that the next refresh can start at once.
    signal.signal(signal.SIGTERM, ask_to_stop)
    signal.signal(signal.SIGINT, ask_to_stop)
    settings = Settings(**json.loads(sys.stdin.read()))
    logs.set_up(settings.log_level)

    async def run() -> None:
        database = Database(settings.database, pool_size=2)
        try:
            await Refresher(database, rules_of(settings), stopped=stop.is_set).refresh()
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
