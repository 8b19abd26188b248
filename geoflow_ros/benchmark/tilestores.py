"""How the time to cut a patch grows with the number of tiles in the store."""

from __future__ import annotations

import math
import sqlite3
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import mercantile
import numpy as np

from geoflow_ros.benchmark.timing import milliseconds_of, quantiles
from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.satellite.mbtiles import MBTilesStore
from geoflow_ros.satellite.mosaic import SatelliteMap

ZOOM, TILE_PX = 19, 256
CENTER = mercantile.tile(8.4884, 47.3767, ZOOM)
DISTINCT_IMAGES = 16
STEP_M, HEADING_STEP = 0.5, math.radians(0.5)  # a frame of a car in town, 15 m/s and 15 degrees/s at 30 Hz
COLD_SHARE = 10  # one cold patch for so many warm ones
PATCH_PX, PATCH_RESOLUTION = 416, 0.25


@dataclass(frozen=True, slots=True)
class TileStoreRow:
    """Times (ms) of cutting a patch while driving (warm: a new tile now and then), and of one with every tile new."""

    count: int
    patch_ms_p50: float
    patch_ms_p95: float
    patch_ms_max: float
    cold_ms_p50: float
    open_ms: float


def sweep_tile_stores(counts: Sequence[int], patches: int, seed: int = 0) -> list[TileStoreRow]:
    """A row for a generated store of about each number of tiles (the next square)."""
    with tempfile.TemporaryDirectory(prefix="geoflow_ros_tiles_") as folder:
        rows = []
        for count in counts:
            path = Path(folder) / f"{count}.mbtiles"
            side = math.isqrt(count - 1) + 1
            write_store(path, side, seed)
            rows.append(_measure(path, side, patches, seed))
            path.unlink()
    return rows


def write_store(path: Path, side: int, seed: int = 0) -> None:
    """An MBTiles file of side x side tiles around `CENTER` that share a few images.

    Its `tiles` is a view that joins `map` and `images`, as tools that write each image once lay it out.
    """
    images = [(key, _textured_jpeg(seed + key)) for key in range(DISTINCT_IMAGES)]
    left, bottom = CENTER.x - side // 2, 2**ZOOM - 1 - CENTER.y - side // 2
    keys = np.random.default_rng(seed).integers(0, DISTINCT_IMAGES, (side, side)).tolist()
    rows = ((ZOOM, left + x, bottom + y, keys[x][y]) for x in range(side) for y in range(side))
    with sqlite3.connect(path) as database:
        database.executescript(
            "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;"
            "CREATE TABLE metadata (name TEXT, value TEXT);"
            "INSERT INTO metadata VALUES ('name', 'generated'), ('format', 'jpg');"
            "CREATE TABLE images (tile_id INTEGER PRIMARY KEY, tile_data BLOB);"
            "CREATE TABLE map (zoom_level INTEGER, tile_column INTEGER, tile_row INTEGER, tile_id INTEGER,"
            " PRIMARY KEY (zoom_level, tile_column, tile_row)) WITHOUT ROWID;"
            "CREATE VIEW tiles AS SELECT zoom_level, tile_column, tile_row, tile_data FROM map JOIN images"
            " USING (tile_id);"
        )
        database.executemany("INSERT INTO images VALUES (?, ?)", images)
        database.executemany("INSERT INTO map VALUES (?, ?, ?, ?)", rows)
    database.close()


def _measure(path: Path, side: int, patches: int, seed: int) -> TileStoreRow:
    satellites: list[SatelliteMap] = []
    open_ms = milliseconds_of(lambda _: satellites.append(SatelliteMap(MBTilesStore(path))), 0)
    (satellite,) = satellites
    box = mercantile.bounds(CENTER)
    frame = LocalFrame(Datum((box.north + box.south) / 2, (box.west + box.east) / 2))
    tile_m = (box.east - box.west) * math.cos(math.radians(box.north)) * 111_320.0
    reach = max(side * tile_m / 2 - PATCH_PX * PATCH_RESOLUTION, 0.0)
    elsewhere = np.random.default_rng(seed).uniform(-reach, reach, (patches, 2))

    def drive(index: int) -> None:
        along = (index * STEP_M + reach) % (2 * reach) - reach if reach else 0.0
        satellite.patch(frame, (along, 0.0), index * HEADING_STEP, PATCH_PX, PATCH_RESOLUTION)

    def jump(index: int) -> None:
        place = (float(elsewhere[index, 0]), float(elsewhere[index, 1]))
        SatelliteMap(satellite.store).patch(frame, place, index * HEADING_STEP, PATCH_PX, PATCH_RESOLUTION)

    cold = quantiles([milliseconds_of(jump, index) for index in range(max(patches // COLD_SHARE, 1))])
    drive(0)
    warm = quantiles([milliseconds_of(drive, index) for index in range(patches)])
    return TileStoreRow(side * side, warm.p50, warm.p95, warm.max, cold.p50, open_ms)


def _textured_jpeg(seed: int) -> bytes:
    """A tile that takes as long to decode as imagery: detail at two scales."""
    noise = np.random.default_rng(seed)
    coarse = cv2.resize(noise.integers(60, 190, (16, 16, 3), dtype=np.uint8), (TILE_PX, TILE_PX))
    fine = cv2.GaussianBlur(noise.normal(0.0, 60.0, (TILE_PX, TILE_PX, 3)), (0, 0), 1.0)
    return bytes(cv2.imencode(".jpg", np.clip(coarse + fine, 0, 255).astype(np.uint8))[1])
