"""Whether a fix can be believed beside those before it: receivers remember yesterday's place, and glitch."""

from __future__ import annotations

import math

from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import EARTH_RADIUS, LocalFrame, distance
from geoflow_ros.localization.pose import position_std
from geoflow_ros.planar import PlanarPose
from geoflow_ros.tracking.history import JUMP_NS
from geoflow_ros.tracking.measurements import MAX_SPEED
from geoflow_ros.tracking.motion import MotionBuffer
from geoflow_ros.tracking.prior import Fix

AGREEING = 3  # fixes in a row before they begin a map, or take the place of where the vehicle was believed
GATE_SIGMAS = 5.0
REPEATED_M, REPEATED_SIGMAS = 1.0, 3.0  # driven while a receiver told the same place to the last digit
FAR_M, TOO_FAR_M = 20e3, 500e3
"""From the datum: where the distortion of the map is worth a sentence, and where no map is."""


class FixCheck:
    """Follows the fixes one by one."""

    def __init__(self) -> None:
        self._last: Fix | None = None
        self._waiting: list[Fix] = []

    def check(self, fix: Fix, has_map: bool) -> None:
        """Raise InputError for a fix that must be confirmed first: by the next, near it, until `AGREEING` agree.

        has_map: whether the map frame is known; without one, the first fix needs confirmation, too.
        """
        last = self._last
        if last is not None and fix.stamp_ns < last.stamp_ns - JUMP_NS:
            last = self._last = None
            self._waiting.clear()
        if (last is None and has_map) or (last is not None and _is_near(last, fix)):
            self._last, self._waiting = fix, []
            return
        if self._waiting and not _is_near(self._waiting[-1], fix):
            self._waiting.clear()
        self._waiting.append(fix)
        if len(self._waiting) < AGREEING:
            raise InputError(_sentence(last, fix, len(self._waiting)))
        self._last, self._waiting = fix, []


class RepeatCheck:
    """Notices a receiver that tells its last place with fresh stamps, as many do in a tunnel."""

    def __init__(self) -> None:
        self._first: Fix | None = None  # of those that tell the same place
        self._last_ns = 0
        self._moved = PlanarPose()  # since the first

    def check(self, fix: Fix, motions: MotionBuffer) -> None:
        """Raise InputError for a fix that repeats a place from where odometry has led further than it can be off."""
        first, last_ns, self._last_ns = self._first, self._last_ns, fix.stamp_ns
        is_same = first is not None and (first.latitude, first.longitude) == (fix.latitude, fix.longitude)
        if first is None or not is_same or fix.stamp_ns < last_ns:
            self._first, self._moved = fix, PlanarPose()
            return
        self._moved = self._moved @ motions.between(last_ns, fix.stamp_ns).displacement
        moved_m = math.hypot(self._moved.x, self._moved.y)
        if moved_m > max(REPEATED_M, REPEATED_SIGMAS * position_std(fix.covariance)):
            raise InputError(
                f"the receiver has told the same place for {(fix.stamp_ns - first.stamp_ns) * 1e-9:.0f} s while the "
                f"vehicle drove {moved_m:.0f} m: it sees no satellites, or its driver repeats itself"
            )


def check_distance(fix: Fix, frame: LocalFrame) -> str:
    """What is to be said about the distance of a fix from the datum, empty if it is near; InputError if too far."""
    datum = frame.datum
    metres = distance(datum.latitude, datum.longitude, fix.latitude, fix.longitude)
    if metres < FAR_M:
        return ""
    where = f"{metres / 1e3:.0f} km from the datum ({datum.latitude:.5f}, {datum.longitude:.5f})"
    nearer = "set datum.latitude and datum.longitude near the vehicle, or call ~/set_datum_here"
    if metres > TOO_FAR_M:
        raise InputError(f"fix is {where}, where its map means nothing: {nearer}")
    here, north = frame.to_enu([fix.latitude, fix.latitude + 1e-5], fix.longitude)[:, :2]
    convergence = abs(math.atan2(*(north - here)))
    flattened = 1.0 - math.cos(metres / EARTH_RADIUS)
    return (
        f"the vehicle is {where}: there the map's north is {math.degrees(convergence):.2f} deg off true north, and "
        f"lengths away from the datum are {100 * flattened:.1g} % short: {nearer}"
    )


def _is_near(first: Fix, second: Fix) -> bool:
    """Whether a vehicle could be at one and then at the other."""
    seconds = abs(second.stamp_ns - first.stamp_ns) * 1e-9
    sigmas = position_std(first.covariance) + position_std(second.covariance)
    return _metres(first, second) <= MAX_SPEED * seconds + GATE_SIGMAS * sigmas


def _metres(first: Fix, second: Fix) -> float:
    return distance(first.latitude, first.longitude, second.latitude, second.longitude)


def _sentence(last: Fix | None, fix: Fix, count: int) -> str:
    if last is None:
        return f"the map begins where {AGREEING} fixes in a row agree, so far {count}: wait, or set the datum"
    seconds = (fix.stamp_ns - last.stamp_ns) * 1e-9
    return (
        f"fix jumps by {_metres(last, fix):.0f} m in {seconds:.1f} s, more than a vehicle drives: it is believed when "
        f"{AGREEING} in a row agree"
    )
