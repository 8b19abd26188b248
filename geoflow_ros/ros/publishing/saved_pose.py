"""The last pose, kept across restarts and believed only while it is fresh."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from geoflow_ros.configuration import SavedPoseConfig
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.localization.pose import PosePrior, PoseWithCovariance
from geoflow_ros.ros.publishing.state_files import StateFile, pose_path

PERIOD_NS = 1_000_000_000
MOVED_SIGMA, TURNED_SIGMA = 2.0, math.radians(5.0)  # m, rad: what a vehicle may have been pushed meanwhile


@dataclass(frozen=True, slots=True)
class SavedPose:
    """base_link in the map frame of a datum: metres, radians; covariance of (east, north, yaw) row by row."""

    stamp_ns: int
    datum: Datum
    east: float
    north: float
    yaw: float
    covariance: tuple[float, ...]

    def prior_in(self, frame: LocalFrame) -> PosePrior:
        """Where to search after a restart, in a map frame that may have another datum."""
        east, north, _ = frame.to_enu(*LocalFrame(self.datum).to_geodetic([self.east, self.north]))
        pushed = np.diag([MOVED_SIGMA**2, MOVED_SIGMA**2, TURNED_SIGMA**2])
        return PosePrior(float(east), float(north), self.yaw, np.reshape(self.covariance, (3, 3)) + pushed)


class PoseKeeper:
    """Writes the pose at most once a second of image time; never leaves half a file."""

    def __init__(self, config: SavedPoseConfig, node_name: str) -> None:
        """An InputError for a path that can be no file."""
        self._max_age_ns = round(config.max_age * 1e9)
        self._file = StateFile(pose_path(config, node_name), "the pose")
        self._written_ns = 0

    def keep(self, stamp_ns: int, datum: Datum, pose: PoseWithCovariance) -> None:
        """Save the pose; InputError if the file cannot be written."""
        if not self._max_age_ns or abs(stamp_ns - self._written_ns) < PERIOD_NS:
            return
        self._written_ns = stamp_ns  # also when it fails: once a second is often enough to try
        covariance = tuple(pose.covariance.ravel().tolist())
        self._file.replace(asdict(SavedPose(stamp_ns, datum, pose.east, pose.north, pose.yaw, covariance)))

    def recall(self, now_ns: int) -> SavedPose | None:
        """The saved pose if there is a fresh one; InputError if the file is of no use."""
        if not self._max_age_ns:
            return None
        try:
            document = self._file.read()
            saved = None if document is None else _saved(document)
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise InputError(
                f"saved pose {self._file} cannot be used ({error}): delete it, or set saved_pose.path"
            ) from error
        return saved if saved is not None and 0 <= now_ns - saved.stamp_ns <= self._max_age_ns else None


def _saved(document: Any) -> SavedPose:
    """The pose of what a file holds."""
    values: dict[str, Any] = {**document}
    datum, covariance = Datum(**values.pop("datum")), tuple(map(float, values.pop("covariance")))
    saved = SavedPose(datum=datum, covariance=covariance, **values)
    if type(saved.stamp_ns) is not int:
        raise ValueError(f"stamp_ns is {saved.stamp_ns!r}, expected an integer")
    saved.prior_in(LocalFrame(datum))
    return saved
