"""Which tiles an area needs: those of a box, or along a track."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import mercantile
import numpy as np
from numpy.typing import NDArray

from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import EQUATOR_RESOLUTION, ground_resolution
from geoflow_ros.satellite.tile_grid import MAX_ZOOM, Tile
from geoflow_ros.satellite.tile_images import Bounds
from geoflow_ros.tiles.tracks import Line

MERCATOR_END = 85.051128
"""Degrees of latitude where Web Mercator ends."""
MAX_TILES = 2_000_000
STEP_TILES = 0.25
"""A track is looked at in steps of at most so many tiles."""


def check_box(box: Bounds) -> None:
    """InputError unless west, south, east, north are a box that Web Mercator has in one piece."""
    west, south, east, north = box
    stated = f"area {west:g} {south:g} {east:g} {north:g}"
    if not all(map(math.isfinite, box)) or max(abs(west), abs(east)) > 180 or max(abs(south), abs(north)) > 90:
        raise InputError(f"{stated} is not on the globe: give west, south, east, north in degrees")
    if west - east > 180:
        raise InputError(f"{stated} goes across the antimeridian: fetch each side in a run of its own")
    if west >= east or south >= north:
        raise InputError(f"{stated} has west and east, or south and north, swapped: give west, south, east, north")
    if max(-south, north) > MERCATOR_END:
        raise InputError(f"{stated} goes beyond {MERCATOR_END} degrees, where the tiles of Web Mercator end")


def box_of(lines: Sequence[Line], path: Path) -> Bounds:
    """The box around a track, which has to be on Web Mercator in one piece."""
    west, south = np.min([line.min(axis=0) for line in lines], axis=0).tolist()
    east, north = np.max([line.max(axis=0) for line in lines], axis=0).tolist()
    if max(-west, east) > 180 or max(-south, north) > MERCATOR_END:
        raise InputError(
            f"track {path} spans {west:g} to {east:g} E, {south:g} to {north:g} N: expected WGS84 degrees, longitude "
            f"first in GeoJSON, within {MERCATOR_END} N and S, where the tiles of Web Mercator end"
        )
    if any(np.abs(np.diff(line[:, 0])).max(initial=0.0) > 180 for line in lines):
        raise InputError(f"track {path} goes across the antimeridian: split it there and fetch each part on its own")
    return west, south, east, north


def zoom_for(resolution: float, latitude: float, tile_px: int) -> int:
    """The coarsest zoom with at most so many metres per pixel, give or take a hundredth, at a latitude."""
    for zoom in range(MAX_ZOOM + 1):
        if ground_resolution(latitude, zoom, tile_px) <= resolution * 1.01:
            return zoom
    raise InputError(f"resolution {resolution:g} m is finer than any tile: give metres per pixel, such as 0.2")


def box_tiles(box: Bounds, zooms: Sequence[int]) -> list[Tile]:
    """The tiles of a box, zoom by zoom, row by row."""
    check_box(box)
    west, south, east, north = box
    corners = np.array([[west, north], [east, south]])
    counts = [math.prod((np.diff(in_tiles(corners, zoom), axis=0)[0] + 1).tolist()) for zoom in zooms]
    _check_count(sum(counts))
    tiles = [(tile.z, tile.x, tile.y) for tile in mercantile.tiles(west, south, east, north, zooms)]
    return sorted(tiles, key=_by_row)


def track_tiles(lines: Sequence[Line], margin_m: float, zooms: Sequence[int]) -> list[Tile]:
    """The tiles within a margin (m) of lines, zoom by zoom, row by row."""
    found: set[Tile] = set()
    for zoom in zooms:
        for line in lines:
            places = in_tiles(line, zoom)
            _check_count(len(found) + np.abs(np.diff(places, axis=0)).sum())
            tile_m = 256 * EQUATOR_RESOLUTION / 2**zoom * np.cos(np.radians(line[:, 1]))
            margins = margin_m / tile_m + STEP_TILES / 2
            found |= {(zoom, x, y) for x, y in _around(*_stepped(places, margins), 2**zoom)}
            _check_count(len(found))
    return sorted(found, key=_by_row)


def in_tiles(line: Line, zoom: int) -> NDArray[np.float64]:
    """(N, 2) column and row, with fractions, of places in degrees."""
    latitude = np.radians(line[:, 1])
    x = line[:, 0] / 360 + 0.5
    y = 0.5 - np.arcsinh(np.tan(latitude)) / (2 * math.pi)
    return np.column_stack([x, y]) * 2.0**zoom


def _stepped(
    places: NDArray[np.float64], margins: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Places along a line at most STEP_TILES apart, and their margins."""
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(places, axis=0), axis=1))])
    steps = np.linspace(0.0, lengths[-1], 1 + math.ceil(lengths[-1] / STEP_TILES))
    along = [np.interp(steps, lengths, values) for values in (*places.T, margins)]
    return np.column_stack(along[:2]), along[2]


def _around(places: NDArray[np.float64], margins: NDArray[np.float64], side: int) -> set[tuple[int, int]]:
    """Columns and rows of the tiles in squares around places, on the globe."""
    low = np.clip(np.floor(places - margins[:, None]), 0, side - 1).astype(int)
    high = np.clip(np.floor(places + margins[:, None]), 0, side - 1).astype(int)
    squares = {tuple(square) for square in np.column_stack([low, high]).tolist()}
    _check_count(max((right - left + 1) * (bottom - top + 1) for left, top, right, bottom in squares))
    return {
        (x, y)
        for left, top, right, bottom in squares
        for x in range(left, right + 1)
        for y in range(top, bottom + 1)
    }  # fmt: skip


def _by_row(tile: Tile) -> tuple[int, int, int]:
    z, x, y = tile
    return z, y, x


def _check_count(count: float) -> None:
    if count > MAX_TILES:
        raise InputError(f"the area has some {count:.0f} tiles, more than {MAX_TILES}: give a smaller one")
