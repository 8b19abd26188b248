"""What is known of the vehicle after a frame, how it is found, and when that is no longer believed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum

from geoflow_ros.errors import InputError
from geoflow_ros.localization.pose import PoseWithCovariance, Rejection
from geoflow_ros.options import option

ALIKE_M = 0.12  # an axis: what all frames of some ten metres err alike, so that many are no surer than a few


class TrackState(Enum):
    """How far the fused pose can be trusted."""

    INITIALISING = "INITIALISING"  # no pose yet
    LOCALISED = "LOCALISED"
    DEGRADED = "DEGRADED"  # a pose, but frames do not confirm it, GNSS contradicts it or it is uncertain
    LOST = "LOST"  # no pose


@dataclass(frozen=True, slots=True)
class BeliefConfig:
    """How hypotheses live on between frames."""

    particles: int = option("hypotheses kept between frames", 400, range=(50, 20000))
    correlation_length: float = option(
        "frames within this distance count as one together: nearby views err alike", 1.0, "m", (0.1, 100.0)
    )
    correlation_angle: float = option(
        "the same for turning: what is in view changes on the spot, too", 0.5, "rad", (0.01, 6.3)
    )
    camera_correlation: float = option(
        "correlation of the errors of a rig's cameras, which share imagery and vehicle: n of them in one place count "
        "as n / (1 + (n - 1) times this)",
        0.5,
        range=(0.0, 1.0),
    )
    outlier_depth: float = option(
        "by how much (natural logarithm) a frame may speak against a place at most", 6.0, range=(1.0, 18.0)
    )
    disagreement: float = option(
        "a frame disagrees with the belief if it fits its own best place better by this (natural logarithm); less "
        "than outlier_depth",
        4.0,
        range=(0.5, 18.0),
    )
    injected: float = option("share of hypotheses drawn anew from a frame that disagrees", 0.05, range=(0.0, 0.5))
    distance_noise: float = option(
        "error of odometry after one metre; it grows with the root of the distance", 0.03, "m", (0.0, 1.0)
    )
    scale_std: float = option(
        "standard deviation of the scale of odometry's distances, which is estimated", 0.04, range=(0.0, 0.2)
    )
    yaw_noise: float = option(
        "error of the odometry's heading after one metre; it grows with the root of the distance",
        0.004,
        "rad",
        (0.0, 0.5),
    )
    turn_noise: float = option(
        "error of the odometry's heading after a turn by one radian; it grows with the root of the angle",
        0.01,
        "rad",
        (0.0, 0.5),
    )
    fix_correlation: float = option(
        "fixes within this time count as one together: GNSS errors drift slowly", 30.0, "s", (0.1, 600.0)
    )
    fix_gate: float = option(
        "chi-square (2 degrees of freedom) beyond which a fix is not believed; 13.8 refuses one in a thousand",
        13.8,
        range=(1.0, 1000.0),
    )

    def __post_init__(self) -> None:
        if self.disagreement >= self.outlier_depth:
            raise InputError(
                f"tracker.belief.disagreement is {self.disagreement:g}, expected less than "
                f"tracker.belief.outlier_depth, which is {self.outlier_depth:g}: no frame could ever disagree; set "
                "both at once, or the other one first"
            )


@dataclass(frozen=True, slots=True)
class TrackerConfig:
    """How hypotheses live on between frames, and when they are no longer believed."""

    belief: BeliefConfig = field(default_factory=BeliefConfig)
    lost_after: float = option("without a frame that confirms the pose: LOST", 2.0, "s", (0.2, 60.0))
    max_std: float = option("DEGRADED when the position is less certain than this", 3.0, "m", (0.1, 100.0))
    imagery_sigma: float = option(
        "how far the imagery may be off: in the published covariance, and in that of fixes beside frames",
        0.0,
        "m",
        (0.0, 100.0),
    )
    conflict_after: float = option(
        "DEGRADED when GNSS contradicts the pose for this long; sooner in proportion to the excess of chi-square",
        10.0,
        "s",
        (0.1, 600.0),
    )
    search_std: float = option("least standard deviation around which a frame is searched", 3.0, "m", (0.1, 15.0))
    search_yaw_std: float = option("the same of the heading", 0.07, "rad", (0.005, 0.17))


@dataclass(frozen=True, slots=True, eq=False)
class Track:
    """What is known after a frame. pose: at the frame's stamp; None while INITIALISING and when LOST."""

    state: TrackState
    reason: str
    pose: PoseWithCovariance | None
    stamp_ns: int = 0

    def beside(self, warnings: Iterable[str]) -> Track:
        """With what is said of sensors, each once and in its order, whichever camera was answered last."""
        told = [*dict.fromkeys(warnings)]
        own = next((self.reason.removesuffix(each) for each in told if self.reason.endswith(each)), self.reason)
        return replace(self, reason="; ".join(filter(None, [own.rstrip(": "), *told])))

    def without(self, frame: Rejection, now_ns: int | None, lost_after_s: float, is_said: bool) -> Track:
        """After another frame, that was of no use: it holds, without a pose, until nothing has confirmed it for long.

        now_ns: by the sensors, whatever the frame's stamp. is_said: why that was is said elsewhere.
        """
        silent_s = 0.0 if now_ns is None else (now_ns - self.stamp_ns) * 1e-9
        if self.pose is not None and silent_s > lost_after_s:
            return Track(TrackState.LOST, frame.reason, None, self.stamp_ns)
        return replace(self, reason=self.reason if is_said else frame.reason, pose=None)
