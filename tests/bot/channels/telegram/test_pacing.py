"""Telegram's limits for sending: one message a second in a chat, thirty a second over all."""

from itertools import pairwise
from random import Random

import pytest

from bot.channels.telegram.pacing import Pace

pytestmark = pytest.mark.usefixtures("paced")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def open_pace(clock: Clock, **limits) -> Pace:
    pace = Pace(clock=clock, **limits)
    pace.open()
    clock.now += 1.0
    return pace


def test_nothing_is_sent_before_it_is_opened_nor_in_the_first_second() -> None:
    clock = Clock()
    pace = Pace(clock=clock)
    assert pace.room() == 0
    pace.open()
    assert pace.room() == 0
    clock.now += 1.0
    assert pace.room() == 30
    pace.close()
    assert pace.room() == 0


def test_a_chat_rests_until_a_second_after_the_end_of_its_message() -> None:
    clock = Clock()
    pace = open_pace(clock)
    pace.begun("a")
    clock.now += 5
    assert "a" in pace.resting()
    pace.ended("a")
    clock.now += 0.99
    assert "a" in pace.resting()
    clock.now += 0.01
    assert "a" not in pace.resting()


def test_no_more_than_thirty_are_under_way_or_just_ended() -> None:
    clock = Clock()
    pace = open_pace(clock)
    for i in range(20):
        pace.begun(str(i))
    for i in range(15):
        pace.ended(str(i))
    assert pace.room() == 10
    clock.now += 1.0
    assert pace.room() == 25


def test_it_tells_when_there_may_be_room_again() -> None:
    clock = Clock()
    pace = open_pace(clock, per_second=2)
    for key, at in (("a", 0.0), ("b", 0.4)):
        clock.now += at
        pace.begun(key)
        pace.ended(key)
    assert abs(pace.free_in_s() - 0.6) < 1e-9
    clock.now += pace.free_in_s()
    assert pace.room() == 1


def test_however_long_requests_take_the_other_side_sees_the_limits_kept() -> None:
    """A request arrives at any moment between its beginning and its end."""
    clock, random = Clock(), Random(5)
    pace = open_pace(clock, per_second=5)
    arrivals: list[tuple[float, str]] = []
    ends: list[tuple[float, str]] = []
    for _ in range(20_000):
        clock.now += 0.01
        for end, key in [e for e in ends if e[0] <= clock.now]:
            pace.ended(key)
            ends.remove((end, key))
        for key in "abcdefgh":
            if pace.room() > 0 and key not in pace.resting():
                pace.begun(key)
                took = random.expovariate(3)
                arrivals.append((clock.now + random.uniform(0, took), key))
                ends.append((clock.now + took, key))
    assert len(arrivals) > 500
    arrivals.sort()
    times = [at for at, _ in arrivals]
    assert all(later - earlier > 1.0 for earlier, later in zip(times, times[5:], strict=False))
    for key in "abcdefgh":
        own = [at for at, k in arrivals if k == key]
        assert all(later - earlier >= 1.0 for earlier, later in pairwise(own))
