"""Roll, pitch and height of a mount as slow states, learnt from how well frames fit when read through other mounts."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.localization.pose import MOUNT_GAIN
from geoflow_ros.tracking.mount.estimate import given_stated
from geoflow_ros.tracking.mount.probing import Quadratic, directions
from geoflow_ros.tracking.mount.remembered import Remembered

Floats = NDArray[np.float64]
KEPT = 0.97
"""Of what earlier frames said, with each: the first are read through a mount far off, where they say less."""
DRIFT_M = 2000.0  # driven until a mount may have moved as far as it is known
PRIOR_SIGMAS = 4.0  # no mount further from the stated one is tried
KNOWN = np.array([np.radians(0.2), np.radians(0.15), 0.045])
"""Standard deviations below which no frame need be asked."""
SYSTEMATIC = np.diag(np.square([np.radians(0.08), np.radians(0.05), 0.01])) + np.outer(
    ridge := np.array([0.0, np.radians(0.13), 0.045]), ridge
)
"""Covariance of what all frames err alike: more of them do not help. A camera that looks further down from higher up
sees the ground nearly the same, only from further back: frames of two drives were (-0.13 deg, -0.04 m) off that way."""
SHARED = np.diag(np.square([5.7, 5.7, 0.14])) + np.outer(nearer := np.array([0.0, 20.0, -1.35]), nearer)
"""Covariance of the gradient (per rad, rad, m) that all frames of a drive have at the true mount, besides chance: they
see the ground a little nearer, or further away, than it is. Where they tell pitch and height apart that looks like
`SYSTEMATIC`; behind a bonnet, where no ground is near, the same gradient looks like a multiple of it. Measured on ten
drives, each as it is and behind four masks: alike in all (docs/RESULTS_APPENDIX.md, "Behind masks"), and half of what
was found there, with which errors were 0.5 to 0.7 of what is stated."""
NOT_LEARNT = 1.0 - 1e-6
"""Of the prior's variance: less is kept of a state that was learnt; of another one it is that, but for rounding."""
MOST_ALIKE = 0.9
"""Of a kept variance that is taken for what frames err alike. Of a state that is stated better than they tell it nearly
all would be: of what is left it would be known exactly, and stay where it is for ever."""
TOLERATED = (0.0, 9.0, 12.0, 14.0)
"""Chi-square up to which no, one, two, three states stay as stated, although frames say a little otherwise."""


