"""Odometry against the places that frames and fixes tell."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from geoflow_ros.planar import PlanarPose
from geoflow_ros.tracking.motion import BodyVelocity, MotionBuffer
from geoflow_ros.tracking.sensors.travel_check import Place, TravelCheck

SPEED, RADIUS = 10.0, 50.0
RATE = SPEED / RADIUS
Twist = Callable[[float], tuple[float, float, float]]


def good(seconds: float) -> tuple[float, float, float]:
    return SPEED, 0.0, RATE


def east_north(seconds: float) -> tuple[float, float, float]:
    return SPEED * math.cos(1.0 + RATE * seconds), SPEED * math.sin(1.0 + RATE * seconds), 0.0


def complaint(twist: Twist, std: float = 0.5, by_frames: bool = True, jump: float = 0.0) -> str:
    """After 24 s on a circle, heading for 1 rad at first, with places at 5 Hz."""
    check, motions, rng = TravelCheck("frames"), MotionBuffer(), np.random.default_rng(0)
    for tick in range(480):
        now, stamp = tick / 20, round(tick / 20 * 1e9)
        motions.add_velocity(BodyVelocity(stamp, *twist(now)))
        if tick % 4 == 0:
            yaw = 1.0 + RATE * now
            place = RADIUS * np.array([math.sin(yaw), -math.cos(yaw)]) + rng.normal(0.0, std, 2)
            place += jump if now > 15.0 else 0.0
            check.add(Place(stamp, place, std, yaw + rng.normal(0.0, 0.02) if by_frames else None), motions)
    return check.complaint


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
