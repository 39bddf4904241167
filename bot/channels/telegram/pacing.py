"""Keeps Telegram's limits for sending: one message a second in a chat, thirty a second over all chats."""

import time
from collections import deque
from collections.abc import Callable, Collection

__all__ = ["Pace"]

# https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
PER_CHAT_S = 1.0
PER_SECOND = 30
# What another process sent until just now counts for a second more.
AFTER_ANOTHER_S = 1.0


class Pace:
    """The outbox's pace for Telegram.

    A message counts from its beginning until a second after its end. Only the other side's clock decides when it
    arrived, and it did so between the two; so the limits hold there, however long a request was on its way.

    The pace is closed while another process sends, and for a second after it was opened: whoever sent before may
    have sent just now.
    """

    def __init__(
        self,
        *,
        per_chat_s: float | None = None,
        per_second: int = PER_SECOND,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_chat_s = PER_CHAT_S if per_chat_s is None else per_chat_s
        self._per_second = per_second
        self._clock = clock
        self._opens_at: float | None = None
        self._under_way: set[str] = set()
        self._last: dict[str, float] = {}
        self._ended: deque[float] = deque()

    def open(self) -> None:
        """Allow sending."""
        self._opens_at = self._clock() + max(AFTER_ANOTHER_S, self._per_chat_s)

    def close(self) -> None:
        """Allow nothing from now on."""
        self._opens_at = None

    def room(self) -> int:
        """Return how many messages may be sent now."""
        now = self._clock()
        if self._opens_at is None or now < self._opens_at:
            return 0
        self._forget(now)
        return max(0, self._per_second - len(self._ended) - len(self._under_way))

    def resting(self) -> Collection[str]:
        """Return the chats that had a message within the last second, or are getting one."""
        self._forget(self._clock())
        return self._under_way | self._last.keys()

    def begun(self, external_key: str) -> None:
        """Note that a message is on its way to a chat."""
        self._under_way.add(external_key)

    def ended(self, external_key: str) -> None:
        """Note that it arrived, or failed."""
        now = self._clock()
        self._under_way.discard(external_key)
        self._last[external_key] = now
        self._ended.append(now)

    def free_in_s(self) -> float:
        """Return the seconds until a chat or a place may be free again; an hour if time alone frees nothing."""
        now = self._clock()
        self._forget(now)
        if self._opens_at is None:
            return 3600.0
        times = [self._opens_at - now] if now < self._opens_at else []
        if self._ended and len(self._ended) + len(self._under_way) >= self._per_second:
            times.append(self._ended[0] + 1.0 - now)
        elif self._last:
            times.append(min(self._last.values()) + self._per_chat_s - now)
        return max(0.005, min(times, default=3600.0))

    def _forget(self, now: float) -> None:
        while self._ended and self._ended[0] <= now - 1.0:
            self._ended.popleft()
        rested = [key for key, ended in self._last.items() if ended <= now - self._per_chat_s]
        for key in rested:
            del self._last[key]
