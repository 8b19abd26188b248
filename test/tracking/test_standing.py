"""What stands, or goes too slowly to be told from standing: no surer by waiting, and not lost on the way."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tracking_support as sim

from geoflow_ros.localization.pose import PosePrior
from geoflow_ros.planar import PlanarPose
from geoflow_ros.tracking.belief import Belief, BeliefConfig
from geoflow_ros.tracking.motion import NO_MOTION, STANDSTILL_RATE, STANDSTILL_SPEED, Creep, Motion

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


def test_the_noise_of_standing_wheels_is_no_way() -> None:
    creep, rng = Creep(), np.random.default_rng(0)
    noise = [Motion(PlanarPose(*rng.normal(0.0, (0.002, 0.0, 0.0005)))) for _ in range(20 * 60)]
    assert sum(creep.counted(each).distance for each in noise) < 0.3
