"""The camera: intrinsics, distortion, how it is mounted, and where a point of the world falls in the image."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import Enum
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from geoflow_ros.camera_mask import CameraMask
from geoflow_ros.errors import InputError
from geoflow_ros.planar import PlanarPose

LOWEST_M, HIGHEST_M = 0.1, 20.0  # of a camera above the ground
FIRST_CENTRE = 0.5  # px from the image's corner to the centre of its first pixel, from where others count

OFF_CENTRE, ALIKE = 0.2, 0.15
"""A principal point off the centre by the same share of width and height, as nearly as this, is of another size."""


class Projection(Enum):
    """How a ray becomes a pixel. The first three are ROS `distortion_model` names."""

    PLUMB_BOB = "plumb_bob"
    RATIONAL = "rational_polynomial"
    EQUIDISTANT = "equidistant"
    EQUIRECTANGULAR = "equirectangular"  # 360 degree panorama: the centre column looks forward


@dataclass(frozen=True, slots=True)
class Mount:
    """Pose of the camera on the vehicle.

    `forward`, `left` (m) from base_link to the camera; `height` (m) of the lens above the ground under
    it; `roll`, `pitch`, `yaw` (rad, REP-103: pitch positive looks down, yaw positive looks left) of the
    viewing direction in base_link.
    """

    forward: float = 0.0
    left: float = 0.0
    height: float = 1.65
    roll: float = 0.0
    pitch: float = 0.0
    yaw: float = 0.0

    def __post_init__(self) -> None:
        if not LOWEST_M <= self.height <= HIGHEST_M:
            raise InputError(f"camera height {self.height} m above ground is outside {LOWEST_M:g} to {HIGHEST_M:g} m")

    @property
    def planar(self) -> PlanarPose:
        """Where the camera is in base_link, and its viewing direction, seen from above."""
        return PlanarPose(self.forward, self.left, self.yaw)

    def on_tilted_body(self, roll: float, pitch: float) -> Mount:
        """How the camera looks while the body is rolled and pitched (rad) out of the road's plane, about the lens."""
        axes = _attitude(roll, pitch, 0.0) @ _attitude(self.roll, self.pitch, self.yaw)
        roll, pitch, yaw = angles_of(axes)
        return replace(self, roll=roll, pitch=pitch, yaw=yaw)


