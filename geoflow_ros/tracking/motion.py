"""How base_link moved between two stamps, from odometry, a velocity topic or an IMU's rate of turn."""

from __future__ import annotations

import math
import threading
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.planar import PlanarPose, compose, rotate
from geoflow_ros.tracking.history import History
from geoflow_ros.tracking.prior import BodyVelocity, YawRate

HELD_S = 0.5  # how long a measurement stands in for the ones that follow
STEP_S = 0.02  # of the integration
STANDSTILL_SPEED = 0.1  # m/s: what is slower is the noise of standing wheels


@dataclass(frozen=True, slots=True)
class Motion:
    """How base_link moved. displacement: its pose at the end in the axes at the start.

    distance: metres travelled, none while standing. unknown_s, unknown_turn_s: for how many seconds of it the velocity,
    the rate of turn were not measured.
    """

    displacement: PlanarPose = PlanarPose()
    distance: float = 0.0
    unknown_s: float = 0.0
    unknown_turn_s: float = 0.0

    def apply(self, poses: NDArray[np.float64]) -> NDArray[np.float64]:
        """Poses (N, 3) of east, north, yaw after this motion."""
        return compose(poses, self.displacement.array())

    def inverse(self) -> Motion:
        """The way back."""
        return replace(self, displacement=self.displacement.inverse())


NO_MOTION = Motion()


class MotionBuffer:
    """The last seconds of velocities and rates of turn; thread-safe."""

    def __init__(self) -> None:
        self._velocities = History[BodyVelocity]()
        self._rates = History[YawRate]()
        self._lock = threading.Lock()

    def add_velocity(self, velocity: BodyVelocity) -> None:
        """Remember a velocity."""
        with self._lock:
            self._velocities.add(velocity)

    def add_rate(self, rate: YawRate) -> None:
        """Remember a rate of turn, used where no velocity tells it."""
        with self._lock:
            self._rates.add(rate)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._velocities, self._rates = History[BodyVelocity](), History[YawRate]()

    def between(self, start_ns: int, end_ns: int) -> Motion:
        """The motion from one stamp to another, earlier or later."""
        if end_ns < start_ns:
            return self.between(end_ns, start_ns).inverse()
        seconds = (end_ns - start_ns) * 1e-9
        steps = max(math.ceil(seconds / STEP_S), 1)
        step = seconds / steps
        times = (np.arange(steps, dtype=np.float64) + 0.5) * step
        with self._lock:
            velocities = _rows([(each.stamp_ns - start_ns, each.forward, each.left, each.yaw_rate)
                                for each in self._velocities])  # fmt: skip
            rates = _rows([(each.stamp_ns - start_ns, each.rate) for each in self._rates])
        moving, is_known = _sampled(velocities, times, 3)
        turning, is_turn_known = _sampled(rates, times, 1)
        rate = np.where(is_known, moving[:, 2], turning[:, 0])
        return _integrated(
            moving[:, :2], rate, step, (~is_known).sum() * step, (~is_known & ~is_turn_known).sum() * step
        )


def _rows(rows: list[tuple[float, ...]]) -> NDArray[np.float64]:
    """Seconds and values (n, ...) of rows that begin with nanoseconds."""
    table = np.array(rows, dtype=np.float64)
    if len(table):
        table[:, 0] *= 1e-9
    return table


def _sampled(
    table: NDArray[np.float64], times: NDArray[np.float64], columns: int
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Values (T, columns) at times (T,), interpolated, zero where unknown; and whether each is known."""
    if not len(table):
        return np.zeros((len(times), columns)), np.zeros(len(times), dtype=bool)
    stamps = table[:, 0]
    values = np.column_stack([np.interp(times, stamps, table[:, 1 + column]) for column in range(columns)])
    after = np.clip(np.searchsorted(stamps, times), 0, len(stamps) - 1)
    nearest = np.minimum(abs(stamps[after] - times), abs(stamps[np.maximum(after - 1, 0)] - times))
    is_known = nearest <= HELD_S
    return np.where(is_known[:, None], values, 0.0), is_known


def _integrated(
    velocity: NDArray[np.float64], rate: NDArray[np.float64], step: float, unknown_s: float, unknown_turn_s: float
) -> Motion:
    """The motion of body velocities (T, 2) and rates (T,), each lasting `step` seconds."""
    turned = np.cumsum(rate) * step
    yaw = turned - rate * step / 2  # in the middle of each step
    x, y = (rotate(yaw, velocity).sum(axis=0) * step).tolist()
    speed = np.hypot(velocity[:, 0], velocity[:, 1])
    distance = float(speed[speed > STANDSTILL_SPEED].sum()) * step
    return Motion(PlanarPose(x, y, float(turned[-1])), distance, unknown_s, unknown_turn_s)
