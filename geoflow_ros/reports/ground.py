"""The imagery along a drive, as a page can hold it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.geodesy import LocalFrame, ground_resolution
from geoflow_ros.reports.thumbnails import jpeg
from geoflow_ros.satellite.mosaic import SatelliteMap

CELL_PX = 512
MAX_CELLS = 200
MAX_BYTES = 8_000_000
FINEST_M = 0.2
"""Metres per pixel below which more would not be seen."""
COARSER = 1.5
MARGIN_M = 40.0
QUALITY = 70
NEAR_M = 1000.0
"""Fixes farther from the others are not shown where nothing else tells where the vehicle was."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cell:
    """A square of imagery, north up: its south-west corner and side in metres of `map`, and its JPEG."""

    east: float
    north: float
    side: float
    jpeg: bytes


@dataclass(frozen=True, slots=True)
class Ground:
    """The imagery under a drive, and whose it is."""

    cells: tuple[Cell, ...] = ()
    attribution: str = ""


def ground_along(places: Floats, satellite: SatelliteMap, frame: LocalFrame) -> Ground:
    """The imagery within 40 m of places (N, 2) of east and north, as fine as the budget allows; NaN is no place."""
    places = places[np.isfinite(places).all(axis=1)]
    store = satellite.store
    finest = ground_resolution(frame.datum.latitude, store.zooms[-1], store.tile_px)
    resolution = max(FINEST_M, finest)
    while True:
        corners = _corners(places, CELL_PX * resolution)
        if len(corners) <= MAX_CELLS:
            cells = tuple(_cells(corners, resolution, satellite, frame))
            if sum(len(cell.jpeg) for cell in cells) <= MAX_BYTES:
                return Ground(cells, satellite.credit)
        resolution *= COARSER


def near_fixes(fixes: Floats) -> Floats:
    """Those of fixes (M, 2) that tell where a vehicle was: within 1 km of most; at least one, if there is any."""
    if not len(fixes):
        return fixes
    away = np.abs(fixes - np.median(fixes, axis=0)).max(axis=1)
    return np.asarray(fixes[away <= max(NEAR_M, float(away.min()))])


def _corners(places: Floats, side_m: float) -> Floats:
    """South-west corners (M, 2) of the squares of a grid that come within the margin of a place."""
    around = MARGIN_M * np.array([(east, north) for east in (-1, 0, 1) for north in (-1, 0, 1)])
    near = (places[:, None] + around).reshape(-1, 2)
    return np.unique(np.floor(near / side_m), axis=0) * side_m


def _cells(corners: Floats, resolution: float, satellite: SatelliteMap, frame: LocalFrame) -> Iterator[Cell]:
    side = CELL_PX * resolution
    for east, north in corners.tolist():
        patch = satellite.patch(frame, (east + side / 2, north + side / 2), 0.0, CELL_PX, resolution)
        if patch.missing < 1.0:
            yield Cell(east, north, side, jpeg(patch.image, QUALITY))
