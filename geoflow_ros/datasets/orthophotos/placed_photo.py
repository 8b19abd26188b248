"""An orthophoto laid under a camera: metres ahead and to the left of it become pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.datasets.crop import crop
from geoflow_ros.datasets.orthophotos.library import Orthophoto
from geoflow_ros.planar import PlanarPose
from geoflow_ros.satellite.patch import SatellitePatch

Floats = NDArray[np.float64]
WIDE_M = 125.0  # a photograph of that width covers a patch wherever its prior is
LARGEST_STRETCH = 2.0
AHEAD_M = 15.0  # the place that a view is about, which is drawn from the middle of the photograph


@dataclass(frozen=True, slots=True, eq=False)
class PlacedPhoto:
    """An (H, W, 3) image, endless by its mirror images, with a camera at pixel (u, v).

    yaw: its heading, radians counter-clockwise from the image's +u. metres_per_px: of the image.
    """

    image: NDArray[np.uint8]
    u: float
    v: float
    yaw: float
    metres_per_px: float

    @property
    def pixel_from_metres(self) -> Floats:
        """(2, 3) from metres ahead and to the left of the camera, and 1, to continuous pixels (u, v)."""
        cos, sin = math.cos(self.yaw) / self.metres_per_px, math.sin(self.yaw) / self.metres_per_px
        return np.array([[cos, -sin, self.u], [-sin, -cos, self.v]])

    @property
    def share_from_metres(self) -> Floats:
        """The same to shares of the image's width and height."""
        height, width = self.image.shape[:2]
        return self.pixel_from_metres / [[width], [height]]

    def patch(self, prior: PlanarPose, size_px: int, resolution: float) -> SatellitePatch:
        """The patch around a prior, in the frame of the camera: origin under it, its heading along +x."""
        u, v = (self.pixel_from_metres @ (prior.x, prior.y, 1.0)).tolist()
        scale = resolution / self.metres_per_px
        image, missing = crop(self.image, (u, v), self.yaw + prior.yaw, size_px, scale, mirrored=True)
        return SatellitePatch(image, (prior.x, prior.y), resolution, prior.yaw, missing)


def placed(photo: Orthophoto, rng: np.random.Generator) -> PlacedPhoto:
    """The photograph under a camera at random, stretched at random so that it covers a patch as far as it can."""
    height, width = photo.image.shape[:2]
    cover = min(max(WIDE_M / (min(height, width) * photo.metres_per_px), 1.0), LARGEST_STRETCH)
    scale = photo.metres_per_px * cover * float(rng.uniform(0.8, 1.2))
    yaw = float(rng.uniform(-math.pi, math.pi))
    u, v = (float(side * rng.uniform(0.25, 0.75)) for side in (width, height))
    back = AHEAD_M / scale
    return PlacedPhoto(photo.image, u - back * math.cos(yaw), v + back * math.sin(yaw), yaw, scale)
