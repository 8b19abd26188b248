"""A relief as a level camera sees it: each image column marches outwards and keeps its running horizon.

The camera looks horizontally, so that an image column is a vertical plane of the world. What a tilted camera sees is
the same image under a homography, since only a rotation lies between the two.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.camera import CameraModel
from geoflow_ros.datasets.orthophotos.lookup import linear, mirrored
from geoflow_ros.datasets.orthophotos.relief import Relief
from geoflow_ros.model.inference.jit import compiled

Floats = NDArray[np.float32]
NEAR_M, FAR_M, STEPS = 0.8, 130.0, 140
"""Depths at which heights are looked up, each farther than the last by the same factor."""
DEPTHS = np.geomspace(NEAR_M, FAR_M, STEPS).astype(np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class Hits:
    """What each pixel (H, W) of a level camera sees. depth: metres ahead of it (infinite: sky); height: above ground;
    face: whether it is something's side, not its top or the ground."""

    depth: Floats
    height: Floats
    face: NDArray[np.bool_]


def level_camera(camera: CameraModel, rows: int) -> tuple[CameraModel, NDArray[np.float64]]:
    """The camera turned level, its image large enough to contain all that the camera sees, and the homography (3, 3)
    from pixels of the camera to pixels of that one. rows: of its pixels in the height of one of the camera's.
    """
    level = replace(camera, fy=camera.fy * rows, cx=0.0, cy=0.0, mount=replace(camera.mount, roll=0.0, pitch=0.0))
    to_level = np.linalg.inv(_ray_of_pixel(level)) @ camera.level_from_camera() @ _ray_of_pixel(camera)
    corners = to_level @ np.array([[0, camera.width, 0, camera.width], [0, 0, camera.height, camera.height], [1] * 4])
    first, last = (corners[:2] / corners[2]).min(axis=1), (corners[:2] / corners[2]).max(axis=1)
    first = np.floor(first / (1, rows)) * (1, rows)
    width, height = np.ceil((last - first) / (1, rows)).astype(int) * (1, rows)
    shift = np.array([[1.0, 0.0, -first[0]], [0.0, 1.0, -first[1]], [0.0, 0.0, 1.0]])
    return replace(level, width=int(width), height=int(height), cx=-first[0], cy=-first[1]), shift @ to_level


def march(level: CameraModel, relief: Relief) -> Hits:
    """What a level camera sees of a relief on the ground of which it stands."""
    shape = level.height, level.width
    depth, height, face = np.full(shape, np.inf, np.float32), np.zeros(shape, np.float32), np.zeros(shape, np.bool_)
    lens = level.cx, level.cy, 1.0 / level.fx, level.fy, level.mount.height
    _march(relief.heights, tuple(relief.photo.share_from_metres.ravel().tolist()), lens, depth, height, face)
    return Hits(depth, height, face)


@compiled
def _march(
    relief: Floats,
    m: tuple[float, ...],
    lens: tuple[float, float, float, float, float],
    depth: Floats,
    height: Floats,
    face: NDArray[np.bool_],
) -> None:
    """Column by column into depth, height and face. m: (2, 3) in a row, from metres to shares of the relief's sides.
    lens: cx, cy, 1 / fx, fy and its height above ground.
    """
    cx, cy, per_fx, fy, above = lens
    per_fy, scales = 1.0 / fy, fy / DEPTHS
    for column in range(depth.shape[1]):
        tangent, open_rows, near, last = (cx - 0.5 - column) * per_fx, depth.shape[0], 0.0, 0.0
        steep = False
        for step in range(len(DEPTHS)):
            far = DEPTHS[step]
            left = far * tangent
            u = mirrored(m[0] * far + m[1] * left + m[2], relief.shape[1])
            v = mirrored(m[3] * far + m[4] * left + m[5], relief.shape[0])
            top = linear(relief, u, v)
            rising, steep = steep, top - last > far - near
            # Rows whose middle is above what stands here are still open after it.
            reached = max(0, math.ceil(cy + scales[step] * (above - top) - 0.5))
            for row in range(reached, open_rows):
                slope = (row + 0.5 - cy) * per_fy  # down, per metre ahead
                arrives = above - slope * far
                before = arrives < last and not rising  # below the foot of what stands here: on what lies before it
                level = last if before else top
                flat = (above - level) / slope if slope != 0.0 else np.inf  # where the ray meets a plane of that height
                face[row, column] = not before and (steep or not near <= flat <= far)
                depth[row, column] = far if face[row, column] else flat
                height[row, column] = arrives if face[row, column] else level
            open_rows, near, last = min(open_rows, reached), far, top
            if open_rows == 0:
                break


def _ray_of_pixel(camera: CameraModel) -> NDArray[np.float64]:
    """(3, 3) from homogeneous pixels to the ray's forward, left and up in the camera's axes."""
    return np.array(
        [
            [0.0, 0.0, 1.0],
            [-1.0 / camera.fx, 0.0, camera.cx / camera.fx],
            [0.0, -1.0 / camera.fy, camera.cy / camera.fy],
        ]
    )
