"""From images and cameras to the arrays a network reads."""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geoflow_ros.camera import CameraModel
from geoflow_ros.localization.pose import PosePrior
from geoflow_ros.model.config import ModelConfig
from geoflow_ros.model.inference.cuda.resizing import averages
from geoflow_ros.planar import wrap_angle
from geoflow_ros.satellite.patch import SatellitePatch

SEARCHED_SIGMAS = 3.0  # of the prior's heading: what is further from it is not worth the time
OUT_OF_VIEW = -2.0  # a grid_sample coordinate that reads nothing


def image_tensor(image: NDArray[np.uint8]) -> Tensor:
    """The (H, W, 3) image as a (1, 3, H, W) uint8 tensor that shares its memory (channels-last)."""
    return torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None]


def ground_image(image: NDArray[np.uint8], config: ModelConfig) -> NDArray[np.uint8]:
    """The image resized to what the network reads; the aspect may change, as in the paper."""
    height, width = config.ground_height, config.ground_width
    way = cv2.INTER_AREA if averages((image.shape[0], image.shape[1]), (height, width)) else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (width, height), interpolation=way), np.uint8)


def lift_grid(camera: CameraModel, config: ModelConfig) -> Tensor | None:
    """Where each ground-plane cell at each height reads the image: (1, K, A, F, 2) in grid_sample coordinates.

    Normalised, so it serves the image at any size. Cells go from left to right along A and away from the
    camera along F, in the level camera frame. None for a network that does not lift.
    """
    points = _lifted_points(config)
    if points is None or config.lift_shape is None:
        return None
    u, v, inside = camera.project_axes(points)
    grid = np.empty((points.shape[1], 2), np.float32)
    for axis, (pixel, length) in enumerate(((u, camera.width), (v, camera.height))):
        grid[:, axis] = np.where(inside, pixel / length * 2.0 - 1.0, OUT_OF_VIEW)
    return torch.from_numpy(grid).view(1, *config.lift_shape, 2)


cached_lift_grid = lru_cache(maxsize=16)(lift_grid)


@lru_cache(maxsize=4)
def _lifted_points(config: ModelConfig) -> NDArray[np.float64] | None:
    """`ModelConfig.lifted_points` axis by axis, (3, N), which each image is read at anew: a body nods."""
    points = config.lifted_points
    return None if points is None else np.ascontiguousarray(points.reshape(-1, 3).T)


def searched_headings(prior: PosePrior, patch: SatellitePatch) -> tuple[float, float]:
    """Middle of the headings searched, counter-clockwise from the patch's +u, and reach to either side of it (rad)."""
    # Around the prior's own heading: headings that jump with the patch would bend a whole drive one way.
    return float(wrap_angle(prior.yaw - patch.yaw)), SEARCHED_SIGMAS * math.sqrt(prior.covariance[2, 2])
