"""What the refined hypotheses of a frame agree on, compiled: of fifty, numpy's calls take far longer than the sums."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.localization.agreement import Agreement
from geoflow_ros.localization.hypotheses import CONSENSUS_TOLERANCE, MEAN_SHIFTS, GaussianPrior, Prior
from geoflow_ros.model.inference.jit import compiled
from geoflow_ros.model.interface import FOUND, Flow, FrameAnswer, Refined

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


def agreements(
    answers: Sequence[FrameAnswer], beliefs: Sequence[GaussianPrior], bandwidth: float
) -> tuple[Agreement, ...]:
    """As `agreement.agreements`."""
    found = np.array([answer.found for answer in answers])
    means, covariances = np.array([each.mean for each in beliefs]), np.array([each.covariance for each in beliefs])
    precisions = np.asarray(np.linalg.inv(covariances), np.float64)  # at once, as the call takes longer than the sums
    agreed = _agreements(found, means, precisions, bandwidth, MEAN_SHIFTS, CONSENSUS_TOLERANCE)
    return tuple(Agreement(*of_frame) for of_frame in zip(*agreed, strict=True))


def compile_ahead() -> None:
    """Compile, which takes seconds once on a machine, before a frame has to wait for it."""
    poses = np.zeros((2, 3))
    weights = _weigh(poses, np.zeros(2), np.zeros(3), NO_PRECISION)
    pose = _consensus(poses, weights, 1.0, MEAN_SHIFTS, CONSENSUS_TOLERANCE)
    _covariance(pose, poses, weights, True, np.zeros((6, 2)))
    found, precisions = np.zeros((1, 2, FOUND), np.float32), np.zeros((1, 3, 3))
    _agreements(found, poses[:1], precisions, 1.0, MEAN_SHIFTS, CONSENSUS_TOLERANCE)


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
    count, falls, density = len(poses), -0.5 / bandwidth**2, weights.copy()
    for n in range(count):
        for m in range(n):
            near = math.exp(falls * ((poses[n, 0] - poses[m, 0]) ** 2 + (poses[n, 1] - poses[m, 1]) ** 2))
            density[n] += weights[m] * near
            density[m] += weights[n] * near
    sines, cosines, densest = np.sin(poses[:, 2]), np.cos(poses[:, 2]), density.argmax()
    centre = np.array([poses[densest, 0], poses[densest, 1], sines[densest], cosines[densest]])
    for _ in range(shifts):
        sums, total = np.zeros(4), 0.0
        for n in range(count):
            away = (poses[n, 0] - centre[0]) ** 2 + (poses[n, 1] - centre[1]) ** 2
            share = weights[n] * math.exp(away * falls)
            total += share
            sums[0] += share * poses[n, 0]
            sums[1] += share * poses[n, 1]
            sums[2] += share * sines[n]
            sums[3] += share * cosines[n]
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


@compiled
def _agreements(
    found: NDArray[np.float32], means: Floats, precisions: Floats, bandwidth: float, shifts: int, tolerance: float
) -> tuple[Floats, Floats, Floats, Floats]:
    """Poses (B, 3), covariances (B, 3, 3), hypotheses (B, N, 3) and weights (B, N) of frames found as (B, N, FOUND)."""
    batch, count, _ = found.shape
    poses, covariances = np.empty((batch, 3)), np.empty((batch, 3, 3))
    hypotheses, weights, ways = np.empty((batch, count, 3)), np.empty((batch, count)), np.empty((6, count))
    for b in range(batch):
        for n in range(count):
            hypotheses[b, n] = found[b, n, :3]
            weights[b, n] = found[b, n, 10]
            ways[:3, n], ways[3:5, n] = found[b, n, 5:8], found[b, n, 3:5]
            ways[5, n] = found[b, n, 8] ** 2 + found[b, n, 9]
        weights[b] = _weigh(hypotheses[b], weights[b].copy(), means[b], precisions[b])
        poses[b] = _consensus(hypotheses[b], weights[b], bandwidth, shifts, tolerance)
        covariances[b] = _covariance(poses[b], hypotheses[b], weights[b], True, ways)
    return poses, covariances, hypotheses, weights
