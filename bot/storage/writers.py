"""Who may write to SQLite next: one at a time, the urgent before the others."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["Writers"]

# So many urgent ones in a row let one of the others through: a flood of messages must not keep all answers waiting.
URGENT_IN_A_ROW = 4


class Writers:
    """A queue in which a commit hands over to the next at once.

    SQLite lets one connection write at a time and makes the others try again now and then, in no order: under load
    some wait past the time-out.
    """

    def __init__(self) -> None:
        self._busy = False
        self._urgent: deque[asyncio.Future[None]] = deque()
        self._others: deque[asyncio.Future[None]] = deque()
        self._in_a_row = 0

    @asynccontextmanager
    async def one(self, *, urgent: bool = False) -> AsyncIterator[None]:
        """Wait for one's turn, and have it until the end of the block."""
        if self._busy:
            turn = asyncio.get_running_loop().create_future()
            (self._urgent if urgent else self._others).append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if not turn.cancelled():  # it was given to us just before
                    self._hand_over()
                raise
        self._busy = True
        try:
            yield
        finally:
            self._hand_over()

    def _hand_over(self) -> None:
        while (turn := self._next()) is not None:
            if not turn.done():
                turn.set_result(None)
                return
        self._busy = False

    def _next(self) -> asyncio.Future[None] | None:
        if self._urgent and not (self._others and self._in_a_row >= URGENT_IN_A_ROW):
            self._in_a_row += 1
            return self._urgent.popleft()
        self._in_a_row = 0
        return self._others.popleft() if self._others else None
