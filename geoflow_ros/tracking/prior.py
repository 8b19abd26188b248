"""Where base_link is believed to be at an image's stamp, from GNSS fixes, a heading source and odometry."""

from __future__ import annotations

import math
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.localization.pose import PosePrior, Rejection
from geoflow_ros.options import option
from geoflow_ros.planar import lever_jacobian, rotate, wrap_angle
from geoflow_ros.tracking.history import KEPT_NS, History, S, share_of_second
from geoflow_ros.tracking.motion import MotionBuffer

ODOMETRY_ERROR = 0.1  # of the distance and of the angle that odometry carries a measurement on
TURN_RATE_SIGMA = 0.2  # rad/s, where nothing tells the rate of turn
MAX_COURSE_SIGMA = math.radians(30.0)
OR_COURSE = ": remap it, or set heading.source to course, which is the direction between fixes"


@dataclass(frozen=True, slots=True)
class HeadingConfig:
    """Where the heading comes from."""

    source: Literal["imu", "odom", "course"] = option(
        "heading source: imu (orientation in ENU, REP-103), odom (only if its yaw is measured from east) or course "
        "(direction between fixes; the vehicle must drive forward)",
        "imu",
    )
    offset: float = option(
        "added to the yaw of the source, counter-clockwise (IMU mounting, declination)", 0.0, "rad", (-7.0, 7.0)
    )
    sigma: float = option(
        "standard deviation of a heading whose message has no covariance; 0 refuses such a heading",
        0.0,
        "rad",
        (0.0, math.pi),
    )
    min_baseline: float = option("least distance between the two fixes of a course", 2.0, "m", (0.5, 100.0))


@dataclass(frozen=True, slots=True)
class PriorConfig:
    """How fixes become a prior."""

    fix_sigma: float = option(
        "standard deviation, east and north, of a fix whose message has no covariance; 0 refuses such a fix",
        0.0,
        "m",
        (0.0, 1000.0),
    )
    antenna_forward: float = option(
        "from base_link to where fixes are measured in driving direction", 0.0, "m", (-30.0, 30.0)
    )
    antenna_left: float = option("from base_link to where fixes are measured to the left", 0.0, "m", (-30.0, 30.0))
    antenna_up: float = option("from base_link to where fixes are measured upwards", 0.0, "m", (-30.0, 30.0))
    max_age: float = option("largest age of fix and heading at the image stamp", 1.0, "s", (0.05, 4.0))
    speed_sigma: float = option(
        "standard deviation of the vehicle's velocity where no odometry tells it", 5.0, "m/s", (0.0, 100.0)
    )


@dataclass(frozen=True, slots=True, eq=False)
class Fix:
    """A GNSS fix: WGS84 degrees of its antenna, altitude (m) of base_link; covariance (2, 2) of (east, north).

    antenna: metres forward and left of base_link.
    """

    stamp_ns: int
    latitude: float
    longitude: float
    altitude: float
    covariance: NDArray[np.float64]
    vertical_variance: float
    antenna: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Heading:
    """Yaw of base_link (rad, counter-clockwise from east) and its variance."""

    stamp_ns: int
    yaw: float
    variance: float


