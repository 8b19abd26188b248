"""Imagery of a page is at its place, and no more than fits."""

from __future__ import annotations

import cv2
import mercantile
import numpy as np
import pytest

from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.reports import ground
from geoflow_ros.reports.ground import Ground, ground_along, near_fixes
from geoflow_ros.satellite.mosaic import SatelliteMap
from geoflow_ros.satellite.tile_images import ImageryOffset

FRAME = LocalFrame(Datum(49.0, 8.4))
ZOOM = 18  # 0.39 m a pixel here
FIRST = mercantile.tile(8.4, 49.0, ZOOM)


class Endless:
    """A store of tiles of one grey each, told by column and row; noisy ones if so asked; none below `south_of`."""

    name, format, zooms, bounds, tile_px = "made up", "png", (ZOOM,), (8.0, 48.0, 9.0, 50.0), 256
    imagery_offset = ImageryOffset()
    attribution = '&copy; <a href="https://example.org">the <b>makers</b></a>'

    def __init__(self, noisy: bool = False, south_of: int = 2**ZOOM) -> None:
        self._rng = np.random.default_rng(0) if noisy else None
        self._south_of = south_of

    def tile(self, z: int, x: int, y: int) -> bytes | None:
        if z != ZOOM or y >= self._south_of:
            return None
        pixels = np.full((256, 256, 3), grey(x, y), np.uint8)
        if self._rng is not None:
            pixels = self._rng.integers(0, 256, (256, 256, 3), dtype=np.uint8)
        return cv2.imencode(".png", pixels)[1].tobytes()

    def count(self, zoom: int) -> int:
        return 4**zoom


def grey(x: int, y: int) -> int:
    return 20 + 40 * ((x - FIRST.x) % 3) + 13 * ((y - FIRST.y) % 3)


def along(places: list[tuple[float, float]], store: Endless) -> Ground:
    return ground_along(np.array(places), SatelliteMap(store), FRAME)


def level_at(made: Ground, east: float, north: float) -> float:
    """Grey that the page shows at a place."""
    cell = next(c for c in made.cells if c.east <= east < c.east + c.side and c.north <= north < c.north + c.side)
    image = cv2.imdecode(np.frombuffer(cell.jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    side = image.shape[0]
    return float(image[int((1 - (north - cell.north) / cell.side) * side), int((east - cell.east) / cell.side * side)])


def test_every_place_shows_the_tile_that_covers_it() -> None:
    made = along([(0.0, 0.0), (150.0, 60.0), (np.nan, np.nan), (300.0, 130.0)], Endless())
    for east, north in ((5.0, -1.0), (30.0, -35.0), (150.0, 60.0), (320.0, 100.0)):
        latitude, longitude, _ = FRAME.to_geodetic([east, north])
        tile = mercantile.tile(float(longitude), float(latitude), ZOOM)
        assert level_at(made, east, north) == pytest.approx(grey(tile.x, tile.y), abs=3)
    assert made.attribution == "© the makers"


def test_a_long_way_is_coarser_and_keeps_to_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ground, "MAX_CELLS", 12)
    monkeypatch.setattr(ground, "MAX_BYTES", 1_500_000)
    made = along([(float(east), 0.0) for east in range(0, 2000, 50)], Endless(noisy=True))
    assert 1 <= len(made.cells) <= 12
    assert sum(len(cell.jpeg) for cell in made.cells) <= 1_500_000
    assert made.cells[0].side > 300.0  # 2 km in at most 12 cells of two rows


def test_squares_without_imagery_and_drives_without_a_place_have_none() -> None:
    assert along([(np.nan, np.nan)], Endless()).cells == ()
    assert along([(0.0, 0.0)], Endless(south_of=0)).cells == ()


def test_fixes_that_are_near_most_tell_where_a_vehicle_was() -> None:
    fixes = np.array([[0.0, 0.0], [10.0, 0.0], [9e5, 0.0], [20.0, 5.0]])
    assert near_fixes(fixes).tolist() == [[0.0, 0.0], [10.0, 0.0], [20.0, 5.0]]
    assert len(near_fixes(np.array([[0.0, 0.0], [5e3, 0.0]]))) >= 1  # their median is near neither
    assert len(near_fixes(np.empty((0, 2)))) == 0
