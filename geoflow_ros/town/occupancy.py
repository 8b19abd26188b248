"""A coarse raster of what is taken and which zone is where, so that nothing is built on anything else."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

CELL = 0.5
REACH = 380.0
"""Half the side (m) of the raster; nothing is placed outside."""


class Raster:
    """Small integers over the plane, 0 where nothing was drawn."""

    def __init__(self) -> None:
        side = int(2 * REACH / CELL) + 2
        self._cells = np.full((side, side), 255, dtype=np.uint8)
        self._cells[1:-1, 1:-1] = 0  # the border of 255 stands for everything outside

    def draw(self, polygons: ArrayLike, value: int = 1) -> None:
        """Write a value into polygons (n, k, 2) east, north."""
        pixels = np.floor((np.asarray(polygons) + REACH) / CELL).astype(np.int32)
        for polygon in pixels:
            cv2.fillPoly(self._cells[1:-1, 1:-1], [polygon], value)

    def at(self, points: ArrayLike) -> NDArray[np.uint8]:
        """Values (...) at points (..., 2); 255 outside of the raster."""
        cells = ((np.asarray(points) + (REACH + CELL)) / CELL).astype(np.int64).clip(0, len(self._cells) - 1)
        return np.asarray(self._cells[cells[..., 1], cells[..., 0]])

    def is_free(self, quad: ArrayLike) -> bool:
        """Whether a parallelogram (4, 2) covers only zeros."""
        quad = np.asarray(quad, dtype=np.float64)
        x, y = quad[1] - quad[0], quad[3] - quad[0]
        a, b = (np.linspace(0.0, 1.0, int(math.hypot(*side) / 1.2) + 3)[:, None] for side in (x, y))
        grid = quad[0] + (a * x)[:, None] + b * y
        return not self.at(grid).any()
