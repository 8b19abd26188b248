"""Match volumes whose density is known: a Gaussian around a pose, or flat."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.localization.patch_frame import PatchFrame
from geoflow_ros.model.interface import PoseGrid
from geoflow_ros.planar import PlanarPose
from geoflow_ros.satellite.patch import SatellitePatch
from geoflow_ros.smoothing.frame_volume import FrameVolume

RADIUS = 20.0


def gaussian_volume(
    node: int,
    peak: tuple[float, float, float],
    std: tuple[float, float] | None,
    centre: tuple[float, float] = (0, 0),
    turn: float = 0.0,
    cell_m: float = 0.5,
) -> FrameVolume:
    """Cells of `cell_m` and 2 degrees around a north-up patch and a heading; std: (m, rad), None for a flat one."""
    place, yaw = np.arange(-24.0, 24.1, cell_m), np.radians(np.arange(-12.0, 12.1, 2.0))
    angle, v, u = np.meshgrid(yaw, place, place, indexing="ij")
    log: NDArray[np.float64] = np.zeros(angle.shape)
    if std is not None:
        east, north = centre[0] + u - peak[0], centre[1] - v - peak[1]
        log = -0.5 * ((east**2 + north**2) / std[0] ** 2 + (angle + turn - peak[2]) ** 2 / std[1] ** 2)
    log -= np.log(np.exp(log - log.max()).sum()) + log.max()
    size = np.array([cell_m / RADIUS, cell_m / RADIUS, np.radians(2.0)])
    grid = PoseGrid(np.empty(0, np.float32), place / RADIUS, place / RADIUS, yaw, size)
    patch = SatellitePatch(np.zeros((416, 416, 3), np.uint8), centre, 0.25)
    return FrameVolume(node, log.astype(np.float32), 0.5, PatchFrame(patch, RADIUS, turn), grid, PlanarPose())
