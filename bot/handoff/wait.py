"""How long a customer will wait for a person: what the queue makes likely, corrected by what really happened."""

import heapq
import random
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil

__all__ = ["Experience", "WaitSituation", "announced_wait_s", "expected_wait_s", "nearest_rank"]

# The time announced should hold in four of five cases. The correction aims a little higher, because it learns
# from the past and load rises faster than it learns.
HOLDS_IN = 0.8
CORRECTED_TO = 0.86
ENOUGH = 15  # fewer observations than this correct nothing
CORRECTION = (0.4, 3.0)  # a correction beyond these limits would be noise
WINDOW = 50
# Long waits are overtaken by events: until experience says otherwise, up to half as long again is to be expected.
LONG_S = 480.0
LONG_PRIOR = [1.0, 1.1, 1.2, 1.3, 1.4, 1.5] * 3
PLAYS = 200
STEPS = 4000  # bounds the work of one estimate, however long the queue is

# Stand in until there is experience, in seconds: how long agents handle a conversation, and how quickly one who
# has a free place takes the next.
HANDLING_S = (180.0, 300.0, 420.0, 600.0, 900.0, 1200.0)
REACTION_S = (10.0, 20.0, 30.0, 60.0)


@dataclass(frozen=True)
class Experience:
    """One customer's wait: what was expected, in seconds, and the real wait as a share of that.

    Who still waits longer than expected counts with the wait so far: leaving them out until somebody comes
    would hide that it takes longer now.
    """

    expected_s: float
    share: float


@dataclass(frozen=True)
class WaitSituation:
    """What is known of the queue when somebody joins it.

    Attributes:
        ahead: how many wait before them.
        free_places: places that available agents have free now.
        in_hand_s: how long each conversation that takes a place has been handled so far, in seconds.
        handling_s: how long the latest conversations were handled, in seconds.
        reaction_s: how long the latest customers waited who found a free place, in seconds.
    """

    ahead: int
    free_places: int
    in_hand_s: Sequence[float] = ()
    handling_s: Sequence[float] = ()
    reaction_s: Sequence[float] = ()


def expected_wait_s(situation: WaitSituation, seed: int = 0) -> float | None:
    """Return the wait in seconds that should hold in four of five cases, before experience corrects it.

    The queue is played through many times: each place becomes free after a handling time drawn from those that
    really happened (for a conversation in hand: from those that lasted longer than it has), those ahead take
    places in turn, then it is this customer's turn. That needs no assumption on the distribution of handling
    times, and it follows changes of staff at once, which an average of past waits does not.

    Args:
        situation: the queue.
        seed: makes the draws repeatable.

    Returns:
        Seconds, or None if nobody is there: then no time can be named.
    """
    if situation.free_places + len(situation.in_hand_s) == 0:
        return None
    draw = random.Random(seed)  # noqa: S311 - a simulation, not a secret
    handling = sorted(situation.handling_s if len(situation.handling_s) >= ENOUGH else HANDLING_S)
    reaction = situation.reaction_s if len(situation.reaction_s) >= ENOUGH else REACTION_S
    mean = sum(handling) / len(handling)

    def remaining(elapsed: float) -> float:
        longer = bisect_right(handling, elapsed)
        if len(handling) - longer >= 3:
            return handling[draw.randrange(longer, len(handling))] - elapsed
        return draw.expovariate(1 / mean)  # longer than nearly all before: nothing is known but that it will end

    waits = []
    for _ in range(max(40, min(PLAYS, STEPS // (situation.ahead + 1)))):
        places = [0.0] * situation.free_places + [remaining(elapsed) for elapsed in situation.in_hand_s]
        heapq.heapify(places)
        for _ in range(situation.ahead):
            taken = heapq.heappop(places) + draw.choice(reaction)
            heapq.heappush(places, taken + draw.choice(handling))
        waits.append(places[0] + draw.choice(reaction))
    return nearest_rank(waits, HOLDS_IN)


def announced_wait_s(expected: float, experience: Sequence[Experience]) -> int:
    """Return the wait to announce, in whole minutes, as seconds.

    The expectation is corrected by the share of it that customers really waited lately (split conformal
    prediction over a moving window): whatever the model gets wrong, the announced time holds about as often as
    it should. Short and long waits learn apart: short ones depend on how quickly agents react, long ones on who
    goes to lunch, which nobody tells us.

    Args:
        expected: from ``expected_wait_s``.
        experience: of the latest customers, the newest first.
    """
    alike = [e.share for e in experience if (e.expected_s > LONG_S) == (expected > LONG_S)][:WINDOW]
    if expected > LONG_S:
        alike += LONG_PRIOR
    correction = 1.0
    if len(alike) >= ENOUGH:
        least, most = CORRECTION
        correction = min(most, max(least, nearest_rank(alike, CORRECTED_TO)))
    # Rounded up, but a few seconds beyond a full minute do not cost the customer's patience another one.
    return 60 * max(1, ceil(expected * correction / 60 - 0.25))


def nearest_rank(values: Sequence[float], share: float) -> float:
    """Return the smallest value that at least this share of the values does not exceed.

    Raises:
        IndexError: there are no values.
    """
    ordered = sorted(values)
    return ordered[max(0, ceil(share * len(ordered)) - 1)]
