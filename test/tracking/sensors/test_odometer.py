"""Odometry that comes late: what was assumed without it is made up for, until a frame has."""

from __future__ import annotations

import pytest

from geoflow_ros.planar import PlanarPose
from geoflow_ros.tracking.motion import BodyVelocity, MotionBuffer
from geoflow_ros.tracking.sensors.odometer import Odometer

TICK_NS = 10**8


def speeding_up(motions: MotionBuffer, ticks: range) -> None:
    """2 m/s more every second, turning by 0.3 rad/s: the velocity at each tick."""
    for tick in ticks:
        motions.add_velocity(BodyVelocity(tick * TICK_NS, 0.2 * tick, 0.0, 0.3))


def driven(late_ticks: int, settled: bool = False) -> PlanarPose:
    """Where three seconds of steps end, each read when odometry has come as far as `late_ticks` before it."""
    motions, place = MotionBuffer(), PlanarPose()
    odometer = Odometer(motions)
    for tick in range(1, 31):
        speeding_up(motions, range(max(tick - 1 - late_ticks, 0), max(tick + 1 - late_ticks, 0)))
        place = place @ odometer.step((tick - 1) * TICK_NS, tick * TICK_NS).displacement
        if settled:
            odometer.settle(tick * TICK_NS)
    speeding_up(motions, range(30 - late_ticks, 32))
    return place @ odometer.step(30 * TICK_NS, 31 * TICK_NS).displacement


@pytest.mark.parametrize("late_ticks", [1, 3, 9])
def test_late_odometry_is_made_up_for(late_ticks: int) -> None:
    expected, place = driven(0), driven(late_ticks)
    assert (place.x, place.y, place.yaw) == pytest.approx((expected.x, expected.y, expected.yaw), abs=0.02)


def test_what_a_frame_has_seen_is_not_made_up_for_twice() -> None:
    # 9 ticks late and 2 m/s^2: each step is read 1.8 m/s too slow, the first from 0 for nine ticks, all but the last
    expected, place = driven(0), driven(9, settled=True)
    short = expected.inverse() @ place
    assert -short.x == pytest.approx(1.8 * (2.1 + 0.9 / 2), rel=0.1)