class PriorBuffer:
    """The last seconds of fixes and headings; thread-safe. Without a datum the first fix becomes it.

    fix_delay_ns: how much later than the images' clock the fixes' clock is, added to a stamp that fixes are sought at.
    """

    def __init__(self, prior: PriorConfig, heading: HeadingConfig, datum: Datum | None, motions: MotionBuffer) -> None:
        """motions: by which measurements are carried on to the stamp that is asked for."""
        self.fix_delay_ns = 0
        self._frame = None if datum is None else LocalFrame(datum)
        self._motions = motions
        self._prior = prior
        self._heading = heading
        self._fixes = History[Fix]()
        self._headings = History[Heading]()
        self._untaken = History[Fix]()
        self._refused: dict[str, str] = {}
        self._lock = threading.Lock()

    def add_fix(self, fix: Fix) -> None:
        """Remember a fix."""
        with self._lock:
            self._refused.pop("fix", None)
            if self._frame is None:
                altitude = fix.altitude if math.isfinite(fix.altitude) else 0.0
                self._frame = LocalFrame(Datum(fix.latitude, fix.longitude, altitude))
            self._fixes.add(fix)
            self._untaken.add(fix)

    def add_heading(self, heading: Heading) -> None:
        """Remember a heading of the configured source, before the configured offset."""
        with self._lock:
            self._refused.pop("heading", None)
            self._headings.add(heading)

    def refuse(self, kind: str, reason: str) -> None:
        """Remember why the newest fix or heading was of no use, to say so when a prior is missing because of it."""
        with self._lock:
            self._refused[kind] = reason

    @property
    def has_frame(self) -> bool:
        """Whether the `map` frame is known: from a datum, else from the first fix on."""
        return self._frame is not None

    @property
    def frame(self) -> LocalFrame:
        """The `map` frame; to ask before it is known is an error of the program."""
        if self._frame is None:
            raise RuntimeError("the map frame is not known before the first fix")
        return self._frame

    def nearest_fix(self, stamp_ns: int) -> Fix | None:
        """The fix nearest in time."""
        with self._lock:
            return self._fixes.nearest(stamp_ns)

    def at(self, stamp_ns: int, heading: Heading | None = None) -> PosePrior | Rejection:
        """The prior at a stamp, or why there is none; with this heading instead of the source's."""
        with self._lock:
            fix_ns = stamp_ns + self.fix_delay_ns
            near, frame = self._fixes.around(fix_ns, self._prior.max_age), self._frame
            if not near or frame is None:
                return self._missing("GNSS fix", self._fixes, fix_ns, self._refused.get("fix"))
            told = self._heading_at(stamp_ns, frame) if heading is None else heading
            if isinstance(told, Rejection):
                return told
            position, covariance = self._position(near, fix_ns, frame, told.yaw)
        full = np.zeros((3, 3))
        full[:2, :2], full[2, 2] = covariance, told.variance
        jacobian = lever_jacobian(-rotate(told.yaw, near[0].antenna))
        full = jacobian @ full @ jacobian.T
        return PosePrior(float(position[0]), float(position[1]), told.yaw, full)

    def take_fixes(self, until_ns: int) -> tuple[Fix, ...]:
        """The fixes up to a stamp that were not taken before, however late they came, in order of time."""
        with self._lock:
            return self._untaken.pop_until(until_ns)

    def set_datum(self, datum: Datum) -> None:
        """Begin the map frame here."""
        with self._lock:
            self._frame = LocalFrame(datum)

    def configure(self, prior: PriorConfig, heading: HeadingConfig) -> None:
        """Other settings from now on."""
        with self._lock:
            self._prior, self._heading = prior, heading

    def clear(self) -> None:
        """Forget every measurement; the frame stays."""
        with self._lock:
            self._fixes, self._untaken, self._headings = History[Fix](), History[Fix](), History[Heading]()
            self._refused = {}

    def _position(
        self, near: Sequence[Fix], stamp_ns: int, frame: LocalFrame, yaw: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """East, north (2,) and their covariance: between two fixes, or carried on from the only one."""
        first, last = near[0], near[-1]
        if first is not last:
            share = share_of_second(first, last, stamp_ns)
            position = (1 - share) * _base(first, frame, yaw) + share * _base(last, frame, yaw)
            return position, (1 - share) * first.covariance + share * last.covariance
        lag_ns = self.fix_delay_ns  # odometry is asked by the images' clock
        motion = self._motions.between(first.stamp_ns - lag_ns, stamp_ns - lag_ns)
        way = motion.displacement
        moved = rotate(yaw - way.yaw, (way.x, way.y))
        sigma = math.hypot(ODOMETRY_ERROR * float(np.hypot(*moved)), self._prior.speed_sigma * motion.unknown_s)
        return _base(first, frame, yaw - way.yaw) + moved, first.covariance + sigma**2 * np.eye(2)

    def _heading_at(self, stamp_ns: int, frame: LocalFrame) -> Heading | Rejection:
        if self._heading.source == "course":
            return self._course(stamp_ns, frame)
        near = self._headings.around(stamp_ns, self._prior.max_age)
        if not near:
            what = f"heading from {self._heading.source}"
            return self._missing(what, self._headings, stamp_ns, self._refused.get("heading"), OR_COURSE)
        if len(near) == 1:
            motion = self._motions.between(near[0].stamp_ns, stamp_ns)
            yaw = near[0].yaw + motion.displacement.yaw
            sigma = math.hypot(ODOMETRY_ERROR * motion.turned, TURN_RATE_SIGMA * motion.unknown_turn_s)
        else:
            share, sigma = share_of_second(near[0], near[-1], stamp_ns), 0.0
            yaw = near[0].yaw + share * wrap_angle(near[-1].yaw - near[0].yaw)
        variance = max(heading.variance for heading in near) + sigma**2
        return Heading(stamp_ns, wrap_angle(yaw + self._heading.offset), variance)

    def _course(self, stamp_ns: int, frame: LocalFrame) -> Heading | Rejection:
        """Direction from the latest earlier fix that is far enough away to the newest one."""
        horizon_ns = stamp_ns + self.fix_delay_ns + round(self._prior.max_age * 1e9)
        *earlier, newest = (fix for fix in self._fixes if fix.stamp_ns <= horizon_ns)
        end = _east_north(newest, frame)
        for fix in reversed(earlier):
            way = end - _east_north(fix, frame)
            baseline = float(np.hypot(*way))
            if baseline < self._heading.min_baseline:
                continue
            across = np.array([-way[1], way[0]]) / baseline
            sigma = math.sqrt(float(across @ (fix.covariance + newest.covariance) @ across)) / baseline
            sigma = self._heading.sigma or sigma
            if sigma <= MAX_COURSE_SIGMA:
                yaw = wrap_angle(math.atan2(way[1], way[0]) + self._heading.offset)
                return Heading(stamp_ns, yaw, sigma**2)
        return Rejection(
            f"no course between fixes: no two of the last {KEPT_NS * 1e-9:g} s are {self._heading.min_baseline:g} m "
            f"apart and certain to {math.degrees(MAX_COURSE_SIGMA):.0f} deg: drive on, or take another heading.source"
        )

    def _missing(
        self, what: str, history: History[S], stamp_ns: int, refused: str | None, remedy: str = ""
    ) -> Rejection:
        if refused is not None:
            return Rejection(f"no {what} at the image stamp: {refused}")
        nearest = history.nearest(stamp_ns)
        if nearest is None:
            return Rejection(f"no {what} received yet{remedy}")
        away_s = abs(nearest.stamp_ns - stamp_ns) * 1e-9
        return Rejection(
            f"no {what} within {self._prior.max_age:g} s of the image stamp: the nearest is {away_s:.2f} s away"
        )


def _base(fix: Fix, frame: LocalFrame, yaw: float) -> NDArray[np.float64]:
    """East, north (2,) of base_link when its heading is `yaw`."""
    return _east_north(fix, frame) - rotate(yaw, fix.antenna)


def _east_north(fix: Fix, frame: LocalFrame) -> NDArray[np.float64]:
    return frame.to_enu(fix.latitude, fix.longitude)[:2]
