"""Restores Telegram's order where updates arrive out of it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

__all__ = ["HOLD", "held_from"]

# An update that others overtook is waited for this long. Telegram numbers updates without gaps, but does not say
# so for ones that it need not send; so a gap must never stop anything for long.
HOLD = timedelta(seconds=2)


def held_from(
    known: Sequence[tuple[int, datetime]], now: datetime, *, not_before: datetime
) -> tuple[int, datetime] | None:
    """Return the lowest update id that must wait for a missing one before it, and until when; None if none must.

    Args:
        known: ids and arrival times of the updates of late, in order of their ids.
        now: the present instant.
        not_before: when we began to look: what was on its way while we were down is waited for anew.
    """
    gaps = [i for i in range(1, len(known)) if known[i][0] != known[i - 1][0] + 1]
    if not gaps:
        return None
    earliest = [at for _, at in known]
    for i in range(len(earliest) - 2, -1, -1):
        earliest[i] = min(earliest[i], earliest[i + 1])
    for i in gaps:
        until = max(earliest[i], not_before) + HOLD
        if until > now:
            return known[i][0], until
    return None
