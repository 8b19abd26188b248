"""Velocities that no vehicle can have after those before: a stalled encoder, axes or units that change on the way."""

from __future__ import annotations

import math

from geoflow_ros.errors import InputError
from geoflow_ros.tracking.motion import BodyVelocity

LEAST_CHANGE = 2.0  # m/s: less is noise, slip, or a robot that starts in a simulator
MOST_ACCELERATION = 10.0  # m/s^2, of brakes and of gaps between messages
REMEMBERED_S = 60.0  # what it was before a leap that was believed in the end
RECONCILED = 2.0  # m/s^2: what leapt is believed again once the vehicle may have got there by itself


class LeapCheck:
    """Follows the velocities of one source.

    The velocity before a leap stands in for a while (see `MotionBuffer`), so that an encoder that stalls for a second
    does not leave the belief behind; one that stays where it leapt to is believed in the end, and left to the frames.
    """

    def __init__(self) -> None:
        self._believed: BodyVelocity | None = None
        self._refused: BodyVelocity | None = None  # the last that leapt, until one is believed
        self._leapt_ns: int | None = None
        self._left: BodyVelocity | None = None  # what was believed before a leap that was believed in the end

    def check(self, velocity: BodyVelocity, is_contradicted: bool = False) -> None:
        """InputError while a velocity cannot follow from those before; late ones are not looked at.

        is_contradicted: by the source itself, whose poses went elsewhere of late. It is not believed where it leapt to
        then, but where it leaps from there.
        """
        before = self._believed
        if before is not None and velocity.stamp_ns <= before.stamp_ns:
            return
        if before is not None and not self._is_plausible(velocity, before, is_contradicted):
            self._leapt_ns = velocity.stamp_ns if self._leapt_ns is None else self._leapt_ns
            self._refused = velocity
            raise InputError(
                f"odometry leaps from {_text(before)} to {_text(velocity)} m/s forward, left within "
                f"{(velocity.stamp_ns - before.stamp_ns) * 1e-9:.2f} s, as no vehicle does: it is not used for now"
            )
        self._left = self._remembered(velocity, before)
        self._believed, self._refused, self._leapt_ns = velocity, None, None

    def _is_plausible(self, velocity: BodyVelocity, before: BodyVelocity, is_contradicted: bool) -> bool:
        if is_contradicted and self._refused is None:
            return True
        if is_contradicted and self._goes_on(velocity):
            return _change(before, velocity) <= LEAST_CHANGE
        return self._follows(velocity, before) or self._is_back(velocity, before)

    def _goes_on(self, velocity: BodyVelocity) -> bool:
        """Whether it follows what was refused; where it leaps again, the fault is over."""
        return self._refused is not None and _is_reached(self._refused, velocity, MOST_ACCELERATION)

    def _follows(self, velocity: BodyVelocity, before: BodyVelocity) -> bool:
        """Whether the vehicle may have got from one to the other by itself."""
        if self._leapt_ns is None:
            return _is_reached(before, velocity, MOST_ACCELERATION)
        reachable = RECONCILED * (velocity.stamp_ns - self._leapt_ns) * 1e-9
        return _change(before, velocity) <= LEAST_CHANGE + reachable

    def _is_back(self, velocity: BodyVelocity, before: BodyVelocity) -> bool:
        """Whether it follows what it was before it leapt rather than where it leapt: that was a fault, and is over."""
        left = self._left
        if left is None or velocity.stamp_ns - left.stamp_ns > REMEMBERED_S * 1e9:
            return False
        return _is_reached(left, velocity, RECONCILED) and _change(left, velocity) < _change(before, velocity)

    def _remembered(self, velocity: BodyVelocity, before: BodyVelocity | None) -> BodyVelocity | None:
        """What was left behind by a leap, once this velocity is believed; None where nothing was, or it is back."""
        if before is None or not self._follows(velocity, before):
            return None
        if self._refused is None:
            return self._left if self._left is not None and _change(self._left, velocity) > LEAST_CHANGE else None
        return before if self._goes_on(velocity) and _change(before, velocity) > LEAST_CHANGE else None


def _is_reached(before: BodyVelocity, after: BodyVelocity, acceleration: float) -> bool:
    """Whether a vehicle gets from one to the other by this acceleration (m/s^2)."""
    seconds = (after.stamp_ns - before.stamp_ns) * 1e-9
    return _change(before, after) <= LEAST_CHANGE + acceleration * seconds


def _change(before: BodyVelocity, after: BodyVelocity) -> float:
    return math.hypot(after.forward - before.forward, after.left - before.left)


def _text(velocity: BodyVelocity) -> str:
    return f"{velocity.forward:.1f}, {velocity.left:.1f}"
