"""What a frame says of base_link's pose around where it was expected: its match volume, against knowing nothing."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit

from geoflow_ros.camera import CameraModel
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import LocalFrame
from geoflow_ros.localization.localizer import encode
from geoflow_ros.localization.patch_frame import PatchFrame
from geoflow_ros.model.interface import Latent, LocalizationModel, PoseGrid
from geoflow_ros.planar import PlanarPose, compose
from geoflow_ros.satellite.mosaic import SatelliteMap
from geoflow_ros.satellite.patch import SatellitePatch

Floats = NDArray[np.float64]
MOST_MISSING = 0.3  # of a patch's imagery


@dataclass(frozen=True, slots=True, eq=False)
class FrameVolume:
    """node: of the frame. log_probability: (K, V, U) of the cells, summing to 1. match: probability that it is here.

    frame, grid: where the cells are. mount: of the camera in base_link.
    """

    node: int
    log_probability: NDArray[np.float32]
    match: float
    frame: PatchFrame
    grid: PoseGrid
    mount: PlanarPose

    def log_ratio(self, poses: Floats, temperature: float) -> Floats:
        """Log (N,) of the density at base_link's poses (N, 3) over that of knowing nothing; -inf outside.

        temperature: by which the log probabilities are divided, then summed to 1 again.
        """
        hypotheses = self.frame.from_enu(compose(poses, self.mount.array()))
        index = (hypotheses - (self.grid.x[0], self.grid.y[0], self.grid.yaw[0])) / self.grid.size
        total = _log_sum(self.log_probability / np.float32(temperature)) - math.log(self.log_probability.size)
        return np.asarray(_linear(self.log_probability, index) / temperature - total)


def _log_sum(values: NDArray[np.float32]) -> float:
    """Logarithm of the sum of what has these logarithms."""
    highest = float(values.max())
    return highest + math.log(float(np.exp(values - highest).sum(dtype=np.float64)))


def _linear(volume: NDArray[np.float32], index: Floats) -> Floats:
    """Trilinear values (N,) of a volume (K, V, U) at indices (N, 3) of (u, v, heading); -inf outside."""
    size = np.array(volume.shape[::-1])
    is_inside = ((index >= -0.5) & (index <= size - 0.5)).all(axis=1)
    clipped = np.clip(index, 0.0, size - 1.0)
    base = np.minimum(clipped.astype(np.int64), size - 2)
    share = clipped - base
    values = np.zeros(len(index))
    for corner in np.ndindex(2, 2, 2):
        u, v, heading = (base + corner).T
        weight = np.where(np.array(corner) == 1, share, 1.0 - share).prod(axis=1)
        values += weight * volume[heading, v, u]
    return np.where(is_inside, values, -np.inf)


def patch_around(
    model: LocalizationModel, satellite: SatelliteMap, frame: LocalFrame, camera: PlanarPose
) -> SatellitePatch:
    """The patch that the network reads around a camera's pose."""
    config = model.config
    place = camera.x, camera.y
    return satellite.patch(frame, place, camera.yaw, config.satellite_px, config.satellite_resolution)


def frame_volume(
    model: LocalizationModel, node: int, image: NDArray[np.uint8], camera: CameraModel, patch: SatellitePatch
) -> FrameVolume:
    """The volume of a rectified image (H, W, 3) before a patch."""
    return volume_in(model, encode(model, image, camera.rectified(), patch), node, patch, camera.mount.planar)


@torch.inference_mode()
def volume_in(
    model: LocalizationModel, latent: Latent, node: int, patch: SatellitePatch, mount: PlanarPose
) -> FrameVolume:
    """The volume that a network keeps of a frame and a patch."""
    grid = model.pose_grid(latent)
    if grid is None or latent.match_logit is None:
        raise InputError(f"the network {model.config.name!r} has no match volume: give weights of the default network")
    values = np.asarray(grid.log_probability, np.float32)
    values = values - np.float32(_log_sum(values))
    empty = PoseGrid(np.empty(0, np.float32), grid.x, grid.y, grid.yaw, grid.size)
    match = float(expit(float(latent.match_logit[0])))
    where = PatchFrame(patch, model.config.search_radius)
    return FrameVolume(node, values, match, _without_image(where), empty, mount)


def _without_image(frame: PatchFrame) -> PatchFrame:
    """The same place, but of the imagery only its size: a drive has gigabytes."""
    patch = frame.patch
    thin = np.broadcast_to(np.uint8(0), patch.image.shape)
    return PatchFrame(SatellitePatch(thin, patch.center, patch.resolution, patch.yaw, patch.missing), frame.radius)
