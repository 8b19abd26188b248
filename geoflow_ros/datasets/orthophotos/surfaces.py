"""The colours of what a level camera sees: the photograph's, filtered by what a pixel covers, lit, grained and hazy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from geoflow_ros.camera import CameraModel
from geoflow_ros.datasets.orthophotos.column_march import Hits
from geoflow_ros.datasets.orthophotos.lookup import linear, linear_colour, mirrored, repeated
from geoflow_ros.datasets.orthophotos.placed_photo import PlacedPhoto
from geoflow_ros.model.inference.jit import compiled

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]
LEVELS = 6  # of the photograph's pyramid, each half as wide as the one before
COARSER = 1.6  # px that a footprint covers of a level where the next one is taken
SAME = 0.08  # of a depth: two rows that near to each other see the same
GRAIN_PX, GRAIN_GONE = 256, 8.0  # the latter: one by the metres that a pixel covers where no grain is seen any more
SHADOWS, STREET_SIDES = 0.6, 0.4  # how often there are such
LOOKS = ((0.02, 0.05, 0.02, 0.4, 150.0, 4.0), (0.08, 0.3, 0.2, 0.95, 900.0, 30.0))
"""Least and most of: grain's size (m) on the ground and on sides, its strength, brightness of sides, distance (m) over
which haze takes two thirds of the colour, width (m) of a street photograph on sides."""


@dataclass(frozen=True, slots=True, eq=False)
class Surfaces:
    """How surfaces look beside their colour. looks: six, as LOOKS. shadows: light (64, 64) over the photograph. sides:
    an image that sides show, by the share side_share, over the photograph's colour at their foot."""

    looks: tuple[float, ...]
    shadows: Floats
    sides: Image
    side_share: float


def random_surfaces(street: Sequence[Image], rng: np.random.Generator) -> Surfaces:
    """Any that are plausible; the sides show a street photograph sometimes."""
    light = np.ones((64, 64), np.float32)
    if rng.random() < SHADOWS:
        coarse = rng.random((int(rng.integers(8, 40)),) * 2).astype(np.float32)
        noise = cv2.resize(coarse, light.shape, interpolation=cv2.INTER_CUBIC)
        dark = np.clip((noise - rng.uniform(0.5, 0.8)) * rng.uniform(3.0, 12.0), 0.0, 1.0)
        light -= np.float32(rng.uniform(0.2, 0.6)) * dark
    looks = tuple(rng.uniform(*LOOKS).tolist())
    if not len(street) or rng.random() >= STREET_SIDES:
        return Surfaces(looks, light, np.zeros((1, 1, 3), np.uint8), 0.0)
    return Surfaces(looks, light, street[int(rng.integers(len(street)))], float(rng.uniform(0.3, 0.9)))


def coloured(hits: Hits, fine: CameraModel, photo: PlacedPhoto, sky: Image, surfaces: Surfaces) -> Image:
    """The image (H, W, 3) of what a level camera sees before a sky (H, W, 3).

    fine: the camera of the hits, which has a whole number of rows for each of the sky's.
    """
    image = np.empty_like(sky)
    ground_grain, side_grain, strength, side, haze, side_width = surfaces.looks
    # Divisions are what takes longest.
    lens = fine.cx, 1.0 / fine.fx, 1.0 / (fine.fy * fine.mount.height), 1.0 / photo.metres_per_px
    side_rows = surfaces.sides.shape[1] / surfaces.sides.shape[0] / side_width
    look = 1.0 / ground_grain, 1.0 / side_grain, strength, side, 1.0 / haze, 1.0 / side_width, side_rows
    textures = (*_pyramid(photo.image), surfaces.shadows, _grain(), surfaces.sides)
    to_share, haze_colour = tuple(photo.share_from_metres.ravel().tolist()), cv2.mean(sky)[:3]
    seen = hits.depth, hits.height, hits.face
    _colour(seen, lens, to_share, textures, look, surfaces.side_share, sky, haze_colour, image)
    return image


def _pyramid(image: Image) -> tuple[Image, NDArray[np.int64]]:
    """The levels of the image below each other, and of each its first row, width and height."""
    levels = [image]
    while len(levels) < LEVELS:
        levels.append(np.asarray(cv2.pyrDown(levels[-1]), np.uint8))
    sizes = np.array([level.shape[:2] for level in levels])
    first = np.concatenate([[0], np.cumsum(sizes[:-1, 0])])
    atlas = np.zeros((int(sizes[:, 0].sum()), image.shape[1], 3), np.uint8)
    for row, level in zip(first, levels, strict=True):
        atlas[row : row + level.shape[0], : level.shape[1]] = level
    return atlas, np.column_stack([first, sizes[:, 1], sizes[:, 0]]).astype(np.int64)


