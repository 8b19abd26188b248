"""How base_link moved between two stamps, from odometry, a velocity topic or an IMU's rate of turn."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.model.inference.optional_jit import compiled_if_possible
from geoflow_ros.planar import PlanarPose, compose
from geoflow_ros.tracking.history import NumberHistory

HELD_S = 1.0  # how long a measurement stands in for the ones that follow, which may be late
HELD_NS = round(HELD_S * 1e9)
FRESH_S = 0.1  # how long it does so at no cost
HELD_DOUBT = 0.3  # share of a velocity that is unknown by the end of `HELD_S`
STEP_S, MOST_STEPS = 0.02, 500  # of the integration: enough for all that is remembered, whatever the stamps say
STEADY = 2.0  # a doubtful speed is kept from frame to frame: steps drawn one by one must be wider to follow it
UNKNOWN_TURN_RATE = 0.3  # rad/s, standard deviation where nothing tells the rate of turn
STANDSTILL_SPEED, STANDSTILL_RATE = 0.1, 0.03  # m/s, rad/s: what is slower is the noise of standing wheels
WALKED = 9  # x, y, yaw of the displacement, distance, turned, unknown_s, unknown_turn_s, missing_s, missing_turn_s
PUSH_S = 0.25  # to either side, over which velocities say an acceleration
MOMENT_S = 1.0  # in which the noise of standing wheels leads nowhere, or 1 m there and back is driven
CREPT_M, CREPT_RAD = 0.1, 0.01  # unless it adds up so far: it is no noise then, but slow, or a gyro that drifts

Floats = NDArray[np.float64]
Stamps = NDArray[np.int64]


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
    measurement stands in, or whose sources differ, count in part. missing_s, missing_turn_s: for how many of these
    there was none at all, so that the displacement is short of them; negative on the way back. crept_rad: turned so
    slowly that a gyro may only have drifted.
    """

    displacement: PlanarPose = PlanarPose()
    distance: float = 0.0
    turned: float = 0.0
    unknown_s: float = 0.0
    unknown_turn_s: float = 0.0
    missing_s: float = 0.0
    missing_turn_s: float = 0.0
    crept_rad: float = 0.0

    def apply(self, poses: Floats) -> Floats:
        """Poses (N, 3) of east, north, yaw after this motion."""
        return compose(poses, self.displacement.array())

    def inverse(self) -> Motion:
        """The way back."""
        missing, missing_turn = -self.missing_s, -self.missing_turn_s
        way_back = self.displacement.inverse()
        return replace(self, displacement=way_back, missing_s=missing, missing_turn_s=missing_turn)


NO_MOTION = Motion()


class Creep:
    """Of a vehicle that stands odometry is noise, which leads nowhere: a way counts once it leads somewhere.

    What a moment of it does not tell from noise, being slow, or a gyro that drifts, adds up.
    """

    def __init__(self) -> None:
        self._moment, self._lasting_s = NO_MOTION, 0.0  # what has led nowhere yet
        self._crept = PlanarPose()  # in the moments before

    def counted(self, motion: Motion, seconds: float) -> Motion:
        """A motion of so many seconds, in whose way is what was driven and turned before and not counted yet."""
        moment = replace(
            motion,
            displacement=self._moment.displacement @ motion.displacement,
            distance=self._moment.distance + motion.distance,
            turned=self._moment.turned + motion.turned,
        )
        lasting_s = self._lasting_s + seconds
        least_s = max(lasting_s, MOMENT_S)
        metres, radians = _size(moment.displacement)
        if metres >= STANDSTILL_SPEED * least_s or radians >= STANDSTILL_RATE * least_s or moment.distance >= least_s:
            return self._count(motion, max(metres, moment.distance), moment.turned)
        if lasting_s < MOMENT_S:
            self._moment, self._lasting_s = moment, lasting_s
        else:
            self._moment, self._lasting_s = NO_MOTION, 0.0
            self._crept = self._crept @ moment.displacement
            metres, radians = _size(self._crept)
            if metres >= CREPT_M or radians >= CREPT_RAD:
                return self._count(motion, 0.0, 0.0)
        return replace(motion, distance=0.0, turned=0.0)

    def _count(self, motion: Motion, metres: float, radians: float) -> Motion:
        """The motion with this way, and what was crept before."""
        crept_m, crept_rad = _size(self._crept)
        self._moment, self._lasting_s, self._crept = NO_MOTION, 0.0, PlanarPose()
        return replace(motion, distance=metres + crept_m, turned=radians, crept_rad=crept_rad)


