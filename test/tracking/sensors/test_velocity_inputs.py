"""Odometry on its way to the motion, whose twist goes wrong for a while and whose poses do not."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import tracking_support as sim

from geoflow_ros.errors import InputError
from geoflow_ros.tracking.motion import MotionBuffer
from geoflow_ros.tracking.sensors.sensor_frames import SensorFrames
from geoflow_ros.tracking.sensors.travel_check import Place
from geoflow_ros.tracking.sensors.velocity_inputs import VelocityInputs
from geoflow_ros.tracking.settings import OdometryConfig

Twist = tuple[float, float]
Change = Callable[[float, float], Twist]
WRONG: dict[str, Callable[[float], Twist]] = {
    "stalled": lambda forward: (0.0, 0.0),
    "reversed": lambda forward: (-forward, 0.0),
    "twice": lambda forward: (2.0 * forward, 0.0),
    "half": lambda forward: (0.5 * forward, 0.0),
    "km/h": lambda forward: (3.6 * forward, 0.0),
    "sideways": lambda forward: (0.0, forward),
}


def refused_and_astray(speed: Callable[[float], float], seconds: float, change: Change) -> tuple[list[float], float]:
    """When (s) odometry at 20 Hz along x is refused, and how far (m) what is believed leads away from the truth."""
    motions = MotionBuffer()
    inputs = VelocityInputs(motions, SensorFrames("base_link", OdometryConfig()))
    x, refused, astray = 1.0, [], 0.0
    for tick in range(round(seconds * 20)):
        now = tick / 20
        x += speed(now) / 20
        message = sim.odom(now, speed(now), 0.0)
        message.pose.pose.position.x = x
        message.twist.twist.linear.x, message.twist.twist.linear.y = change(now, speed(now))
        try:
            inputs.add_odometry(message)
        except InputError:
            refused.append(now)
        else:
            there = motions.between(sim.stamp(now), sim.stamp(now + 0.05)).displacement
            astray += math.hypot(there.x - speed(now) / 20, there.y)
    return refused, astray


@pytest.mark.parametrize("how", ["stalled", "reversed", "twice", "km/h", "sideways"])
def test_a_slow_vehicle_does_not_come_to_what_its_poses_contradict(how: str) -> None:
    """It could come to another 5 m/s within 1.5 s."""
    refused, astray = refused_and_astray(
        lambda now: 5.0, 10.0, lambda now, speed: WRONG[how](speed) if 5.0 <= now < 6.75 else (speed, 0.0)
    )
    assert refused == pytest.approx([5.0 + tick / 20 for tick in range(35)])
    assert astray < 0.1


@pytest.mark.parametrize("second", ["stalled", "reversed", "sideways"])
@pytest.mark.parametrize("first", WRONG)
def test_no_fault_excuses_the_next_although_the_vehicle_gains_speed_meanwhile(first: str, second: str) -> None:
    """Within the first it gains 2.1 m/s, more than noise."""

    def change(now: float, speed: float) -> Twist:
        how = first if 4.0 <= now < 5.75 else second if 8.5 <= now < 10.0 else ""
        return WRONG[how](speed) if how else (speed, 0.0)

    refused, astray = refused_and_astray(lambda now: 3.0 + 1.2 * now, 12.0, change)
    assert refused == pytest.approx([4.0 + tick / 20 for tick in range(35)] + [8.5 + tick / 20 for tick in range(30)])
    assert astray < 0.5


def test_an_imu_whose_axes_are_mended_votes_again() -> None:
    """A bend of 0.5 rad/s in which the twist turns the other way for a while, and the poses do not."""
    motions = MotionBuffer()
    inputs = VelocityInputs(motions, SensorFrames("base_link", OdometryConfig()))
    for tick in range(120):
        now = tick / 20
        inputs.judge_imu(1.0 <= now < 2.0)
        message, gyroscope = sim.odom(now, 5.0, 0.5 if now < 5.0 else -0.5), sim.imu(now, 0.0)
        yaw = 0.5 * now
        message.pose.pose.position.x, message.pose.pose.position.y = 10 * math.sin(yaw), 10 * (1 - math.cos(yaw))
        message.pose.pose.orientation.z, message.pose.pose.orientation.w = math.sin(yaw / 2), math.cos(yaw / 2)
        gyroscope.angular_velocity.z = 0.5
        if 1.0 <= now < 2.0:
            with pytest.raises(InputError, match="not used"):
                inputs.add_imu(gyroscope)
        else:
            inputs.add_imu(gyroscope)
        inputs.add_odometry(message)
    motion = motions.between(sim.stamp(5.0), sim.stamp(5.9))
    assert motion.displacement.yaw == pytest.approx(0.45, abs=0.03) and motion.unknown_turn_s == 0.0


TUNNEL_S = 10.0  # where it begins
FIX_STD = 0.8
AT_ITS_MOUTH: dict[str, Callable[[np.random.Generator], float]] = {
    "repeated": lambda rng: 0.0,
    "wandering about": lambda rng: rng.normal(0.0, FIX_STD),
}


def blamed_by_fixes(frames_until: float, speed: Callable[[float], float], off: Callable[[float, float], float]) -> bool:
    """Whether odometry is refused in a minute at 10 m/s along x.

    frames_until: s, when the last frame shows the place; speed: as odometry tells it; off: how far from where the
    vehicle is (m) fixes lie, by time (s) and place (m).
    """
    inputs, refused = VelocityInputs(MotionBuffer(), SensorFrames("base_link", OdometryConfig())), False
    for tick in range(600):
        now = tick / 10
        try:
            inputs.add_odometry(sim.odom(now, speed(now), 0.0))
        except InputError as error:
            refused |= "contradicts where fixes" in str(error)
        if now < frames_until:
            inputs.compare("frames", Place(sim.stamp(now), np.array([10.0 * now, 0.0]), 0.4, 0.0))
        if tick % 5 == 0:
            place = np.array([10.0 * now + off(now, 10.0 * now), 0.0])
            inputs.compare("fixes", Place(sim.stamp(now), place, FIX_STD))
    return refused


@pytest.mark.parametrize("how", AT_ITS_MOUTH)
@pytest.mark.parametrize("frames_until", [TUNNEL_S, 60.0], ids=["no frames", "frames"])
def test_fixes_that_stay_at_the_mouth_of_a_tunnel_do_not_blame_odometry(how: str, frames_until: float) -> None:
    rng = np.random.default_rng(0)

    def off(now: float, place: float) -> float:
        return 0.0 if now < TUNNEL_S else 10.0 * TUNNEL_S - place + AT_ITS_MOUTH[how](rng)

    assert not blamed_by_fixes(frames_until, lambda now: 10.0, off)


def test_fixes_blame_odometry_where_frames_have_not_spoken_or_doubt_it_too() -> None:
    assert blamed_by_fixes(0.0, lambda now: 20.0, lambda now, place: 0.0)
    assert blamed_by_fixes(TUNNEL_S, lambda now: 10.0 if now < 8.5 else 20.0, lambda now, place: 0.0)
