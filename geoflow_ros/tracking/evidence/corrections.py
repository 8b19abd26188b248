"""Whether the places that frames fit move along with odometry: on the wrong imagery they leap about."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
MOST_SIGMAS = 6.0
LEAST_STD_M = 0.1  # of the belief: particles are few
MOST = 2000  # frames, however many there are in the while, or if their stamps stand still


@dataclass(frozen=True, slots=True)
class _Correction:
    """By a frame: how far (2,) it moved the belief, and the belief's variance (m^2, both axes) before and after.

    Of the variance what there would be if odometry were not in doubt.
    """

    stamp_ns: int
    moved: Floats
    before: float
    after: float


class Corrections:
    """How far the frames of the last while have moved the belief against odometry, and how far they may have."""

    def __init__(self) -> None:
        self._recent: deque[_Correction] = deque(maxlen=MOST)
        self._doubted = 0.0  # m^2, both axes: of the belief's variance

    def doubt(self, metres: float) -> None:
        """The belief was widened (standard deviation, an axis) since odometry is doubted: that allows no leap."""
        self._doubted += 2 * metres**2

    def add(self, stamp_ns: int, before: tuple[Floats, Floats], after: tuple[Floats, Floats], window_s: float) -> None:
        """Note mean (3,) and covariance (3, 3) of the belief before and after a frame; forget what is too old."""
        was, now = (float(np.trace(covariance[:2, :2])) for _, covariance in (before, after))
        was = max(was, LEAST_STD_M**2)
        trusted = max(0.0, 1.0 - self._doubted / was)
        self._doubted *= min(1.0, now / was)
        self._recent.append(_Correction(stamp_ns, (after[0] - before[0])[:2], trusted * was, trusted * now))
        while self._recent[0].stamp_ns < stamp_ns - window_s * 1e9:
            self._recent.popleft()

    @property
    def leap_m(self) -> float:
        """How far the frames have moved the belief, if that is further than it and odometry were uncertain; else 0."""
        return float(np.hypot(*self.leap))

    @property
    def leap(self) -> Floats:
        """That way (2,): east, north."""
        recent = list(self._recent)
        if not recent:
            return np.zeros(2)
        # What odometry added between two frames.
        grown = sum(max(0.0, late.before - early.after) for early, late in zip(recent, recent[1:], strict=False))
        allowed = recent[0].before + grown + 2 * LEAST_STD_M**2
        moved: Floats = np.sum([each.moved for each in recent], axis=0)
        return moved if moved @ moved > MOST_SIGMAS**2 * allowed else np.zeros(2)
