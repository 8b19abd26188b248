"""A heading source that is off: named with the offset to set, or with what its driver does wrong."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from geoflow_ros.planar import PlanarPose, wrap_angle
from geoflow_ros.tracking.motion import UNKNOWN_TURN_RATE, BodyVelocity, MotionBuffer
from geoflow_ros.tracking.prior import Heading
from geoflow_ros.tracking.sensors.heading_check import HeadingCheck, PlacedFix

SPEED, RADIUS = 10.0, 40.0
Source = Callable[[float], float]


def true_yaw(seconds: float) -> float:
    return wrap_angle(0.3 + SPEED * seconds / RADIUS)


def after_frames(source: Source, seconds: float = 6.0, offset: float = 0.0, std: float = 0.03) -> HeadingCheck:
    """The check after frames at 10 Hz have confirmed the true heading."""
    check, rng = HeadingCheck("imu", offset), np.random.default_rng(0)
    for tick in range(round(seconds * 50)):
        now = tick / 50
        check.add(Heading(round(now * 1e9), wrap_angle(source(now) + offset + rng.normal(0.0, std)), std**2))
        if tick % 5 == 0:
            check.compare(round(now * 1e9), true_yaw(now), 0.01**2)
    return check


@pytest.mark.parametrize("error", [0.0, 0.09, -0.12])
def test_what_its_standard_deviation_allows_is_no_complaint(error: float) -> None:
    assert after_frames(lambda seconds: true_yaw(seconds) + error).complaint == ""


@pytest.mark.parametrize(("error", "offset", "told"), [(-math.pi / 2, 0.0, 1.57), (0.35, 0.0, -0.35),
                                                       (3.0, 0.0, -3.0), (-0.4, 0.1, 0.4)])  # fmt: skip
def test_a_constant_offset_is_named_as_the_parameter_takes_it(error: float, offset: float, told: float) -> None:
    # with an offset configured already, what is told contains it
    check = after_frames(lambda seconds: true_yaw(seconds) + error, offset=offset)
    value = float(check.complaint.split("set heading.offset to ")[1].split(":")[0])
    assert value == pytest.approx(told, abs=0.03)
    assert after_frames(lambda seconds: true_yaw(seconds) + error, offset=value).complaint == ""
    assert "NED" not in check.complaint  # the circle has told


def test_a_leap_of_the_fixes_is_no_heading() -> None:
    motions, check = MotionBuffer(), HeadingCheck("imu", 0.0)
    for tick in range(300):
        now, stamp = tick / 20, round(tick / 20 * 1e9)
        motions.add_velocity(BodyVelocity(stamp, SPEED, 0.0, SPEED / RADIUS))
        check.add(Heading(stamp, true_yaw(now), 0.03**2))
        if tick % 4 == 0:
            yaw = 0.3 + SPEED * now / RADIUS
            leap = np.array([30_000.0 if now > 9.0 else 0.0, 0.0])
            place = RADIUS * np.array([math.sin(yaw), -math.cos(yaw)]) + leap
            check.add_fix(PlacedFix(stamp, place, np.eye(2)), motions)
            assert check.complaint == ""


@pytest.mark.parametrize("sense", [1.0, -1.0])
def test_on_a_straight_road_an_offset_may_as_well_be_of_north_east_down(sense: float) -> None:
    check = HeadingCheck("imu", 0.0)
    for tick in range(200):
        check.add(Heading(tick * 50_000_000, sense * 0.2 + 1.2, 0.03**2))
        if tick % 5 == 0:
            check.compare(tick * 50_000_000, 0.2, 0.01**2)
    assert check.is_clockwise is None
    assert "set heading.offset to " in check.complaint
    assert "unless a bend shows that it turns clockwise (NED)" in check.complaint


def test_north_east_down_turns_the_other_way() -> None:
    check = after_frames(lambda seconds: math.pi / 2 - true_yaw(seconds))
    assert check.is_clockwise and "NED" in check.complaint


def sense_after(source: Source, seconds: float, straight_from: float) -> bool | None:
    """Whether a heading turns clockwise, by a check of a vehicle that drives straight from some time on."""
    check = HeadingCheck("imu", 0.0)
    for tick in range(round(seconds * 10)):
        check.add(Heading(tick * 100_000_000, wrap_angle(source(tick / 10)), 0.03**2))
        check.compare(tick * 100_000_000, true_yaw(min(tick / 10, straight_from)), 0.01**2)
    return check.is_clockwise


def test_the_sense_of_rotation_is_as_the_last_bend_told_and_not_told_before_one() -> None:
    def north_east_down(seconds: float) -> float:
        return math.pi / 2 - true_yaw(min(seconds, 6.0))

    assert sense_after(lambda seconds: true_yaw(0.0), 10.0, straight_from=0.0) is None
    assert sense_after(north_east_down, 20.0, straight_from=6.0) is True
    mended = 6.0
    assert not sense_after(lambda now: (-1.0 if now < mended else 1.0) * true_yaw(now), 20.0, straight_from=20.0)


@pytest.mark.parametrize("turned", [math.pi - 0.08, math.pi + 0.08, -math.pi + 0.08, -math.pi - 0.08])
@pytest.mark.parametrize("drawn", [0.15, -0.15])
def test_a_turn_about_between_two_comparisons_has_no_sense(turned: float, drawn: float) -> None:
    """While nothing was compared: of places 12 m apart, or of frames that fitted nothing in it."""
    check = HeadingCheck("imu", 0.0)
    for second in range(20):
        yaw = wrap_angle(0.3 + (turned if second >= 12 else 0.0))
        check.add(Heading(second * 10**9, yaw, 0.03**2))
        check.compare(second * 10**9, wrap_angle(yaw + (drawn if second == 12 else 0.0)), 0.1**2)
        assert check.complaint == "" and not check.is_clockwise


def test_a_heading_that_stays_does_not_follow_the_vehicle() -> None:
    check = after_frames(lambda seconds: 0.3)
    assert "does not follow the vehicle" in check.complaint and not check.is_clockwise


def test_a_heading_that_says_it_is_vague_is_left_alone() -> None:
    assert after_frames(lambda seconds: true_yaw(seconds) + 0.4, std=0.2).complaint == ""


def test_a_compass_that_is_calibrated_on_the_way_is_used_again() -> None:
    assert (
        after_frames(lambda seconds: true_yaw(seconds) + (0.8 if seconds < 4.0 else 0.0), seconds=14.0).complaint == ""
    )


@pytest.mark.parametrize("direction", [1.0, -1.0], ids=["forward", "backward"])
def test_fixes_along_the_way_tell_a_compass_that_is_off_before_any_frame(direction: float) -> None:
    motions, rng = MotionBuffer(), np.random.default_rng(0)
    good, turned = HeadingCheck("imu", 0.0), HeadingCheck("imu", 0.0)
    for tick in range(300):
        now, stamp = tick / 20, round(tick / 20 * 1e9)
        motions.add_velocity(BodyVelocity(stamp, direction * SPEED, 0.0, SPEED / RADIUS))
        good.add(Heading(stamp, true_yaw(now), 0.03**2))
        turned.add(Heading(stamp, wrap_angle(true_yaw(now) + 1.2), 0.03**2))
        if tick % 4 == 0:
            yaw = 0.3 + SPEED * now / RADIUS
            place = direction * RADIUS * np.array([math.sin(yaw), -math.cos(yaw)]) + rng.normal(0.0, 1.0, 2)
            for check in (good, turned):
                check.add_fix(PlacedFix(stamp, place, np.eye(2)), motions)
    assert good.complaint == ""
    assert "heading.offset to -1.2" in turned.complaint or "heading.offset to -1.1" in turned.complaint


def test_a_way_of_which_nothing_tells_the_turn_is_no_heading() -> None:
    """Odometry and the IMU contradict each other: 1.5 rad of bend between two fixes are taken for straight."""
    motions, check = MotionBuffer(), HeadingCheck("imu", 0.0)
    for tick in range(1000):
        now, stamp = tick / 20, round(tick / 20 * 1e9)
        motions.add_velocity(BodyVelocity(stamp, SPEED, 0.0, 0.0, UNKNOWN_TURN_RATE))
        check.add(Heading(stamp, true_yaw(now), 0.03**2))
        yaw = 0.3 + SPEED * now / RADIUS
        if tick % 80 == 0:
            place = RADIUS * np.array([math.sin(yaw), -math.cos(yaw)])
            check.add_fix(PlacedFix(stamp, place, 0.01 * np.eye(2)), motions)
    assert check.complaint == ""


@pytest.mark.parametrize(("speed", "rate"), [(0.3, 0.8), (-0.3, 0.8), (0.0, 0.8), (0.3, -0.8)])
@pytest.mark.parametrize("antenna", [(0.6, 0.0), (-0.4, 0.3)])
def test_an_antenna_that_swings_out_in_bends_makes_no_compass_wrong(
    speed: float, rate: float, antenna: tuple[float, float]
) -> None:
    motions, check, base = MotionBuffer(), HeadingCheck("imu", 0.0), PlanarPose()
    for tick in range(400):
        stamp = round(tick / 20 * 1e9)
        motions.add_velocity(BodyVelocity(stamp, speed, 0.0, rate))
        check.add(Heading(stamp, base.yaw, 0.02**2))
        if tick % 4 == 0:
            check.add_fix(PlacedFix(stamp, base.act(antenna), 0.02**2 * np.eye(2), antenna), motions)
        assert check.complaint == ""
        base = base @ PlanarPose(speed / 20, 0.0, rate / 20)


def test_a_ferry_that_carries_the_vehicle_sideways_is_no_heading() -> None:
    motions, check = MotionBuffer(), HeadingCheck("imu", 0.0)
    for tick in range(400):
        stamp = round(tick / 20 * 1e9)
        motions.add_velocity(BodyVelocity(stamp, 0.2, 0.0, 0.0))  # rolls up on deck
        check.add(Heading(stamp, 0.0, 0.02**2))
        check.add_fix(PlacedFix(stamp, np.array([0.01 * tick, 0.4 * tick]), np.eye(2)), motions)
    assert check.complaint == ""


@pytest.mark.parametrize("claimed", [0.01, 0.05])
def test_fixes_that_are_worse_than_they_say_do_not_outvote_frames(claimed: float) -> None:
    motions, check, rng = MotionBuffer(), HeadingCheck("imu", 0.0), np.random.default_rng(0)
    for tick in range(400):
        now, stamp = tick / 20, round(tick / 20 * 1e9)
        motions.add_velocity(BodyVelocity(stamp, SPEED, 0.0, SPEED / RADIUS))
        check.add(Heading(stamp, true_yaw(now), 0.03**2))
        if tick % 4 == 0:
            yaw = 0.3 + SPEED * now / RADIUS
            place = RADIUS * np.array([math.sin(yaw), -math.cos(yaw)]) + rng.normal(0.0, 1.0, 2)
            check.add_fix(PlacedFix(stamp, place, claimed**2 * np.eye(2)), motions)
        if tick % 4 == 2 and now > 1.0:
            check.compare(stamp, true_yaw(now), 0.01**2)
        assert check.complaint == ""
