"""What stands, or goes too slowly to be told from standing: no surer by waiting, and not lost on the way."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tracking_support as sim

from geoflow_ros.localization.pose import PosePrior
from geoflow_ros.planar import PlanarPose
from geoflow_ros.tracking.belief import Belief
from geoflow_ros.tracking.motion import NO_MOTION, STANDSTILL_RATE, STANDSTILL_SPEED, Creep, Motion
from geoflow_ros.tracking.track import BeliefConfig

SIGMA, BIAS = 1.5, 3.0  # m, of fixes: within their gate, and the same for as long as the vehicle stands


def stated(std: float = 0.3, std_yaw: float = 0.02) -> Belief:
    prior = PosePrior(0.0, 0.0, 0.0, np.diag([std**2, std**2, std_yaw**2]))
    return Belief.of_prior(BeliefConfig(), prior, 0, np.random.default_rng(0))


def after_fixes(seconds: int, speed: float) -> tuple[float, float]:
    """How far east of the truth a vehicle that drives north is believed, and how surely (m), after fixes at 1 Hz."""
    belief = stated()
    for second in range(1, seconds + 1):
        step = Motion(PlanarPose(y=speed), distance=speed) if speed else NO_MOTION
        belief.advance(second * 10**9, step, 0.0)
        belief.weigh_fix(np.array([BIAS, speed * second]), SIGMA**2 * np.eye(2), belief.stamp_ns, NO_MOTION)
    mean, covariance = belief.pose()
    return float(mean[0]), math.sqrt(covariance[0, 0])


def test_an_hour_of_fixes_that_err_alike_moves_no_standing_vehicle() -> None:
    off, std = after_fixes(3600, 0.0)
    assert off == pytest.approx(BIAS * 0.3**2 / (0.3**2 + SIGMA**2), abs=0.1)  # as of a single one
    assert std > 0.2


def test_fixes_of_a_slow_vehicle_count_by_their_time() -> None:
    off, _ = after_fixes(300, 0.2)
    assert off > 0.6  # of eleven


def creeping(seconds: float, speed: float, rate: float, said: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Error and standard deviation (3,) after frames at 10 Hz, driven at speed (m/s) and rate (rad/s) as odometry says.

    said: by how many times its speed is wrong, and its rate (rad/s) off.
    """
    belief, true = stated(), PlanarPose()
    step, told = PlanarPose(x=speed / 10, yaw=rate / 10), PlanarPose(said[0] * speed / 10, 0.0, (rate + said[1]) / 10)
    for tick in range(1, round(seconds * 10)):
        true = true @ step
        belief.advance(tick * 10**8, Motion(told), 0.0)
        belief.see(sim.estimate(true.array(), 0.5, 0.02))
    mean, covariance = belief.pose()
    error = mean - true.array()
    error[2] = math.remainder(error[2], math.tau)
    return np.abs(error), np.sqrt(np.diag(covariance))


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_a_robot_that_creeps_is_followed_by_frames(share: float) -> None:
    error, std = creeping(600.0, share * STANDSTILL_SPEED, 0.0, (1.04, 0.0))  # odometry ends 1.2 to 2.3 m away
    assert math.hypot(*error[:2]) < 0.5
    assert std[0] < 0.3


@pytest.mark.parametrize("rate", [0.1 * STANDSTILL_RATE, 0.3 * STANDSTILL_RATE])
def test_a_gyro_that_drifts_while_the_vehicle_stands_does_not_turn_it_away(rate: float) -> None:
    error, std = creeping(300.0, 0.0, 0.0, (1.0, rate))
    assert error[2] < 3.0 * std[2] < 0.5


@pytest.mark.parametrize("noise", [0.0, 0.06])
@pytest.mark.parametrize("drift_deg", [0.1, -0.04])
def test_a_view_that_stays_says_no_more_of_the_place_while_a_gyro_drifts(noise: float, drift_deg: float) -> None:
    belief, rng = stated(0.2), np.random.default_rng(0)
    seen = sim.estimate(np.array([0.9, 0.0, 0.0]), 0.5, 0.02)
    belief.see(seen)
    before = belief.pose()[0]
    for tick in range(1, 300 * 5):
        speed = rng.normal(0.0, noise)
        way = PlanarPose(speed / 5, 0.0, math.radians(drift_deg) / 5)
        belief.advance(tick * 200_000_000, Motion(way, distance=way.x if speed > STANDSTILL_SPEED else 0.0), 0.0)
        belief.see(seen)
    mean, covariance = belief.pose()
    assert abs(mean[0] - before[0]) < 0.2 and covariance[0, 0] > 0.08**2  # as of one frame
    assert abs(mean[2]) < 3.0 * math.sqrt(covariance[2, 2]) < 0.15


@pytest.mark.parametrize(("noise", "rate_hz"), [(0.04, 20), (0.06, 20), (0.06, 100), (0.15, 100)])
def test_the_noise_of_standing_wheels_is_no_way(noise: float, rate_hz: int) -> None:
    speeds = np.random.default_rng(0).normal(0.0, noise, 60 * rate_hz)
    assert sum(each.distance for each in counted(speeds, rate_hz)) < 0.4


@pytest.mark.parametrize("speed", [0.05, 0.15, 0.6, 12.0])
def test_a_slow_way_counts_as_long_as_it_is(speed: float) -> None:
    way = sum(each.distance for each in counted(np.full(600, speed), 20))
    assert 30.0 * speed - 0.15 <= way <= 30.0 * speed + 1e-6


def test_a_way_there_and_back_counts() -> None:
    way = Creep().counted(Motion(distance=12.0, turned=6.3), 2.0)
    assert (way.distance, way.turned) == (12.0, 6.3)


def counted(speeds: np.ndarray, rate_hz: int) -> list[Motion]:
    """What counts of steps at these speeds (m/s)."""
    creep, steps = Creep(), speeds / rate_hz
    ways = np.where(np.abs(speeds) > STANDSTILL_SPEED, np.abs(steps), 0.0)
    motions = [Motion(PlanarPose(step), distance=way) for step, way in zip(steps.tolist(), ways.tolist(), strict=True)]
    return [creep.counted(each, 1 / rate_hz) for each in motions]
