"""What odometry, fixes with a drifting bias and headings say about the nodes of a drive, linearised."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.planar import rotate, wrap_angle
from geoflow_ros.smoothing.chain import NormalEquations
from geoflow_ros.tracking.motion import STEADY, UNKNOWN_TURN_RATE
from geoflow_ros.tracking.track import BeliefConfig

Floats = NDArray[np.float64]
STATE = 7  # east, north, yaw; bias of the fixes east, north; error of odometry's scale; bias of its rate of turn
POSE, BIAS, SCALE, RATE = slice(0, 3), slice(3, 5), 5, 6
FLOOR_M, FLOOR_RAD = 0.01, 0.001  # of odometry from node to node
RATE_STD, RATE_WALK = 0.01, 1e-4  # rad/s; per root of a second
SCALE_WALK = 1e-4  # per root of a metre
WHITE_SHARE, LEAST_WHITE_M = 0.3, 0.5  # of a fix's standard deviation: what is not bias
HUBER = 2.0  # standard deviations from which on a fix counts less


@dataclass(frozen=True, slots=True, eq=False)
class Step:
    """From a node to the next. displacement: (3,) in the first's axes; distance m, turned rad, seconds; the last two:
    for how long speed and rate of turn were not measured."""

    displacement: Floats
    distance: float
    turned: float
    seconds: float
    unknown_s: float
    unknown_turn_s: float


@dataclass(frozen=True, slots=True, eq=False)
class PlacedFix:
    """A fix by the node it is nearest to. place: (2,) east, north of the antenna; lever: (2,) of the antenna in the
    node's axes; covariance: (2, 2) as the receiver states it."""

    node: int
    place: Floats
    lever: Floats
    covariance: Floats


@dataclass(frozen=True, slots=True, eq=False)
class NodeHeading:
    """A yaw (rad) of a node and the variance at which it counts."""

    node: int
    yaw: float
    variance: float


@dataclass(frozen=True, slots=True, eq=False)
class SensorFactors:
    """All that is known without the camera. noise: of odometry and of the fixes' drift; speed_sigma: m/s where nothing
    tells the speed."""

    steps: list[Step]
    fixes: list[PlacedFix]
    headings: list[NodeHeading]
    noise: BeliefConfig
    speed_sigma: float

    @property
    def bias_std(self) -> float:
        """Standard deviation (m, along an axis) of the fixes' bias: as uncertain as they state to be."""
        return math.sqrt(float(np.median([np.trace(fix.covariance) / 2 for fix in self.fixes])))

    def linearised(self, states: Floats) -> NormalEquations:
        """The normal equations at states (N, STATE)."""
        equations = NormalEquations.empty(len(states), STATE)
        self._start(equations, states[0])
        for index, step in enumerate(self.steps):
            self._odometry(equations, index, step, states[index], states[index + 1])
        for fix in self.fixes:
            _fix(equations, fix, states[fix.node])
        for heading in self.headings:
            residual = np.array([wrap_angle(states[heading.node, 2] - heading.yaw)])
            equations.add_unary(heading.node, np.eye(STATE)[2:3], residual, np.array([[1 / heading.variance]]))
        return equations

    def _start(self, equations: NormalEquations, state: Floats) -> None:
        scale_std = max(2 * self.noise.scale_std, 1e-3)
        std = np.array([1e3, 1e3, math.pi, self.bias_std, self.bias_std, scale_std, RATE_STD])
        expected = np.concatenate([state[POSE], np.zeros(4)])  # a pose is as good as unknown
        equations.add_unary(0, np.eye(STATE), state - expected, np.diag(std**-2.0))

    def _odometry(self, equations: NormalEquations, index: int, step: Step, first: Floats, second: Floats) -> None:
        seen = rotate(-first[2], second[:2] - first[:2])
        way, turn = step.displacement[:2], step.displacement[2]
        keep = math.exp(-step.seconds / self.noise.fix_correlation)
        residual = np.empty(STATE)
        residual[:2] = seen - (1.0 + first[SCALE]) * way
        residual[2] = wrap_angle(second[2] - first[2] - turn - first[RATE] * step.seconds)
        residual[BIAS] = second[BIAS] - keep * first[BIAS]
        residual[SCALE:] = second[SCALE:] - first[SCALE:]
        cos, sin = math.cos(first[2]), math.sin(first[2])
        turned_back = np.array([[cos, sin], [-sin, cos]])
        before, after = -np.eye(STATE), np.eye(STATE)
        before[:2, :2], after[:2, :2] = -turned_back, turned_back
        before[:2, 2] = seen[1], -seen[0]
        before[:2, SCALE], before[2, RATE] = -way, -step.seconds
        before[BIAS, BIAS] *= keep
        equations.add_between(index, before, after, residual, np.diag(1.0 / self._variances(step, keep)))

    def _variances(self, step: Step, keep: float) -> Floats:
        noise = self.noise
        unknown = STEADY * self.speed_sigma * step.unknown_s
        place = noise.distance_noise**2 * step.distance + unknown**2 + FLOOR_M**2
        turn = noise.yaw_noise**2 * step.distance + noise.turn_noise**2 * step.turned + FLOOR_RAD**2
        turn += (UNKNOWN_TURN_RATE * step.unknown_turn_s) ** 2
        bias = self.bias_std**2 * (1.0 - keep**2) + 1e-6
        walks = SCALE_WALK**2 * step.distance + 1e-10, RATE_WALK**2 * step.seconds + 1e-12
        return np.array([place, place, turn, bias, bias, *walks])


def _fix(equations: NormalEquations, fix: PlacedFix, state: Floats) -> None:
    """place = pose * lever + bias + white noise; one that is far off counts less (Huber)."""
    lever = rotate(state[2], fix.lever)
    residual = state[:2] + lever + state[BIAS] - fix.place
    jacobian = np.zeros((2, STATE))
    jacobian[:, :2] = jacobian[:, BIAS] = np.eye(2)
    jacobian[:, 2] = -lever[1], lever[0]
    white = np.asarray(np.linalg.inv(WHITE_SHARE**2 * fix.covariance + LEAST_WHITE_M**2 * np.eye(2)), np.float64)
    length = math.sqrt(float(residual @ white @ residual))
    equations.add_unary(fix.node, jacobian, residual, white * min(1.0, HUBER / max(length, 1e-9)))
