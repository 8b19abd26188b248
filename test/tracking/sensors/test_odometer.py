"""Odometry that comes late: what was assumed without it is made up for, until a frame has."""

from __future__ import annotations

import pytest

from geoflow_ros.planar import PlanarPose
from geoflow_ros.tracking.motion import BodyVelocity, MotionBuffer
from geoflow_ros.tracking.sensors.odometer import Odometer

TICK_NS = 10**8


def speeding_up(motions: MotionBuffer, ticks: range, rate: float) -> None:
    """2 m/s more every second, turning by `rate` rad/s: the velocity at each tick."""
    for tick in ticks:
        motions.add_velocity(BodyVelocity(tick * TICK_NS, 0.2 * tick, 0.0, rate))


def driven(late_ticks: int, left: float = 1.0, rate: float = 0.3) -> PlanarPose:
    """Where three seconds of steps end, each read when odometry has come as far as `late_ticks` before it.

    left: of the error of the steps, by a frame that is weighed after each.
    """
    motions, place = MotionBuffer(), PlanarPose()
    odometer = Odometer(motions)
    for tick in range(1, 31):
        speeding_up(motions, range(max(tick - 1 - late_ticks, 0), max(tick + 1 - late_ticks, 1)), rate)
        place = place @ odometer.step((tick - 1) * TICK_NS, tick * TICK_NS).displacement
        odometer.settle(left)
    speeding_up(motions, range(30 - late_ticks, 32), rate)
    return place @ odometer.step(30 * TICK_NS, 31 * TICK_NS).displacement


@pytest.mark.parametrize("late_ticks", [1, 3, 9])
def test_late_odometry_is_made_up_for(late_ticks: int) -> None:
    expected, place = driven(0), driven(late_ticks)
    assert (place.x, place.y, place.yaw) == pytest.approx((expected.x, expected.y, expected.yaw), abs=0.02)


def test_what_frames_have_seen_to_is_not_made_up_for_twice() -> None:
    # Nine ticks late, each step goes as far as the speed nine ticks ago: 0.02 m * (0 + ... + 21); the last, of which
    # all is known, 3.1^2 - 3.0^2 m.
    assert driven(9, left=0.0, rate=0.0).x == pytest.approx(0.02 * 21 * 22 / 2 + 0.61, abs=1e-6)


def test_frames_that_have_seen_to_half_leave_half_to_make_up_for() -> None:
    motions = MotionBuffer()
    odometer = Odometer(motions)
    motions.add_velocity(BodyVelocity(0, 1.0, 0.0))
    assert odometer.step(0, 5 * TICK_NS).displacement.x == pytest.approx(0.5)  # held
    odometer.settle(0.5)
    for tick in range(1, 11):
        motions.add_velocity(BodyVelocity(tick * TICK_NS, 3.0, 0.0))
    # 0.5 s at 3 m/s, and half of what the step before was short of: 0.1 s at 2 m/s, 0.4 s at 3 m/s, said 0.5 m
    assert odometer.step(5 * TICK_NS, 10 * TICK_NS).displacement.x == pytest.approx(1.5 + (0.2 + 1.2 - 0.5) / 2)
    assert odometer.step(10 * TICK_NS, 12 * TICK_NS).displacement.x == pytest.approx(0.6)
