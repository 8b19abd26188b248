"""A panorama from the six faces of a cube."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def cube_rotations() -> list[Floats]:
    """For each face, columns: its forward, left and up axes in the camera's own forward, left, up axes."""
    forward = np.array([(1, 0, 0), (0, 1, 0), (-1, 0, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)], dtype=np.float64)
    up = np.array([(0, 0, 1)] * 4 + [(-1, 0, 0), (1, 0, 0)], dtype=np.float64)
    return [np.column_stack([f, np.cross(u, f), u]) for f, u in zip(forward, up, strict=True)]


@lru_cache(maxsize=4)
def cube_maps(width: int, height: int) -> tuple[int, NDArray[np.float32], NDArray[np.float32]]:
    """Side (px) of a face, and for each panorama pixel (H, W) its column and row in the faces stacked downwards.

    Faces have a focal length of side / 2.1, a little wider than 90 degrees, so that no seam shows.
    """
    side = 2 * math.ceil(width / math.pi / 2)
    v, u = np.meshgrid((np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width, indexing="ij")
    lat, lon = (0.5 - v) * math.pi, (0.5 - u) * 2.0 * math.pi
    ray = np.stack([np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)], axis=-1)
    turns = cube_rotations()
    face = np.argmax(np.stack([ray @ turn[:, 0] for turn in turns]), axis=0)
    local = np.empty_like(ray)
    for index, turn in enumerate(turns):
        local[face == index] = ray[face == index] @ turn
    focal = side / 2.1
    column = side / 2 - focal * local[..., 1] / local[..., 0] - 0.5
    row = side / 2 - focal * local[..., 2] / local[..., 0] - 0.5 + face * side
    return side, column.astype(np.float32), row.astype(np.float32)
