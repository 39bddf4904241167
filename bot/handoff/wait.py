"""How long a customer will wait for a person: an estimate from what really happened."""

from collections.abc import Sequence
from math import ceil

__all__ = ["estimate_wait_s"]

ENOUGH = 8  # below this many observations the shop's default counts more than chance


def estimate_wait_s(recent_waits_s: Sequence[float], *, position: int, default_s: int) -> int:
    """Return the wait to announce, in whole seconds.

    The announced time should hold in about four of five cases, so it is the 80th percentile of recent
    waits (nearest rank), not their mean. Those waits already contain the usual queue; whoever stands
    further back waits in proportion.

    Args:
        recent_waits_s: waits of the last accepted customers, in seconds.
        position: place in the queue, counted from 1.
        default_s: what the shop announces while there is no experience, in seconds.
    """
    if len(recent_waits_s) < ENOUGH:
        base = float(default_s)
    else:
        ordered = sorted(recent_waits_s)
        base = ordered[ceil(0.8 * len(ordered)) - 1]
    return max(60, round(base * (1 + 0.5 * (position - 1))))
