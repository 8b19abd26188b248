"""How base_link moved between two stamps, from odometry, a velocity topic or an IMU's rate of turn."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.planar import PlanarPose, compose, rotate
from geoflow_ros.tracking.history import History

HELD_S = 1.0  # how long a measurement stands in for the ones that follow, which may be late
FRESH_S = 0.1  # how long it does so at no cost
HELD_DOUBT = 0.3  # share of a velocity that is unknown by the end of `HELD_S`
STEP_S, MOST_STEPS = 0.02, 500  # of the integration: enough for all that is remembered, whatever the stamps say
PUSH_S = 0.25  # to either side, over which velocities say an acceleration
UNKNOWN_TURN_RATE = 0.3  # rad/s, standard deviation where nothing tells the rate of turn
STANDSTILL_SPEED, STANDSTILL_RATE = 0.1, 0.03  # m/s, rad/s: what is slower is the noise of standing wheels
CREPT_M, CREPT_RAD = 0.1, 0.05  # unless it adds up so far: it is no noise then, but slow, or a gyro that drifts
CREEP_DOUBT = 2.0  # standard deviation of a turn so slow, as a share of it: a drift lasts, so that many turns err alike

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BodyVelocity:
    """Velocity of base_link in its own axes, m/s, and its rate of turn, rad/s counter-clockwise.

    turn_doubt: standard deviation of the rate where its sources differ, rad/s.
    """

    stamp_ns: int
    forward: float
    left: float
    yaw_rate: float = 0.0
    turn_doubt: float = 0.0


@dataclass(frozen=True, slots=True)
class YawRate:
    """Rate of turn of base_link, rad/s counter-clockwise."""

    stamp_ns: int
    rate: float


@dataclass(frozen=True, slots=True)
class Motion:
    """How base_link moved. displacement: its pose at the end in the axes at the start.

    distance, turned: metres travelled and radians turned, to whichever side; none while standing. unknown_s,
    unknown_turn_s: for how many seconds of it the velocity, the rate of turn were not measured; those in which an old
    measurement stands in, or whose sources differ, count in part.
    """

    displacement: PlanarPose = PlanarPose()
    distance: float = 0.0
    turned: float = 0.0
    unknown_s: float = 0.0
    unknown_turn_s: float = 0.0

    def apply(self, poses: Floats) -> Floats:
        """Poses (N, 3) of east, north, yaw after this motion."""
        return compose(poses, self.displacement.array())

    def inverse(self) -> Motion:
        """The way back."""
        return replace(self, displacement=self.displacement.inverse())


NO_MOTION = Motion()


class Creep:
    """Motion so slow that no step of it is told from the noise of standing; what it adds up to counts."""

    def __init__(self) -> None:
        self._crept = PlanarPose()

    def counted(self, motion: Motion) -> Motion:
        """The motion, in whose way is what was driven and turned before too slowly to be counted."""
        crept = PlanarPose() if motion.distance or motion.turned else self._crept @ motion.displacement
        metres, radians = math.hypot(crept.x, crept.y), abs(crept.yaw)
        if metres < CREPT_M and radians < CREPT_RAD:
            self._crept = crept
            return motion
        self._crept = PlanarPose()
        unknown_turn_s = motion.unknown_turn_s + CREEP_DOUBT * radians / UNKNOWN_TURN_RATE
        return replace(motion, distance=metres, turned=radians, unknown_turn_s=unknown_turn_s)


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

    @property
    def newest_ns(self) -> int | None:
        """The stamp of the newest velocity; of the newest rate of turn where there is no velocity."""
        with self._lock:
            newest = self._velocities.newest or self._rates.newest
        return None if newest is None else newest.stamp_ns

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._velocities, self._rates = History[BodyVelocity](), History[YawRate]()

    def forget_velocities(self) -> None:
        """Forget them: they turn out to be wrong."""
        with self._lock:
            self._velocities = History[BodyVelocity]()

    def pushes(self, stamps_ns: Sequence[int]) -> Floats:
        """Accelerations (N, 2) of base_link (m/s^2) at ascending stamps: forward, to the left in bends; else 0."""
        origin_ns, reach_ns = stamps_ns[0], round(HELD_S * 1e9)
        times = np.array([stamp - origin_ns for stamp in stamps_ns]) * 1e-9
        with self._lock:
            velocities = self._velocities.within(origin_ns - reach_ns, stamps_ns[-1] + reach_ns)
            table = _rows([(each.stamp_ns - origin_ns, each.forward, each.yaw_rate) for each in velocities])
        later, earlier = (_sampled(table, times + side * PUSH_S, 2)[0] for side in (1.0, -1.0))
        now, age = _sampled(table, times, 2)
        pushes = np.column_stack([(later - earlier)[:, 0] / (2.0 * PUSH_S), now[:, 0] * now[:, 1]])
        return np.where((age <= FRESH_S)[:, None], pushes, 0.0)

    def between(self, start_ns: int, end_ns: int) -> Motion:
        """The motion from one stamp to another, earlier or later."""
        if end_ns < start_ns:
            return self.between(end_ns, start_ns).inverse()
        return self.along((start_ns, end_ns))[0]

    def along(self, stamps_ns: Sequence[int]) -> list[Motion]:
        """The motions from each of ascending stamps to the next."""
        origin_ns, reach_ns = stamps_ns[0], round(HELD_S * 1e9)
        grids = [_grid((start - origin_ns) * 1e-9, (end - origin_ns) * 1e-9) for start, end in pairwise(stamps_ns)]
        times = np.concatenate([middles for middles, _ in grids])
        with self._lock:
            span = origin_ns, stamps_ns[-1], reach_ns
            velocities = _rows([(each.stamp_ns - origin_ns, each.forward, each.left, each.yaw_rate, each.turn_doubt)
                                for each in self._velocities.spanning(*span)])  # fmt: skip
            rates = _rows([(each.stamp_ns - origin_ns, each.rate) for each in self._rates.spanning(*span)])
        moving, age = _sampled(velocities, times, 4)
        turning, turning_age = _sampled(rates, times, 1)
        is_own = age <= np.maximum(turning_age, FRESH_S)
        rate = np.where(is_own, moving[:, 2], turning[:, 0])
        unknown_turn = _unknown_share(np.where(is_own, age, turning_age))
        unknown_turn += np.where(is_own, moving[:, 3], 0.0) / UNKNOWN_TURN_RATE
        unknown = np.column_stack([_unknown_share(age), unknown_turn])
        ends = np.cumsum([len(middles) for middles, _ in grids])
        velocities_in, rates_in, unknown_in = (np.split(each, ends[:-1]) for each in (moving[:, :2], rate, unknown))
        lasting = (step for _, step in grids)
        return [_integrated(*each) for each in zip(velocities_in, rates_in, unknown_in, lasting, strict=True)]


def _grid(start_s: float, end_s: float) -> tuple[Floats, float]:
    """The middles of the steps in which is integrated, and how long each lasts."""
    steps = min(max(math.ceil((end_s - start_s) / STEP_S), 1), MOST_STEPS)
    step = (end_s - start_s) / steps
    return start_s + (np.arange(steps, dtype=np.float64) + 0.5) * step, step


def _rows(rows: list[tuple[float, ...]]) -> Floats:
    """Seconds and values (n, ...) of rows that begin with nanoseconds."""
    table = np.array(rows, dtype=np.float64)
    if len(table):
        table[:, 0] *= 1e-9
    return table


def _sampled(table: Floats, times: Floats, columns: int) -> tuple[Floats, Floats]:
    """Values (T, columns) at times (T,), interpolated, zero where unknown; seconds (T,) to the nearest measurement."""
    if not len(table):
        return np.zeros((len(times), columns)), np.full(len(times), np.inf)
    stamps = table[:, 0]
    values = np.column_stack([np.interp(times, stamps, table[:, 1 + column]) for column in range(columns)])
    after = np.clip(np.searchsorted(stamps, times), 0, len(stamps) - 1)
    age = np.minimum(abs(stamps[after] - times), abs(stamps[np.maximum(after - 1, 0)] - times))
    return np.where((age <= HELD_S)[:, None], values, 0.0), age


def _unknown_share(age: Floats) -> Floats:
    """How much (N,) of a velocity is unknown this long (N,) from the nearest measurement, in [0, 1]."""
    held = HELD_DOUBT * np.clip((age - FRESH_S) / (HELD_S - FRESH_S), 0.0, 1.0)
    return np.where(age <= HELD_S, held, 1.0)


def _integrated(velocity: Floats, rate: Floats, unknown: Floats, step: float) -> Motion:
    """The motion of velocities (T, 2) and rates (T,), which are unknown in part (T, 2), each lasting `step` seconds."""
    turns = np.cumsum(rate) * step
    yaw = turns - rate * step / 2  # in the middle of each step
    x, y = (rotate(yaw, velocity).sum(axis=0) * step).tolist()
    speed = np.hypot(velocity[:, 0], velocity[:, 1])
    distance = float(speed[speed > STANDSTILL_SPEED].sum()) * step
    turned = float(abs(rate)[abs(rate) > STANDSTILL_RATE].sum()) * step
    unknown_s, unknown_turn_s = (unknown.sum(axis=0) * step).tolist()
    return Motion(PlanarPose(x, y, float(turns[-1])), distance, turned, unknown_s, unknown_turn_s)
