"""The frames that show a mount best: where the vehicle is known best, far apart."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.camera import CameraModel
from geoflow_ros.localization.pose import PoseEstimate, Rejection, position_std
from geoflow_ros.planar import PlanarPose
from geoflow_ros.reports.mount_view import draw_mounts
from geoflow_ros.satellite.patch import SatellitePatch
from geoflow_ros.tracking.answer import Answer
from geoflow_ros.tracking.cameras import ONE
from geoflow_ros.tracking.mount.estimate import CAMERA, MountEstimate
from geoflow_ros.tracking.sensors.image_decoding import decode_image
from geoflow_ros.tracking.session import Session
from geoflow_ros.tracking.track import TrackState

APART_S = 10.0
MOST = 3


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """A frame (H, W, 3) of a camera, its calibration, where base_link was, and the imagery there."""

    name: str
    image: NDArray[np.uint8]
    camera: CameraModel
    pose: PlanarPose
    imagery: SatellitePatch


@dataclass(frozen=True, slots=True, eq=False)
class _Candidate:
    std: float
    message: Any
    camera: str
    pose: PlanarPose
    imagery: SatellitePatch


class ViewRecorder:
    """Watches a replay, and keeps the frame of every ten seconds and camera that was the most certain by itself."""

    def __init__(self) -> None:
        self._best: dict[tuple[str, int], _Candidate] = {}

    def watch(self, index: int, message: Any, answer: Answer) -> None:
        """See a frame."""
        track, single = answer.track, answer.single
        if track.state is not TrackState.LOCALISED or track.pose is None or not isinstance(single, PoseEstimate):
            return
        std = position_std(single.covariance)
        key = (answer.camera, int(answer.stamp_ns / (APART_S * 1e9)))
        if key not in self._best or std < self._best[key].std:
            self._best[key] = _Candidate(std, message, answer.camera, track.pose.planar, single.patch)

    def views(self, session: Session, most: int = MOST) -> list[View]:
        """Up to so many of each camera, the most certain first."""
        views: list[View] = []
        for each in sorted(self._best.values(), key=lambda each: each.std):
            name, camera = CAMERA if each.camera == ONE else each.camera, session.camera(each.camera)
            if not isinstance(camera, Rejection) and sum(view.name == name for view in views) < most:
                image, camera = decode_image(each.message, camera, (camera.width, camera.height))
                views.append(View(name, image, camera, each.pose, each.imagery))
        return views


def draw_views(views: list[View], mounts: Mapping[str, MountEstimate]) -> NDArray[np.uint8]:
    """RGB picture: each view as the stated mount lays it on the imagery, and as the estimated one does."""
    shown = [(view, mounts[view.name]) for view in views]
    return np.vstack([
        draw_mounts(view.image, view.camera, view.pose, view.imagery, estimate.stated, estimate.mount)
        for view, estimate in shown
    ])  # fmt: skip
