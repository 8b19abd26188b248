from __future__ import annotations

import pytest

from geoflow_ros.errors import InputError
from geoflow_ros.tracking.motion import BodyVelocity
from geoflow_ros.tracking.sensors.velocity_leaps import LeapCheck

SECOND = 10**9


def refused(speeds: list[tuple[float, float, float]]) -> list[float]:
    """Times (s) at which the (time, forward, left) of one source are refused."""
    check, times = LeapCheck(), []
    for time, forward, left in speeds:
        try:
            check.check(BodyVelocity(round(time * SECOND), forward, left))
        except InputError:
            times.append(time)
    return times


def steady(start: float, end: float, forward: float, left: float = 0.0) -> list[tuple[float, float, float]]:
    return [(start + 0.02 * k, forward, left) for k in range(round((end - start) / 0.02))]


@pytest.mark.parametrize(
    ("forward", "left"), [(0.0, 0.0), (-12.0, 0.0), (43.2, 0.0), (0.0, 12.0), (24.0, 0.0)],
    ids=["stalled", "reversed", "km/h", "turned", "twice"],
)  # fmt: skip
def test_a_velocity_that_leaps_is_refused_until_it_is_back(forward: float, left: float) -> None:
    times = refused([*steady(0.0, 2.0, 12.0), *steady(2.0, 3.5, forward, left), *steady(3.5, 5.0, 11.5)])
    assert times[0] == pytest.approx(2.0) and times[-1] == pytest.approx(3.48)
    assert len(times) == 75


def test_what_stays_is_believed_once_the_vehicle_may_have_come_to_it() -> None:
    # 12 m/s are 10 more than noise: 5 s at 2 m/s^2. What it was before is believed at once.
    times = refused([*steady(0.0, 2.0, 12.0), *steady(2.0, 9.0, 0.0), *steady(9.0, 10.0, 11.0)])
    assert times[-1] == pytest.approx(7.0, abs=0.03)


def test_a_second_leap_long_after_is_refused_as_the_first() -> None:
    drive = [*steady(0.0, 2.0, 12.0), *steady(2.0, 3.0, 0.0), *steady(3.0, 40.0, 12.0), *steady(40.0, 41.0, -12.0)]
    times = refused([*drive, *steady(41.0, 42.0, 12.0)])
    assert len(times) == 100
    assert times[49] == pytest.approx(2.98) and times[50] == pytest.approx(40.0)


def test_a_fault_that_is_over_excuses_no_other_one() -> None:
    """At 2 m/s, for two seconds in km/h, which is believed in the end; then at 11 m/s a stall, and a reversal."""
    over = [*steady(0.0, 2.0, 2.0), *steady(2.0, 6.0, 7.2), *steady(6.0, 7.0, 2.5)]
    faster = [(7.0 + 0.02 * k, 2.5 + 0.06 * k, 0.0) for k in range(142)]
    for stalled in (0.0, -11.0):
        times = refused([*over, *faster, *steady(10.0, 11.0, stalled), *steady(11.0, 12.0, 11.0)])
        assert [each for each in times if each > 7.0] == pytest.approx([10.0 + 0.02 * k for k in range(50)])


def test_a_fault_that_ends_without_a_leap_excuses_no_other_one() -> None:
    """The faster velocity is believed in the end, the vehicle slows down until both are alike, and drives on."""
    over = [*steady(0.0, 2.0, 2.0), *steady(2.0, 6.0, 7.2)]
    slower = [(6.0 + 0.02 * k, 7.2 - 0.1 * k, 0.0) for k in range(53)]
    faster = [(7.06 + 0.02 * k, 2.0 + 0.06 * k, 0.0) for k in range(147)]
    times = refused([*over, *slower, *faster, *steady(10.0, 11.0, 0.0)])
    assert len([each for each in times if each > 7.0]) == 50


def test_a_fault_that_ends_faster_than_it_began_excuses_no_other_one() -> None:
    """What was refused was never believed: it left nothing behind, however far the vehicle got meanwhile."""
    fault, faster = steady(2.0, 3.5, 0.0), [(3.5 + 0.02 * k, 9.5 + 0.02 * k, 0.0) for k in range(75)]
    times = refused([*steady(0.0, 2.0, 7.0), *fault, *faster, *steady(5.0, 6.0, 0.0, 11.0), *steady(6.0, 7.0, 11.0)])
    assert times == pytest.approx([2.0 + 0.02 * k for k in range(75)] + [5.0 + 0.02 * k for k in range(50)])


def test_hard_braking_noise_and_gaps_are_no_leaps() -> None:
    braking = [(0.02 * k, 15.0 - 9.0 * 0.02 * k + (0.9 if k % 2 else -0.9), 0.0) for k in range(80)]
    assert refused(braking) == []
    assert refused([*steady(0.0, 1.0, 12.0), *steady(2.0, 3.0, 1.0)]) == []  # 11 m/s within a second of silence
    assert refused([(0.0, 0.0, 0.0), (0.02, 1.5, 0.0)]) == []  # a small robot, at once at its speed


def test_late_messages_are_not_looked_at_and_say_nothing() -> None:
    assert refused([(1.0, 12.0, 0.0), (0.5, 0.0, 0.0), (1.02, 12.0, 0.0)]) == []


def test_the_sentence_names_what_leapt() -> None:
    check = LeapCheck()
    check.check(BodyVelocity(0, 12.0, 0.0))
    with pytest.raises(InputError, match=r"leaps from 12.0, 0.0 to 0.0, 0.0 m/s forward, left within 0.02 s"):
        check.check(BodyVelocity(SECOND // 50, 0.0, 0.0))
