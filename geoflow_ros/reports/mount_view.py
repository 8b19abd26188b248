"""A frame laid on the imagery by its camera's mount: a wrong mount breaks kerbs and markings at once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.planar import PlanarPose
from geoflow_ros.reports.heatmap import resampled
from geoflow_ros.reports.lettering import WHITE, write_credit, write_text
from geoflow_ros.satellite.patch import SatellitePatch

PANEL_PX = 440
SIDE_M, BEHIND_M = 24.0, 0.0
"""Of the ground in a panel: its side, and how much of it lies behind the lens. Beyond, a pixel is metres long."""
FIELD_M = 3.0
"""Side of the fields that show frame and imagery in turn."""
COLOURS = ((255, 150, 40), (80, 255, 80))
FAR_M = 1e6


@dataclass(frozen=True, slots=True)
class NamedMount:
    """A mount to show, and what to call it."""

    name: str
    mount: Mount

    @property
    def words(self) -> str:
        """Its name and numbers."""
        mount = self.mount
        roll, pitch, yaw = np.degrees([mount.roll, mount.pitch, mount.yaw])
        return f"{self.name}: pitch {pitch:+.1f}, roll {roll:+.1f}, yaw {yaw:+.1f} deg, height {mount.height:.2f} m"


def ground_ahead(imagery: SatellitePatch, pose: PlanarPose, mount: Mount) -> SatellitePatch:
    """The part of the imagery before a camera on a base_link that is here, its viewing direction up."""
    lens = pose @ mount.planar
    middle = lens @ PlanarPose(SIDE_M / 2 - BEHIND_M)
    empty = np.zeros((PANEL_PX, PANEL_PX, 3), np.uint8)
    pose_of_view = (middle.x, middle.y), SIDE_M / PANEL_PX, lens.yaw - math.pi / 2
    view = SatellitePatch(empty, *pose_of_view, credit=imagery.credit)
    return replace(view, image=resampled(imagery.image, imagery.size_m, imagery, view))


def seen_from_above(
    image: NDArray[np.uint8], camera: CameraModel, pose: PlanarPose, patch: SatellitePatch
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """A rectified image (H, W, 3) laid on flat ground in a patch's pixels (S, S, 3), and where it shows any (S, S).

    pose: of base_link, in the frame of the patch.
    """
    pixels = np.moveaxis(np.indices((patch.size_px, patch.size_px)), 0, -1)[..., ::-1] + 0.5
    ground = (pose @ camera.mount.planar).into(patch.to_enu(pixels))
    uv, seen = camera.project(np.concatenate([ground, np.zeros_like(ground[..., :1])], axis=-1))
    map_u, map_v = np.moveaxis((uv - 0.5).astype(np.float32), -1, 0)  # OpenCV counts from a pixel's centre
    laid = cv2.remap(image, map_u, map_v, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(laid, dtype=np.uint8), seen


def draw_mounts(
    image: NDArray[np.uint8],
    camera: CameraModel,
    pose: PlanarPose,
    imagery: SatellitePatch,
    stated: Mount,
    found: Mount,
) -> NDArray[np.uint8]:
    """RGB picture: the frame with the horizon of each mount; below, the imagery, and beside it the frame laid on it.

    image: (H, W, 3) of `camera`, not rectified. pose: of base_link. In the lower pictures fields of frame and imagery
    take turns, like a chessboard.
    """
    mounts = NamedMount("stated", stated), NamedMount("frames say", found)
    rectified, plain, patch = camera.rectify(image), camera.rectified(), ground_ahead(imagery, pose, found)
    panels = [patch.image.copy()]
    for named in mounts:
        laid, seen = seen_from_above(rectified, replace(plain, mount=named.mount), pose, patch)
        panels.append(np.where((seen & _fields(patch.size_px))[..., None], laid, patch.image))
    for panel, name, colour in zip(
        panels, ("imagery", *(each.name for each in mounts)), (WHITE, *COLOURS), strict=True
    ):
        write_text(panel, name, (12, 26), colour)
        write_credit(panel, patch.credit)
    return np.vstack([_on_top(rectified, plain, mounts), np.hstack(panels)])


def _on_top(image: NDArray[np.uint8], camera: CameraModel, mounts: Sequence[NamedMount]) -> NDArray[np.uint8]:
    """The frame as wide as all panels, with horizons and what the mounts are."""
    width = PANEL_PX * (len(mounts) + 1)
    height = round(width * camera.height / camera.width)
    picture = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    for row, (named, colour) in enumerate(zip(mounts, COLOURS, strict=True)):
        width_px = 2 + 3 * (len(mounts) - 1 - row)  # one that covers another leaves its rim
        line = _horizon(replace(camera.resized(width, height), mount=named.mount))
        cv2.polylines(picture, [line.round().astype(np.int32)], False, colour, width_px, cv2.LINE_AA)
        write_text(picture, named.words, (12, 26 + 24 * row), colour)
    return picture


def _horizon(camera: CameraModel) -> NDArray[np.float64]:
    """Pixels (N, 2) of what is infinitely far ahead, as high as the lens."""
    angle = np.linspace(-1.4, 1.4, 57)
    far = np.stack([FAR_M * np.cos(angle), FAR_M * np.sin(angle), np.full_like(angle, camera.mount.height)], axis=-1)
    uv, seen = camera.project(far)
    return uv[seen]


def _fields(size_px: int) -> NDArray[np.bool_]:
    """Every second field of a chessboard (S, S)."""
    index = (np.arange(size_px) * SIDE_M / size_px // FIELD_M).astype(int)
    return np.asarray((index[:, None] + index) % 2 == 0)
