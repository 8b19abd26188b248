"""A georeferenced image as the pixels of Web Mercator tiles."""

from __future__ import annotations

from typing import Any

import cv2
import mercantile
import numpy as np
from numpy.typing import NDArray

from geoflow_ros.geodesy import EQUATOR_RESOLUTION

TILE_PX = 256
HALF_WORLD_M = EQUATOR_RESOLUTION * TILE_PX / 2
AFFINE_PX = 0.05
"""How far (pixels of the image) a map may be from an affine one that stands in for it."""
MAX_SHRINK = 1.5
"""Pixels of the image to one of a tile beyond which two by two of them are not enough to interpolate between."""
_STEPS = np.array([(u, v) for v in (0.0, 0.5, 1.0) for u in (0.0, 0.5, 1.0)])


class WarpedImage:
    """An open image seen on the pixel grid of the tiles of a zoom; for one thread.

    Squares whose pixels are all in the image and valid, nearly all of a large one, are interpolated with an affine map,
    which over so short a way is exact; anything else, edges and nodata above all, is left to GDAL, five times as slow.
    """

    def __init__(self, raster: Any, has_alpha: bool, zoom: int) -> None:
        self._raster, self._has_alpha = raster, has_alpha
        self._pixel_m = EQUATOR_RESOLUTION / 2.0**zoom
        self._colours = (1, 2, 3) if raster.count - has_alpha >= 3 else (1, 1, 1)
        self._to_image = ~raster.transform

    def read(self, left: int, top: int, side: int) -> NDArray[np.uint8] | None:
        """RGBA (side, side, 4) of a square of world pixels, a power of two of tiles; None if nothing is there."""
        affine = self._affine(left, top, side)
        if affine is None:
            return self._by_gdal(left, top, side)
        corners = affine @ np.array([[0, side, 0, side], [0, 0, side, side], [1, 1, 1, 1]], dtype=float)
        low = np.floor(corners.min(axis=1)).astype(int) - 1
        high = np.ceil(corners.max(axis=1)).astype(int) + 1
        size = (self._raster.width, self._raster.height)
        if (high <= 0).any() or (low >= size).any():
            return None
        if (low >= 0).all() and (high <= size).all() and self._is_valid(low, high):
            return self._interpolated(affine, low, high, side)
        return self._by_gdal(left, top, side) if side <= TILE_PX else self._quarters(left, top, side // 2)

    def _quarters(self, left: int, top: int, half: int) -> NDArray[np.uint8] | None:
        whole = np.zeros((2 * half, 2 * half, 4), dtype=np.uint8)
        for v in (0, half):
            for u in (0, half):
                pixels = self.read(left + u, top + v, half)
                if pixels is not None:
                    whole[v : v + half, u : u + half] = pixels
        return whole

    def _affine(self, left: int, top: int, side: int) -> NDArray[np.float64] | None:
        """The map (2, 3) from pixels of a square to those of the image; None where no affine one will do."""
        from rasterio.warp import transform

        east, north = (_STEPS * side + (left, top)).T * self._pixel_m * [[1], [-1]] + [[-HALF_WORLD_M], [HALF_WORLD_M]]
        x, y = transform("EPSG:3857", self._raster.crs, east, north)
        a, b, c, d, e, f = tuple(self._to_image)[:6]
        places = np.column_stack([a * np.array(x) + b * np.array(y) + c, d * np.array(x) + e * np.array(y) + f])
        if not np.isfinite(places).all():
            return None
        steps = np.column_stack([_STEPS * side, np.ones(len(_STEPS))])
        affine = np.linalg.lstsq(steps, places, rcond=None)[0]
        shrink = float(np.linalg.svd(affine[:2])[1].max())
        if np.abs(steps @ affine - places).max() > AFFINE_PX or shrink > MAX_SHRINK:
            return None
        return np.asarray(affine.T)

    def _is_valid(self, low: NDArray[np.int_], high: NDArray[np.int_]) -> bool:
        from rasterio.enums import MaskFlags

        if all(flags == [MaskFlags.all_valid] for flags in self._raster.mask_flag_enums):
            return True
        return bool(self._raster.dataset_mask(window=_window(low, high)).min() == 255)

    def _interpolated(
        self, affine: NDArray[np.float64], low: NDArray[np.int_], high: NDArray[np.int_], side: int
    ) -> NDArray[np.uint8]:
        bands = self._raster.read(self._colours, window=_window(low, high))
        image = cv2.merge([*bands, np.full(bands.shape[1:], 255, dtype=np.uint8)])  # four are warped faster than three
        inner = affine.copy()
        inner[:, 2] += inner[:, :2] @ (0.5, 0.5) - 0.5 - low  # OpenCV counts from the centre of the first pixel
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(cv2.warpAffine(image, inner, (side, side), flags=flags), dtype=np.uint8)

    def _by_gdal(self, left: int, top: int, side: int) -> NDArray[np.uint8] | None:
        from rasterio.enums import Resampling
        from rasterio.transform import from_origin
        from rasterio.vrt import WarpedVRT

        pixel = self._pixel_m
        with WarpedVRT(
            self._raster,
            crs="EPSG:3857",
            transform=from_origin(left * pixel - HALF_WORLD_M, HALF_WORLD_M - top * pixel, pixel, pixel),
            width=side,
            height=side,
            resampling=Resampling.bilinear,
            add_alpha=not self._has_alpha,
            UNIFIED_SRC_NODATA="YES",  # a pixel is nodata only where every band is: pure red stays
        ) as warped:
            bands = warped.read((*self._colours, warped.count))
        return np.asarray(cv2.merge(list(bands)), dtype=np.uint8) if bands[3].any() else None


def origin_of(tile: mercantile.Tile, zoom: int) -> tuple[int, int]:
    """The world pixel of a zoom where a tile, which may be a coarser one, begins."""
    scale = TILE_PX << (zoom - tile.z)
    return tile.x * scale, tile.y * scale


def _window(low: NDArray[np.int_], high: NDArray[np.int_]) -> Any:
    from rasterio.windows import Window

    return Window(int(low[0]), int(low[1]), *(high - low).tolist())