def _size(displacement: PlanarPose) -> tuple[float, float]:
    """Metres and radians."""
    return math.hypot(displacement.x, displacement.y), abs(displacement.yaw)


class MotionBuffer:
    """The last seconds of velocities and rates of turn; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.clear()
        self.between(0, 0)  # what is compiled is so now, not when the first message waits

    def add_velocity(self, velocity: BodyVelocity) -> None:
        """Remember a velocity."""
        with self._lock:
            numbers = velocity.forward, velocity.left, velocity.yaw_rate, velocity.turn_doubt
            self._velocities.add(velocity.stamp_ns, numbers)

    def add_rate(self, rate: YawRate) -> None:
        """Remember a rate of turn, used where no velocity tells it."""
        with self._lock:
            self._rates.add(rate.stamp_ns, (rate.rate,))

    @property
    def newest_ns(self) -> int | None:
        """The stamp of the newest velocity; of the newest rate of turn where there is no velocity."""
        with self._lock:
            newest_ns = self._velocities.newest_ns
            return self._rates.newest_ns if newest_ns is None else newest_ns

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._velocities, self._rates = NumberHistory(4), NumberHistory(1)

    def forget_velocities(self) -> None:
        """Forget them: they turn out to be wrong."""
        with self._lock:
            self._velocities = NumberHistory(4)

    def pushes(self, stamps_ns: NDArray[np.int64]) -> Floats:
        """Accelerations (N, 2) of base_link (m/s^2) at ascending stamps: forward, to the left in bends; else 0."""
        origin_ns, last_ns = int(stamps_ns[0]), int(stamps_ns[-1])
        times = (stamps_ns - origin_ns).astype(np.float64) * 1e-9
        with self._lock:
            measured_ns, velocities = self._velocities.within(origin_ns - HELD_NS, last_ns + HELD_NS)
            table = np.column_stack([(measured_ns - origin_ns) * 1e-9, velocities[:, [0, 2]]])
        later, earlier = (sampled(table, times + side * PUSH_S)[0] for side in (1.0, -1.0))
        now, age = sampled(table, times)
        pushes = np.column_stack([(later - earlier)[:, 0] / (2.0 * PUSH_S), now[:, 0] * now[:, 1]])
        return np.where((age <= FRESH_S)[:, None], pushes, 0.0)

    def between(self, start_ns: int, end_ns: int) -> Motion:
        """The motion from one stamp to another, earlier or later."""
        if end_ns < start_ns:
            return self.between(end_ns, start_ns).inverse()
        return self.along((start_ns, end_ns))[0]

    def along(self, stamps_ns: Sequence[int]) -> list[Motion]:
        """The motions from each of ascending stamps to the next."""
        with self._lock:
            motions = _walked_between(np.array(stamps_ns), *self._velocities.rows, *self._rates.rows)
        return [Motion(PlanarPose(*each[:3]), *each[3:]) for each in motions.tolist()]


@compiled_if_possible
def _sample(table: Floats, second: float, before: int, values: Floats) -> float:
    """Interpolate at a time into `values` (C,), zero where unknown; the seconds to the nearest measurement.

    table: (n, 1 + C) of ascending seconds and values. before: the last row that is not later, -1 if there is none.
    """
    count, columns = len(table), len(values)
    age = math.inf
    if before >= 0:
        age = second - table[before, 0]
    if before + 1 < count:
        age = min(age, table[before + 1, 0] - second)
    if age > HELD_S:
        values[:] = 0.0
        return age
    first = max(before, 0)
    last = min(before + 1, count - 1)
    span = table[last, 0] - table[first, 0]
    share = (second - table[first, 0]) / span if span > 0.0 else 0.0
    for column in range(columns):
        start = table[first, 1 + column]
        values[column] = start + share * (table[last, 1 + column] - start)
    return age


@compiled_if_possible
def _unknown_share(age: float) -> float:
    """How much of a velocity is unknown so long after or before the nearest measurement, in [0, 1]."""
    if age > HELD_S:
        return 1.0
    return HELD_DOUBT * min(max((age - FRESH_S) / (HELD_S - FRESH_S), 0.0), 1.0)


@compiled_if_possible
def walked(ends: Floats, velocities: Floats, rates: Floats) -> Floats:
    """Motions (K, WALKED) from each of ascending times (K + 1,) to the next.

    velocities: (n, 5) of seconds, forward, left, rate of turn and its doubt. rates: (m, 2) of seconds and rate of turn.
    """
    motions = np.zeros((len(ends) - 1, WALKED))
    moving, turning = np.zeros(4), np.zeros(1)
    moved = turned = -1
    for index in range(len(motions)):
        lasting = ends[index + 1] - ends[index]
        steps = min(max(math.ceil(lasting / STEP_S), 1), MOST_STEPS)
        step, yaw, motion = lasting / steps, 0.0, motions[index]
        for number in range(steps):
            second = ends[index] + (number + 0.5) * step
            while moved + 1 < len(velocities) and velocities[moved + 1, 0] <= second:
                moved += 1
            while turned + 1 < len(rates) and rates[turned + 1, 0] <= second:
                turned += 1
            age, turning_age = _sample(velocities, second, moved, moving), _sample(rates, second, turned, turning)
            is_own = age <= max(turning_age, FRESH_S)
            rate = moving[2] if is_own else turning[0]
            middle = yaw + rate * step / 2.0
            yaw += rate * step
            speed, unknown_turn = math.hypot(moving[0], moving[1]), _unknown_share(age if is_own else turning_age)
            motion[0] += math.cos(middle) * moving[0] - math.sin(middle) * moving[1]
            motion[1] += math.sin(middle) * moving[0] + math.cos(middle) * moving[1]
            motion[3] += speed if speed > STANDSTILL_SPEED else 0.0
            motion[4] += abs(rate) if abs(rate) > STANDSTILL_RATE else 0.0
            motion[5] += _unknown_share(age)
            motion[6] += unknown_turn + (moving[3] / UNKNOWN_TURN_RATE if is_own else 0.0)
            motion[7] += 1.0 if age > HELD_S else 0.0
            motion[8] += 1.0 if min(age, turning_age) > HELD_S else 0.0
        motion *= step
        motion[2] = yaw
    return motions


@compiled_if_possible
def spanning(stamps_ns: Stamps, values: Floats, start_ns: int, end_ns: int) -> Floats:
    """Seconds after the start and values (n, 1 + C), from one stamp to another and the nearest around that are held."""
    first = max(int(np.searchsorted(stamps_ns, start_ns, "right")) - 1, 0)
    after = int(np.searchsorted(stamps_ns, end_ns)) + 1
    last = max(first, min(after, len(stamps_ns)))  # there may be many of one stamp
    while first < last and stamps_ns[first] < start_ns - HELD_NS:
        first += 1
    while first < last and stamps_ns[last - 1] > end_ns + HELD_NS:
        last -= 1
    table = np.empty((last - first, 1 + values.shape[1]))
    table[:, 0] = (stamps_ns[first:last] - start_ns) * 1e-9
    table[:, 1:] = values[first:last]
    return table


@compiled_if_possible
def _walked_between(ends_ns: Stamps, moved_ns: Stamps, moving: Floats, turned_ns: Stamps, turning: Floats) -> Floats:
    """`walked` from each of ascending stamps (K + 1,) to the next, of all stamps and values that are remembered."""
    start_ns, end_ns = ends_ns[0], ends_ns[-1]
    velocities = spanning(moved_ns, moving, start_ns, end_ns)
    return walked((ends_ns - start_ns) * 1e-9, velocities, spanning(turned_ns, turning, start_ns, end_ns))


@compiled_if_possible
def sampled(table: Floats, seconds: Floats) -> tuple[Floats, Floats]:
    """Values (T, C) at ascending times (T,) and the seconds (T,) to the nearest measurement, as `_sample`."""
    values, ages = np.zeros((len(seconds), table.shape[1] - 1)), np.zeros(len(seconds))
    before = -1
    for index in range(len(seconds)):
        while before + 1 < len(table) and table[before + 1, 0] <= seconds[index]:
            before += 1
        ages[index] = _sample(table, seconds[index], before, values[index])
    return values, ages
