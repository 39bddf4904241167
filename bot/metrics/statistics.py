"""Estimates with their uncertainty. Formulas and sources are repeated in docs/metrics.md."""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from math import floor, sqrt

from scipy.special import ndtri, stdtrit

__all__ = ["Estimate", "mean", "nps", "percentile", "rounded_time", "share", "weighted_mean", "wilson"]

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval; ``n`` is what it rests on. ``low`` and ``high`` are None below two."""

    value: float
    low: float | None
    high: float | None
    n: int


def wilson(successes: float, n: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """Return the score interval of a share (Wilson 1927).

    Args:
        successes: number of successes; need not be whole when answers are weighted.
        n: number of trials, or the effective number.
        confidence: coverage, 0..1.
    """
    z = float(ndtri(0.5 + confidence / 2))
    p = successes / n
    centre = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, centre - half), min(1.0, centre + half)


def share(successes: int, n: int) -> Estimate | None:
    """Return a plain share with its Wilson interval; None if there is nothing to divide by."""
    if n == 0:
        return None
    low, high = wilson(successes, n)
    return Estimate(successes / n, low, high, n)


@dataclass(frozen=True)
class Weighted:
    """Sums over answers of one value: count, sum of weights, sum of squared weights."""

    n: int
    weight: float
    squares: float


def weighted_mean(answers: Mapping[float, Weighted]) -> Estimate | None:
    """Return the Hájek mean of weighted answers with a t interval.

    The weight of an answer is the inverse of the probability with which its question was drawn. The variance
    is the linearised one of a ratio of two totals under sampling with replacement,
    ``n/(n-1) * sum(w^2 (y-mean)^2) / sum(w)^2`` (Särndal, Swensson & Wretman 1992, 5.6 and 2.9).

    Args:
        answers: sums by answered value.
    """
    n = sum(sums.n for sums in answers.values())
    weight = sum(sums.weight for sums in answers.values())
    if n == 0:
        return None
    value = sum(y * sums.weight for y, sums in answers.items()) / weight
    if n < 2:
        return Estimate(value, None, None, n)
    spread = sum(sums.squares * (y - value) ** 2 for y, sums in answers.items())
    half = float(stdtrit(n - 1, 0.5 + CONFIDENCE / 2)) * sqrt(n / (n - 1) * spread) / weight
    return Estimate(value, value - half, value + half, n)


def weighted_share(answers: Mapping[float, Weighted], at_least: float) -> Estimate | None:
    """Return the weighted share of answers at or above a value, with a Wilson interval.

    Unequal weights count as fewer answers: the interval rests on ``sum(w)^2 / sum(w^2)`` (Kish 1965).
    """
    n = sum(sums.n for sums in answers.values())
    if n == 0:
        return None
    weight = sum(sums.weight for sums in answers.values())
    effective = weight**2 / sum(sums.squares for sums in answers.values())
    value = sum(sums.weight for y, sums in answers.items() if y >= at_least) / weight
    low, high = wilson(value * effective, effective)
    return Estimate(value, low, high, n)


def nps(answers: Mapping[float, Weighted]) -> Estimate | None:
    """Return the Net Promoter Score (-100..100): share of promoters (9, 10) minus share of detractors (0 to 6).

    Its interval is that of the mean of a variable that is 1, 0 or -1 (Rocks 2016, "Interval estimation for
    the Net Promoter Score"), with the same weights as the score.
    """
    scored: dict[float, Weighted] = {}
    for y, sums in answers.items():
        point = 1.0 if y >= 9 else -1.0 if y <= 6 else 0.0
        known = scored.get(point, Weighted(0, 0.0, 0.0))
        scored[point] = Weighted(known.n + sums.n, known.weight + sums.weight, known.squares + sums.squares)
    estimate = weighted_mean(scored)
    if estimate is None:
        return None
    low = None if estimate.low is None else max(-100.0, 100 * estimate.low)
    high = None if estimate.high is None else min(100.0, 100 * estimate.high)
    return Estimate(100 * estimate.value, low, high, estimate.n)


def mean(total: float, n: int) -> float | None:
    """Return a plain mean; None if there is nothing to divide by."""
    return total / n if n else None


_STEPS = ((10, 0.1), (120, 1.0), (1200, 10.0), (10800, 60.0), (86400, 600.0))


def rounded_time(seconds: float) -> float:
    """Round a duration as finely as anybody reads it, so that durations can be counted instead of kept.

    To 0.1 s below 10 s, 1 s below 2 minutes, 10 s below 20 minutes, a minute below 3 hours, 10 minutes below a
    day, an hour above. Halves are rounded up. Negative durations (clocks that disagree) count as 0.
    """
    seconds = max(0.0, seconds)
    step = next((step for limit, step in _STEPS if seconds < limit), 3600.0)
    return round(floor(seconds / step + 0.5) * step, 1)


def percentile(counts: Mapping[float, int], percent: int) -> float | None:
    """Return a percentile by nearest rank: the smallest value with at least ``percent`` of all at or below it.

    Args:
        counts: how often each value occurred.
        percent: 1..100.
    """
    values = sorted(counts)
    running = list(accumulate(counts[value] for value in values))
    if not running or running[-1] == 0:
        return None
    rank = -(-percent * running[-1] // 100)
    return values[bisect_left(running, rank)]
