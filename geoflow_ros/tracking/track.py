"""What is known of the vehicle after a frame, and when that is no longer believed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum

from geoflow_ros.localization.pose import PoseWithCovariance, Rejection
from geoflow_ros.options import option
from geoflow_ros.tracking.belief import BeliefConfig

ALIKE_M = 0.12  # an axis: what all frames of some ten metres err alike, so that many are no surer than a few


class TrackState(Enum):
    """How far the fused pose can be trusted."""

    INITIALISING = "INITIALISING"  # no pose yet
    LOCALISED = "LOCALISED"
    DEGRADED = "DEGRADED"  # a pose, but frames do not confirm it, GNSS contradicts it or it is uncertain
    LOST = "LOST"  # no pose


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
