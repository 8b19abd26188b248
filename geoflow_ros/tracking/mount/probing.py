"""Which mounts a frame is read through besides the one believed, and what its likelihood there says: a quadratic.

Offsets are (3,) of roll, pitch (rad) and height (m). Yaw is not among them: to a single frame it is a heading.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
RADII = np.array([np.radians(1.0), np.radians(0.7), 0.1])
"""Of a probe: as far as the likelihood is a quadratic of roll, pitch, height."""
RIDGE = np.array([0.0, np.radians(0.45), 0.2])
"""A probe of pitch and height together: a camera that looks further down from higher up sees the ground nearly alike,
so that only a far one tells a difference."""
LEAST_LEFT = 0.1
"""Of the eigenvalues by which an error at a frame divides what it says; one that curves the other way says nothing."""


@dataclass(frozen=True, slots=True, eq=False)
class Quadratic:
    """A log likelihood gradient @ x - x @ curvature @ x / 2 of an offset x (3,).

    That of a single frame may curve either way. left: (3, 3) what is left in it of an error of the gradient.
    """

    gradient: Floats
    curvature: Floats
    left: Floats = field(default_factory=lambda: np.eye(3))

    def blurred(self, std: Floats) -> Quadratic | None:
        """Of an offset that is off by a normal error (3,) at this frame besides; None where nothing is left of it."""
        system = np.eye(3) + self.curvature * np.square(std)
        if np.linalg.eigvals(system).real.min() < LEAST_LEFT:
            return None
        left = np.asarray(np.linalg.inv(system), dtype=np.float64)
        return Quadratic(left @ self.gradient, left @ self.curvature, left @ self.left)


def directions(free: NDArray[np.bool_]) -> Floats:
    """The directions (D, 3) in which the free states are probed, each as long as a probe."""
    steps = np.diag(RADII)
    if free[1] and free[2]:
        steps[2] = RIDGE
    return steps[free]


def probes(free: NDArray[np.bool_], reach: float) -> Floats:
    """Offsets (P, 3) that a quadratic of the free states needs, the first none: `directions` times reach away."""
    unit = reach * directions(free)
    steps = [sign * each for each in unit for sign in (1.0, -1.0)]
    steps += [first + second for first, second in combinations(unit, 2)]
    return np.array([np.zeros(3), *steps])


def fitted(free: NDArray[np.bool_], reach: float, log_likelihood: Floats) -> Quadratic:
    """The quadratic through the log likelihoods (P,) at `probes`."""
    unit = reach * directions(free)
    count = len(unit)
    middle, pairs = log_likelihood[0], log_likelihood[1 : 1 + 2 * count].reshape(-1, 2)
    gradient = (pairs[:, 0] - pairs[:, 1]) / 2
    curvature = np.diag(2 * middle - pairs.sum(axis=1))
    mixed = log_likelihood[1 + 2 * count :]
    for (first, second), value in zip(combinations(range(count), 2), mixed, strict=True):
        alone = gradient[first] + gradient[second] - (curvature[first, first] + curvature[second, second]) / 2
        curvature[first, second] = curvature[second, first] = middle + alone - value
    back = np.linalg.pinv(unit)  # (3, D): offsets of the free states to directions, transposed
    return Quadratic(back @ gradient, back @ curvature @ back.T)


def near(offset: Floats) -> Quadratic:
    """Of a frame that fits at a probe (3,) and not where there is no offset.

    It says how far it is on the way there, and nothing across: least of all of pitch and height against each other.
    """
    scaled = offset / np.square(RADII)
    along = scaled / (scaled @ offset)
    return Quadratic(along, np.outer(along, along))