class MountFilter:
    """A Gaussian over the offset (3,) of roll, pitch, height from the stated mount.

    centre: where it is highest, about which the next frame is weighed. believed: as stated in all that frames tolerate.
    """

    def __init__(self, std: Floats) -> None:
        """std: (3,) of the prior; a state whose is zero is known and stays."""
        self.free = std > 0.0
        self.centre = self.believed = np.zeros(3)
        self._std = std
        self._spread = Remembered(self._spread_now)
        self._off = np.zeros(3, dtype=bool)  # which states were found not to be as stated: they do not go back
        self._hold(np.zeros((3, 3)), np.zeros(3), np.zeros((3, 3)))

    @property
    def covariance(self) -> Floats:
        """(3, 3) about what is believed.

        Chance and what all frames err alike, the more the less they tell, never more than the prior; and what frames
        would have otherwise, however much that is: cut down state by state, pitch and height would no longer move the
        place together.
        """
        return self._spread.of(self._data, self.centre, self.believed)

    def _spread_now(self) -> Floats:
        if not self.is_informed:
            return np.diag(self._std**2)
        total, limit = self._covariance + self._alike, np.maximum(self._std, 1e-12)
        shrink = np.minimum(1.0, limit / np.sqrt(np.diag(total)))
        return np.asarray(total * np.outer(shrink, shrink) + np.outer(away := self.centre - self.believed, away))

    @property
    def is_informed(self) -> bool:
        """Whether any frame has spoken."""
        return bool(self._data.any())

    @property
    def is_known(self) -> bool:
        """Whether no frame need be asked."""
        return bool(
            (np.hypot(np.sqrt(np.diag(self._covariance)), self.centre - self.believed) <= KNOWN)[self.free].all()
        )

    def recall(self, mean: Floats, covariance: Floats) -> None:
        """Go on from what was learnt before."""
        self.centre = self.believed = np.where(self.free, mean, 0.0)
        self._off = self.believed != 0.0
        known = np.diag(covariance) < NOT_LEARNT * self._std**2
        if not known[self.free].any():
            return
        free, data, vector = np.ix_(self.free, self.free), self._data.copy(), self._vector.copy()
        data[free] = _concave(np.linalg.inv(_without(SYSTEMATIC[free], covariance[free])) - self._prior)
        vector[self.free] = (self._prior + data[free]) @ self.centre[self.free]
        self._hold(data, vector, np.zeros((3, 3)))  # of which what they err alike is told in the covariance

    def drive(self, metres: float) -> None:
        """The mount may have moved a little."""
        self._forget(math.exp(-metres / DRIFT_M))

    def jump(self, offset: Floats) -> None:
        """Go on where a frame fits better: nothing is learnt of how well."""
        self.centre = self.believed = self._bounded(self.centre + offset)

    def learn(self, fit: Quadratic) -> None:
        """Weigh a frame's quadratic about the centre, if the best mount is near then; else go towards it.

        Far from it the likelihood is no quadratic, and its curvature there no information.
        """
        data = KEPT * self._data + MOUNT_GAIN * fit.curvature
        vector = KEPT * self._vector + MOUNT_GAIN * (fit.curvature @ self.centre + fit.gradient)
        shares = KEPT * self._shares + MOUNT_GAIN * fit.left
        free = np.ix_(self.free, self.free)
        best = np.zeros(3)
        best[self.free] = np.linalg.solve(self._prior + _concave(data[free]), vector[self.free])
        step = best - self.centre
        excess = float(np.max(np.abs(step @ np.linalg.pinv(directions(self.free)))))
        if excess <= 1.0:
            self._hold(data, vector, shares)
        self.centre = self._bounded(self.centre + step / max(1.0, excess))
        self.believed = self._tolerated() if self.is_informed else self.centre

    def _tolerated(self) -> Floats:
        """The centre with as many states as stated as frames tolerate, of those that always were."""
        # Laps of the same streets make sure of what all their frames err alike.
        doubt = np.where(np.outer(self.free, self.free), self._covariance + SYSTEMATIC, 0.0)
        believed = as_stated(self.centre, doubt, self.free & ~self._off)
        self._off |= self.free & (believed != 0.0)
        return believed

    @property
    def _prior(self) -> Floats:
        """Information of the prior about the free states."""
        return np.diag(self._std[self.free] ** -2.0)

    def _hold(self, data: Floats, vector: Floats, shares: Floats) -> None:
        """Believe this information (3, 3) of the frames, and information times offset (3,).

        shares: (3, 3) by which a gradient that all of them have counts in the latter.
        """
        self._data, self._vector, self._shares = data, vector, shares
        # Of chance alone; asked for several times a frame, and changed by few.
        self._covariance, free = np.zeros((3, 3)), np.ix_(self.free, self.free)
        self._covariance[free] = np.linalg.inv(self._prior + _concave(data[free]))
        self._alike, moved = SYSTEMATIC.copy(), self._covariance @ shares
        if self.free.any():
            self._alike[free] = _at_least(SYSTEMATIC[free], (moved @ SHARED @ moved.T)[free])

    def _forget(self, kept: float) -> None:
        self._hold(kept * self._data, kept * self._vector, kept * self._shares)

    def _bounded(self, offset: Floats) -> Floats:
        return np.clip(offset, -PRIOR_SIGMAS * self._std, PRIOR_SIGMAS * self._std)


def _concave(information: Floats, least: float = 0.0) -> Floats:
    """The symmetric matrix without negative eigenvalues, which frames that disagree may leave."""
    scale = np.outer(unit := np.sqrt(np.abs(np.diag(information)) + 1e-12), unit)
    values, vectors = np.linalg.eigh(information / scale)
    return np.asarray((vectors * np.maximum(values, least)) @ vectors.T * scale)


def _at_least(least: Floats, covariance: Floats) -> Floats:
    """The covariance (F, F), in no direction smaller than the least."""
    root = np.linalg.cholesky(least)
    values, vectors = np.linalg.eigh(np.linalg.solve(root, np.linalg.solve(root, covariance).T))
    base = root @ vectors
    return np.asarray((base * np.maximum(values, 1.0)) @ base.T)


def _without(alike: Floats, covariance: Floats) -> Floats:
    """What of a covariance (F, F) is left without another one, in no direction less than a share of it."""
    root = np.linalg.cholesky(_concave(covariance, 1e-9))
    values, vectors = np.linalg.eigh(np.linalg.solve(root, np.linalg.solve(root, alike).T))
    base = root @ vectors
    return np.asarray((base * (1.0 - np.minimum(values, MOST_ALIKE))) @ base.T)


def as_stated(mean: Floats, covariance: Floats, free: NDArray[np.bool_]) -> Floats:
    """The mean (3,) given that as many states as frames tolerate are as stated: zero.

    A mount that was measured well must not be made worse by what all frames err alike.
    """
    axes = np.flatnonzero(free).tolist()
    for count in range(len(axes), 0, -1):
        costs = {kept: _cost(mean, covariance, kept) for kept in combinations(axes, count)}
        kept = min(costs, key=costs.__getitem__)
        if costs[kept] <= TOLERATED[count]:
            return given_stated(mean, covariance, list(kept))
    return mean


def _cost(mean: Floats, covariance: Floats, kept: tuple[int, ...]) -> float:
    """Chi-square of these states being zero."""
    index = list(kept)
    return float(mean[index] @ np.linalg.solve(covariance[np.ix_(index, index)], mean[index]))
