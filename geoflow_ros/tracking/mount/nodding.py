"""How the body of the vehicle is tilted against the road at this moment: it nods, and dives when it brakes."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.bags.messages import stamp_ns
from geoflow_ros.camera import Mount
from geoflow_ros.planar import wrap_angle
from geoflow_ros.tracking.history import KEPT_NS, NumberHistory, Rows
from geoflow_ros.tracking.motion import MotionBuffer

Floats = NDArray[np.float64]
SLOW_NS = KEPT_NS  # half of this long a tilt lasts before it is the road's
NEAR_S = 0.05  # from the image to the IMU's message
SAME_NS = 40_000_000  # apart, images see the same slow part: those of a rig's cameras, one after the other
FEWEST = 10  # messages that tell what the road's is
MOST = math.radians(5.0)  # no body nods further: another IMU, a kerb
SOFTEST = 0.03  # rad per m/s^2
STIFF = 0.02  # (m/s^2)^2: mean squares of acceleration less than this say little of how soft a body is
REMEMBERED = 20.0  # (m/s^2)^2, likewise: what is older is forgotten


@dataclass(frozen=True, slots=True)
class Tilt:
    """Against gravity (rad, REP-103: roll positive leans right, pitch positive looks down)."""

    stamp_ns: int
    roll: float
    pitch: float


def imu_tilt(message: Any) -> Tilt | None:
    """The tilt of a sensor_msgs/Imu whose x looks forward; None if it has no orientation."""
    q = message.orientation
    norm = math.hypot(q.x, q.y, q.z, q.w)
    if message.orientation_covariance[0] == -1.0 or not abs(norm - 1.0) <= 0.01:
        return None
    roll = math.atan2(2 * (q.w * q.x + q.y * q.z), 1 - 2 * (q.x**2 + q.y**2))
    pitch = math.asin(max(-1.0, min(1.0, 2 * (q.w * q.y - q.z * q.x))))
    return Tilt(stamp_ns(message.header.stamp), roll, pitch)


class Softness:
    """By how much a body tilts per m/s^2 (rad), learnt from how tilts vary with accelerations over some seconds."""

    def __init__(self) -> None:
        self._squares = self._products = 0.0

    def learn(self, tilts: Floats, pushes: Floats) -> float:
        """The newest estimate, from tilts (N,) and accelerations (N,) too."""
        pushed = pushes - pushes.mean()
        kept = REMEMBERED / max(REMEMBERED, self._squares)
        self._squares = kept * self._squares + float(np.mean(pushed**2))
        self._products = kept * self._products + float(np.mean(pushed * (tilts - tilts.mean())))
        return min(max(self._products / (self._squares + STIFF), 0.0), SOFTEST)


class Nodding:
    """The fast part of an IMU's tilt; thread-safe.

    The slow part, its median over the last seconds, is the road's slope, to which a car stays parallel, and how the
    IMU is mounted; none of it is the camera's. A body that dives as long as it brakes, and leans as long as a bend
    lasts, is no slope: what accelerations explain is taken out before.
    """

    def __init__(self, motions: MotionBuffer) -> None:
        """motions: which tell the accelerations."""
        self._motions = motions
        self._lock = threading.Lock()
        self.clear()

    def add(self, tilt: Tilt) -> None:
        """Remember a tilt. The roll of an IMU that hangs upside down leaps by a turn, which is none."""
        with self._lock:
            roll, before = tilt.roll, self._tilts.rows.values
            if len(before):
                roll = float(before[-1, 0]) + wrap_angle(roll - float(before[-1, 0]))
            self._tilts.add(tilt.stamp_ns, (roll, tilt.pitch))

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._tilts = NumberHistory(2)
            self._dive, self._lean = Softness(), Softness()
            self._slow_at: tuple[int, tuple[float, float]] | None = None  # the last slow part, and of which stamp

    def at(self, stamp_ns: int) -> tuple[float, float]:
        """Roll and pitch (rad) of the body against the road at a stamp; zeros where nothing tells them."""
        with self._lock:
            near_ns, near = self._tilts.around(stamp_ns, NEAR_S)
            lately = self._tilts.within(stamp_ns - SLOW_NS, stamp_ns)
            if not len(near_ns) or len(lately.stamps_ns) < FEWEST:
                return 0.0, 0.0
            if self._slow_at is None or abs(stamp_ns - self._slow_at[0]) >= SAME_NS:
                self._slow_at = stamp_ns, self._slow(lately)
            roll, pitch = (float(np.interp(0.0, near_ns - stamp_ns, each)) for each in near.T)
            slow = self._slow_at[1]
        roll, pitch = roll - slow[0], pitch - slow[1]
        return (roll, pitch) if max(abs(roll), abs(pitch)) <= MOST else (0.0, 0.0)

    def _slow(self, lately: Rows) -> tuple[float, float]:
        """Roll and pitch (rad) that are the road's, and the IMU's on the vehicle."""
        forward, left = self._motions.pushes(lately.stamps_ns).T
        roll, pitch = np.ascontiguousarray(lately.values.T)
        lean, dive = self._lean.learn(roll, left), self._dive.learn(pitch, -forward)
        return float(np.median(roll - lean * left)), float(np.median(pitch + dive * forward))


def nodded(mount: Mount, roll: float, pitch: float) -> Mount:
    """The mount on a body tilted so (rad): a camera that looks down steeply swings aside, too, as the body rolls."""
    return mount.on_tilted_body(roll, pitch) if roll or pitch else mount
