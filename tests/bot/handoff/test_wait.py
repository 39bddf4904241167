"""The estimate of waits: sensible at its edges, and right often enough over a whole day."""

import pytest

from bot.handoff.wait import ENOUGH, Experience, WaitSituation, announced_wait_s, expected_wait_s, nearest_rank
from tests.bot.handoff.conftest import Floor
from tests.bot.handoff.service_day import Plan, play

EVEN = {"handling_s": [600.0] * ENOUGH, "reaction_s": [20.0] * ENOUGH}


class TestExpectedWait:
    def test_nobody_there_no_time(self) -> None:
        assert expected_wait_s(WaitSituation(ahead=0, free_places=0)) is None

    def test_with_a_free_place_only_the_agents_reaction_counts(self) -> None:
        assert expected_wait_s(WaitSituation(ahead=0, free_places=1, **EVEN)) == 20.0

    def test_behind_somebody_who_takes_the_only_place_it_takes_a_whole_conversation(self) -> None:
        assert expected_wait_s(WaitSituation(ahead=1, free_places=1, **EVEN)) == 20.0 + 600.0 + 20.0

    def test_a_conversation_in_hand_takes_what_is_left_of_it(self) -> None:
        situation = WaitSituation(ahead=0, free_places=0, in_hand_s=[500.0], **EVEN)
        assert expected_wait_s(situation) == 100.0 + 20.0

    def test_a_conversation_that_outlasts_all_others_does_not_make_the_wait_endless(self) -> None:
        situation = WaitSituation(ahead=0, free_places=0, in_hand_s=[5000.0], **EVEN)
        assert 20.0 < expected_wait_s(situation) < 2000.0

    def test_each_agent_more_shortens_it_and_each_customer_ahead_lengthens_it(self) -> None:
        varied = {"handling_s": [300.0 + 20 * i for i in range(30)], "reaction_s": [20.0] * ENOUGH}

        def wait(ahead: int, agents: int) -> float:
            return expected_wait_s(WaitSituation(ahead=ahead, free_places=0, in_hand_s=[0.0] * agents, **varied))

        assert wait(5, 4) < wait(5, 3) < wait(5, 2) < wait(5, 1)
        assert wait(0, 2) < wait(2, 2) < wait(4, 2) < wait(40, 2)

    def test_the_same_situation_gives_the_same_time(self) -> None:
        situation = WaitSituation(ahead=3, free_places=0, in_hand_s=[10.0, 200.0])
        assert expected_wait_s(situation, 7) == expected_wait_s(situation, 7)


class TestAnnouncedWait:
    def test_whole_minutes_and_one_at_least(self) -> None:
        assert [announced_wait_s(s, []) for s in (1, 60, 74, 80, 119, 420)] == [60, 60, 60, 120, 120, 420]

    def test_experience_of_longer_waits_lengthens_it_and_of_shorter_ones_shortens_it(self) -> None:
        assert announced_wait_s(300, [Experience(200, 1.5)] * ENOUGH) == 480
        assert announced_wait_s(300, [Experience(200, 0.5)] * ENOUGH) == 180

    def test_a_few_odd_cases_correct_nothing(self) -> None:
        assert announced_wait_s(300, [Experience(200, 9.0)] * (ENOUGH - 1)) == 300

    def test_no_correction_goes_beyond_its_limits(self) -> None:
        assert announced_wait_s(300, [Experience(200, 100.0)] * ENOUGH) == 900
        assert announced_wait_s(300, [Experience(200, 0.0)] * ENOUGH) == 120

    def test_long_waits_are_announced_with_more_care_and_learn_from_long_ones_alone(self) -> None:
        careful = announced_wait_s(1200, [])
        assert 1500 <= careful <= 1800
        assert announced_wait_s(1200, [Experience(100, 0.4)] * 50) == careful
        assert announced_wait_s(1200, [Experience(1000, 0.9)] * 50) < careful

    def test_what_happened_lately_counts(self) -> None:
        assert announced_wait_s(300, [Experience(200, 1.0)] * 50 + [Experience(200, 3.0)] * 100) == 300


def test_nearest_rank_is_the_value_that_the_share_does_not_exceed() -> None:
    assert [nearest_rank([5, 1, 4, 2, 3], share) for share in (0.0, 0.2, 0.21, 0.8, 1.0)] == [1, 1, 2, 4, 5]


@pytest.mark.slow
async def test_over_a_day_with_changing_load_the_announced_time_holds_and_is_not_padded(floor: Floor) -> None:
    floor.handoffs = type(floor.handoffs)(floor.hours, 60)
    day = await play(floor, Plan(), seed=1)
    print(
        f"{len(day.waits)} customers, {day.who_waited:.0%} waited over a minute, at most {day.longest_s / 60:.0f} min; "
        f"held {day.held:.1%}, over-announced x{day.over_announced:.2f} "
        f"(x{day.over_announced_who_waited:.2f} for those who waited)"
    )
    assert len(day.waits) > 250
    assert day.who_waited > 0.4, "a day on which nobody waits proves nothing"
    assert day.held >= 0.8
    assert day.over_announced < 1.6
    assert day.over_announced_who_waited < 1.6
