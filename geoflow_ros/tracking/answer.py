"""What came of an image."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from geoflow_ros.geodesy import LocalFrame
from geoflow_ros.localization.pose import PoseEstimate, PosePrior, Rejection
from geoflow_ros.tracking.cameras import ONE
from geoflow_ros.tracking.prior import Fix
from geoflow_ros.tracking.rig.joint_view import JointView
from geoflow_ros.tracking.track import Track


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What came of an image. stamp_ns: its stamp. track: the fused pose at that stamp and the state. camera: its name.

    single: what the frame alone said, started at `prior`. prior: where was searched, None if nowhere. frame: the map
    frame of all poses, None while it is not known. fix: the nearest in time, whose altitude the pose may borrow.
    warnings: as `SensorInputs.warnings`, in the reason of the track, too. joint: finds what
    other cameras see here and now with this one, if there are any; takes some milliseconds.
    """

    stamp_ns: int
    track: Track
    single: PoseEstimate | Rejection
    prior: PosePrior | None
    frame: LocalFrame | None
    fix: Fix | None
    warnings: Mapping[str, str]
    camera: str = ONE
    joint: Callable[[], JointView | None] = lambda: None

    def shown(self) -> PoseEstimate | None:
        """What a heatmap shows: what all cameras that see this place now say together, or the frame alone; slow."""
        if self.prior is None or isinstance(self.single, Rejection):
            return None
        joint = self.joint()
        return self.single if joint is None else joint.estimate(self.prior)
