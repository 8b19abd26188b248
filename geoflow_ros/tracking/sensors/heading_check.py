"""The heading source compared with where the vehicle really headed: by frames, and by fixes along the way driven."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.localization.pose import position_std
from geoflow_ros.planar import wrap_angle
from geoflow_ros.tracking.history import History, share_of_second
from geoflow_ros.tracking.motion import UNKNOWN_TURN_RATE, MotionBuffer
from geoflow_ros.tracking.prior import Heading

APART_S = 0.2  # at most between a heading and what it is compared with; at least between two comparisons
FRAMED_S = 5.0  # since frames told the heading, in which fixes are not asked
REMEMBERED, LEAST = 30, 10  # comparisons
GATE_SIGMAS, LEAST_OFFSET = 5.0, 0.1  # rad
STEADY, SCATTERED = 0.15, 3.0  # rad, spread of an offset that is a constant; or as many standard deviations
TURNED = 0.5  # rad, before a sense of rotation can be told
ONE_WAY = math.pi / 2  # rad, between two comparisons: of a turn about, a little noise tells the other way round
SURE_SENSE = 0.5  # of how much a heading turns with the vehicle: 1 is as it should be, -1 clockwise
SAME_VALUE = 0.05  # rad: an offset is not named anew for less
MEDIAN_VARIANCE = math.pi / 2  # of a median, against that of a mean
COURSE_STD = 0.25  # rad, of a direction between fixes that is worth a comparison
LEAST_PART = 0.3  # of a way between fixes, that odometry must know of: wheels of other units still tell its direction


@dataclass(frozen=True, slots=True)
class Comparison:
    """A heading and what it should be, rad, and the variances of both."""

    stamp_ns: int
    heading: float
    reference: float
    variance: float
    reference_variance: float


@dataclass(frozen=True, slots=True, eq=False)
class PlacedFix:
    """A fix in the map: east, north (2,) of its antenna in metres, and their covariance (2, 2).

    antenna: metres forward and left of base_link.
    """

    stamp_ns: int
    place: NDArray[np.float64]
    covariance: NDArray[np.float64]
    antenna: tuple[float, float] = (0.0, 0.0)


class HeadingCheck:
    """Follows one source of headings; `complaint` says what is wrong with it, empty if nothing is.

    is_clockwise: whether it turns the other way; None before a bend tells.
    """

    def __init__(self, source: str, offset: float) -> None:
        """offset: rad, that is configured and contained in the headings."""
        self.complaint = ""
        self._source, self._offset = source, offset
        self._headings = History[Heading]()
        self._compared: deque[Comparison] = deque(maxlen=REMEMBERED)
        self._named: float | None = None
        self.is_clockwise: bool | None = None
        self._fixes = History[PlacedFix]()
        self._framed_ns: int | None = None  # when frames told the heading last

    def add(self, heading: Heading) -> None:
        """A heading of the source, its offset added."""
        self._headings.add(heading)

    def compare(self, stamp_ns: int, yaw: float, variance: float) -> None:
        """Learn that base_link headed for `yaw` (rad) at a stamp, as frames say."""
        self._framed_ns = stamp_ns
        self._compare(stamp_ns, yaw, variance)

    def _compare(self, stamp_ns: int, yaw: float, variance: float) -> None:
        if self._compared and abs(stamp_ns - self._compared[-1].stamp_ns) < APART_S * 1e9:
            return
        near = self._headings.around(stamp_ns, APART_S)
        if not near:
            return
        turn = wrap_angle(near[-1].yaw - near[0].yaw)
        heading = near[0].yaw + share_of_second(near[0], near[-1], stamp_ns) * turn
        own = max(each.variance for each in near)
        self._compared.append(Comparison(stamp_ns, heading, yaw, own, variance))
        self.complaint = self._judged()

    def add_fix(self, fix: PlacedFix, motions: MotionBuffer) -> None:
        """Learn from the way between two fixes, which odometry knows in the axes of the vehicle.

        Where frames have told the heading of late, they know better: receivers may claim centimetres and be metres off.
        The antenna swings out in bends. Odometry that went but a part of the way, on a ferry or on wheels that slip,
        knows no direction of it. Ways that are compared do not overlap: a leap of the fixes is part of one.
        """
        if self._framed_ns is not None and abs(fix.stamp_ns - self._framed_ns) < FRAMED_S * 1e9:
            return
        self._fixes.add(fix)
        first = next(iter(self._fixes))
        east, north = (fix.place - first.place).tolist()
        metres = math.hypot(east, north)
        std = position_std(first.covariance + fix.covariance) / max(metres, 1e-9)
        way = motions.between(first.stamp_ns, fix.stamp_ns)
        ahead, left = (way.displacement.act(fix.antenna) - first.antenna).tolist()
        std = math.hypot(std, UNKNOWN_TURN_RATE * way.unknown_turn_s)
        if std > COURSE_STD or way.unknown_s > 0.0 or math.hypot(ahead, left) < LEAST_PART * metres:
            return
        self._fixes = History[PlacedFix]()
        self._fixes.add(fix)
        driven = math.atan2(left, ahead)
        yaw = math.atan2(north, east) - driven + way.displacement.yaw
        self._compare(fix.stamp_ns, wrap_angle(yaw), std**2)

    def _judged(self) -> str:
        if len(self._compared) < LEAST:
            return self.complaint
        headings = np.array([each.heading for each in self._compared])
        references = np.array([each.reference for each in self._compared])
        sense = _sense(wrap_angle(np.diff(headings)), wrap_angle(np.diff(references)))
        if abs(sense) > SURE_SENSE:
            self.is_clockwise = sense < 0.0
        if sense < -SURE_SENSE:
            return self._wrong("turns clockwise: it is that of NED, where REP-103 wants east/north/up")
        offset, spread = _middle(references - headings)
        reference_variance = float(np.mean([each.reference_variance for each in self._compared]))
        gate = max(LEAST_OFFSET, GATE_SIGMAS * self._std(reference_variance))
        if spread > max(STEADY, gate, SCATTERED * math.sqrt(reference_variance)):
            return self._wrong("does not follow the vehicle")
        if abs(offset) <= gate:
            self._named = None
            return ""
        if self._named is None or abs(wrap_angle(offset - self._named)) > SAME_VALUE:
            self._named = offset
        total = wrap_angle(self._offset + self._named)
        straight = ", unless a bend shows that it turns clockwise (NED)" if self.is_clockwise is None else ""
        return self._wrong(
            f"is off by a constant {math.degrees(self._named):.0f} deg (declination, mounting, an arbitrary zero): set "
            f"heading.offset to {total:.2f}{straight}"
        )

    def _std(self, reference_variance: float) -> float:
        """Of the median difference: the heading's own error may stay the same, that of the references is drawn anew."""
        drawn = MEDIAN_VARIANCE * reference_variance / len(self._compared)
        return math.sqrt(max(each.variance for each in self._compared) + drawn)

    def _wrong(self, what: str) -> str:
        return f"the heading from {self._source} {what}: it is not used"


def _sense(turns: NDArray[np.float64], true_turns: NDArray[np.float64]) -> float:
    """How much a heading turns (N,) with the vehicle (N,), rad: 0 before that turned far enough to tell."""
    known = np.maximum(abs(turns), abs(true_turns)) < ONE_WAY
    turns, true_turns = turns[known], true_turns[known]
    return float(turns @ true_turns) / float(true_turns @ true_turns) if abs(true_turns).sum() > TURNED else 0.0


def _middle(angles: NDArray[np.float64]) -> tuple[float, float]:
    """Median and spread of angles (N,), rad, whatever a few outliers say: about the angle nearest to all others."""
    apart = wrap_angle(angles[:, None] - angles)
    nearest = int(np.abs(apart).sum(axis=0).argmin())
    around = apart[:, nearest]
    middle = float(np.median(around))
    return wrap_angle(float(angles[nearest]) + middle), 1.48 * float(np.median(np.abs(around - middle)))
