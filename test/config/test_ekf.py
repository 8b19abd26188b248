"""The EKF recipe on a simulated drive: a filter of the plain equations, set up by the recipe as ekf_node would be."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray
from paths import REPOSITORY

from geoflow_ros.town.noise import gauss_markov

Floats = NDArray[np.float64]
RECIPE = REPOSITORY / "config" / "robot_localization" / "ekf.yaml"
ALL = ("x", "y", "z", "roll", "pitch", "yaw", "vx", "vy", "vz", "vroll", "vpitch", "vyaw", "ax", "ay", "az")
KEPT = [ALL.index(name) for name in ("x", "y", "yaw", "vx", "vy", "vyaw")]
PROCESS_NOISE = np.array([0.05, 0.05, 0.06, 0.025, 0.025, 0.02])
"""Variances a second of the kept states: the defaults of robot_localization, which the recipe leaves alone."""
SPEED, RADIUS, SECONDS, LAG = 5.0, 40.0, 120.0, 0.5
POSE_SIGMA, YAW_SIGMA = 0.6, 0.02


@dataclass(frozen=True, slots=True)
class Measured:
    """Source, stamp and arrival (s), and what of the kept states it says with which covariance."""

    source: str
    stamp: float
    arrival: float
    value: Floats
    covariance: Floats


class Filter:
    """A planar EKF with the start, the gate and the choice of states of the recipe."""

    def __init__(self, settings: dict[str, Any], initial: Floats | None = None) -> None:
        self._settings = settings
        diagonal = np.array(settings["initial_estimate_covariance"])[KEPT] if initial is None else initial
        self.state, self._covariance = np.zeros(6), np.diag(diagonal)
        self._stamp: float | None = None
        self.refused = 0

    def take(self, measured: Measured) -> None:
        """Predict to its stamp and correct; the first one sets the states that it measures."""
        used = np.flatnonzero(np.array(self._settings[f"{measured.source}_config"])[KEPT])
        if self._stamp is None:
            self.state[used] = measured.value
            self._covariance[np.ix_(used, used)] = measured.covariance
        else:
            self._predict(measured.stamp - self._stamp)
            self._correct(used, measured)
        self._stamp = max(measured.stamp, self._stamp or 0.0)

    def _predict(self, dt: float) -> None:
        if dt <= 0.0:
            return
        yaw, vx, vy, rate = self.state[2:]
        cos, sin = math.cos(yaw), math.sin(yaw)
        jacobian = np.eye(6)
        jacobian[0, 2:5] = (-(vx * sin + vy * cos) * dt, cos * dt, -sin * dt)
        jacobian[1, 2:5] = ((vx * cos - vy * sin) * dt, sin * dt, cos * dt)
        jacobian[2, 5] = dt
        self.state[:3] += np.array([vx * cos - vy * sin, vx * sin + vy * cos, rate]) * dt
        self._covariance = jacobian @ self._covariance @ jacobian.T + np.diag(PROCESS_NOISE) * dt

    def _correct(self, used: NDArray[np.intp], measured: Measured) -> None:
        innovation = measured.value - self.state[used]
        innovation[used == 2] = [math.remainder(each, math.tau) for each in innovation[used == 2]]
        spread = self._covariance[np.ix_(used, used)] + measured.covariance
        threshold = self._settings.get(f"{measured.source}_rejection_threshold", math.inf)
        if innovation @ np.linalg.solve(spread, innovation) >= threshold**2:
            self.refused += 1
            return
        gain = self._covariance[:, used] @ np.linalg.inv(spread)
        self.state = self.state + gain @ innovation
        self._covariance = self._covariance - gain @ spread @ gain.T


def truth(stamp: Floats | float) -> Floats:
    """East, north, yaw (..., 3) on a circle that begins 100 m from the datum."""
    yaw = np.asarray(stamp) * SPEED / RADIUS
    return np.stack([100.0 + RADIUS * np.sin(yaw), -30.0 - RADIUS * np.cos(yaw), yaw], axis=-1)


def drive(seed: int, outliers: float = 0.0) -> tuple[list[Measured], list[Measured]]:
    """Odometry at 20 Hz with scale and rate errors; poses at 10 Hz, LAG late, with errors that last for seconds."""
    rng = np.random.default_rng(seed)
    odometry = []
    scale, bias = 1.0 + rng.normal(0.0, 0.01), rng.normal(0.0, 0.002)
    for stamp in np.arange(0.0, SECONDS, 0.05).tolist():
        value = np.array([SPEED * scale + rng.normal(0.0, 0.05), 0.0, SPEED / RADIUS + bias + rng.normal(0.0, 0.005)])
        odometry.append(Measured("odom0", stamp, stamp, value, np.diag([0.05**2 + 0.05**2, 0.01, 0.006**2])))
    stamps = np.arange(1.0, SECONDS, 0.1)
    errors = np.column_stack([gauss_markov(rng, stamps, sigma, 1.0) for sigma in (POSE_SIGMA, POSE_SIGMA, YAW_SIGMA)])
    values = truth(stamps) + errors
    values[rng.uniform(size=len(stamps)) < outliers, :2] += 40.0
    covariance = np.diag([POSE_SIGMA**2, POSE_SIGMA**2, YAW_SIGMA**2])
    poses = [Measured("pose0", t, t + LAG, v, covariance) for t, v in zip(stamps.tolist(), values, strict=True)]
    return odometry, poses


def root_mean_square(errors: list[float]) -> float:
    """Of the distances of the second half, when the filter has settled."""
    return float(np.sqrt(np.mean(np.square(errors[len(errors) // 2 :]))))


def in_order_of_stamps(odometry: list[Measured], poses: list[Measured], of: Filter) -> float:
    """Error at the stamps of the poses; late data applied at its stamp, as smooth_lagged_data does."""
    errors = []
    for measured in sorted([*odometry, *poses], key=lambda each: each.stamp):
        of.take(measured)
        if measured.source == "pose0":
            errors.append(math.dist(of.state[:2], truth(measured.stamp)[:2]))
    return root_mean_square(errors)


def in_order_of_arrival(odometry: list[Measured], poses: list[Measured], of: Filter) -> float:
    """Error at the odometry's stamps, late data taken as of now."""
    errors = []
    for measured in sorted([*odometry, *poses], key=lambda each: each.arrival):
        of.take(measured)
        if measured.source == "odom0":
            errors.append(math.dist(of.state[:2], truth(measured.stamp)[:2]))
    return root_mean_square(errors)


