"""A square of imagery as encoded tiles of several zooms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from geoflow_ros.satellite.image_warp import TILE_PX
from geoflow_ros.satellite.tile_grid import Tile


def pyramid(rgba: NDArray[np.uint8], root: Tile, quality: int) -> tuple[list[tuple[Tile, bytes]], NDArray[np.uint8]]:
    """The encoded tiles of an RGBA square that a root tile covers, finest first, and the pixels of the root tile.

    Each coarser zoom is averaged from the finer one. Opaque tiles are JPEG of `quality`, those partly transparent PNG
    with alpha, those wholly so are left out.
    """
    zoom, left, top = root
    encoded = []
    for levels in reversed(range((rgba.shape[0] // TILE_PX).bit_length())):
        count = 1 << levels
        for row, column, pixels, opacity in _cells(rgba, TILE_PX):
            if opacity != (0, 0):
                tile = (zoom + levels, left * count + column, top * count + row)
                encoded.append((tile, _encoded(pixels, opacity, quality)))
        if levels:
            rgba = halved(rgba)
    return encoded, rgba


def _cells(rgba: NDArray[np.uint8], side: int) -> Iterator[tuple[int, int, NDArray[np.uint8], tuple[int, int]]]:
    """Row, column, pixels, and least and greatest alpha of the squares of an image."""
    for row, v in enumerate(range(0, rgba.shape[0], side)):
        for column, u in enumerate(range(0, rgba.shape[1], side)):
            cell = np.s_[v : v + side, u : u + side]
            yield row, column, rgba[cell], _opacity(rgba[cell])


def is_opaque(rgba: NDArray[np.uint8]) -> bool:
    """Whether no pixel is even partly transparent."""
    return _opacity(rgba)[0] == 255


def over(above: NDArray[np.uint8], below: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """One RGBA image seen through the transparent parts of another."""
    seen = above[..., 3] < 255
    weight = above[seen][:, 3:].astype(np.float32) / 255
    weight_below = (1 - weight) * below[seen][:, 3:] / 255
    alpha = weight + weight_below
    colours = above[seen][:, :3] * weight + below[seen][:, :3] * weight_below
    both = above.copy()
    both[seen] = np.rint(np.concatenate([colours / np.maximum(alpha, 1e-6), 255 * alpha], axis=1))
    return both


def _opacity(rgba: NDArray[np.uint8]) -> tuple[int, int]:
    """Least and greatest alpha, the highest byte of a pixel as a number."""
    packed = np.ascontiguousarray(rgba).view("<u4")  # before NumPy 1.23 no part of an array can be viewed so
    return int(packed.min()) >> 24, int(packed.max()) >> 24


def _encoded(rgba: NDArray[np.uint8], opacity: tuple[int, int], quality: int) -> bytes:
    if opacity != (255, 255):
        return png_of(rgba)
    options = [cv2.IMWRITE_JPEG_QUALITY, quality]
    _, data = cv2.imencode(".jpg", cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGR), options)
    return bytes(data)


def png_of(rgba: NDArray[np.uint8]) -> bytes:
    """A tile with alpha, its pixels as they are."""
    _, data = cv2.imencode(".png", cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGRA))
    return bytes(data)


def halved(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Every pixel the mean of four, weighed by alpha: a pixel without data must not darken its neighbours."""
    half = np.zeros((rgba.shape[0] // 2, rgba.shape[1] // 2, 4), dtype=np.uint8)
    for row, column, four, (least, greatest) in _cells(rgba, 2 * TILE_PX):
        v, u = row * TILE_PX, column * TILE_PX
        mean = _mean_of_four(four) if least == greatest else _weighed_mean_of_four(four)
        half[v : v + TILE_PX, u : u + TILE_PX] = mean
    return half


def _mean_of_four(pixels: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(cv2.resize(pixels, (TILE_PX, TILE_PX), interpolation=cv2.INTER_AREA))


def _weighed_mean_of_four(rgba: NDArray[np.uint8]) -> NDArray[np.uint8]:
    weighed = rgba.astype(np.float32)
    weighed[..., :3] *= weighed[..., 3:]
    mean = _mean_of_four(weighed)
    colours, weight = mean[..., :3], mean[..., 3:]
    return np.asarray(np.rint(np.concatenate([colours / np.maximum(weight, 1e-6), weight], axis=-1)), dtype=np.uint8)
