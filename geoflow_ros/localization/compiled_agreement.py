"""What the refined hypotheses of a frame agree on, compiled: of fifty, numpy's calls take far longer than the sums."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.localization.agreement import Agreement
from geoflow_ros.localization.hypotheses import CONSENSUS_TOLERANCE, MEAN_SHIFTS, GaussianPrior, Prior
from geoflow_ros.model.inference.jit import compiled
from geoflow_ros.model.interface import Flow, Refined

Floats = NDArray[np.float64]
NO_PRECISION = np.zeros((3, 3))
"""Of a prior by which no place is likelier than another."""


def agreement(refined: Refined, belief: Prior, bandwidth: float, is_posterior: bool) -> Agreement:
    """As `agreement.agreement`."""
    poses, flow, fit = refined
    hypotheses = poses[0].numpy().astype(np.float64)
    log_weights = np.zeros(len(hypotheses)) if fit is None else fit[0].numpy().astype(np.float64)
    precision = belief.precision if isinstance(belief, GaussianPrior) else NO_PRECISION
    weights = _weigh(hypotheses, log_weights, belief.mean, precision)
    pose = _consensus(hypotheses, weights, bandwidth, MEAN_SHIFTS, CONSENSUS_TOLERANCE)
    covariance = _covariance(pose, hypotheses, weights, is_posterior, _ways(flow, belief))
    return Agreement(pose, covariance, hypotheses, weights)


def compile_ahead() -> None:
    """Compile, which takes seconds once on a machine, before a frame has to wait for it."""
    poses = np.zeros((2, 3))
    weights = _weigh(poses, np.zeros(2), np.zeros(3), NO_PRECISION)
    pose = _consensus(poses, weights, 1.0, MEAN_SHIFTS, CONSENSUS_TOLERANCE)
    _covariance(pose, poses, weights, True, np.zeros((6, 2)))


def _ways(flow: Flow, belief: Prior) -> Floats:
    """(6, N) log distance and its variance, concentration of the direction, the direction, the yaw's square."""
    log_distance = flow.log_distance[0].numpy()
    if flow.yaw_step is None or flow.yaw_variance is None:
        yaw_squared = np.full_like(log_distance, belief.heading_variance)
    else:
        yaw_squared = np.square(flow.yaw_step[0].numpy()) + flow.yaw_variance[0].numpy()
    x, y = flow.direction[0].numpy().T
    return np.array([log_distance, flow.variance[0].numpy(), flow.kappa[0].numpy(), x, y, yaw_squared], np.float64)


@compiled
def _wrapped(angle: float) -> float:
    return (angle + math.pi) % (2.0 * math.pi) - math.pi


@compiled
def _weigh(poses: Floats, log_weights: Floats, mean: Floats, precision: Floats) -> Floats:
    """Weights (N,) by prior and fit; wraps the poses' yaw in place."""
    count, offset = len(poses), np.empty(3)
    for n in range(count):
        poses[n, 2] = _wrapped(poses[n, 2])
        offset[0], offset[1] = poses[n, 0] - mean[0], poses[n, 1] - mean[1]
        offset[2] = _wrapped(poses[n, 2] - mean[2])
        for i in range(3):
            for j in range(3):
                log_weights[n] -= 0.5 * offset[i] * precision[i, j] * offset[j]
    weights = np.exp(log_weights - log_weights.max())
    return np.asarray(weights / weights.sum())


@compiled
def _consensus(poses: Floats, weights: Floats, bandwidth: float, shifts: int, tolerance: float) -> Floats:
    """As `hypotheses.consensus`."""
    count, falls = len(poses), -0.5 / bandwidth**2
    densest, highest = 0, -1.0
    for n in range(count):
        density = 0.0
        for m in range(count):
            away = (poses[n, 0] - poses[m, 0]) ** 2 + (poses[n, 1] - poses[m, 1]) ** 2
            density += weights[m] * math.exp(away * falls)
        if density > highest:
            densest, highest = n, density
    centre = np.array([poses[densest, 0], poses[densest, 1], math.sin(poses[densest, 2]), math.cos(poses[densest, 2])])
    for _ in range(shifts):
        sums, total = np.zeros(4), 0.0
        for n in range(count):
            away = (poses[n, 0] - centre[0]) ** 2 + (poses[n, 1] - centre[1]) ** 2
            share = weights[n] * math.exp(away * falls)
            total += share
            sums[0] += share * poses[n, 0]
            sums[1] += share * poses[n, 1]
            sums[2] += share * math.sin(poses[n, 2])
            sums[3] += share * math.cos(poses[n, 2])
        before, centre = centre, sums / total
        if np.abs(centre - before).max() < tolerance:
            break
    return np.array([centre[0], centre[1], math.atan2(centre[2], centre[3])])


@compiled
def _covariance(pose: Floats, poses: Floats, weights: Floats, is_posterior: bool, ways: Floats) -> Floats:
    """As `hypotheses.pose_covariance` with `remaining_error`.

    ways: as `_ways` has them.
    """
    count, offset, covariance = len(poses), np.empty(3), np.zeros((3, 3))
    for n in range(count):
        share = 1.0 / count if is_posterior else weights[n]
        offset[0], offset[1] = poses[n, 0] - pose[0], poses[n, 1] - pose[1]
        offset[2] = _wrapped(poses[n, 2] - pose[2])
        for i in range(3):
            for j in range(3):
                covariance[i, j] += share * offset[i] * offset[j]
        log_distance, variance, kappa, x, y, yaw_squared = ways[:, n]
        squared = share * math.exp(2.0 * log_distance + 2.0 * min(variance, 4.0))
        concentration = kappa**2 / (kappa**2 + 4.0)
        along, across = 0.5 * squared * (1.0 - concentration), squared * concentration
        covariance[0, 0] += along + across * x * x
        covariance[1, 1] += along + across * y * y
        covariance[0, 1] += across * x * y
        covariance[1, 0] += across * x * y
        covariance[2, 2] += share * yaw_squared
    return covariance
