"""Where the evidence of one or several views puts a vehicle, on one grid, and how much that says about the truth."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from geoflow_ros.localization.pose import Likelihood, UniformPosePrior
from geoflow_ros.metrics import squared_mahalanobis
from geoflow_ros.planar import PlanarPose, compose, rotate

Floats = NDArray[np.float64]
CELL_M, YAW_STEP = 0.5, math.radians(1.0)
TINY = 1e-300
LEAST_SIGMA_M = CELL_M / 2  # of a label: a cell says no more


@dataclass(frozen=True, slots=True, eq=False)
class PlaceDensity:
    """A posterior on a grid (N, N) of places, rows along y, columns along x of `origin`, in steps of about CELL_M.

    axis: (N,) x or y of the cells' middles (m). probability, known: of the cells, after and before looking; both sum
    to 1.
    """

    origin: PlanarPose
    axis: Floats
    probability: Floats
    known: Floats

    @classmethod
    def of(cls, likelihood: Likelihood, prior: UniformPosePrior) -> PlaceDensity:
        """What a view, or several together, say by the likelihood of the vehicle's pose."""
        still = prior.sides is not None
        origin = PlanarPose(prior.east, prior.north, prior.yaw if prior.sides is None else prior.sides)
        turned = 0.0 if still else min(prior.yaw_range, math.pi / 4)  # how far the square may lie aslant
        axis = _middles(prior.reach_m * (math.cos(turned) + math.sin(turned)), CELL_M)
        yaws = prior.yaw - origin.yaw + _middles(prior.yaw_range, YAW_STEP)
        yaw, y, x = np.meshgrid(yaws, axis, axis, indexing="ij")
        poses = np.stack([x, y, yaw], axis=-1).reshape(-1, 3)
        ahead = np.abs(poses[:, :2] if still else rotate(-poses[:, 2], poses[:, :2]))
        inside = (ahead <= prior.reach_m).all(axis=1)
        total = np.full(len(poses), -np.inf)
        total[inside] = likelihood(compose(origin.array(), poses[inside]))
        probability, known = (weights.reshape(yaw.shape).sum(axis=0) for weights in (softmax(total), inside))
        return cls(origin, axis, probability, known / known.sum())

    def mean(self) -> tuple[float, float]:
        """East, north (m) of the mean place."""
        east, north = self.origin.act(self._mean()).tolist()
        return east, north

    def _mean(self) -> tuple[float, float]:
        """x, y (m) of the mean place, of `origin`."""
        return float(self.probability.sum(axis=0) @ self.axis), float(self.probability.sum(axis=1) @ self.axis)

    def nees(self, place: tuple[float, float], sigma: float) -> float:
        """Squared Mahalanobis distance of the mean place from a label whose error (m) is known."""
        steps = np.stack([*np.meshgrid(self.axis, self.axis)]) - np.array(self._mean())[:, None, None]
        covariance = np.einsum("irc,jrc,rc->ij", steps, steps, self.probability)
        covariance += (max(sigma, LEAST_SIGMA_M) ** 2) * np.eye(2)
        away = self.origin.into(place) - self._mean()
        return float(squared_mahalanobis(away[None], covariance[None])[0])

    def within(self, place: tuple[float, float], radius: float) -> float:
        """Probability within a radius (m) of a place (east, north)."""
        return float(self.probability[self._squared(place) <= radius**2].sum())

    def information_bits(self, place: tuple[float, float], sigma: float) -> float:
        """log2 of the density at a label, convolved with the label's error (m), over the prior's density there.

        Zero for knowing nothing, negative for being sure of a wrong place: a proper score, unlike recalls.
        """
        kernel = softmax(-0.5 * self._squared(place) / max(sigma, LEAST_SIGMA_M) ** 2)
        return float(np.log2((kernel * self.probability).sum() / (kernel * self.known).sum()))

    def ceiling(self, place: tuple[float, float], sigma: float, radius: float) -> tuple[float, float]:
        """Information (bits) and probability within a radius (m) of a label that knowing the truth exactly would score.

        Not more, since the label is off itself: the truth is spread about it, within the prior, by its error (m).
        """
        kernel = softmax(-0.5 * self._squared(place) / max(sigma, LEAST_SIGMA_M) ** 2)
        truth = kernel * self.known
        bits = np.log2(np.maximum(kernel, TINY) / truth.sum())  # far from a sharp label it is none
        truth /= truth.sum()
        return float((truth * bits).sum()), float(truth[self._squared(place) <= radius**2].sum())

    def _squared(self, place: tuple[float, float]) -> Floats:
        """(N, N) squared distance of the cells from a place."""
        x, y = self.origin.into(place).tolist()
        return np.asarray((self.axis - x) ** 2 + (self.axis[:, None] - y) ** 2)


def _middles(reach: float, step: float) -> Floats:
    """Middles of cells of about `step` from -reach to reach."""
    count = max(1, round(2 * reach / step))
    return np.asarray((np.arange(count) + 0.5) / count * 2 * reach - reach)
