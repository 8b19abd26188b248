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

SHARE_OFF, SIGMAS, LEAST_M = 0.3, 4.0, 3.0
"""Two ways differ by more than this share of the longer and so many standard deviations; shorter ones say nothing."""
LEAST_STD = 0.3  # m, of a single frame: its own figure is of one view only
REMEMBERED, LEAST, MAJORITY = 12, 5, 0.75
APART_S, LONGEST_S = 0.5, 4.0  # between two comparisons; of a way


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """East, north (2,) at a stamp, their standard deviation (m), and the heading (rad) if it is known."""

    stamp_ns: int
    place: NDArray[np.float64]
    std: float
    yaw: float | None = None


class TravelCheck:
    """Compares odometry with the places that one witness, such as "frames", tells one by one."""

    def __init__(self, witness: str) -> None:
        self._witness = witness
        self._places = History[Place]()
        self._contradicted: deque[bool] = deque(maxlen=REMEMBERED)
        self._compared_ns: int | None = None

    @property
    def complaint(self) -> str:
        """What is wrong, empty if nothing is."""
        votes = self._contradicted
        if len(votes) < LEAST or sum(votes) < MAJORITY * len(votes):
            return ""
        return f"odometry contradicts where {self._witness} say the vehicle went: velocities are not used"

    def add(self, here: Place, motions: MotionBuffer) -> None:
        """A place that the vehicle was at. motions: what odometry says, believed or not."""
        self._places.add(here)
        if self._compared_ns is not None and abs(here.stamp_ns - self._compared_ns) < APART_S * 1e9:
            return
        for start in self._places:
            if start.stamp_ns < here.stamp_ns - LONGEST_S * 1e9 or start.stamp_ns >= here.stamp_ns:
                continue
            verdict = contradict(start, here, motions.between(start.stamp_ns, here.stamp_ns))
            if verdict is not None:
                self._contradicted.append(verdict)
                self._compared_ns = here.stamp_ns
            return


def contradict(start: Place, end: Place, motion: Motion) -> bool | None:
    """Whether a motion cannot have led from one place to the other; None where neither is long or certain enough."""
    if motion.unknown_s > 0.0:
        return None
    went = end.place - start.place
    way = np.array([motion.displacement.x, motion.displacement.y])
    longest = max(float(np.hypot(*went)), float(np.hypot(*way)))
    std = math.hypot(max(start.std, LEAST_STD), max(end.std, LEAST_STD))
    if longest < max(LEAST_M, 2 * SIGMAS * std):
        return None
    if start.yaw is None:  # only how far it went
        off = abs(float(np.hypot(*went) - np.hypot(*way)))
    else:
        off = float(np.hypot(*(went - rotate(start.yaw, way))))
    return off > SHARE_OFF * longest + SIGMAS * std
