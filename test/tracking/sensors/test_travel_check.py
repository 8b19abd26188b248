"""Odometry against the places that frames and fixes tell."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from geoflow_ros.planar import PlanarPose
from geoflow_ros.tracking.motion import UNKNOWN_TURN_RATE, BodyVelocity, MotionBuffer
from geoflow_ros.tracking.sensors.travel_check import Place, TravelCheck, is_off

SPEED, RADIUS = 10.0, 50.0
RATE = SPEED / RADIUS
Twist = Callable[[float], tuple[float, float, float]]


def good(seconds: float) -> tuple[float, float, float]:
    return SPEED, 0.0, RATE


def east_north(seconds: float) -> tuple[float, float, float]:
    return SPEED * math.cos(1.0 + RATE * seconds), SPEED * math.sin(1.0 + RATE * seconds), 0.0


def complaint(twist: Twist, std: float = 0.5, by_frames: bool = True, jump: float = 0.0) -> str:
    return driven(twist, std, by_frames, jump).complaint


def driven(
    twist: Twist, std: float = 0.5, by_frames: bool = True, jump: float = 0.0, turn_doubt: float = 0.0
) -> TravelCheck:
    """The check after 24 s on a circle, heading for 1 rad at first, with places at 5 Hz."""
    check, motions, rng = TravelCheck("frames"), MotionBuffer(), np.random.default_rng(0)
    for tick in range(480):
        now, stamp = tick / 20, round(tick / 20 * 1e9)
        motions.add_velocity(BodyVelocity(stamp, *twist(now), turn_doubt))
        if tick % 4 == 0:
            yaw = 1.0 + RATE * now
            place = RADIUS * np.array([math.sin(yaw), -math.cos(yaw)]) + rng.normal(0.0, std, 2)
            place += jump if now > 15.0 else 0.0
            check.add(Place(stamp, place, std, yaw + rng.normal(0.0, 0.02) if by_frames else None), motions)
    return check


def test_good_odometry_is_no_contradiction() -> None:
    assert complaint(good) == ""
    assert complaint(good, by_frames=False) == ""
    assert complaint(lambda seconds: (1.1 * SPEED, 0.0, RATE)) == ""  # worn wheels are estimated


@pytest.mark.parametrize(
    "twist",
    [
        lambda seconds: (0.0, 0.0, 0.0),
        lambda seconds: (3.6 * SPEED, 0.0, RATE),
        lambda seconds: (0.0, SPEED, RATE),
        east_north,
    ],
    ids=["none", "km/h", "turned", "east and north"],
)
def test_frames_contradict_odometry_that_is_wrong(twist: Twist) -> None:
    assert "contradicts where frames say the vehicle went" in complaint(twist)


@pytest.mark.parametrize("speed", [0.0, 3.6 * SPEED])
def test_fixes_contradict_a_distance_that_is_wrong(speed: float) -> None:
    assert complaint(lambda seconds: (speed, 0.0, RATE), std=1.5, by_frames=False) != ""


def test_three_contradictions_in_a_row_are_a_doubt_and_five_a_complaint() -> None:
    check, motions, heard = TravelCheck("frames"), MotionBuffer(), []
    for tick in range(160):
        stamp = round(tick / 20 * 1e9)
        motions.add_velocity(BodyVelocity(stamp, SPEED / 2, 0.0))
        if tick % 4 == 0:
            check.add(Place(stamp, np.array([SPEED * tick / 20, 0.0]), 0.3, 0.0), motions)
            heard.append("doubt" if check.is_doubtful else "complaint" if check.complaint else "")
    changes = [after for before, after in pairwise(heard) if after != before]
    assert changes == ["doubt", "complaint"]


@pytest.mark.parametrize("by", [0.75, 0.8, 1.15, 1.3])
@pytest.mark.parametrize("by_frames", [True, False])
def test_the_share_of_the_way_that_odometry_tells_is_found(by: float, by_frames: bool) -> None:
    check = driven(lambda seconds: (by * SPEED, 0.0, RATE), by_frames=by_frames)
    assert check.share is not None and is_off(*check.share, 1.0)
    assert check.share[0] == pytest.approx(by, abs=3.0 * check.share[1]) and check.share[1] < 0.03
    assert check.is_share_doubtful(1.0) and not check.is_share_doubtful(by)


@pytest.mark.parametrize("by", [0.95, 1.0, 1.05])
def test_wear_of_wheels_is_no_wrong_share(by: float) -> None:
    check = driven(lambda seconds: (by * SPEED, 0.0, RATE))
    assert check.share is not None and not is_off(*check.share, 1.0)
    assert not check.is_share_doubtful(1.0)


def test_odometry_that_goes_elsewhere_tells_no_share() -> None:
    assert driven(lambda seconds: (0.7 * SPEED, 0.5 * SPEED, RATE)).share is None


def test_a_leap_of_the_places_suspects_no_share() -> None:
    """Back by 6 m, and there again: two ways that differ, one each way."""
    check, motions = TravelCheck("frames"), MotionBuffer()
    for tick in range(200):
        stamp = round(tick / 10 * 1e9)
        motions.add_velocity(BodyVelocity(stamp, SPEED, 0.0))
        leap = 6.0 if tick == 90 else 0.0  # where a way ends, and the next one begins
        check.add(Place(stamp, np.array([SPEED * tick / 10 - leap, 0.0]), 0.3, 0.0), motions)
        assert not check.is_share_doubtful(1.0)
    assert check.share is not None and not is_off(*check.share, 1.0)


def test_a_way_that_may_turn_is_compared_by_its_length() -> None:
    """Odometry and the IMU contradict each other about the turn: that is no reason to blame the speed."""
    assert driven(lambda seconds: (SPEED, 0.0, -RATE)).complaint != ""
    assert driven(lambda seconds: (SPEED, 0.0, -RATE), turn_doubt=UNKNOWN_TURN_RATE).complaint == ""


def test_vague_fixes_say_nothing() -> None:
    assert complaint(lambda seconds: (0.0, 0.0, RATE), std=15.0, by_frames=False) == ""


def test_one_jump_of_the_fixes_does_not_blame_odometry() -> None:
    assert complaint(good, std=1.0, by_frames=False, jump=60.0) == ""
    assert complaint(good, std=8.0, by_frames=False, jump=30_000.0) == ""  # of a receiver's cold start


@pytest.mark.parametrize("lever", [(12.0, 0.0), (-6.0, 4.0)])
def test_an_antenna_far_out_goes_another_way_than_the_vehicle(lever: tuple[float, float]) -> None:
    check, motions, base = TravelCheck("fixes"), MotionBuffer(), PlanarPose()
    for tick in range(480):
        stamp = round(tick / 20 * 1e9)
        motions.add_velocity(BodyVelocity(stamp, 1.0, 0.0, 0.5))
        if tick % 4 == 0:
            check.add(Place(stamp, base.act(lever), 0.02, lever=lever), motions)
        base = base @ PlanarPose(1.0 / 20, 0.0, 0.5 / 20)
    assert check.complaint == ""
