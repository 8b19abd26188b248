"""Whether the places that frames fit move along with odometry: on the wrong imagery they leap about."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
MOST_SIGMAS = 6.0
LEAST_STD_M = 0.1  # of the belief: particles are few
MOST = 2000  # frames, however many there are in the while, or if their stamps stand still


@dataclass(frozen=True, slots=True)
class _Correction:
    """By a frame: how far east and north it moved the belief, and its variance (m^2, both axes) before and after.

    Of the variance what there would be if odometry were not in doubt.
    """

    stamp_ns: int
    east: float
    north: float
    before: float
    after: float


class Corrections:
    """How far the frames of the last while have moved the belief against odometry, and how far they may have."""

    def __init__(self) -> None:
        self._recent: deque[_Correction] = deque(maxlen=MOST)
        self._doubted = 0.0  # m^2, both axes: of the belief's variance
        self.leap: Floats = np.zeros(2)
        """How far (2,) the frames have moved the belief, if that is further than it and odometry were uncertain."""

    def doubt(self, metres: float) -> None:
        """The belief was widened (standard deviation, an axis) since odometry is doubted: that allows no leap."""
        self._doubted += 2 * metres**2

    def add(self, stamp_ns: int, before: tuple[Floats, Floats], after: tuple[Floats, Floats], window_s: float) -> None:
        """Note mean (3,) and covariance (3, 3) of the belief before and after a frame; forget what is too old."""
        was, now = (float(np.trace(covariance[:2, :2])) for _, covariance in (before, after))
        was = max(was, LEAST_STD_M**2)
        trusted = max(0.0, 1.0 - self._doubted / was)
        self._doubted *= min(1.0, now / was)
        east, north = (after[0] - before[0])[:2].tolist()
        self._recent.append(_Correction(stamp_ns, east, north, trusted * was, trusted * now))
        while self._recent[0].stamp_ns < stamp_ns - window_s * 1e9:
            self._recent.popleft()
        self.leap = self._leap()  # asked for several times a frame

    @property
    def leap_m(self) -> float:
        """The length of the leap."""
        return float(np.hypot(*self.leap))

    def _leap(self) -> Floats:
        recent = [*self._recent]
        # What odometry added between two frames.
        grown = sum([max(0.0, late.before - early.after) for early, late in pairwise(recent)])
        allowed = recent[0].before + grown + 2 * LEAST_STD_M**2
        moved = np.array([sum([each.east for each in recent]), sum([each.north for each in recent])])
        return moved if moved @ moved > MOST_SIGMAS**2 * allowed else np.zeros(2)
