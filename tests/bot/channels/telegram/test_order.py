"""Updates that overtook others wait for them, but never for long."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.channels.telegram.order import LONGEST, held_from

HOLD = timedelta(seconds=2)
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def known(*arrivals: tuple[int, float]) -> list[tuple[int, datetime]]:
    return [(update_id, at(seconds)) for update_id, seconds in arrivals]


@pytest.mark.parametrize(
    ("arrivals", "now", "held"),
    [
        pytest.param([], 0, None, id="nothing there"),
        pytest.param([(7, 0)], 0, None, id="the very first"),
        pytest.param([(7, 0), (8, 0), (9, 0)], 0, None, id="without a gap"),
        pytest.param([(7, 0), (9, 1)], 1.5, (9, 3), id="one is missing"),
        pytest.param([(7, 0), (9, 1)], 3, None, id="one is missing for long enough"),
        pytest.param([(7, 0), (8, 2), (9, 1)], 2, None, id="it came late"),
        pytest.param(
            [(7, 0), (9, 1), (10, 1), (12, 1.5)], 3.2, (12, 3.5), id="the first gap is given up, not the second"
        ),
        pytest.param([(7, 0), (9, 1), (11, 0.5)], 1, (9, 3), id="one that came late prolongs it"),
        pytest.param([(7, 0), (9, 4), (11, 1)], 4.5, (9, 6), id="late ones still come"),
    ],
)
def test_what_waits(arrivals, now, held) -> None:
    expected = None if held is None else (held[0], at(held[1]))
    assert held_from(known(*arrivals), at(now), hold=HOLD, not_before=at(-100)) == expected


def test_after_a_start_it_waits_anew() -> None:
    arrivals = known((7, 0), (9, 1))
    assert held_from(arrivals, at(60.5), hold=HOLD, not_before=at(60)) == (9, at(60) + HOLD)


def test_a_gap_that_never_closes_stops_nothing_for_good() -> None:
    late = known((7, 0), (9, 0), *((10 + 2 * i, 100 - i) for i in range(50)))
    assert held_from(late, at(0) + LONGEST * HOLD + timedelta(seconds=80), hold=HOLD, not_before=at(-100)) is None