@pytest.fixture(scope="module")
def recipe() -> dict[str, Any]:
    document = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))
    return dict(document["/**/ekf_filter_node"]["ros__parameters"])


@pytest.mark.parametrize("seed", range(3))
def test_fused_is_better_than_our_pose_alone(recipe: dict[str, Any], seed: int) -> None:
    odometry, poses = drive(seed)
    alone = root_mean_square([math.dist(each.value[:2], truth(each.stamp)[:2]) for each in poses])
    ekf = Filter(recipe)
    assert in_order_of_stamps(odometry, poses, ekf) < alone
    assert ekf.refused == 0


def test_a_wrong_place_is_refused(recipe: dict[str, Any]) -> None:
    odometry, poses = drive(1, outliers=0.05)
    wrong = sum(math.dist(each.value[:2], truth(each.stamp)[:2]) > 20.0 for each in poses)
    ekf = Filter(recipe)
    assert in_order_of_stamps(odometry, poses, ekf) < POSE_SIGMA * math.sqrt(2.0)
    assert ekf.refused == wrong > 30


def test_without_the_initial_covariance_poses_are_refused_for_long(recipe: dict[str, Any]) -> None:
    odometry, poses = drive(1)
    ekf = Filter(recipe, initial=np.full(6, 1e-9))
    in_order_of_stamps(odometry, [each for each in poses if each.stamp < 20.0], ekf)
    assert ekf.refused == sum(each.stamp < 20.0 for each in poses)


def test_late_poses_cost_metres_unless_applied_at_their_stamp(recipe: dict[str, Any]) -> None:
    assert recipe["smooth_lagged_data"] and recipe["history_length"] > LAG
    odometry, poses = drive(1)
    late = in_order_of_arrival(odometry, poses, Filter(recipe))
    assert late > 2.0 > 3.0 * in_order_of_stamps(odometry, poses, Filter(recipe))
