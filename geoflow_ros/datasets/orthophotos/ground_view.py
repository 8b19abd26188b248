"""What a camera on the ground of an orthophoto might see: the ground, what stands on it, a sky, and clutter."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from geoflow_ros.camera import CameraModel
from geoflow_ros.datasets.orthophotos.column_march import level_camera, march
from geoflow_ros.datasets.orthophotos.relief import Relief
from geoflow_ros.datasets.orthophotos.surfaces import coloured, random_surfaces
from geoflow_ros.datasets.orthophotos.surroundings import add_clutter, add_hood, backdrop

Image = NDArray[np.uint8]
ROWS = 2  # rendered for one of the image: pixels are long along the ground


def ground_view(camera: CameraModel, relief: Relief, street: Sequence[Image], rng: np.random.Generator) -> Image:
    """The image of a camera on a placed photograph. street: photographs to take sky, sides and clutter from."""
    fine, to_level = level_camera(camera, ROWS)
    hits = march(fine, relief)
    level = replace(fine, fy=fine.fy / ROWS, cy=fine.cy / ROWS, height=fine.height // ROWS)
    sky = backdrop(level, street, rng)
    image = coloured(hits, fine, relief.photo, sky, random_surfaces(street, rng))
    add_clutter(image, hits.depth[ROWS // 2 :: ROWS], level, street, rng)
    return add_hood(_tilted(image, to_level, camera), rng)


def _tilted(image: Image, to_level: NDArray[np.float64], camera: CameraModel) -> Image:
    """The level image as the tilted camera sees it."""
    whole_rows = np.diag([1.0, 1.0 / ROWS, 1.0])
    middle = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]])  # cv2 counts from the first pixel's middle
    matrix = np.linalg.inv(middle) @ whole_rows @ to_level @ middle
    size, flags = (camera.width, camera.height), cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpPerspective(image, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8)
