"""The time, as one replaceable function, so that tests and simulations can turn the clock."""

from collections.abc import Callable
from datetime import UTC, datetime

__all__ = ["Clock", "utc_now"]

Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """Return the present instant, timezone-aware."""
    return datetime.now(UTC)
