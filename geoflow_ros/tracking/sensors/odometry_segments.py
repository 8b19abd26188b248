"""Odometry cut into short segments, each as its twist, its pose and the IMU tell it, and how these compare."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.planar import PlanarPose, rotate, wrap_angle
from geoflow_ros.tracking.motion import BodyVelocity

SEGMENT_S, LONGEST_S = 0.25, 2.0
"""Shorter ones drown in the noise of poses; over longer gaps nothing can be said."""
MOST_RATES, MOST_READINGS = 2000, 1000
"""Of a segment: the IMU may go on for long where odometry does not, and stamps may stand still."""
LEAST_RATE = 0.1  # rad/s: slower segments say nothing
SHARE_OFF, SPEED_OFF = 0.25, 0.3  # of a velocity, and m/s: beyond both together, two velocities differ
RATIO = 2.5  # between two rates of turn that still mean the same: skidding wheels turn less than they say
DEGREES, DEGREES_OFF, ALIKE = 180.0 / np.pi, 1.5, 0.8
"""Between rates in degrees and in radians, the factor by which that may be off, and the least correlation of both."""
ZERO_SHARE, UNFILLED_RATE = 0.1, 0.02  # of what the others say, and rad/s: that is nothing, not another unit
LEAST, MAJORITY = 3, 0.75  # segments, and of them
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """Mean velocities (2,) in the axes of the body, m/s, and rates of turn, rad/s; None where not told.

    yaw: of the pose in the middle.
    """

    twist: Floats
    twist_rate: float
    pose: Floats | None
    pose_rate: float | None
    imu_rate: float | None
    yaw: float


@dataclass(frozen=True, slots=True)
class Reading:
    """One message of odometry; pose: None where it tells none."""

    velocity: BodyVelocity
    pose: PlanarPose | None


class Segmenter:
    """Collects readings until a segment is full."""

    def __init__(self) -> None:
        self._readings: list[Reading] = []
        self._rates: deque[float] = deque(maxlen=MOST_RATES)

    def add_rate(self, rate: float) -> None:
        """A rate of turn of the IMU, rad/s; it says nothing before a segment begins."""
        if self._readings:
            self._rates.append(rate)

    def add(self, reading: Reading) -> Segment | None:
        """The segment that ends with this reading, if one does."""
        self._readings.append(reading)
        seconds = elapsed(self._readings[0], reading)
        if SEGMENT_S <= seconds <= LONGEST_S:
            segment = _segment(self._readings, self._rates)
        elif 0.0 <= seconds < SEGMENT_S and len(self._readings) < MOST_READINGS:
            return None
        else:
            segment = None
        self._readings = [reading]
        self._rates.clear()
        return segment


def elapsed(first: Reading, second: Reading) -> float:
    """Seconds from one to the other."""
    return (second.velocity.stamp_ns - first.velocity.stamp_ns) * 1e-9


def velocity_between(first: Reading, second: Reading) -> BodyVelocity | None:
    """What the poses of two readings say of the velocity between them; None if they say nothing."""
    start, end, seconds = first.pose, second.pose, elapsed(first, second)
    if start is None or end is None or not 0.0 < seconds <= LONGEST_S:
        return None
    turn = wrap_angle(end.yaw - start.yaw)
    forward, left = (rotate(-(start.yaw + turn / 2), (end.x - start.x, end.y - start.y)) / seconds).tolist()
    return BodyVelocity(second.velocity.stamp_ns, forward, left, turn / seconds)


def _segment(readings: list[Reading], rates: deque[float]) -> Segment:
    velocities = np.array([(each.velocity.forward, each.velocity.left, each.velocity.yaw_rate) for each in readings])
    stamps = np.array([each.velocity.stamp_ns - readings[0].velocity.stamp_ns for each in readings]) * 1e-9
    forward, left, rate = ((velocities[1:] + velocities[:-1]) / 2 * np.diff(stamps)[:, None]).sum(axis=0) / stamps[-1]
    by_pose, first, last = velocity_between(readings[0], readings[-1]), readings[0].pose, readings[-1].pose
    yaw = 0.0 if first is None or last is None else first.yaw + wrap_angle(last.yaw - first.yaw) / 2
    return Segment(
        twist=np.array([forward, left]),
        twist_rate=float(rate),
        pose=None if by_pose is None else np.array([by_pose.forward, by_pose.left]),
        pose_rate=None if by_pose is None else by_pose.yaw_rate,
        imu_rate=float(np.mean(rates)) if rates else None,
        yaw=yaw,
    )


def differ(first: Floats, second: Floats | None) -> bool:
    """Whether two velocities (2,) cannot be the same."""
    if second is None:
        return False
    fastest = max(float(np.hypot(*first)), float(np.hypot(*second)))
    return float(np.hypot(*(first - second))) > SHARE_OFF * fastest + SPEED_OFF


def rates_differ(first: Floats, second: Floats) -> bool:
    """Whether two rates of turn (N,) mostly cannot be the same; false where too little is known."""
    known = np.isfinite(first) & np.isfinite(second)
    first, second = first[known], second[known]
    larger, smaller = np.maximum(abs(first), abs(second)), np.minimum(abs(first), abs(second))
    return mostly(((first * second < 0.0) | (smaller * RATIO < larger)) & (larger > LEAST_RATE))


def is_degrees(rate: Floats, other: Floats) -> bool:
    """Whether rates of turn (N,) are as others (N,), but in degrees."""
    known = np.isfinite(rate) & np.isfinite(other)
    size, least = float(np.linalg.norm(rate[known])), float(np.linalg.norm(other[known]))
    is_alike = float(rate[known] @ other[known]) > ALIKE * size * least
    return is_alike and DEGREES / DEGREES_OFF < size / least < DEGREES * DEGREES_OFF


def is_zero(rate: Floats, other: Floats) -> bool:
    """Whether rates of turn (N,) are none where others (N,) turn."""
    known = np.isfinite(rate) & np.isfinite(other)
    share = float(abs(rate[known]).sum()) < ZERO_SHARE * float(abs(other[known]).sum())
    return share and float(abs(rate[known]).mean()) < UNFILLED_RATE


def mostly(answers: Iterable[bool | np.bool_]) -> bool:
    """Whether at least a `MAJORITY` of at least `LEAST` answers is yes."""
    counted = list(answers)
    return len(counted) >= LEAST and bool(sum(counted) >= MAJORITY * len(counted))
