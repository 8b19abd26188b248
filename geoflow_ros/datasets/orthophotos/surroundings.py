"""What a pseudo view has beside its ground: a sky, things that the orthophoto does not show, the vehicle's own hood."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from geoflow_ros.camera import CameraModel
from geoflow_ros.town.canvas import Picture
from geoflow_ros.town.height_codes import UNKNOWN, to_codes

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]
STREET_SKY, CLUTTER, HOOD = 0.4, 0.5, 0.12  # how often there is such a thing
MOST_CLUTTER = 5
CLUTTER_M = (6.0, 40.0)  # ahead of the camera
CLUTTER_SIZES = (((1.6, 5.0), (1.2, 2.2)), ((0.4, 0.9), (1.4, 1.9)))
"""Width and height (m) of what is like a car and of what is like a person."""


def backdrop(level: CameraModel, street: Sequence[Image], rng: np.random.Generator) -> Image:
    """What is behind all that a level camera sees (H, W, 3), down to its horizon: a sky, or a street photograph."""
    width, height = level.width, level.height
    rows = int(np.clip(level.cy + 8, 2, height))
    if len(street) and rng.random() < STREET_SKY:
        photo = street[int(rng.integers(len(street)))]
        sky = cv2.resize(photo[: max(2, int(photo.shape[0] * rng.uniform(0.25, 0.5)))], (width, rows))
    else:
        sky = _clouds(width, rows, rng)
    return np.asarray(cv2.copyMakeBorder(sky, 0, height - rows, 0, 0, cv2.BORDER_REPLICATE), np.uint8)


def _clouds(width: int, rows: int, rng: np.random.Generator) -> Image:
    high = rng.uniform(120.0, 240.0) * (rng.uniform(0.4, 0.9) + np.array([0.0, 0.15, 0.3])) / 1.1
    low = rng.uniform(170.0, 245.0) + rng.normal(0.0, 6.0, 3)
    ramp = np.linspace(0.0, 1.0, rows, dtype=np.float32)[:, None, None]
    noise = rng.random((int(rng.integers(2, 6)), int(rng.integers(4, 16)))).astype(np.float32)
    clouds = cv2.resize(noise, (width // 4, rows), interpolation=cv2.INTER_CUBIC)[..., None] * rng.uniform(0.0, 0.9)
    sky = high + (low - high) * ramp
    sky = np.clip(sky + (235.0 - sky) * clouds, 0, 255).astype(np.uint8)
    return np.asarray(cv2.resize(sky, (width, rows)), np.uint8)


def add_clutter(
    picture: Picture, depth: Floats, level: CameraModel, street: Sequence[Image], rng: np.random.Generator
) -> None:
    """Cut-outs of street photographs stood up on the ground of a level camera's picture, behind what is nearer."""
    if not len(street) or rng.random() >= CLUTTER:
        return
    for far in -np.sort(-rng.uniform(*CLUTTER_M, int(rng.integers(1, MOST_CLUTTER + 1)))):
        widths, heights = CLUTTER_SIZES[int(rng.integers(len(CLUTTER_SIZES)))]
        size = rng.uniform(*widths), rng.uniform(*heights)
        cut = _cut_out(street[int(rng.integers(len(street)))], rng)
        stand_up(picture, depth, level, (far, rng.uniform(0.0, 1.0) * level.width, *size), cut)


def stand_up(
    picture: Picture, depth: Floats, level: CameraModel, where: tuple[float, float, float, float], cut: Image
) -> None:
    """Draw a cut-out upright. where: metres ahead, column (px) of its middle, metres wide and high."""
    ahead, column, wide, high = where
    foot = level.cy + level.fy * level.mount.height / ahead
    top, half = foot - level.fy * high / ahead, level.fx * wide / ahead / 2
    u0, u1, v0, v1 = (round(edge) for edge in (column - half, column + half, top, foot))
    if u1 - u0 < 2 or v1 - v0 < 2:
        return
    cut = np.asarray(cv2.resize(cut, (u1 - u0, v1 - v0), interpolation=cv2.INTER_AREA), np.uint8)
    inner = (slice(max(0, -v0), max(0, level.height - v0)), slice(max(0, -u0), max(0, level.width - u0)))
    outer = (slice(max(0, v0), max(0, v1)), slice(max(0, u0), max(0, u1)))
    visible = (depth[outer] > ahead) & _outline(u1 - u0, v1 - v0)[inner]
    picture.image[outer][visible] = cut[inner][visible]
    above = level.mount.height - (np.arange(level.height)[outer[0], None] + 0.5 - level.cy) * ahead / level.fy
    picture.heights[outer][visible] = np.broadcast_to(to_codes(above), visible.shape)[visible]


def _cut_out(photo: Image, rng: np.random.Generator) -> Image:
    """Some part of a street photograph, from below its sky."""
    height, width = photo.shape[:2]
    wide, high = int(width * rng.uniform(0.1, 0.4)), int(height * rng.uniform(0.15, 0.4))
    u, v = int(rng.integers(width - wide)), int(rng.integers(height // 3, height - high))
    return photo[v : v + high, u : u + wide]


def _outline(width: int, height: int) -> NDArray[np.bool_]:
    """A rectangle with round upper corners."""
    across = np.abs(np.linspace(-1.0, 1.0, width, dtype=np.float32))
    up = np.linspace(1.0, 0.0, height, dtype=np.float32)[:, None]
    return np.asarray(across**4 + up**4 <= 1.0)


def add_hood(picture: Picture, rng: np.random.Generator) -> None:
    """Draw the hood of the vehicle at the lower edge, sometimes."""
    if rng.random() < HOOD:
        height, width = picture.heights.shape
        center = (int(width * rng.uniform(0.45, 0.55)), height)
        axes = (int(width * rng.uniform(0.3, 0.6)), int(height * rng.uniform(0.05, 0.2)))
        colour = (rng.uniform(10, 150) * rng.uniform(0.8, 1.2, 3)).tolist()
        cv2.ellipse(picture.image, center, axes, 0.0, 0.0, 360.0, colour, -1, cv2.LINE_AA)
        cv2.ellipse(picture.heights, center, axes, 0.0, 0.0, 360.0, UNKNOWN, -1)
