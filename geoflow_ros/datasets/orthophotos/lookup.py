"""Compiled look-ups in images that go on as their own mirror images, and in textures that repeat."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.model.inference.jit import compiled


@compiled
def mirrored(share: float, size: int) -> float:
    """Where in a row of `size` pixels, counted from the middle of the first, is a place of the endless row.

    share: the place from the first pixel's edge, as a share of the row's length.
    """
    within = abs(share - 2.0 * math.floor(share * 0.5 + 0.5))
    return min(max(within * size - 0.5, 0.0), size - 1.0)


@compiled
def linear(grid: NDArray[np.float32], column: float, row: float) -> float:
    """Value between the cells of a grid (rows, columns), counted from the middle of the first, within its bounds."""
    u, v = np.uint32(column), np.uint32(row)
    right, below = min(u + 1, grid.shape[1] - 1), min(v + 1, grid.shape[0] - 1)
    return _blend(grid[v, u], grid[v, right], grid[below, u], grid[below, right], column - u, row - v)


@compiled
def linear_colour(image: NDArray[np.uint8], column: float, row: float) -> tuple[float, float, float]:
    """The same of an image (rows, columns, 3)."""
    u, v = np.uint32(column), np.uint32(row)
    right, below = min(u + 1, image.shape[1] - 1), min(v + 1, image.shape[0] - 1)
    a, b = column - u, row - v
    red = _blend(image[v, u, 0], image[v, right, 0], image[below, u, 0], image[below, right, 0], a, b)
    green = _blend(image[v, u, 1], image[v, right, 1], image[below, u, 1], image[below, right, 1], a, b)
    return red, green, _blend(image[v, u, 2], image[v, right, 2], image[below, u, 2], image[below, right, 2], a, b)


@compiled
def repeated(grid: NDArray[np.float32], column: float, row: float) -> float:
    """Value of a texture that repeats, linear between its cells; its sides are powers of two."""
    u, v = math.floor(column), math.floor(row)
    a, b, rows, columns = column - u, row - v, grid.shape[0] - 1, grid.shape[1] - 1
    right, below = np.uint32((u + 1) & columns), np.uint32((v + 1) & rows)
    left, above = np.uint32(u & columns), np.uint32(v & rows)
    return _blend(grid[above, left], grid[above, right], grid[below, left], grid[below, right], a, b)


@compiled
def _blend(first: float, second: float, third: float, fourth: float, right: float, down: float) -> float:
    """Between four corners, row by row, at shares of the way to the right and down."""
    upper = first + right * (float(second) - first)
    return upper + down * (third + right * (float(fourth) - third) - upper)