@dataclass(frozen=True, slots=True)
class CameraModel:
    """Intrinsics in pixels of a `width` x `height` image, whose corner is (0, 0), and the mount.

    For an equirectangular panorama fx, fy, cx, cy are not used: the image spans 360 x 180 degrees. mask: where the
    image shows the world, None if everywhere.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    mount: Mount = Mount()
    projection: Projection = Projection.PLUMB_BOB
    distortion: tuple[float, ...] = ()
    mask: CameraMask | None = None

    def __post_init__(self) -> None:
        if self.width < 1 or self.height < 1:
            raise InputError(f"camera image size {self.width} x {self.height} is empty")
        values = (self.fx, self.fy, self.cx, self.cy, *self.distortion)
        if not all(math.isfinite(value) for value in values):
            raise InputError(f"camera intrinsics {values} are not finite: calibrate the camera")
        if self.projection is not Projection.EQUIRECTANGULAR and not (self.fx > 0 and self.fy > 0):
            raise InputError(f"focal length fx={self.fx}, fy={self.fy} is not positive: the camera is not calibrated")

    @classmethod
    def panorama(cls, width: int, height: int, mount: Mount = Mount()) -> CameraModel:  # noqa: B008
        """A 360 x 180 degree equirectangular camera."""
        return cls(width, height, 0.0, 0.0, width / 2, height / 2, mount, Projection.EQUIRECTANGULAR)

    @classmethod
    def of_matrix(
        cls,
        size: tuple[int, int],
        focal_lengths: tuple[float, float],
        principal_point: tuple[float, float],
        mount: Mount = Mount(),  # noqa: B008
    ) -> CameraModel:
        """From the numbers of a `matrix`. size: width, height (px)."""
        cx, cy = principal_point
        return cls(*size, *focal_lengths, cx + FIRST_CENTRE, cy + FIRST_CENTRE, mount)

    @property
    def matrix(self) -> NDArray[np.float64]:
        """The 3 x 3 camera matrix K as ROS, OpenCV and KITTI have it: the centre of the first pixel is (0, 0)."""
        cx, cy = self.cx - FIRST_CENTRE, self.cy - FIRST_CENTRE
        return np.array([[self.fx, 0, cx], [0, self.fy, cy], [0, 0, 1]], dtype=np.float64)

    @property
    def is_of_another_size(self) -> bool:
        """Whether the principal point is off the centre by the same share across and down, or outside."""
        across, down = 2 * self.cx / self.width, 2 * self.cy / self.height
        is_scaled = min(abs(across - 1), abs(down - 1)) > OFF_CENTRE and abs(across - down) < ALIKE * max(across, down)
        return is_scaled or not 0.0 < self.cx < self.width

    def resized(self, width: int, height: int) -> CameraModel:
        """The camera of the same image resized (aspect may change). Pixel (u, v) goes to (u sx, v sy)."""
        sx, sy = width / self.width, height / self.height
        return replace(
            self, width=width, height=height, fx=self.fx * sx, fy=self.fy * sy, cx=self.cx * sx, cy=self.cy * sy
        )

    def masked(self, mask: CameraMask) -> CameraModel:
        """The camera, of whose images the mask shows the world; an InputError if it is of images of another shape."""
        mask.check(self.width, self.height)
        return replace(self, mask=mask)

    def rectified(self) -> CameraModel:
        """The camera of the image that `rectify` returns: same matrix, no distortion."""
        is_rectified = self.projection is Projection.PLUMB_BOB and not self.distortion
        if is_rectified or self.projection is Projection.EQUIRECTANGULAR:
            return self
        mask = None if self.mask is None else _rectified_mask(replace(self, mount=Mount()))
        return replace(self, projection=Projection.PLUMB_BOB, distortion=(), mask=mask)

    def rectify(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The image (H, W, 3) with lens distortion removed and the vehicle hidden, of `rectified()`.

        The image itself if there is neither.
        """
        image = image if self.mask is None else self.mask.hide(image)
        if self.projection is not Projection.EQUIDISTANT and not any(self.distortion):
            return image
        map_u, map_v = _rectification_maps(replace(self, mount=Mount(), mask=None))  # whose nodding is in no map
        return np.asarray(cv2.remap(image, map_u, map_v, cv2.INTER_LINEAR), dtype=np.uint8)

    def project(self, points: NDArray[np.floating]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """Pixels (..., 2) of points (..., 3) in the level camera frame, and whether each is in the image, unmasked.

        Level camera frame: origin on the ground under the lens, x forward along the viewing direction's
        heading, y left, z up, metres. Distortion is not applied: this is the camera of the rectified image.
        Pixel coordinates are continuous: (0, 0) is the corner of the first pixel, (width, height) of the last.
        """
        along = np.moveaxis(np.asarray(points, dtype=np.float64), -1, 0)
        u, v, inside = self.project_axes(along.reshape(3, -1))
        shape = along.shape[1:]
        return np.stack([u.reshape(shape), v.reshape(shape)], axis=-1), inside.reshape(shape)

    def project_axes(
        self, points: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
        """As `project`, of points (3, N): u (N,), v (N,) and whether each is seen (N,); over pairs, numpy is slow."""
        lens = np.array([[0.0], [0.0], [self.mount.height]])
        x, y, z = self.level_from_camera().T @ (points - lens)  # forward, left, up of the tilted camera
        if self.projection is Projection.EQUIRECTANGULAR:
            u = (0.5 - np.arctan2(y, x) / (2 * math.pi)) * self.width
            v = (0.5 - np.arctan2(z, np.hypot(x, y)) / math.pi) * self.height
            return u, v, np.ones(u.shape, dtype=bool)
        front = x > 0.1
        depth = np.where(front, x, 1.0)
        u, v = self.cx - self.fx * y / depth, self.cy - self.fy * z / depth
        inside = front & (u >= 0) & (u <= self.width) & (v >= 0) & (v <= self.height)
        if self.mask is not None:
            inside &= self.mask.sees(u / self.width, v / self.height)
        return u, v, inside

    def level_from_camera(self) -> NDArray[np.float64]:
        """Rotation (3, 3), its columns the camera's forward, left, up axes in the level frame: Ry(pitch) Rx(roll)."""
        return _attitude(self.mount.roll, self.mount.pitch, 0.0)


def angles_of(axes: NDArray[np.float64]) -> tuple[float, float, float]:
    """Roll, pitch and yaw (rad, REP-103) of forward, left, up axes, the columns of a rotation (3, 3)."""
    pitch = -math.asin(min(max(float(axes[2, 0]), -1.0), 1.0))
    return math.atan2(axes[2, 1], axes[2, 2]), pitch, math.atan2(axes[1, 0], axes[0, 0])


def _attitude(roll: float, pitch: float, yaw: float) -> NDArray[np.float64]:
    """Rz(yaw) Ry(pitch) Rx(roll), (3, 3)."""
    (sr, sp, sy), (cr, cp, cy) = np.sin([roll, pitch, yaw]), np.cos([roll, pitch, yaw])
    turned = np.array([[cy, -sy, 0.0], [sy, cy, 0.0], [0.0, 0.0, 1.0]])
    pitched = np.array([[cp, 0.0, sp], [0.0, 1.0, 0.0], [-sp, 0.0, cp]])
    rolled = np.array([[1.0, 0.0, 0.0], [0.0, cr, -sr], [0.0, sr, cr]])
    return np.asarray(turned @ pitched @ rolled)


@lru_cache(maxsize=8)
def _rectified_mask(camera: CameraModel) -> CameraMask:
    """Of the image that `rectify` returns."""
    assert camera.mask is not None
    raw = cv2.resize(camera.mask.world.astype(np.uint8), (camera.width, camera.height), interpolation=cv2.INTER_NEAREST)
    maps = _rectification_maps(replace(camera, mask=None))
    return CameraMask(cv2.remap(raw, *maps, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE) > 0)


@lru_cache(maxsize=8)
def _rectification_maps(camera: CameraModel) -> tuple[Any, Any]:
    """What cv2.remap needs; kept, since making it costs as much as using it."""
    size, identity = (camera.width, camera.height), np.eye(3)
    distortion = np.array(camera.distortion or (0.0,) * 4, dtype=np.float64)
    maps = cv2.fisheye if camera.projection is Projection.EQUIDISTANT else cv2
    u, v = maps.initUndistortRectifyMap(camera.matrix, distortion, identity, camera.matrix, size, cv2.CV_16SC2)
    return u, v
