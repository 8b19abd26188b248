"""Weighted poses of base_link, moved, re-weighted, resampled: arrays (N, 3) of east, north (m), yaw (rad)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.localization.pose import PoseEstimate
from geoflow_ros.planar import PlanarPose, compose, wrap_angle
from geoflow_ros.tracking.motion import NO_MOTION, UNKNOWN_TURN_RATE, Motion
from geoflow_ros.tracking.mount.remembered import Remembered

Floats = NDArray[np.float64]
TINY = 1e-12
SCALE_STD = 0.005  # the scale is never known better: wheels wear and slip, and what was learnt may be wrong
SCALE_DOUBT = 0.5  # nor better than this share of what it is off by: few particles are drawn near one that is far off
SQUINT_STD = 0.005  # rad, the same of a camera's yaw
SCATTER = (0.7, 0.7, 0.03)  # m, m, rad: between the refined hypotheses of a frame, which stand on few spots
LASTS_S = (10.0, 2.0)  # in which a vehicle of which nothing tells the velocity changes its speed, its rate of turn
VELOCITY_STD = (0.01, 0.001)  # m/s, rad/s: the velocity of such a vehicle is never known better
SMOOTHING = 0.1  # of a resampling: the share of the spread that is drawn anew, so that no two particles stay alike
KEPT = 0.8  # of the particles at a resampling, while there are more than are kept for good
RIG_SMOOTHING = 0.3
"""The same of heading, scale and squints where several cameras have one: so many states thin the particles out, and
with 0.1 squints of six cameras were off by five of their standard deviations (rms, simulated). Not of the place, which
may be one of several."""


class Particles:
    """A weighted set of poses; every random number comes from the generator given.

    Its arrays are read-only and replaced as a whole: weights and moments, which every frame asks for again and again,
    are remembered until then.

    poses: (N, 3). scale: (N,) what each takes for the true distance of a metre of odometry; wheels wear and slip, and
    an error that stays is distinguished from noise by the particles that survive. squint: (N,) for each camera whose
    yaw on the vehicle is not known: by how much (rad) it looks further left than believed; likewise. velocity: (N, 2)
    forward (m/s) and rate of turn (rad/s) of each, while no odometry tells them: it goes on as it did, more or less.
    """

    def __init__(self, poses: Floats, rng: np.random.Generator, scale_std: float = 0.0) -> None:
        """poses: equally likely. scale_std: standard deviation of the scale about 1."""
        self.poses = wrapped(poses)
        self.fewest = len(poses)  # that are left once there were more, resampling by resampling
        self._rng = rng
        self._weights, self._moments = Remembered(self._weights_now), Remembered(lambda: self._moments_of(self.poses))
        self.draw_scale(scale_std)
        self.squint: Mapping[str, Floats] = {}
        self.turned: frozenset[str] = frozenset()  # the cameras whose yaw is not as stated
        self.forget_velocity()
        self.log_weights = np.zeros(len(poses))

    def __setattr__(self, name: str, value: object) -> None:
        if isinstance(value, np.ndarray):
            value = _read_only(value)
        elif isinstance(value, dict):
            value = MappingProxyType({key: _read_only(each) for key, each in value.items()})
        super().__setattr__(name, value)

    def draw_scale(self, scale_std: float) -> None:
        """Know no more of the scale than its standard deviation about 1."""
        self.scale = 1.0 + scale_std * self._rng.normal(0.0, 1.0, len(self.poses))

    def draw_squint(self, std: float) -> None:
        """Know the vehicle's heading under its cameras, which look on as they do, to `std` (rad) and no better."""
        turns = std * self._rng.normal(0.0, 1.0, len(self.poses)) - np.mean([*self.squint.values()], axis=0)
        self.poses = self._turned(-turns)
        self.squint = {camera: squint + turns for camera, squint in self.squint.items()}

    def doubt_squint(self, std: Mapping[str, float], seen_by: Iterable[str]) -> None:
        """Know the yaw of each camera no better than this (rad); seen_by: the cameras whose heading is believed."""
        drawn = {camera: each * self._rng.normal(0.0, 1.0, len(self.poses)) for camera, each in std.items()}
        self.squint = {**self.squint, **drawn}
        known = np.zeros(len(self.poses))
        if believed := [self.squint.get(camera, known) for camera in seen_by]:
            self.poses = self._turned(-np.mean(believed, axis=0))

    def forget_velocity(self) -> None:
        """What was told of the velocity is not to be believed."""
        self.velocity: Floats | None = None
        self._told: Floats | None = None  # (2,), the last velocity that was

    @property
    def weights(self) -> Floats:
        """(N,) summing to one."""
        return self._weights.of(self.log_weights)

    def _weights_now(self) -> Floats:
        weights = np.exp(self.log_weights - self.log_weights.max())
        return _read_only(weights / weights.sum())

    def moments(self, lag: Motion = NO_MOTION) -> tuple[Floats, Floats]:
        """Mean (3,) and covariance (3, 3) after a motion; the yaw about its circular mean.

        The mean is that of cameras whose yaw is as stated, if driving tolerates that; the covariance about it of all.
        """
        if lag is NO_MOTION:
            return self._moments.of(self.poses, self.log_weights, self.squint, self.turned)
        return self._moments_of(lag.apply(self.poses))

    def _moments_of(self, poses: Floats) -> tuple[Floats, Floats]:
        """`moments` of particles at these poses (N, 3)."""
        stated = [squint for camera, squint in self.squint.items() if camera not in self.turned]
        mean, covariance = _moments(np.column_stack([poses, *stated]) if stated else poses, self.weights)
        if stated:
            of_squint = covariance[3:, 3:] + TINY * np.eye(len(stated))
            away = covariance[:3, 3:] @ np.linalg.solve(of_squint, mean[3:])
            mean, covariance = wrapped((mean[:3] - away)[None])[0], covariance[:3, :3] + np.outer(away, away)
        return _read_only(mean), _read_only(covariance)

    def squint_moments(self, camera: str) -> tuple[float, float]:
        """Mean and standard deviation (rad) of a camera's squint."""
        squint, weights = self.squint[camera], self.weights
        mean = float(weights @ squint)
        return mean, float(np.sqrt(weights @ np.square(squint - mean)))

    def accelerate(self, motion: Motion, seconds: float, speed_sigma: float) -> None:
        """Keep the velocity in mind that a motion of so many seconds tells, or draw what becomes of one that none does.

        speed_sigma: standard deviation of the speed (m/s) of which nothing was ever told.
        """
        told_s = np.maximum(seconds - np.array([motion.missing_s, motion.missing_turn_s]), TINY)
        told, is_told = np.array([motion.displacement.x, motion.displacement.yaw]) / told_s, told_s >= seconds / 2
        if is_told.all():
            self.velocity, self._told = None, told
            return
        sigma, size = np.array([speed_sigma, UNKNOWN_TURN_RATE]), (len(self.poses), 2)
        if self.velocity is None:
            unknown = sigma * self._rng.normal(0.0, 1.0, size)
            self.velocity = unknown if self._told is None else np.tile(self._told, (len(self.poses), 1))
        kept = np.exp(-seconds / np.array(LASTS_S))
        drawn_anew = sigma * np.sqrt(1.0 - kept**2) * self._rng.normal(0.0, 1.0, size)
        self.velocity = np.where(is_told, told, kept * self.velocity + drawn_anew)

    def move(self, motion: Motion, position: float, turn: float) -> None:
        """Move everything by the same motion and by noise of its own: standard deviations in m and rad.

        For as long as the motion is not told, each goes on with its velocity.
        """
        noise = self._rng.normal(0.0, 1.0, (len(self.poses), 3)) * (position, position, turn)
        steps = np.tile(motion.displacement.array(), (len(self.poses), 1))
        steps[:, :2] *= self.scale[:, None]
        if self.velocity is not None:
            metres, turns = (self.velocity * (motion.missing_s, motion.missing_turn_s)).T
            steps[:, 2] += turns
            steps[:, 0] += metres * np.cos(steps[:, 2] / 2)
            steps[:, 1] += metres * np.sin(steps[:, 2] / 2)
        self.poses = wrapped(compose(self.poses, steps) + noise)

    def completed(self, motion: Motion) -> Motion:
        """A motion with how the particles go on, in their mean, for as long as it is not told."""
        if self.velocity is None or not (motion.missing_s or motion.missing_turn_s):
            return motion
        missing_s = np.array([motion.missing_s, motion.missing_turn_s])
        metres, turn = (self.weights @ self.velocity) * missing_s
        driven, turned = (self.weights @ np.abs(self.velocity)) * np.abs(missing_s)
        way = motion.displacement
        yaw = way.yaw + turn
        there = PlanarPose(way.x + metres * np.cos(yaw / 2), way.y + metres * np.sin(yaw / 2), yaw)
        return replace(motion, displacement=there, distance=motion.distance + driven, turned=motion.turned + turned)

    def turn(self, turns: Floats, log_likelihood: Floats) -> None:
        """Turn each by one of ascending angles (N, K) rad, or about as much, drawn by a likelihood (N, K) of each."""
        drawn = (log_likelihood + self._rng.gumbel(size=turns.shape)).argmax(axis=1)[:, None]
        about = np.gradient(turns, axis=1) * self._rng.uniform(-0.5, 0.5, turns.shape)
        self.poses = wrapped(self._turned(np.take_along_axis(turns + about, drawn, axis=1)[:, 0]))

    def _turned(self, turns: Floats) -> Floats:
        """The poses (N, 3), each turned by an angle (N,) of its own (rad), not wrapped."""
        poses = self.poses.copy()
        poses[:, 2] += turns
        return poses

    def reweight(self, log_likelihood: Floats) -> None:
        """Multiply the weights by a likelihood given by its logarithm (N,); resample when few particles remain."""
        log_weights = self.log_weights + log_likelihood
        self.log_weights = log_weights - log_weights.max()
        if 1.0 / np.square(self.weights).sum() < len(self.poses) / 2:
            self.resample(max(self.fewest, round(KEPT * len(self.poses))))

    def replace_least(self, poses: Floats, camera: str = "") -> None:
        """Put poses (M, 3), as a camera shows them, of average weight in the place of the least likely particles."""
        least = np.argsort(self.log_weights)[: len(poses)]
        placed, log_weights = self.poses.copy(), self.log_weights.copy()
        placed[least] = poses
        if camera in self.squint:
            placed[least, 2] -= self.squint[camera][least]
        log_weights[least] = np.log(np.exp(self.log_weights).mean())
        self.poses, self.log_weights = placed, log_weights

    def resample(self, count: int) -> None:
        """Systematic resampling; then each particle is drawn a little towards the mean and jittered by as much.

        count: of the particles from now on. The mean and covariance stay (Liu and West, 2001), but for the scale, which
        is stirred to stay open to change, and a little of what joins place and heading in a rig.
        """
        velocity = np.zeros((len(self.poses), 0)) if self.velocity is None else self.velocity
        states = np.column_stack([self.poses, self.scale, velocity, *self.squint.values()])
        mean, covariance = _moments(states, self.weights)
        of_scale = SCALE_STD**2 + (SCALE_DOUBT * (mean[3] - 1.0)) ** 2
        known = 4 + velocity.shape[1]
        of_velocity = np.square(VELOCITY_STD[: velocity.shape[1]])
        stirred = [TINY, TINY, TINY, of_scale, *of_velocity, *[SQUINT_STD**2] * len(self.squint)]
        ticks = (np.arange(count) + self._rng.uniform()) / count
        chosen = np.minimum(np.searchsorted(np.cumsum(self.weights), ticks), len(states) - 1)
        offset = wrapped(states[chosen] - mean)
        jitter = self._rng.multivariate_normal(
            np.zeros(len(stirred)), covariance + np.diag(stirred), count, method="cholesky"
        )
        of_rest = SMOOTHING if len(self.squint) < 2 else RIG_SMOOTHING
        anew = np.array([SMOOTHING, SMOOTHING, *[of_rest] * (len(stirred) - 2)])
        # So few say less well where the mean is, and how far from it they may be.
        wider = 1.0 if len(self.squint) < 2 else math.sqrt(1.0 + 2.0 * float(np.square(self.weights).sum()))
        spread = np.array([1.0, 1.0, *[wider] * (len(stirred) - 2)])
        states = wrapped(mean + spread * (np.sqrt(1.0 - anew**2) * offset + anew * jitter))
        self.poses, self.scale = states[:, :3], states[:, 3]
        self.velocity = None if self.velocity is None else states[:, 4:known]
        self.squint = dict(zip(self.squint, states[:, known:].T, strict=True))
        self.log_weights = np.zeros(count)


