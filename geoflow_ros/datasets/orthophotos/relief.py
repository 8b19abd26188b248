"""Heights that a photograph's ground might have: trees and roofs along what is seen in it, boxes, hedges and walls."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from geoflow_ros.datasets.orthophotos.placed_photo import PlacedPhoto

Floats = NDArray[np.float32]
CELL_PX = 2  # of the photograph a cell of the grid
BLOBS, BOXES, HEDGES = 0.75, 0.65, 0.4  # how often there are such things
STANDING = (0.05, 0.3)  # share of the photograph that blobs cover
HEIGHT_M = (0.5, 8.0)
CLEAR_M = (2.0, 5.0)  # around the camera, where nothing stands
LANE = 0.8  # how often the way ahead is clear
LANE_M, LANE_HALF_M = (12.0, 50.0), (1.8, 5.0)


@dataclass(frozen=True, slots=True, eq=False)
class Relief:
    """Metres above ground, (rows, columns) over a placed photograph, endless by mirror images as that is."""

    heights: Floats
    photo: PlacedPhoto


def random_relief(photo: PlacedPhoto, rng: np.random.Generator) -> Relief:
    """A relief in which the camera stands free, and most often sees some way ahead."""
    height, width = photo.image.shape[:2]
    grid = np.zeros((max(1, height // CELL_PX), max(1, width // CELL_PX)), np.float32)
    if rng.random() < BLOBS:
        grid = _blobs(photo.image, grid.shape, rng)
    if rng.random() < BOXES:
        sizes = [(rng.uniform(3.0, 18.0), rng.uniform(3.0, 12.0)) for _ in range(int(rng.integers(1, 10)))]
        _add_boxes(grid, photo, sizes, rng)
    if rng.random() < HEDGES:
        sizes = [(rng.uniform(5.0, 40.0), rng.uniform(0.4, 1.2)) for _ in range(int(rng.integers(1, 8)))]
        _add_boxes(grid, photo, sizes, rng)
    _clear(grid, photo, rng)
    return Relief(grid, photo)


def _blobs(image: NDArray[np.uint8], shape: tuple[int, int], rng: np.random.Generator) -> Floats:
    """What is strongest in a random mix of the photograph's colours stands, as high as a smooth noise says."""
    small = cv2.GaussianBlur(
        cv2.resize(image, shape[::-1], interpolation=cv2.INTER_AREA), (0, 0), rng.uniform(1.0, 3.0)
    )
    shade = cv2.transform(small.astype(np.float32), rng.normal(0.0, 1.0, (1, 3)))
    standing = shade > np.quantile(shade[::4, ::4], 1.0 - rng.uniform(*STANDING))
    noise = cv2.resize(rng.uniform(0.4, 1.6, (12, 12)).astype(np.float32), shape[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(_height(rng) * noise * standing, 0.0, HEIGHT_M[1]), np.float32)


def _add_boxes(grid: Floats, photo: PlacedPhoto, sizes: list[tuple[float, float]], rng: np.random.Generator) -> None:
    """Boxes of these lengths and widths (m) anywhere on the photograph, most of them along one direction or across."""
    cell = photo.metres_per_px * photo.image.shape[1] / grid.shape[1]
    street = rng.uniform(0.0, 180.0)
    for length, width in sizes:
        angle = street + 90.0 * rng.integers(2) + rng.normal(0.0, 3.0)
        center = rng.uniform(0.0, 1.0, 2) * grid.shape[::-1]
        corners = cv2.boxPoints((center.tolist(), (length / cell, width / cell), float(angle)))
        cv2.fillConvexPoly(grid, corners.round().astype(np.int32), _height(rng))


def _height(rng: np.random.Generator) -> float:
    return float(np.exp(rng.uniform(*np.log(HEIGHT_M))))


def _clear(grid: Floats, photo: PlacedPhoto, rng: np.random.Generator) -> None:
    """Nothing stands around the camera, and most often nothing on the way ahead of it."""
    cell = photo.metres_per_px * photo.image.shape[1] / grid.shape[1]
    to_grid = photo.share_from_metres * [[grid.shape[1]], [grid.shape[0]]]
    cv2.circle(grid, to_grid[:, 2].round().astype(int).tolist(), math.ceil(rng.uniform(*CLEAR_M) / cell), 0.0, -1)
    if rng.random() < LANE:
        length, half = rng.uniform(*LANE_M), rng.uniform(*LANE_HALF_M)
        corners = np.array([[0, half, 1], [length, half, 1], [length, -half, 1], [0, -half, 1]]) @ to_grid.T
        cv2.fillConvexPoly(grid, corners.round().astype(np.int32), 0.0)
