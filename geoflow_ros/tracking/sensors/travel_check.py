"""Odometry compared with where frames and fixes say the vehicle went."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.planar import rotate
from geoflow_ros.tracking.history import History
from geoflow_ros.tracking.motion import UNKNOWN_TURN_RATE, Motion, MotionBuffer
from geoflow_ros.tracking.mount.remembered import Remembered

SHARE_OFF, SIGMAS, LEAST_M, LEAST_SIGMAS = 0.3, 4.0, 3.0, 12.0
"""Two ways differ by more than this share of the longer and so many standard deviations; shorter ones say nothing."""
LEAST_STD = 0.3  # m, of a single frame: its own figure is of one view only
REMEMBERED, LEAST, MAJORITY = 12, 5, 0.75
DOUBTED = 3  # contradictions in a row until more decide; one outlier makes two, there and back
AGREES_S, LONGEST_S = 3.0, 4.0  # of a way: short ones agree with half or twice the speed
FORGOTTEN_S = 60.0  # s, after which a comparison counts no more
UNSURE_TURN = 0.2  # rad: ways that may turn by more are compared by their length alone
SHARE_WRONG, SHARE_SIGMAS, LEAST_SHARES = 0.12, 4.0, 2
"""By how much the share of the way that odometry tells is wrong and no wear of wheels, in that and in standard
deviations, and of how many ways at least; smaller errors are estimated with the pose."""
ASIDE = 0.3  # rad between the directions of two ways that differ in length alone
SUSPECTED, SUSPECTED_SIGMAS = 2, 2.5  # ways in a row with such a share, until more decide; of the first, one
MEDIAN_STD = 1.25  # of a median, over that of a mean


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
    """What came of a way that ended at a stamp.

    share: of the way that odometry tells, and its standard deviation; None where the ways differ otherwise.
    """

    stamp_ns: int
    contradicts: bool
    share: tuple[float, float] | None = None


class TravelCheck:
    """Compares odometry with the places that one witness, such as "frames", tells one by one."""

    def __init__(self, witness: str) -> None:
        self._witness = witness
        self._places = History[Place]()
        self._compared: tuple[Comparison, ...] = ()
        self._share = Remembered(self._share_now)

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
        newest = self._compared[-DOUBTED:]
        return len(newest) == DOUBTED and all(each.contradicts for each in newest) and not self.complaint

    @property
    def share(self) -> tuple[float, float] | None:
        """The share of the way that odometry tells, and its standard deviation; None before some ways tell."""
        return self._share.of(self._compared)

    def _share_now(self) -> tuple[float, float] | None:
        told = np.array([each.share for each in self._compared if each.share is not None])
        if len(told) < max(LEAST_SHARES, MAJORITY * len(self._compared)):
            return None
        middle = float(np.median(told[:, 0]))
        spread = 1.48 * float(np.median(abs(told[:, 0] - middle)))
        return middle, MEDIAN_STD * max(spread, float(np.median(told[:, 1]))) / math.sqrt(len(told))

    def is_share_doubtful(self, used: float) -> bool:
        """Whether the last ways alike are of another share than is reckoned with."""
        newest = [each.share for each in self._compared][-SUSPECTED:]
        off = [share / used - 1.0 for share, std in filter(None, newest) if is_off(share, std, used, SUSPECTED_SIGMAS)]
        return bool(off) and len(off) == len(newest) and (min(off) > 0.0 or max(off) < 0.0)

    def add(self, here: Place, motions: MotionBuffer) -> None:
        """A place that the vehicle was at. motions: what odometry says, believed or not.

        Ways that are compared do not overlap: a leap of the places is part of one.
        """
        self._places.add(here)
        while self._compared and abs(here.stamp_ns - self._compared[0].stamp_ns) > FORGOTTEN_S * 1e9:
            self._compared = self._compared[1:]
        start = next(each for each in self._places if each.stamp_ns >= here.stamp_ns - LONGEST_S * 1e9)
        if start.stamp_ns >= here.stamp_ns:
            return
        compared = compare(start, here, motions.between(start.stamp_ns, here.stamp_ns))
        if compared and (compared.contradicts or (here.stamp_ns - start.stamp_ns) * 1e-9 >= AGREES_S):
            self._compared = (*self._compared, compared)[-REMEMBERED:]
            self._places = History[Place]()
            self._places.add(here)


def compare(start: Place, end: Place, motion: Motion) -> Comparison | None:
    """Whether a motion can have led from one place to the other; None where neither is long or certain enough."""
    if motion.unknown_s > 0.0:
        return None
    went = end.place - start.place
    way = motion.displacement.act(end.lever) - start.lever
    metres, told = float(np.hypot(*went)), float(np.hypot(*way))
    longest = max(metres, told)
    std = math.hypot(max(start.std, LEAST_STD), max(end.std, LEAST_STD))
    if longest < max(LEAST_M, LEAST_SIGMAS * std):
        return None
    off, aside = abs(metres - told), 0.0
    if start.yaw is not None and motion.unknown_turn_s * UNKNOWN_TURN_RATE < UNSURE_TURN:  # not only how far it went
        seen = rotate(start.yaw, way)
        off, aside = float(np.hypot(*(went - seen))), abs(math.atan2(*_turned(went, seen)))
    if off > SHARE_OFF * longest + SIGMAS * std:
        return Comparison(end.stamp_ns, True)
    share = told / metres
    return Comparison(end.stamp_ns, False, (share, max(1.0, share) * std / metres) if aside < ASIDE else None)


def is_off(share: float, std: float, used: float, sigmas: float = SHARE_SIGMAS) -> bool:
    """Whether a share with this standard deviation is another one than is used."""
    return abs(share / used - 1.0) > max(SHARE_WRONG, sigmas * std / used)


def _turned(first: NDArray[np.float64], second: NDArray[np.float64]) -> tuple[float, float]:
    """Sine and cosine of the angle between two vectors (2,), times their lengths."""
    return float(first[0] * second[1] - first[1] * second[0]), float(first @ second)
