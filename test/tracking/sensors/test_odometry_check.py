"""Odometry that contradicts itself or the IMU: whom to believe, and what is said."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import numpy as np
import pytest

from geoflow_ros.errors import InputError
from geoflow_ros.planar import PlanarPose, rotate
from geoflow_ros.tracking.motion import UNKNOWN_TURN_RATE, BodyVelocity, YawRate
from geoflow_ros.tracking.sensors.odometry_check import OdometryCheck
from geoflow_ros.tracking.sensors.odometry_segments import Reading

SPEED, RATE, RADIUS = 4.0, 0.4, 10.0
Twist = tuple[float, float, float]


def place(seconds: float) -> PlanarPose:
    """On a circle to the left, started at the origin along x."""
    yaw = RATE * seconds
    return PlanarPose(RADIUS * math.sin(yaw), RADIUS * (1 - math.cos(yaw)), yaw)


def true_twist(seconds: float) -> Twist:
    return SPEED, 0.0, RATE


def driven(
    twist: Callable[[float], Twist] = true_twist,
    pose: Callable[[float], PlanarPose | None] = place,
    imu: Callable[[float], float] | None = lambda seconds: RATE,
    seconds: float = 5.0,
) -> tuple[OdometryCheck, BodyVelocity | None]:
    """The check after a drive with odometry at 20 Hz, and the last velocity it admitted, if any."""
    check, rng = OdometryCheck("odom"), np.random.default_rng(0)
    admitted = None
    for tick in range(round(seconds * 20)):
        now = tick / 20
        if imu is not None:
            check.add_rate(YawRate(round(now * 1e9), imu(now) + rng.normal(0.0, 0.01)))
        where = pose(now)
        noisy = None if where is None else where @ PlanarPose(*rng.normal(0.0, (0.01, 0.01, 0.002)))
        try:
            admitted = check.admit(Reading(BodyVelocity(round(now * 1e9), *twist(now)), noisy))
        except InputError:
            admitted = None
    return check, admitted


def is_right(velocity: BodyVelocity | None) -> bool:
    assert velocity is not None
    return velocity.forward == pytest.approx(SPEED, abs=0.7) and velocity.yaw_rate == pytest.approx(RATE, abs=0.15)


@pytest.mark.parametrize("imu", [None, lambda seconds: RATE, lambda seconds: 0.6 * RATE], ids=["none", "good", "skid"])
def test_good_odometry_is_left_alone(imu: Callable[[float], float] | None) -> None:
    check, admitted = driven(imu=imu)
    assert admitted is not None and (admitted.forward, admitted.yaw_rate) == (SPEED, RATE)
    assert check.verdict.sentences == {}


def test_poses_that_are_never_filled_say_nothing() -> None:
    check, admitted = driven(pose=lambda seconds: None)
    assert check.verdict.sentences == {} and admitted is not None


@pytest.mark.parametrize(
    ("twist", "said"),
    [
        (lambda seconds: (0.0, 0.0, 0.0), "twist is zero while its pose moves"),
        (lambda seconds: (*rotate(RATE * seconds, (SPEED, 0.0)), RATE), "axes of its header's frame_id"),
        (lambda seconds: (0.0, -SPEED, RATE), "turned by -90 deg"),
        (lambda seconds: (SPEED * math.cos(0.9), SPEED * math.sin(0.9), RATE), "axes of another frame"),
        (lambda seconds: (-SPEED, 0.0, RATE), "turned by -?180 deg"),
    ],
)
def test_a_wrong_twist_is_replaced_by_the_differences_of_poses(twist: Callable[[float], Twist], said: str) -> None:
    check, admitted = driven(twist=twist, seconds=8.0)
    assert is_right(admitted)
    assert re.search(said, check.verdict.sentences["odom"])


@pytest.mark.parametrize(("scale", "said"), [(3.6, "3.6 times as fast"), (0.5, "0.5 times as fast")])
def test_another_unit_is_not_used(scale: float, said: str) -> None:
    check, admitted = driven(twist=lambda seconds: (scale * SPEED, 0.0, RATE))
    assert admitted is None and said in check.verdict.sentences["odom"]


@pytest.mark.parametrize(("rate", "said"), [(0.0, "is never filled"), (-RATE, "contradicts its pose and the IMU")])
def test_a_wrong_rate_of_turn_is_taken_from_the_pose(rate: float, said: str) -> None:
    check, admitted = driven(twist=lambda seconds: (SPEED, 0.0, rate))
    assert is_right(admitted) and said in check.verdict.sentences["odom"]


@pytest.mark.parametrize("wrong", [-RATE, 0.0, 3.0 * RATE, math.degrees(RATE)])
def test_a_rate_of_turn_that_goes_wrong_in_a_bend_is_outvoted_at_once(wrong: float) -> None:
    _, admitted = driven(twist=lambda seconds: (SPEED, 0.0, RATE if seconds < 4.0 else wrong), seconds=4.2)
    assert is_right(admitted)


@pytest.mark.parametrize("imu", [None, lambda seconds: 0.0, lambda seconds: -RATE])
def test_what_is_never_filled_or_alone_outvotes_nothing(imu: Callable[[float], float] | None) -> None:
    _, admitted = driven(pose=lambda seconds: PlanarPose(), imu=imu, seconds=0.3)
    assert admitted is not None and admitted.yaw_rate == RATE


@pytest.mark.parametrize("wrong", [-RATE, 0.0, 3.0 * RATE])
def test_where_nothing_else_tells_a_rate_that_goes_wrong_is_doubted_at_once(wrong: float) -> None:
    _, admitted = driven(twist=lambda seconds: (SPEED, 0.0, RATE if seconds < 4.0 else wrong), imu=None, seconds=4.2)
    assert admitted is not None and admitted.forward == SPEED
    assert admitted.yaw_rate == pytest.approx((wrong + RATE) / 2, abs=0.05)
    assert admitted.turn_doubt == pytest.approx(abs(wrong - RATE) / 2, abs=0.05)


@pytest.mark.parametrize("pose", [lambda seconds: PlanarPose(), lambda seconds: None, place])
def test_poses_that_are_not_filled_or_agree_make_no_doubt(pose: Callable[[float], PlanarPose | None]) -> None:
    check = OdometryCheck("odom")
    for tick in range(100):
        reading = Reading(BodyVelocity(tick * 50_000_000, *true_twist(tick / 20)), pose(tick / 20))
        assert check.admit(reading) == reading.velocity


def test_without_pose_a_rate_that_is_never_filled_is_that_of_the_imu() -> None:
    check, admitted = driven(twist=lambda seconds: (SPEED, 0.0, 0.0), pose=lambda seconds: None)
    assert is_right(admitted) and "the IMU's is taken" in check.verdict.sentences["odom"]


@pytest.mark.parametrize("pose", [place, lambda seconds: None], ids=["with pose", "without"])
def test_when_odometry_and_imu_turn_to_opposite_sides_only_the_speed_is_used(
    pose: Callable[[float], PlanarPose | None],
) -> None:
    check, admitted = driven(pose=pose, imu=lambda seconds: -RATE)
    assert admitted is not None and admitted.forward == SPEED and not check.verdict.is_imu_believed
    assert (admitted.yaw_rate, admitted.turn_doubt) == (0.0, UNKNOWN_TURN_RATE)
    assert "z down" in check.verdict.sentences["odom"]


def test_of_rates_that_differ_to_one_side_the_least_is_taken_and_doubted_no_more_than_they_say() -> None:
    _, admitted = driven(
        twist=lambda seconds: (SPEED, 0.0, 0.2), pose=lambda seconds: None, imu=lambda seconds: 0.04, seconds=3.0
    )
    assert admitted is not None and admitted.yaw_rate == pytest.approx(0.04, abs=0.04)
    assert admitted.turn_doubt == pytest.approx(0.2)


@pytest.mark.parametrize("pose", [place, lambda seconds: None], ids=["with pose", "without"])
def test_an_imu_whose_heading_turns_with_the_vehicle_is_right_about_the_turn(
    pose: Callable[[float], PlanarPose | None],
) -> None:
    check = OdometryCheck("odom")
    check.is_imu_proven = True
    for tick in range(100):
        now = tick / 20
        check.add_rate(YawRate(round(now * 1e9), RATE))
        where = pose(now)
        mirrored = where and PlanarPose(where.x, -where.y, -where.yaw)
        admitted = check.admit(Reading(BodyVelocity(round(now * 1e9), SPEED, 0.0, -RATE), mirrored))
    assert is_right(admitted) and "the IMU's is taken" in check.verdict.sentences["odom"]


@pytest.mark.parametrize("has_imu", [True, False])
def test_a_rate_in_degrees_is_named_and_replaced(has_imu: bool) -> None:
    gentle, pose = RATE / 8, None if has_imu else PlanarPose
    check, admitted = driven(
        twist=lambda seconds: (SPEED, 0.0, math.degrees(gentle)),
        pose=lambda seconds: pose and pose(SPEED / gentle * math.sin(gentle * seconds), 0.0, gentle * seconds),
        imu=(lambda seconds: gentle) if has_imu else None,
    )
    assert admitted is not None and admitted.yaw_rate == pytest.approx(gentle, abs=0.15)
    assert "in degrees per second" in check.verdict.sentences["odom"]


def test_an_imu_in_degrees_is_named_and_not_used() -> None:
    check, admitted = driven(imu=lambda seconds: math.degrees(RATE))
    assert is_right(admitted) and not check.verdict.is_imu_believed
    assert "in degrees per second" in check.verdict.sentences["imu"]


def test_what_a_bend_told_apart_stays_so_on_a_straight_road() -> None:
    """Where the IMU tells next to nothing, and degrees tell noise."""
    rng = np.random.default_rng(1)
    check, admitted = driven(
        twist=lambda seconds: (SPEED, 0.0, math.degrees(RATE) if seconds < 3.0 else 3.0 * rng.choice((-1.0, 1.0))),
        pose=lambda seconds: None,
        imu=lambda seconds: RATE if seconds < 3.0 else 0.0,
        seconds=9.0,
    )
    assert admitted is not None and abs(admitted.yaw_rate) < 0.05 and admitted.turn_doubt == 0.0


def test_an_imu_that_tells_no_rate_is_not_used() -> None:
    check, admitted = driven(imu=lambda seconds: 0.0)
    assert is_right(admitted) and not check.verdict.is_imu_believed
    assert check.verdict.sentences.keys() == {"imu"}


def test_an_orientation_that_is_never_filled_is_named_and_the_twist_stays() -> None:
    check, admitted = driven(pose=lambda seconds: PlanarPose(place(seconds).x, place(seconds).y, 0.0))
    assert is_right(admitted) and "orientation does not turn" in check.verdict.sentences["pose"]


def test_of_twist_and_pose_of_opposite_turns_without_an_imu_only_the_speed_is_used() -> None:
    check, admitted = driven(twist=lambda seconds: (SPEED, 0.0, -RATE), imu=None)
    assert admitted is not None and admitted.forward == SPEED and admitted.turn_doubt == UNKNOWN_TURN_RATE
    assert "differ" in check.verdict.sentences["odom"]


def test_odometry_that_is_mended_is_used_again_when_it_has_been_right_for_long() -> None:
    def mended(seconds: float) -> Twist:
        return 0.0 if seconds < 3.0 else SPEED, 0.0, RATE

    assert driven(twist=mended, seconds=8.0)[0].verdict.sentences != {}
    check, admitted = driven(twist=mended, seconds=24.0)
    assert check.verdict.sentences == {} and is_right(admitted)


def test_a_loop_closure_is_no_contradiction() -> None:
    check, _ = driven(pose=lambda seconds: PlanarPose(seconds // 2.0 * 3.0, 0.0, 0.0) @ place(seconds))
    assert check.verdict.sentences == {}


@pytest.mark.parametrize("rate", [0.0, RATE])
def test_the_rate_of_an_imu_that_died_is_not_kept_up(rate: float) -> None:
    def admitted(died_s: float) -> BodyVelocity:
        check = OdometryCheck("twist")
        for tick in range(200):
            now = tick / 20
            if now < died_s:
                check.add_rate(YawRate(round(now * 1e9), RATE))
            velocity = check.admit(Reading(BodyVelocity(round(now * 1e9), SPEED, 0.0, rate), None))
        return velocity

    assert admitted(9.5) == BodyVelocity(9_950_000_000, SPEED, 0.0, RATE)  # it may be late
    dead = admitted(8.0)
    assert dead.yaw_rate == rate
    assert dead.turn_doubt == (0.0 if rate else UNKNOWN_TURN_RATE)


def test_where_the_imu_died_twist_and_pose_are_torn_as_without_one() -> None:
    def wrong(seconds: float) -> Twist:
        return SPEED, 0.0, RATE if seconds < 9.0 else -RATE

    check = OdometryCheck("odom")
    for tick in range(184):
        now = tick / 20
        if now < 6.0:
            check.add_rate(YawRate(round(now * 1e9), RATE))
        admitted = check.admit(Reading(BodyVelocity(round(now * 1e9), *wrong(now)), place(now)))
    assert admitted.turn_doubt == pytest.approx(RATE, abs=0.05)
