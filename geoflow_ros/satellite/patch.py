"""A metric piece of satellite imagery; the only place that converts between its pixels and metres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geoflow_ros.planar import PlanarPose


@dataclass(frozen=True, slots=True, eq=False)
class SatellitePatch:
    """A square orthophoto around a point of the `map` frame.

    image: (S, S, 3) uint8 RGB. Pixels are continuous: (0, 0) is the outer corner of the first pixel,
    (S/2, S/2) the centre of the patch; u right, v down.
    center: east, north (m) of the patch centre. resolution: metres per pixel.
    yaw: direction of +u, radians counter-clockwise from east; 0 is a north-up patch.
    missing: fraction of the pixels for which no tile was found (those are grey, never black in silence).
    credit: whose imagery it is, to be drawn on every picture of it.
    """

    image: NDArray[np.uint8]
    center: tuple[float, float]
    resolution: float
    yaw: float = 0.0
    missing: float = 0.0
    credit: str = ""

    @property
    def size_px(self) -> int:
        """Pixels along a side."""
        return int(self.image.shape[0])

    @property
    def size_m(self) -> float:
        """Metres along a side."""
        return self.size_px * self.resolution

    @property
    def pose(self) -> PlanarPose:
        """Of the patch in `map`: its centre, x along +u, y against +v."""
        return PlanarPose(*self.center, self.yaw)

    def to_enu(self, uv: ArrayLike) -> NDArray[np.float64]:
        """East, north (..., 2) in metres of pixels (..., 2)."""
        offset = np.asarray(uv, dtype=np.float64) - self.size_px / 2
        return self.pose.act(offset * (self.resolution, -self.resolution))

    def to_pixel(self, en: ArrayLike) -> NDArray[np.float64]:
        """Pixels (..., 2) of east, north (..., 2) in metres."""
        return self.pose.into(en) / (self.resolution, -self.resolution) + self.size_px / 2
