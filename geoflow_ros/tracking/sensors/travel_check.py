"""Odometry compared with where frames and fixes say the vehicle went."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.planar import rotate
from geoflow_ros.tracking.history import History
from geoflow_ros.tracking.motion import Motion, MotionBuffer

SHARE_OFF, SIGMAS, LEAST_M, LEAST_SIGMAS = 0.3, 4.0, 3.0, 12.0
"""Two ways differ by more than this share of the longer and so many standard deviations; shorter ones say nothing."""
LEAST_STD = 0.3  # m, of a single frame: its own figure is of one view only
REMEMBERED, LEAST, MAJORITY = 12, 5, 0.75
DOUBTED = 3  # contradictions in a row until more decide; one outlier makes two, there and back
AGREES_S, LONGEST_S = 3.0, 4.0  # of a way: short ones agree with half or twice the speed
FORGOTTEN_S = 60.0  # s, after which a comparison counts no more


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """East, north (2,) at a stamp, their standard deviation (m), and the heading (rad) if it is known.

    lever: metres forward and left of base_link, where that place is.
    """

    stamp_ns: int
    place: NDArray[np.float64]
    std: float
    yaw: float | None = None
    lever: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What came of a way that ended at a stamp."""

    stamp_ns: int
    contradicts: bool


class TravelCheck:
    """Compares odometry with the places that one witness, such as "frames", tells one by one."""

    def __init__(self, witness: str) -> None:
        self._witness = witness
        self._places = History[Place]()
        self._compared: deque[Comparison] = deque(maxlen=REMEMBERED)

    @property
    def complaint(self) -> str:
        """What is wrong, empty if nothing is."""
        votes = [each.contradicts for each in self._compared]
        if len(votes) < LEAST or sum(votes) < MAJORITY * len(votes):
            return ""
        return f"odometry contradicts where {self._witness} say the vehicle went: velocities are not used"

    @property
    def agrees(self) -> bool:
        """Whether the last comparison, however long ago, and most of those before were in favour of odometry."""
        votes = [each.contradicts for each in self._compared]
        return bool(votes) and not votes[-1] and 2 * sum(votes) < len(votes)

    @property
    def is_doubtful(self) -> bool:
        """Whether the last comparisons contradicted, too few yet to blame odometry."""
        newest = list(self._compared)[-DOUBTED:]
        return len(newest) == DOUBTED and all(each.contradicts for each in newest) and not self.complaint

    def add(self, here: Place, motions: MotionBuffer) -> None:
        """A place that the vehicle was at. motions: what odometry says, believed or not.

        Ways that are compared do not overlap: a leap of the places is part of one.
        """
        self._places.add(here)
        while self._compared and abs(here.stamp_ns - self._compared[0].stamp_ns) > FORGOTTEN_S * 1e9:
            self._compared.popleft()
        start = next(each for each in self._places if each.stamp_ns >= here.stamp_ns - LONGEST_S * 1e9)
        if start.stamp_ns >= here.stamp_ns:
            return
        verdict = contradict(start, here, motions.between(start.stamp_ns, here.stamp_ns))
        if verdict or (verdict is False and (here.stamp_ns - start.stamp_ns) * 1e-9 >= AGREES_S):
            self._compared.append(Comparison(here.stamp_ns, verdict))
            self._places = History[Place]()
            self._places.add(here)


def contradict(start: Place, end: Place, motion: Motion) -> bool | None:
    """Whether a motion cannot have led from one place to the other; None where neither is long or certain enough."""
    if motion.unknown_s > 0.0:
        return None
    went = end.place - start.place
    way = motion.displacement.act(end.lever) - start.lever
    longest = max(float(np.hypot(*went)), float(np.hypot(*way)))
    std = math.hypot(max(start.std, LEAST_STD), max(end.std, LEAST_STD))
    if longest < max(LEAST_M, LEAST_SIGMAS * std):
        return None
    if start.yaw is None:  # only how far it went
        off = abs(float(np.hypot(*went) - np.hypot(*way)))
    else:
        off = float(np.hypot(*(went - rotate(start.yaw, way))))
    return off > SHARE_OFF * longest + SIGMAS * std
