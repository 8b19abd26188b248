"""Cutting a metric patch out of one larger satellite image."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from geoflow_ros.satellite.patch import SatellitePatch
from geoflow_ros.satellite.tile_images import EMPTY, HALF_OPAQUE

GREY = EMPTY[0]
"""Value of the pixels outside the image; how many there are is stated by `SatellitePatch.missing`."""
MOST_SEEN = 0.25
"""Of the pixels of an image: of one that a crop shows more of, no part is cut out first."""
BLUR_REACH = 4.0
"""Standard deviations that a blur of bytes reaches at most."""


def crop_matrix(center: tuple[float, float], yaw: float, size_px: int, scale: float) -> NDArray[np.float64]:
    """Affine (2, 3) from continuous crop pixels to continuous image pixels.

    center: image pixel (u, v) under the middle of the crop. yaw: direction of the crop's +u, radians
    counter-clockwise from the image's +u. scale: image pixels per crop pixel.
    """
    cos, sin = scale * math.cos(yaw), scale * math.sin(yaw)
    linear = np.array([[cos, sin], [-sin, cos]])
    offset = np.asarray(center, dtype=np.float64) - linear @ np.full(2, size_px / 2)
    return np.column_stack([linear, offset])


def crop(
    image: NDArray[np.uint8],
    center: tuple[float, float],
    yaw: float,
    size_px: int,
    scale: float,
    mirrored: bool = False,
) -> tuple[NDArray[np.uint8], float]:
    """Crop (S, S, 3) of an image (H, W, 3) as in `crop_matrix`, and the fraction of it outside the image.

    An image (H, W, 4) shows nothing where its alpha is 0, as if that were outside.
    mirrored: the image goes on as its mirror images, so that nothing is outside.
    """
    matrix = _between_middles(crop_matrix(center, yaw, size_px, scale))
    missing = 0.0 if mirrored else _outside(matrix, image.shape[1], image.shape[0], size_px)
    sigma = 0.5 * math.sqrt(scale**2 - 1.0) if scale > 1.0 else 0.0
    if not mirrored:
        image, matrix = _seen(image, matrix, size_px, math.ceil(BLUR_REACH * sigma) + 1)
    if sigma > 0.0:
        # Bilinear sampling alone would alias; the blur that takes a pixel's footprint from 1 to `scale`.
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), dtype=np.uint8)
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = (size_px, size_px)
    border = cv2.BORDER_REFLECT if mirrored else cv2.BORDER_CONSTANT
    pixels = cv2.warpAffine(image, matrix, size, flags=flags, borderMode=border, borderValue=EMPTY)
    if image.shape[2] == len(EMPTY):
        nothing = pixels[..., -1] < HALF_OPAQUE
        pixels, missing = np.where(nothing[..., None], np.uint8(GREY), pixels[..., :3]), float(nothing.mean())
    return np.asarray(pixels, dtype=np.uint8), missing


def crop_nearest(
    codes: NDArray[np.uint8], center: tuple[float, float], yaw: float, size_px: int, scale: float, outside: int
) -> NDArray[np.uint8]:
    """Crop (S, S) as `crop_matrix` says of what has no mean (H, W): the nearest value; outside: the value there."""
    matrix = _between_middles(crop_matrix(center, yaw, size_px, scale))
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(codes, matrix, (size_px, size_px), flags=flags, borderValue=outside), np.uint8)


def _between_middles(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The matrix as cv2 takes it, which counts from the middle of the first pixel; we count from its outer corner."""
    return np.column_stack([matrix[:, :2], matrix @ (0.5, 0.5, 1.0) - 0.5])


def _seen(
    image: NDArray[np.uint8], matrix: NDArray[np.float64], size_px: int, margin: int
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """The part of an image that a crop shows with a margin (px) around it, and the matrix (2, 3) into that.

    An orthophoto may have hundreds of times as many pixels as a crop, and would be blurred for each.
    """
    corners = matrix[:, :2] @ np.array([[0, 0, 1, 1], [0, 1, 0, 1]]) * (size_px - 1) + matrix[:, 2:]
    end = np.array(image.shape[1::-1])
    # Never empty: a crop beside the image shows its border.
    low = np.clip(np.floor(corners.min(axis=1)).astype(np.int64) - margin, 0, end - 1)
    high = np.clip(np.ceil(corners.max(axis=1)).astype(np.int64) + margin + 1, low + 1, end)
    if np.prod(high - low) > MOST_SEEN * np.prod(end):
        return image, matrix  # cv2 rounds differently elsewhere in an image
    part = image[low[1] : high[1], low[0] : high[0]]
    return part, np.column_stack([matrix[:, :2], matrix[:, 2] - low])


def _outside(matrix: NDArray[np.float64], width: int, height: int, size_px: int) -> float:
    """Fraction of the crop's pixel centres that fall outside a width x height image."""
    ends = np.array([0.0, size_px - 1.0])
    if _inside(matrix, ends[None, :], ends[:, None], width, height).all():
        return 0.0
    steps = np.arange(size_px, dtype=np.float64)
    return float(1.0 - _inside(matrix, steps[None, :], steps[:, None], width, height).mean())


def _inside(
    matrix: NDArray[np.float64], x: NDArray[np.float64], y: NDArray[np.float64], width: int, height: int
) -> NDArray[np.bool_]:
    u = matrix[0, 0] * x + matrix[0, 1] * y + matrix[0, 2]
    v = matrix[1, 0] * x + matrix[1, 1] * y + matrix[1, 2]
    return np.asarray((u >= -0.5) & (u <= width - 0.5) & (v >= -0.5) & (v <= height - 0.5), dtype=bool)


def patch_of_image(
    image: NDArray[np.uint8],
    image_resolution: float,
    center: tuple[float, float],
    image_yaw: float,
    patch_yaw: float,
    size_px: int,
    resolution: float,
) -> SatellitePatch:
    """Patch in a frame of its own (centre 0, 0) cut from a north-up image.

    image_resolution, resolution: metres per pixel of the image and of the patch. center: image pixel (u, v) of
    the patch's centre. image_yaw: direction of the patch's +u in the image, radians counter-clockwise from the
    image's +u; patch_yaw: the same direction in the frame the sample states its truth in.
    """
    pixels, missing = crop(image, center, image_yaw, size_px, resolution / image_resolution)
    return SatellitePatch(pixels, (0.0, 0.0), resolution, patch_yaw, missing)
