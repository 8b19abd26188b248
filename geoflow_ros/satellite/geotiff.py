"""Import of a georeferenced image in any coordinate system into an MBTiles store."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import mercantile
import numpy as np
from numpy.typing import NDArray

from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import EQUATOR_RESOLUTION, ground_resolution
from geoflow_ros.satellite.geotiff_source import ImageSource, open_image
from geoflow_ros.satellite.mbtiles_writer import MBTilesWriter
from geoflow_ros.satellite.tile_grid import MAX_ZOOM
from geoflow_ros.satellite.tile_images import Bounds

TILE_PX = 256
OVERVIEWS = 4
"""Zoom levels below the finest one that are averaged from it."""
MAX_OVERSAMPLING = 3
"""How many zoom levels finer than the image's own an explicit zoom may be: every level costs four times the tiles."""


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """What an import wrote. resolution: metres per pixel of the finest zoom at the centre. warnings: of the source."""

    target: Path
    zooms: tuple[int, ...]
    tiles: int
    bounds: Bounds
    resolution: float
    warnings: tuple[str, ...]


def import_geotiff(
    source: Path, target: Path, zoom: int | None = None, quality: int = 90, progress: bool = False
) -> ImportSummary:
    """Writes an 8-bit grey, RGB or RGBA raster into a new MBTiles file and says what was written.

    zoom: finest level; by default the one nearest to the image's own resolution. A few coarser levels are
    averaged from it. Tiles are JPEG of `quality`; those partly without data (nodata, mask, alpha, edge of the
    image) are PNG with alpha, those wholly without are left out. A fourth band that is not alpha (near
    infrared), or holds too many values to be alpha, is not imported.
    """
    with open_image(source) as image:
        from tqdm import tqdm

        zoom = min(image.native_zoom, MAX_ZOOM) if zoom is None else _checked(zoom, image.native_zoom)
        bounds = _snapped(image.bounds, zoom)
        origin, columns, rows = _tile_range(bounds, zoom)
        with (
            _warped(image, origin, columns, rows) as warped,
            MBTilesWriter(target, source.stem, "jpg", bounds=bounds) as writer,
            tqdm(total=columns * rows, unit="tile", disable=not progress) as bar,
        ):
            pyramid = _Pyramid(warped, origin, writer, quality, bar)
            for root in mercantile.tiles(*bounds, zooms=[max(zoom - OVERVIEWS, 0)]):
                pyramid.add(root)
            if not pyramid.zooms:
                raise InputError(f"{source} holds no data at all: every pixel is nodata or transparent")
    resolution = ground_resolution((bounds[1] + bounds[3]) / 2, zoom, TILE_PX)
    return ImportSummary(target, tuple(sorted(pyramid.zooms)), pyramid.tiles, bounds, resolution, image.warnings)


