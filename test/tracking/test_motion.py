"""Odometry between two stamps."""

from __future__ import annotations

import math
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoflow_ros.planar import PlanarPose
from geoflow_ros.tracking.motion import BodyVelocity, Motion, MotionBuffer, YawRate

SECOND = 10**9
POSES = np.array([[3.0, -2.0, 0.3], [100.0, 50.0, -3.0]])


def buffer(forward: float, left: float, rate: float, until: float = 4.0) -> MotionBuffer:
    motions = MotionBuffer()
    for stamp in np.arange(0.0, until + 1e-9, 0.05):
        motions.add_velocity(BodyVelocity(round(stamp * SECOND), forward, left, rate))
    return motions


def test_a_quarter_of_a_circle() -> None:
    # radius 10 m at 5 m/s: a quarter turn takes pi seconds and ends 10 m ahead, 10 m to the left
    motion = buffer(5.0, 0.0, 0.5).between(0, round(math.pi * SECOND))
    assert motion.displacement.array() == pytest.approx((10.0, 10.0, math.pi / 2), abs=2e-3)
    assert motion.distance == pytest.approx(5.0 * math.pi, rel=1e-6)
    assert (motion.unknown_s, motion.unknown_turn_s) == (0.0, 0.0)


def test_poses_move_along_their_own_heading() -> None:
    moved = Motion(PlanarPose(2.0, 1.0, 0.5)).apply(np.array([[10.0, 20.0, math.pi / 2]]))
    assert moved[0] == pytest.approx([9.0, 22.0, math.pi / 2 + 0.5])


@given(st.floats(-20, 20), st.floats(-5, 5), st.floats(-3, 3))
def test_there_and_back(forward: float, left: float, turn: float) -> None:
    motion = Motion(PlanarPose(forward, left, turn))
    assert motion.inverse().apply(motion.apply(POSES)) == pytest.approx(POSES, abs=1e-9)


def test_backwards_in_time_is_the_inverse() -> None:
    motions = buffer(5.0, 0.2, 0.5)
    there, back = motions.between(SECOND, 2 * SECOND), motions.between(2 * SECOND, SECOND)
    assert back.apply(there.apply(POSES)) == pytest.approx(POSES, abs=1e-9)


def test_what_odometry_does_not_tell_is_unknown_and_the_gyroscope_steps_in() -> None:
    motions = buffer(5.0, 0.0, 0.0, until=1.0)
    for stamp in np.arange(0.0, 2.0, 0.05):
        motions.add_rate(YawRate(round(stamp * SECOND), 0.4))
    motion = motions.between(0, 3 * SECOND)
    # A velocity stands in for a second: at no cost up to 0.1 s, then more and more unknown, up to 0.3 of it.
    assert motion.unknown_s == pytest.approx(0.9 * 0.15 + 1.0, abs=0.02)
    assert motion.unknown_turn_s == pytest.approx(0.9 * 0.15 + 0.05, abs=0.02)
    # where there is a velocity, its own rate counts; when it is old, that of the gyroscope, held up to 2.95 s
    assert motion.displacement.yaw == pytest.approx(0.4 * (2.95 - 1.1), abs=0.02)


def test_a_doubted_rate_of_turn_is_unknown_as_far_as_it_is_doubted() -> None:
    motions = MotionBuffer()
    for tick in range(41):
        doubt = 0.6 if 0.5 <= tick / 20 < 1.5 else 0.0
        motions.add_velocity(BodyVelocity(round(tick / 20 * SECOND), 5.0, 0.0, 0.2, doubt))
    motion = motions.between(0, 2 * SECOND)
    # a second of 0.6 rad/s, of which a rate that is not known at all has 0.3
    assert motion.unknown_turn_s == pytest.approx(2.0, abs=0.05) and motion.unknown_s == 0.0
    assert motion.displacement.yaw == pytest.approx(0.4)


def test_turning_to_and_fro_on_the_spot_is_turning() -> None:
    motions = MotionBuffer()
    for tick in range(81):
        motions.add_velocity(BodyVelocity(tick * SECOND // 20, 0.0, 0.0, 0.8 if tick <= 40 else -0.8))
    motion = motions.between(0, 4 * SECOND)
    assert motion.displacement.yaw == pytest.approx(0.0, abs=0.05)
    assert (motion.turned, motion.distance) == (pytest.approx(3.2, abs=0.05), 0.0)


@pytest.mark.parametrize("end_ns", [10**18, -(10**18)])
def test_work_is_bounded_whatever_the_stamps_say(end_ns: int) -> None:
    motions = buffer(5.0, 0.0, 0.5)
    tracemalloc.start()
    motion = motions.between(0, end_ns)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**20
    assert motion.unknown_s == pytest.approx(1e9, rel=0.01)


def test_standing_wheels_travel_nowhere() -> None:
    motions = MotionBuffer()
    rng = np.random.default_rng(0)
    for tick in range(60):
        motions.add_velocity(BodyVelocity(tick * SECOND // 20, float(rng.normal(0.0, 0.02)), 0.0, 0.0))
    assert motions.between(0, 2 * SECOND).distance == 0.0


def test_without_any_measurement_all_is_unknown() -> None:
    motion = MotionBuffer().between(0, SECOND)
    assert (motion.distance, motion.displacement.yaw) == (0.0, 0.0)
    assert (motion.unknown_s, motion.unknown_turn_s) == pytest.approx((1.0, 1.0))


def test_velocities_that_are_forgotten_stand_in_for_none_and_rates_stay() -> None:
    motions = MotionBuffer()
    motions.add_velocity(BodyVelocity(0, 5.0, 0.0, 0.0))
    motions.add_rate(YawRate(0, 0.2))
    motions.forget_velocities()
    motion = motions.between(0, 100_000_000)
    assert motion.distance == 0.0
    assert motion.unknown_s == pytest.approx(0.1)
    assert motion.displacement.yaw == pytest.approx(0.02)
