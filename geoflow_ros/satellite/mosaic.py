"""A map of satellite tiles: metric patches cut from it at any place, heading and resolution."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import cv2
import mercantile
import numpy as np
from numpy.typing import NDArray

from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import EQUATOR_RESOLUTION, Datum, LocalFrame, distance, ground_resolution
from geoflow_ros.satellite.patch import SatellitePatch
from geoflow_ros.satellite.tile_images import EMPTY, HALF_OPAQUE, TileCache, TileStore, credit_of

MAX_SIDE_PX = 8192
"""Largest side of a patch, and of the mosaic of tiles under it."""
FALLBACK_ZOOMS = 3
"""How many zoom levels coarser a tile may be that stands in for a missing one: eight times the metres per pixel."""
_EQUATOR_M = EQUATOR_RESOLUTION * 256.0
_MERCATOR_LIMIT_DEG = 85.0
_SAME_RESOLUTION = 1.01  # a zoom 1 % coarser than asked is as good; without it rounding would fetch 4 times the tiles


class SatelliteMap:
    """Patches of a tile store; decoded tiles are kept up to `cache_bytes`. Safe across threads.

    zoom: the level to read; by default, for every patch, the coarsest that is as fine as the patch. Where that covers
    only a part of the ground, coarser levels stand in, tile by tile.
    """

    def __init__(self, store: TileStore, zoom: int | None = None, cache_bytes: int = 128 << 20) -> None:
        if zoom is not None and zoom not in store.zooms:
            raise InputError(f"{store.name} has no tiles of zoom {zoom}: it has {', '.join(map(str, store.zooms))}")
        self.store = store
        self._zooms = store.zooms if zoom is None else (zoom,)
        self._cache = TileCache(store, cache_bytes)
        self.credit = credit_of(store)

    @property
    def corrupt(self) -> tuple[str, ...]:
        """One sentence for every tile that was corrupt when last read, oldest first; such tiles count as missing."""
        return self._cache.corrupt

    def aside(self, latitude: float, longitude: float) -> str:
        """How far the finest tiles lie from a place (degrees), and where; empty where it is within their box.

        And by what slip it would be within.
        """
        west, south, east, north = self.store.bounds
        if self._holds(latitude, longitude):
            return ""
        nearest = min(max(latitude, south), north)
        longitudes = (min(max(longitude, west), east), west, east)  # an end may be nearer, around the globe
        metres = min(distance(latitude, longitude, nearest, each) for each in longitudes)
        return (
            f"the tiles lie {metres / 1e3:.1f} km away, at latitude {south:.5f} to {north:.5f}, longitude "
            f"{west:.5f} to {east:.5f}{self._slip(latitude, longitude)}"
        )

    def _holds(self, latitude: float, longitude: float) -> bool:
        west, south, east, north = self.store.bounds
        return south <= latitude <= north and west <= longitude <= east

    def _slip(self, latitude: float, longitude: float) -> str:
        """By which slip a place (degrees) that is not within the tiles would be; empty if by none."""
        east, north = mercantile.xy(longitude, latitude)
        slips = {
            "latitude and longitude exchanged": (longitude, latitude),
            "the longitude's sign changed (west is negative)": (latitude, -longitude),
            "the latitude's sign changed (south is negative)": (-latitude, longitude),
            "both signs changed (south and west are negative)": (-latitude, -longitude),
            "radians taken for degrees": (math.degrees(latitude), math.degrees(longitude)),
            "columns and rows of the tiles exchanged (a folder of z/y/x)": mercantile.lnglat(-north, -east)[::-1],
        }
        return next(
            (f"; with {slip} it would be within them" for slip, place in slips.items() if self._holds(*place)), ""
        )

    def zoom_for(self, latitude: float, resolution: float) -> int:
        """The coarsest zoom at least as fine as `resolution` (m/px) at a latitude (degrees), else the finest."""
        tile_px, limit = self.store.tile_px, resolution * _SAME_RESOLUTION
        fine_enough = (zoom for zoom in self._zooms if ground_resolution(latitude, zoom, tile_px) <= limit)
        return next(fine_enough, self._zooms[-1])

    def patch(
        self, frame: LocalFrame, center: tuple[float, float], yaw: float, size_px: int, resolution: float
    ) -> SatellitePatch:
        """The orthophoto of `size_px` squared pixels of `resolution` metres around `center` (east, north, m).

        yaw: direction of +u, radians counter-clockwise from east. Ground without imagery is mid-grey and
        counted in the patch's `missing`. Positions are exact to 2 mm in a patch of 200 m at 50 degrees of
        latitude (the curvature left out grows with the square of the size).
        """
        _check_request(center, yaw, size_px, resolution)
        geometry = SatellitePatch(np.broadcast_to(np.uint8(0), (size_px, size_px, 3)), center, resolution, yaw)
        latitude = float(frame.to_geodetic(center)[0])
        if not abs(latitude) <= _MERCATOR_LIMIT_DEG:
            raise InputError(f"latitude {latitude:.4f} is beyond Web Mercator tiles, which end at 85 degrees")
        zoom = self.zoom_for(latitude, resolution)
        affine = patch_to_world_pixels(self._shown_at(geometry), frame, self.store.tile_px * 2**zoom)
        rgba = self._warp(zoom, affine, size_px)
        missing = 1.0 - np.count_nonzero(rgba[..., 3] >= HALF_OPAQUE) / size_px**2
        image = np.asarray(cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB), dtype=np.uint8)
        return replace(geometry, image=image, missing=missing, credit=self.credit)

    def _shown_at(self, patch: SatellitePatch) -> SatellitePatch:
        """Where the imagery shows the ground of a patch."""
        offset, (east, north) = self.store.imagery_offset, patch.center
        return replace(patch, center=(east + offset.east, north + offset.north))

    def patch_at(
        self, latitude: float, longitude: float, yaw: float, size_m: float, resolution: float
    ) -> SatellitePatch:
        """The patch of `size_m` metres a side around a place in WGS84 degrees, which is its east/north origin."""
        frame = LocalFrame(Datum(latitude, longitude))
        ratio = size_m / resolution if resolution > 0 else math.nan
        size_px = round(ratio) if math.isfinite(ratio) else 0
        return self.patch(frame, (0.0, 0.0), yaw, size_px, resolution)

    def _warp(self, zoom: int, affine: NDArray[np.float64], size_px: int) -> NDArray[np.uint8]:
        """RGBA patch (S, S, 4) whose continuous pixels map to world pixels of a zoom by `affine` (2, 3)."""
        corners = affine @ np.array([[0, size_px, 0, size_px], [0, 0, size_px, size_px], [1, 1, 1, 1]], dtype=float)
        shrink = max(1, int(math.sqrt(abs(np.linalg.det(affine[:, :2])))))  # averaged, where bilinear would alias
        left, top = (int(value) for value in np.floor(corners.min(axis=1)) - shrink)
        right, bottom = corners.max(axis=1)
        width, height = (math.ceil(extent / shrink + 1) * shrink for extent in (right - left, bottom - top))
        if max(width, height) > MAX_SIDE_PX:
            raise InputError(
                f"a patch of this size needs {width} x {height} px of zoom {zoom}, more than {MAX_SIDE_PX}: "
                "ask for a smaller one, or import coarser zoom levels too"
            )
        mosaic: NDArray[Any] = self._mosaic(zoom, left, top, width, height)
        if shrink > 1:
            mosaic = np.asarray(cv2.resize(mosaic, (width // shrink, height // shrink), interpolation=cv2.INTER_AREA))
        inner = affine.copy()
        inner[:, 2] -= (left, top)
        inner /= shrink
        inner[:, 2] += inner[:, :2] @ (0.5, 0.5) - 0.5  # OpenCV counts from the centre of the first pixel
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        warped = cv2.warpAffine(
            mosaic, inner, (size_px, size_px), flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=EMPTY
        )
        return np.asarray(warped, dtype=np.uint8)

    def _mosaic(self, zoom: int, left: int, top: int, width: int, height: int) -> NDArray[np.uint8]:
        """RGBA (height, width, 4) of a rectangle of world pixels of a zoom; EMPTY where there is no tile."""
        side = self.store.tile_px
        mosaic = np.empty((height, width, 4), dtype=np.uint8)
        for y in range(top // side, (top + height - 1) // side + 1):
            rows, tile_rows = _overlap(y * side - top, height, side)
            for x in range(left // side, (left + width - 1) // side + 1):
                columns, tile_columns = _overlap(x * side - left, width, side)
                tile = self._tile(zoom, x % 2**zoom, y)  # the world repeats at the 180th meridian
                mosaic[rows, columns] = EMPTY if tile is None else tile[tile_rows, tile_columns]
        return mosaic

    def _tile(self, zoom: int, x: int, y: int) -> NDArray[np.uint8] | None:
        """RGBA of a tile; where the store has none, of the part of the next coarser one that shows the same ground."""
        for coarser in reversed(self._zooms):
            levels = zoom - coarser
            if 0 <= levels <= FALLBACK_ZOOMS:
                tile = self._cache.get(coarser, x >> levels, y >> levels)
                if tile is not None:
                    return tile if levels == 0 else _enlarged(tile, levels, x, y)
        return None


def patch_to_world_pixels(patch: SatellitePatch, frame: LocalFrame, world_px: int) -> NDArray[np.float64]:
    """The affine map (2, 3) from a patch's pixels to those of a Web Mercator world `world_px` wide (v down).

    It is the least-squares fit to the exact places of the patch's four corners.
    """
    side = patch.size_px
    lat, lon, _ = frame.to_geodetic(patch.to_enu([[0, 0], [side, 0], [0, side], [side, side]]))
    east, north = np.array([mercantile.xy(*place) for place in zip(lon, lat, strict=True)]).T
    uv = np.stack([0.5 + east / _EQUATOR_M, 0.5 - north / _EQUATOR_M], axis=-1) * world_px
    uv[:, 0] -= np.round((uv[:, 0] - uv[0, 0]) / world_px) * world_px  # a patch across the 180th meridian stays whole
    along_u, along_v = (uv[1] - uv[0] + uv[3] - uv[2]) / 2, (uv[2] - uv[0] + uv[3] - uv[1]) / 2
    linear = np.stack([along_u, along_v], axis=-1) / side
    return np.column_stack([linear, uv.mean(axis=0) - linear @ (side / 2, side / 2)])


def _enlarged(tile: NDArray[np.uint8], levels: int, x: int, y: int) -> NDArray[np.uint8]:
    """The part of a tile that is tile (x, y) so many zoom levels finer, at the size of a whole one."""
    side = tile.shape[0]
    part = side >> levels
    left, top = x % 2**levels * part, y % 2**levels * part
    whole = cv2.resize(tile[top : top + part, left : left + part], (side, side), interpolation=cv2.INTER_LINEAR)
    return np.asarray(whole, dtype=np.uint8)


def _overlap(offset: int, length: int, side: int) -> tuple[slice, slice]:
    """Where a tile that starts at `offset` lies in an axis of `length`, and which part of the tile that is."""
    start, stop = max(offset, 0), min(offset + side, length)
    return slice(start, stop), slice(start - offset, stop - offset)


def _check_request(center: tuple[float, float], yaw: float, size_px: int, resolution: float) -> None:
    if not (all(math.isfinite(value) for value in (*center, yaw, resolution)) and resolution > 0):
        raise InputError(f"patch at {center}, yaw {yaw}, {resolution} m/px: give finite numbers, resolution above 0")
    if not 1 <= size_px <= MAX_SIDE_PX:
        raise InputError(f"patch of {size_px} px a side: give 1 to {MAX_SIDE_PX}")