@cache
def _grain() -> Floats:
    """A texture (GRAIN_PX, GRAIN_PX) of fine and coarser grain, mean 0, spread 1."""
    rng, grain = np.random.default_rng(0), np.zeros((GRAIN_PX, GRAIN_PX), np.float32)
    for size in (GRAIN_PX, GRAIN_PX // 3, GRAIN_PX // 12):
        grain += cv2.resize(rng.normal(0.0, 1.0, (size, size)).astype(np.float32), grain.shape)
    return np.asarray((grain - grain.mean()) / grain.std(), np.float32)


@compiled
def _colour(seen, lens, to_share, textures, look, side_share, sky, haze, image):  # type: ignore[no-untyped-def]
    """Every pixel of the image: the mean over the rows of the hits that it covers."""
    (depths, heights, faces), (atlas, boxes, shadows, grain, sides) = seen, textures
    rows = depths.shape[0] // image.shape[0]
    for row in range(image.shape[0]):
        for column in range(image.shape[1]):
            tangent, first, end = (lens[0] - 0.5 - column) * lens[1], row * rows, row * rows + rows
            depth, other, face = depths[first, column], depths[end - 1, column], faces[first, column]
            # Rows that see nearly the same share a look: most of the work near the camera.
            shared = face == faces[end - 1, column] and abs(depth - other) < SAME * depth
            if shared:
                depth, first = 0.5 * (depth + other), end - 1
            red = green = blue = 0.0
            for fine_row in range(first, end):
                if not shared:
                    depth, face = depths[fine_row, column], faces[fine_row, column]
                if math.isinf(depth):
                    look_here = float(sky[row, column, 0]), float(sky[row, column, 1]), float(sky[row, column, 2])
                else:
                    place = depth, depth * tangent, heights[fine_row, column]
                    look_here = _surface(
                        place, face, lens, to_share, atlas, boxes, shadows, grain, sides, look, side_share, haze
                    )
                red, green, blue = red + look_here[0], green + look_here[1], blue + look_here[2]
            share = 1.0 / (end - first)
            image[row, column, 0] = min(max(red * share, 0.0), 255.0)
            image[row, column, 1] = min(max(green * share, 0.0), 255.0)
            image[row, column, 2] = min(max(blue * share, 0.0), 255.0)


@compiled
def _surface(  # type: ignore[no-untyped-def]
    place, face, lens, to_share, atlas, boxes, shadows, grain, sides, look, side_share, haze
):
    """Red, green and blue of a place: metres ahead, to the left, above ground."""
    (depth, left, height), (_, per_fx, per_fy_height, per_metre) = place, lens
    across = depth * per_fx
    along = across if face else max(across, depth * depth * per_fy_height)
    share_u = to_share[0] * depth + to_share[1] * left + to_share[2]
    share_v = to_share[3] * depth + to_share[4] * left + to_share[5]
    level = _level(math.sqrt(across * along) * per_metre, len(boxes))
    u, v = mirrored(share_u, boxes[level, 1]), mirrored(share_v, boxes[level, 2]) + boxes[level, 0]
    red, green, blue = linear_colour(atlas, u, v)
    if face:
        light, along_side = look[3], depth + left
        noise = repeated(grain, along_side * look[1], height * look[1])
        if side_share > 0.0:
            side_u, side_v = mirrored(along_side * look[5], sides.shape[1]), 1.0 - height * look[6]
            other = linear_colour(sides, side_u, mirrored(side_v, sides.shape[0]))
            red, green = red + side_share * (other[0] - red), green + side_share * (other[1] - green)
            blue += side_share * (other[2] - blue)
    else:
        light = linear(shadows, mirrored(share_u, shadows.shape[1]), mirrored(share_v, shadows.shape[0]))
        noise = repeated(grain, depth * look[0], left * look[0])
    clear = math.exp(-depth * look[4])
    light *= clear * (1.0 + look[2] * noise * max(1.0 - GRAIN_GONE * across, 0.0))
    pale = 1.0 - clear
    return red * light + haze[0] * pale, green * light + haze[1] * pale, blue * light + haze[2] * pale


@compiled
def _level(footprint_px, levels):  # type: ignore[no-untyped-def]
    """The level of a pyramid whose pixels are about as large as a footprint in pixels of the finest."""
    level = 0
    while footprint_px >= COARSER and level < levels - 1:
        footprint_px, level = footprint_px * 0.5, level + 1
    return level
