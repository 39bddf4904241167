"""Restores Telegram's order where updates arrive out of it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

__all__ = ["LONGEST", "held_from"]

# An update that others overtook is waited for as long again whenever another late one has come, for then Telegram is
# still catching up; but in all for so many times as long at most. Telegram numbers updates without gaps, but does
# not say so for kinds that it need not send; so a gap must never stop anything for good.
LONGEST = 15


def held_from(
    known: Sequence[tuple[int, datetime]], now: datetime, *, hold: timedelta, not_before: datetime
) -> tuple[int, datetime] | None:
    """Return the lowest update id that must wait for a missing one before it, and until when; None if none must.

    Args:
        known: ids and arrival times of what is not handled yet and of what came after it, in order of their ids,
            and of the one before.
        now: the present instant.
        hold: how long a missing update is waited for.
        not_before: when we began to look: what was on its way while we were down is waited for anew.
    """
    if not known or known[-1][0] - known[0][0] == len(known) - 1:
        return None
    # For each place, when the first of the updates from there on arrived.
    first = [at for _, at in known]
    for i in range(len(first) - 2, -1, -1):
        first[i] = min(first[i], first[i + 1])
    last_late = max((known[i][1] for i in range(len(known) - 1) if known[i][1] > first[i + 1]), default=not_before)
    for i in range(1, len(known)):
        if known[i][0] == known[i - 1][0] + 1:
            continue
        since = max(first[i], not_before)
        until = min(max(since, last_late) + hold, since + LONGEST * hold)
        if until > now:
            return known[i][0], until
    return None
