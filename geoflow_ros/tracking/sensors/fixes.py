"""Fixes in the belief: each weighed once, at the stamp it was measured at, however late it comes."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from geoflow_ros.planar import PlanarPose, rotate
from geoflow_ros.tracking.belief import Belief
from geoflow_ros.tracking.motion import Motion, MotionBuffer
from geoflow_ros.tracking.prior import Fix, PriorBuffer
from geoflow_ros.tracking.sensors.fix_delay import MAX_COMPENSATED_S, ClockOffset, FixDelay
from geoflow_ros.tracking.sensors.fix_offset import FixOffset, FixOffsetCheck
from geoflow_ros.tracking.track import ALIKE_M, TrackerConfig

LEAST_FIXES = 3  # in a row before they contradict the belief: a single one may be an outlier
MOST_RUNS = 32  # of a contradiction that grows from fix to fix
FORGOTTEN_NS = 10 * 10**9  # without any fix, at least, until those contradict no more: there may be a tunnel
LATEST_NS = 2_000_000_000  # behind the belief: what is older would be carried too far by odometry
SPEED_OVER_NS = 200_000_000


class FixFusion:
    """Weighs fixes, notices when they contradict the belief or lie beside it, and how their clock differs."""

    def __init__(self, sensors: PriorBuffer, motions: MotionBuffer, correlation_s: float) -> None:
        """correlation_s: within which the error of fixes drifts away."""
        self._sensors = sensors
        self._motions = motions
        self._delay = FixDelay(correlation_s)
        self._beside = FixOffsetCheck(correlation_s)
        self._conflict: _Conflict | None = None
        sensors.fix_delay_ns = 0

    def configure(self, correlation_s: float) -> None:
        """The error of fixes drifts away within this from now on."""
        self._delay.correlation_s = self._beside.correlation_s = correlation_s

    @property
    def clock_offset(self) -> ClockOffset:
        """How much later the clock of the fixes is than that of the images."""
        return self._delay.offset

    @property
    def offset(self) -> FixOffset:
        """How far fixes lie from the belief on average."""
        return self._beside.found

    @property
    def refusal(self) -> str:
        """Why no fix is weighed, empty if they are."""
        offset = self._delay.offset
        if not offset.is_implausible:
            return ""
        return (
            f"fixes lie {abs(offset.seconds):.1f} s {'behind' if offset.seconds > 0.0 else 'ahead of'} their stamps, "
            f"more than the {MAX_COMPENSATED_S:g} s that are made up for, and are not weighed: set the clocks of GNSS "
            "and camera alike"
        )

    def skip(self, until_ns: int) -> None:
        """There is no belief to weigh the fixes up to this stamp."""
        self._sensors.take_fixes(until_ns + self._sensors.fix_delay_ns)

    def restart(self) -> None:
        """There is another belief, which fixes have not contradicted yet."""
        self._conflict = None
        self._beside.restart()

    def weigh(self, belief: Belief, config: TrackerConfig, is_followed: bool, mount_variance: float) -> None:
        """Weigh the fixes up to the belief's stamp, each as uncertain as it is and the imagery may be off.

        is_followed: frames confirm the belief, it can judge clocks and places. mount_variance: of the place (m^2) that
        mounts leave open.
        """
        imagery = config.imagery_sigma**2
        for fix in self._sensors.take_fixes(belief.stamp_ns + self._sensors.fix_delay_ns):
            if belief.stamp_ns - fix.stamp_ns > LATEST_NS:
                continue
            # And as frames err alike: one of centimetres would leave a few of the hypotheses, be they right or wrong.
            on_imagery = replace(fix, covariance=fix.covariance + (imagery + ALIKE_M**2) * np.eye(2))
            if is_followed:
                self._compare(belief, on_imagery)
                self._look_beside(belief, fix, math.sqrt(imagery + mount_variance))
            self._weigh(belief, on_imagery, config.belief.fix_gate)
            if self._contradicts(belief.stamp_ns, config.conflict_after):
                self._beside.suspect()

    def complaint(self, stamp_ns: int, after_s: float) -> str | None:
        """What fixes have said against the belief for this long; for less the more they exceed the gate.

        Or what they say on average, though each alone passes the gate.
        """
        if beside := self._beside.found.sentence:
            return beside
        if self._conflict is None or not self._contradicts(stamp_ns, after_s):
            return None
        return f"GNSS fixes are {self._conflict.metres:.0f} m away from where the frames fit"

    def are_refused(self, stamp_ns: int) -> bool:
        """Whether the last of them are all too far from the belief, for however short a time."""
        return self._contradicts(stamp_ns, 0.0)

    def _contradicts(self, stamp_ns: int, after_s: float) -> bool:
        conflict = self._conflict
        return conflict is not None and not conflict.is_forgotten(stamp_ns) and conflict.lasts(after_s)

    @property
    def _delay_ns(self) -> int:
        """By how much fixes were measured before their stamps."""
        offset = self._delay.offset
        return round(offset.seconds * 1e9) if offset.is_implausible else self._sensors.fix_delay_ns

    def _look_beside(self, belief: Belief, fix: Fix, unsure_m: float) -> None:
        """Look at how far from the belief a fix lies."""
        place = self._sensors.frame.to_enu(fix.latitude, fix.longitude)[:2]
        way = self._motions.between(belief.stamp_ns, fix.stamp_ns - self._delay_ns)
        mean, covariance = belief.pose(_to_antenna(way, fix))
        offset = self._delay.offset
        delay_s = math.hypot(offset.seconds - self._delay_ns * 1e-9, offset.std)
        self._beside.add(fix, place - mean[:2], (mean, covariance), delay_s, unsure_m)

    def _weigh(self, belief: Belief, fix: Fix, gate: float) -> None:
        place = self._sensors.frame.to_enu(fix.latitude, fix.longitude)[:2]
        offset = self._delay.offset
        measured_ns = fix.stamp_ns - self._delay_ns
        way = self._motions.between(belief.stamp_ns, measured_ns)
        lag = _to_antenna(way, fix)
        if offset.is_implausible:  # not weighed; but what no clock explains contradicts the belief all the same
            unsure = (offset.std * way.distance / offset.seconds) ** 2
            chi_square = belief.chi_square(place, fix.covariance + unsure * np.eye(2), lag)
        else:
            chi_square = belief.weigh_fix(place, fix.covariance, measured_ns, lag)
        if chi_square <= gate:
            self._conflict = None
            return
        before = self._conflict
        if before is None or before.is_forgotten(measured_ns):
            before = _Conflict(measured_ns, (), 0.0)
        metres = float(np.hypot(*(place - belief.pose(lag)[0][:2])))
        self._conflict = before.lasting(measured_ns, chi_square / gate, metres)

    def _compare(self, belief: Belief, fix: Fix) -> None:
        """Look at where a fix lies along the way."""
        way = self._motions.between(fix.stamp_ns - SPEED_OVER_NS, fix.stamp_ns)
        if way.unknown_s > 0.0 or way.unknown_turn_s > 0.0:
            return
        place = self._sensors.frame.to_enu(fix.latitude, fix.longitude)[:2]
        mean, covariance = belief.pose(_to_antenna(self._motions.between(belief.stamp_ns, fix.stamp_ns), fix))
        moved, turn = way.displacement.act(fix.antenna) - fix.antenna, way.displacement.yaw
        velocity = rotate(mean[2] - turn / 2, moved) / (SPEED_OVER_NS * 1e-9)
        self._delay.add(fix.stamp_ns, place - mean[:2], velocity, float(mean[2]), fix.covariance, covariance[:2, :2])
        self._sensors.fix_delay_ns = round(self._delay.offset.compensated_s * 1e9)


class _Run(NamedTuple):
    """So many fixes since a stamp are refused, each with at least `excess` times the gate's chi-square."""

    since_ns: int
    excess: float
    fixes: int


