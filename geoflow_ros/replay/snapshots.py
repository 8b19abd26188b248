"""Pictures of a drive's moments, taken while it is played: few enough to keep, however long it is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from geoflow_ros.bags.messages import compressed_to_rgb, to_rgb
from geoflow_ros.bags.trajectory import Trajectory
from geoflow_ros.camera import CameraModel
from geoflow_ros.camera_mask import CameraMask
from geoflow_ros.errors import InputError
from geoflow_ros.localization.pose import Rejection, position_std
from geoflow_ros.reports.heatmap import draw_heatmap
from geoflow_ros.reports.page_data import WORST, Snapshot
from geoflow_ros.reports.thumbnails import HEATMAP_PX, camera_jpeg, heatmap_jpeg
from geoflow_ros.tracking.answer import Answer

REGULAR = 240
"""Moments at equal intervals that are kept at most."""
APART_S = 2.0
"""The worst moments are as far from each other: neighbours are of one mishap."""


def badness(truth: Trajectory | None, answer: Answer) -> float:
    """Metres that the fused pose is off; without a truth, that it says it may be; -1 where neither is known."""
    pose, true = answer.track.pose, None if truth is None else truth.at(answer.stamp_ns * 1e-9)
    if pose is None or (truth is not None and true is None):
        return -1.0
    return position_std(pose.covariance) if true is None else float(np.hypot(pose.east - true.x, pose.north - true.y))


class CameraImage:
    """An image message as a page shows it, drawn once it is asked for. cameras: of how many it is one."""

    def __init__(self, message: Any, cameras: int, mask: CameraMask | None = None) -> None:
        self._message, self._cameras, self._mask = message, cameras, mask

    @cached_property
    def picture(self) -> bytes | None:
        """None where the image cannot be read."""
        return camera_thumbnail(self._message, self._cameras, self._mask)


@dataclass(frozen=True, slots=True, eq=False)
class _Bad:
    """A moment that may be among the worst: drawn only if it stays so."""

    badness: float
    index: int
    images: Mapping[str, CameraImage]
    answer: Answer


class SnapshotRecorder:
    """Keeps pictures of moments at equal intervals and of the worst ones; hand `watch` to `play`.

    camera: calibration and mask of that of a name, as a session knows them.
    """

    def __init__(
        self,
        badness_of: Callable[[Answer], float],
        cameras: int = 1,
        camera: Callable[[str], CameraModel | Rejection] = lambda _: Rejection("not calibrated"),
    ) -> None:
        self._badness_of, self._camera = badness_of, camera
        self._cameras = cameras
        self._newest: dict[str, CameraImage] = {}
        self._regular: list[Snapshot] = []
        self._stride = 1
        self._worst: list[_Bad] = []

    def watch(self, index: int, message: Any, answer: Answer) -> None:
        """See a frame; of a rig, the newest images of the other cameras belong to its moment, too."""
        camera = self._camera(answer.camera)
        mask = None if isinstance(camera, Rejection) else camera.mask
        self._newest = self._newest | {answer.camera: CameraImage(message, self._cameras, mask)}
        if index % self._stride == 0:
            self._regular.append(take(index, self._newest, answer))
        if len(self._regular) > REGULAR:
            self._stride *= 2
            self._regular = [each for each in self._regular if each.moment % self._stride == 0]
        self._compete(_Bad(self._badness_of(answer), index, self._newest, answer))

    def snapshots(self) -> list[Snapshot]:
        """All that were kept, in the order of the frames."""
        there = {each.moment for each in self._regular}
        worst = [take(each.index, each.images, each.answer) for each in self._worst if each.index not in there]
        return sorted([*self._regular, *worst], key=lambda each: each.moment)

    def _compete(self, new: _Bad) -> None:
        """Replace the worst of about the same time, or the least bad of all, if this is worse."""
        near = [old for old in self._worst if abs(old.answer.stamp_ns - new.answer.stamp_ns) < APART_S * 1e9]
        rivals = near or (sorted(self._worst, key=lambda old: old.badness)[:1] if len(self._worst) == WORST else [])
        if new.badness >= 0.0 and all(new.badness > old.badness for old in rivals):
            self._worst = [old for old in self._worst if old not in rivals] + [new]


def take(index: int, images: Mapping[str, CameraImage], answer: Answer) -> Snapshot:
    """The cameras' images and the heatmap of a frame, as far as there are any."""
    estimate, heatmap, hypotheses = answer.shown(), None, np.empty((0, 3))
    if estimate is not None and answer.prior is not None:
        heatmap = heatmap_jpeg(draw_heatmap(estimate, answer.prior, HEATMAP_PX))
        hypotheses = estimate.hypotheses
    pictures = {name: image.picture for name, image in images.items()}
    return Snapshot(index, {name: each for name, each in pictures.items() if each is not None}, heatmap, hypotheses)


def camera_thumbnail(message: Any, cameras: int = 1, mask: CameraMask | None = None) -> bytes | None:
    """JPEG of an image message, raw or compressed; None where it cannot be read, which the answer's reason says."""
    try:
        image = to_rgb(message) if hasattr(message, "encoding") else compressed_to_rgb(message)
    except InputError:
        return None
    return camera_jpeg(image, cameras, mask)
