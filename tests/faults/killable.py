"""The service as a process that kills itself, once, at a boundary of the way of a message.

``python -m tests.faults.killable PORT BOUNDARY MARKER``: at the boundary the process leaves the marker file and
sends itself SIGKILL; a process that finds the marker runs on. So a restart goes through.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import uvicorn

from bot.app import create_app
from bot.settings import Settings
from bot.storage.conversations import Conversations
from bot.turn import TurnHandler

# boundary -> (class, method, kill before or after it)
BOUNDARIES: dict[str, tuple[type, str, str]] = {
    "before the message is stored": (TurnHandler, "_receive", "before"),
    "after the message is stored": (TurnHandler, "_receive", "after"),
    "after the turn is claimed": (TurnHandler, "think", "before"),
    "after the engine has answered": (TurnHandler, "think", "after"),
    "inside the recording transaction": (TurnHandler, "_store_replies", "after"),
    "after the answer is recorded": (TurnHandler, "record", "after"),
    "before the delivery is marked": (Conversations, "take_waiting", "before"),
    "inside the delivery transaction": (Conversations, "take_waiting", "after"),
}


def arm(boundary: str, marker: Path) -> None:
    owner, name, when = BOUNDARIES[boundary]
    original: Callable[..., Any] = getattr(owner, name)

    def die() -> None:
        if not marker.exists():
            marker.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    async def wrapped(*args: Any, **kwargs: Any) -> Any:
        if when == "before":
            die()
        result = await original(*args, **kwargs)
        if when == "after":
            die()
        return result

    setattr(owner, name, wrapped)


if __name__ == "__main__":
    port, boundary, marker = int(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
    if boundary:
        arm(boundary, marker)
    uvicorn.run(create_app(Settings(_env_file=None)), host="127.0.0.1", port=port, log_level="warning")