def drawn(estimate: PoseEstimate, count: int, rng: np.random.Generator) -> Floats:
    """Poses (count, 3) of a frame alone: half around its hypotheses, half from its covariance."""
    chosen = rng.choice(len(estimate.weights), count - count // 2, p=estimate.weights / estimate.weights.sum())
    around = estimate.hypotheses[chosen] + rng.normal(0.0, 1.0, (len(chosen), 3)) * SCATTER
    mean = np.array([estimate.east, estimate.north, estimate.yaw])
    return np.concatenate([around, rng.multivariate_normal(mean, estimate.covariance, count // 2, method="cholesky")])


def _read_only(array: Floats) -> Floats:
    """The same memory, which cannot be written by this name."""
    seen = array.view()
    seen.flags.writeable = False
    return seen


def wrapped(states: Floats) -> Floats:
    """The same (N, 3 or more), in place, with yaw, the third column, in [-pi, pi)."""
    states[:, 2] = wrap_angle(states[:, 2])
    return states


def _moments(states: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Mean (D,) and covariance (D, D) of states (N, D); the yaw about its circular mean."""
    centre, yaw = weights @ states, states[:, 2]
    centre[2] = np.arctan2(weights @ np.sin(yaw), weights @ np.cos(yaw))
    offset = wrapped(states - centre)
    mean = weights @ offset
    centred = offset - mean
    return centre + mean, (weights[:, None] * centred).T @ centred
