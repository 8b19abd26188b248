"""The imagery under the live map is where the map says."""

from __future__ import annotations

import cv2
import drive_folder
import numpy as np
import pytest

from geoflow_ros.geodesy import LocalFrame
from geoflow_ros.satellite.mosaic import SatelliteMap
from geoflow_ros.satellite.stores import open_store
from geoflow_ros.view import ground_tiles
from geoflow_ros.view.ground_tiles import GroundTiles

FRAME = LocalFrame(drive_folder.DATUM)


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> GroundTiles:
    """A white spot 20 m east and 30 m north of the datum."""
    path = tmp_path_factory.mktemp("tiles") / "tiles.mbtiles"
    drive_folder.write_tiles(path)
    shown = GroundTiles()
    shown.show(SatelliteMap(open_store(path)))
    return shown


@pytest.mark.parametrize(("level", "x", "y", "column", "row"), [(3, 0, -1, 160, 16), (2, 0, -1, 80, 136)])
def test_the_spot_is_where_it_is(ground: GroundTiles, level: int, x: int, y: int, column: int, row: int) -> None:
    """At 8 pixels a metre a square is 32 m: 20 m are 160 px from its west, 30 m are 2 m = 16 px from its north."""
    data = ground.tile(FRAME, level, x, y)
    assert data is not None
    grey = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
    rows, columns = np.nonzero(grey > 0.8 * grey.max())
    assert (columns.mean(), rows.mean()) == pytest.approx((column, row), abs=1.5)
    assert ground.tile(FRAME, level, x, y) is data, "drawn twice"


def test_where_there_is_none(ground: GroundTiles) -> None:
    for square in ((3, 9000, 0), (3, 10**6, 0), (9, 0, 0), (-9, 0, 0)):
        assert ground.tile(FRAME, *square) is None
    assert GroundTiles().tile(FRAME, 3, 0, -1) is None


def test_memory_is_bounded(ground: GroundTiles, monkeypatch: pytest.MonkeyPatch) -> None:
    first = ground.tile(FRAME, 3, 0, -1)
    assert first is not None
    monkeypatch.setattr(ground_tiles, "CACHE_BYTES", len(first) + 1)
    for x in range(1, 3):
        ground.tile(FRAME, 3, x, -1)
    assert ground.tile(FRAME, 3, 0, -1) is not first
