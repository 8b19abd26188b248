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
from geoflow_ros.town.canvas import Picture
from geoflow_ros.town.height_codes import SKY, to_codes

Image = NDArray[np.uint8]
ROWS = 2  # rendered for one of the image: pixels are long along the ground


def ground_view(camera: CameraModel, relief: Relief, street: Sequence[Image], rng: np.random.Generator) -> Picture:
    """What a camera on a placed photograph sees. street: photographs to take sky, sides and clutter from."""
    fine, to_level = level_camera(camera, ROWS)
    hits = march(fine, relief)
    level = replace(fine, fy=fine.fy / ROWS, cy=fine.cy / ROWS, height=fine.height // ROWS)
    sky = backdrop(level, street, rng)
    image = coloured(hits, fine, relief.photo, sky, random_surfaces(street, rng))
    depth, heights = hits.depth[ROWS // 2 :: ROWS], to_codes(hits.height[ROWS // 2 :: ROWS])
    heights[np.isinf(depth)] = SKY
    seen = Picture(image, heights)
    add_clutter(seen, depth, level, street, rng)
    tilted = Picture(
        _tilted(seen.image, to_level, camera, cv2.INTER_LINEAR),
        _tilted(seen.heights, to_level, camera, cv2.INTER_NEAREST),
    )
    add_hood(tilted, rng)
    return tilted


def _tilted(image: Image, to_level: NDArray[np.float64], camera: CameraModel, interpolation: int) -> Image:
    """The level image as the tilted camera sees it."""
    whole_rows = np.diag([1.0, 1.0 / ROWS, 1.0])
    middle = np.array([[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.0, 0.0, 1.0]])  # cv2 counts from the first pixel's middle
    matrix = np.linalg.inv(middle) @ whole_rows @ to_level @ middle
    size, flags = (camera.width, camera.height), interpolation | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpPerspective(image, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8)
