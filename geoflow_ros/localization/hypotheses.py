"""Many guesses of where the camera stands: drawn from what is known, agreed upon once the network has refined them.

Hypotheses are arrays (N, 3) of (x, y, yaw): position in units of the search radius from the patch centre, in
the patch's axes (x right, y down); yaw in radians counter-clockwise from the patch's +u.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.model.interface import NEGLIGIBLE, Flow, PoseGrid
from geoflow_ros.planar import rotate, wrap_angle

Array = NDArray[np.float64]
TOUCHING = 1e-6  # of a cell's size: a cell that only touches a prior's bounds lies outside
CONSENSUS_TOLERANCE = 1e-5  # in hypothesis units: a fifth of a millimetre
MEAN_SHIFTS = 10  # at most, until they agree


@dataclass(frozen=True)
class GaussianPrior:
    """Prior in hypothesis coordinates: mean (3,), covariance (3, 3)."""

    mean: Array
    covariance: Array

    @cached_property
    def precision(self) -> Array:
        """(3, 3) the inverse of the covariance."""
        return np.asarray(np.linalg.inv(self.covariance))

    @property
    def heading_variance(self) -> float:
        """Of the heading (rad^2)."""
        return float(self.covariance[2, 2])

    def draw(self, count: int, rng: np.random.Generator) -> Array:
        """(count, 3) samples."""
        root = np.linalg.cholesky(self.covariance)
        return np.asarray(self.mean + rng.standard_normal((count, 3)) @ root.T)

    def log_density(self, hypotheses: Array) -> Array:
        """(N,) up to a constant."""
        offset = wrap_yaw(hypotheses - self.mean)
        return np.asarray(-0.5 * np.einsum("ni,ij,nj->n", offset, self.precision, offset))

    def log_density_on(self, grid: PoseGrid) -> NDArray[np.float32]:
        """The same (K, V, U) on a grid; term by term, since most depend on one or two of the axes only."""
        x, y, yaw = grid.x - self.mean[0], grid.y - self.mean[1], wrap_angle(grid.yaw - self.mean[2])
        x, y, yaw = (axis.astype(np.float32) for axis in (x, y[:, None], yaw[:, None, None]))
        ((xx, xy, xh), (_, yy, yh), (_, _, hh)) = self.precision.astype(np.float32)
        plane = -0.5 * (xx * x * x + yy * y * y) - xy * x * y
        turned = xh * yaw * x + 0.5 * hh * yaw * yaw + yh * yaw * y
        return np.asarray(np.subtract(plane, turned, out=turned))


@dataclass(frozen=True, slots=True)
class UniformPrior:
    """Anywhere in a square `reach` to each side of the mean (3,), heading within `yaw_range` (rad) to each side of it.

    The square's sides are along the heading of the hypothesis itself or, where it lies still, along `sides`,
    counter-clockwise from the patch's +u (rad). yaw_offset: where the hypotheses' yaw is zero, likewise.
    """

    mean: Array
    reach: float
    yaw_range: float
    sides: float | None = None
    yaw_offset: float = 0.0

    @property
    def heading_variance(self) -> float:
        """Of the heading (rad^2)."""
        return self.yaw_range**2 / 3

    def draw(self, count: int, rng: np.random.Generator) -> Array:
        """(count, 3) samples."""
        square = rng.uniform(-1.0, 1.0, (count, 3)) * [self.reach, self.reach, self.yaw_range]
        yaw = self.mean[2] + square[:, 2]
        return np.column_stack([self.mean[:2] + rotate(-self._sides(yaw), square[:, :2]), yaw])

    def log_density(self, hypotheses: Array) -> Array:
        """(N,) zeros: no place is preferred."""
        return np.zeros(len(hypotheses))

    def log_density_on(self, grid: PoseGrid) -> NDArray[np.float32]:
        """The same (K, V, U) on a grid, and nothing in cells that lie outside altogether."""
        sides = self._sides(grid.yaw)[:, None, None]
        cos, sin = np.cos(sides), np.sin(sides)
        x, y = grid.x - self.mean[0], grid.y[:, None] - self.mean[1]
        cell_x, cell_y, cell_yaw = grid.size * (0.5 - TOUCHING)
        along = np.abs(cos * x - sin * y) <= self.reach + np.abs(cos) * cell_x + np.abs(sin) * cell_y
        across = np.abs(sin * x + cos * y) <= self.reach + np.abs(sin) * cell_x + np.abs(cos) * cell_y
        turned = np.abs(wrap_angle(grid.yaw - self.mean[2])) <= self.yaw_range + cell_yaw
        return np.where(along & across & turned[:, None, None], np.float32(0.0), np.float32(-np.inf))

    def _sides(self, yaw: Array) -> Array:
        """Direction (N,) of the square's sides, counter-clockwise from the patch's +u, at headings (N,)."""
        return yaw + self.yaw_offset if self.sides is None else np.full_like(yaw, self.sides)


Prior = GaussianPrior | UniformPrior


def draw_posterior(prior: Prior, grid: PoseGrid, count: int, rng: np.random.Generator) -> Array:
    """(count, 3) samples from the prior times what the network saw: a cell as often as it is probable.

    One random number decides for all cells (systematic resampling), so that few samples already stand for the whole;
    within its cell a sample lies anywhere.
    """
    log_posterior = prior.log_density_on(grid)
    log_posterior += grid.log_probability
    highest = log_posterior.max()
    likely = np.flatnonzero(~(log_posterior < highest - NEGLIGIBLE))  # all of them, should one not be a number
    cumulative = np.cumsum(np.exp(log_posterior.ravel()[likely] - highest), dtype=np.float64)
    wanted = (np.arange(count) + rng.random()) * (cumulative[-1] / count)
    cell = likely[np.minimum(np.searchsorted(cumulative, wanted), likely.size - 1)]
    yaw, y, x = np.unravel_index(cell, log_posterior.shape)
    middle = np.column_stack([grid.x[x], grid.y[y], grid.yaw[yaw]])
    return np.asarray(middle + rng.uniform(-0.5, 0.5, (count, 3)) * grid.size)


def wrap_yaw(poses: Array) -> Array:
    """The same (N, 3) with yaw in [-pi, pi)."""
    wrapped = poses.copy()
    wrapped[:, 2] = wrap_angle(poses[:, 2])
    return wrapped


def remaining_error(flow: Flow, yaw_variance: float) -> Array:
    """Second moments (N, 3, 3) of the way still to go from each hypothesis, as the network predicts it.

    flow: of one frame. The distance is log-normal; the direction's angle t about the predicted one has density
    ~ exp(-kappa |t|), for which E[cos 2t] = kappa^2 / (kappa^2 + 4). `yaw_variance` (rad^2) stands in where heading is
    not estimated.
    """
    log_distance, variance, kappa, direction = (
        entry[0].numpy().astype(np.float64) for entry in (flow.log_distance, flow.variance, flow.kappa, flow.direction)
    )
    squared = np.exp(2 * log_distance + 2 * np.minimum(variance, 4.0))
    concentration = kappa**2 / (kappa**2 + 4.0)
    x, y = direction.T
    moments = np.zeros((len(squared), 3, 3))
    along, across = 0.5 * squared * (1.0 - concentration), squared * concentration
    moments[:, 0, 0], moments[:, 1, 1] = along + across * x * x, along + across * y * y
    moments[:, 0, 1] = moments[:, 1, 0] = across * x * y
    if flow.yaw_step is None or flow.yaw_variance is None:
        moments[:, 2, 2] = yaw_variance
    else:
        moments[:, 2, 2] = (flow.yaw_step[0].square() + flow.yaw_variance[0]).numpy()
    return moments


def consensus(hypotheses: Array, weights: Array, bandwidth: float) -> Array:
    """The pose (3,) where the weighted hypotheses (N, 3) agree most: mean shift from the densest of them.

    Outliers further than a few `bandwidth` (hypothesis units) have no say.
    """
    x, y, yaw = hypotheses.T
    averaged = np.stack([x, y, np.sin(yaw), np.cos(yaw)], axis=1)
    center = averaged[(_kernel(x[:, None] - x, y[:, None] - y, bandwidth) @ weights).argmax()]
    for _ in range(MEAN_SHIFTS):
        before = center
        share = weights * _kernel(x - center[0], y - center[1], bandwidth)
        center = share @ averaged / share.sum()
        if np.abs(center - before).max() < CONSENSUS_TOLERANCE:
            break
    return np.array([center[0], center[1], math.atan2(center[2], center[3])])


def pose_covariance(pose: Array, hypotheses: Array, weights: Array, moments: Array) -> Array:
    """(3, 3) spread of the weighted hypotheses about the pose plus what each still lacks; yaw differences wrapped.

    All hypotheses count, the outliers too: where the frame fits two places, the covariance says so.
    """
    offset = wrap_yaw(hypotheses - pose)
    return np.asarray((weights * offset.T) @ offset + np.tensordot(weights, moments, axes=1))


def _kernel(x: Array, y: Array, bandwidth: float) -> Array:
    return np.asarray(np.exp((x * x + y * y) * (-0.5 / bandwidth**2)))