@dataclass(frozen=True, slots=True)
class _Conflict:
    """Fixes in a row are refused. newest_ns: of the last of them; metres: how far away it was.

    runs: of the last ones; those of fewer fixes exceed the gate by more.
    """

    newest_ns: int
    runs: tuple[_Run, ...]
    metres: float

    def lasting(self, stamp_ns: int, excess: float, metres: float) -> _Conflict:
        """With another fix that is refused."""
        runs: list[_Run] = []
        for run in (*self.runs, _Run(stamp_ns, excess, 0)):
            if not runs or min(run.excess, excess) > runs[-1].excess:
                runs.append(_Run(run.since_ns, min(run.excess, excess), run.fixes + 1))
        return _Conflict(max(stamp_ns, self.newest_ns), (*runs[:1], *runs[1:][-MOST_RUNS:]), metres)

    def lasts(self, after_s: float) -> bool:
        """Whether it has lasted for so long; for less the more the fixes exceed the gate."""
        return any(
            run.fixes >= LEAST_FIXES and (self.newest_ns - run.since_ns) * 1e-9 >= after_s / run.excess
            for run in self.runs
        )

    def is_forgotten(self, stamp_ns: int) -> bool:
        """Whether the last of them was longer ago than they lasted."""
        return bool(self.runs) and stamp_ns - self.newest_ns > max(FORGOTTEN_NS, self.newest_ns - self.runs[0].since_ns)


def _to_antenna(motion: Motion, fix: Fix) -> Motion:
    """The motion, and then on to where the fix is measured."""
    return replace(motion, displacement=motion.displacement @ PlanarPose(*fix.antenna))