class _Pyramid:
    """Writes the tiles under a root tile, each coarser one averaged from its four children."""

    def __init__(self, warped: Any, origin: mercantile.Tile, writer: MBTilesWriter, quality: int, bar: Any) -> None:
        self._warped, self._origin, self._writer, self._quality, self._bar = warped, origin, writer, quality, bar
        colours = (1, 2, 3) if warped.count >= 4 else (1, 1, 1)
        self._bands = (*colours, warped.count)  # alpha is the last band
        self.zooms: set[int] = set()
        self.tiles = 0

    def add(self, tile: mercantile.Tile) -> NDArray[np.uint8] | None:
        """RGBA pixels (256, 256, 4) of a tile after writing it and all below it; None if it has no data."""
        pixels = self._read(tile) if tile.z == self._origin.z else self._average(tile)
        if pixels is None or not pixels[..., 3].any():
            return None
        self._writer.add(tile.z, tile.x, tile.y, _encode(pixels, self._quality))
        self.zooms.add(tile.z)
        self.tiles += 1
        return pixels

    def _read(self, tile: mercantile.Tile) -> NDArray[np.uint8] | None:
        from rasterio.windows import Window

        column, row = (tile.x - self._origin.x) * TILE_PX, (tile.y - self._origin.y) * TILE_PX
        if not (0 <= column < self._warped.width and 0 <= row < self._warped.height):
            return None
        bands = self._warped.read(self._bands, window=Window(column, row, TILE_PX, TILE_PX))
        self._bar.update()
        return np.ascontiguousarray(np.moveaxis(bands, 0, -1), dtype=np.uint8)

    def _average(self, tile: mercantile.Tile) -> NDArray[np.uint8] | None:
        quarters = np.zeros((2 * TILE_PX, 2 * TILE_PX, 4), dtype=np.float32)
        for child in mercantile.children(tile):
            pixels = self.add(child)
            if pixels is not None:
                u, v = (child.x - 2 * tile.x) * TILE_PX, (child.y - 2 * tile.y) * TILE_PX
                quarters[v : v + TILE_PX, u : u + TILE_PX] = pixels
        quarters[..., :3] *= quarters[..., 3:]  # a pixel without data must not darken its neighbours
        mean = np.asarray(cv2.resize(quarters, (TILE_PX, TILE_PX), interpolation=cv2.INTER_AREA))
        colours, alpha = mean[..., :3], mean[..., 3:]
        rgba = np.concatenate([colours / np.maximum(alpha, 1e-6), alpha], axis=-1)
        return np.asarray(np.rint(rgba), dtype=np.uint8)


def _encode(rgba: NDArray[np.uint8], quality: int) -> bytes:
    if rgba[..., 3].min() == 255:
        options = [cv2.IMWRITE_JPEG_QUALITY, quality]
        _, data = cv2.imencode(".jpg", cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGR), options)
    else:
        _, data = cv2.imencode(".png", cv2.cvtColor(rgba, cv2.COLOR_RGBA2BGRA))
    return bytes(data)


def _snapped(bounds: Bounds, zoom: int) -> Bounds:
    """The box grown to whole pixels of a zoom: GDAL starts its pixel grid at the stated box, aligned or not."""
    pixel = EQUATOR_RESOLUTION / 2.0**zoom
    left, bottom = (math.floor(metres / pixel) * pixel for metres in mercantile.xy(*bounds[:2]))
    right, top = (math.ceil(metres / pixel) * pixel for metres in mercantile.xy(*bounds[2:]))
    return (*mercantile.lnglat(left, bottom), *mercantile.lnglat(right, top))


def _checked(zoom: int, native: int) -> int:
    if not 0 <= zoom <= min(native + MAX_OVERSAMPLING, MAX_ZOOM):
        raise InputError(
            f"zoom {zoom} does not suit an image whose own resolution is that of zoom {native}: "
            f"give 0 to {min(native + MAX_OVERSAMPLING, MAX_ZOOM)}"
        )
    return zoom


def _tile_range(bounds: Bounds, zoom: int) -> tuple[mercantile.Tile, int, int]:
    """The north-west tile of a box, and how many columns and rows of tiles cover it."""
    west, south, east, north = bounds
    first, last = mercantile.tile(west, north, zoom), mercantile.tile(east, south, zoom)
    return first, last.x - first.x + 1, last.y - first.y + 1


def _warped(image: ImageSource, origin: mercantile.Tile, columns: int, rows: int) -> Any:
    """The image as seen in Web Mercator on the pixel grid of the tiles; its last band is alpha."""
    from rasterio.enums import Resampling
    from rasterio.transform import from_origin
    from rasterio.vrt import WarpedVRT

    corner = mercantile.xy_bounds(origin)
    pixel = EQUATOR_RESOLUTION / 2.0**origin.z
    return WarpedVRT(
        image.raster,
        crs="EPSG:3857",
        transform=from_origin(corner.left, corner.top, pixel, pixel),
        width=columns * TILE_PX,
        height=rows * TILE_PX,
        resampling=Resampling.bilinear,
        add_alpha=not image.has_alpha,
        UNIFIED_SRC_NODATA="YES",  # a pixel is nodata only where every band is: pure red stays
    )
