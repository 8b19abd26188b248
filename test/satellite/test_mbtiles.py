"""MBTiles files as other programs write them, and some lie."""

from __future__ import annotations

import gzip
import sqlite3
import time
from collections.abc import Mapping
from pathlib import Path

import cv2
import mercantile
import numpy as np
import pytest
import textured_tiles as textured
from read_only import read_only

from geoflow_ros.errors import InputError
from geoflow_ros.satellite.mbtiles import MBTilesStore
from geoflow_ros.satellite.mosaic import SatelliteMap

NORTH, SOUTH = "xyz", "tms"
LAST = textured.TOP + textured.ROWS - 1
FIRST_BOX = mercantile.bounds(textured.LEFT, textured.TOP, textured.ZOOM)
LAST_BOX = mercantile.bounds(textured.LEFT + textured.COLUMNS - 1, LAST, textured.ZOOM)
BOX = (FIRST_BOX.west, LAST_BOX.south, LAST_BOX.east, FIRST_BOX.north)
STATED = ",".join(map(str, BOX))


def write(
    path: Path, metadata: Mapping[str, str], tiles: Mapping[textured.Key, bytes] | None = None, rows: str = SOUTH
) -> Path:
    """An MBTiles file by nothing but SQL."""
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE metadata (name TEXT, value TEXT)")
        database.execute("CREATE TABLE tiles (zoom_level INT, tile_column INT, tile_row INT, tile_data BLOB)")
        database.executemany("INSERT INTO metadata VALUES (?, ?)", metadata.items())
        for (z, x, y), data in (textured.tiles() if tiles is None else tiles).items():
            row = y if rows == NORTH else 2**z - 1 - y
            database.execute("INSERT INTO tiles VALUES (?, ?, ?, ?)", (z, x, row, data))
    database.close()
    return path


def agrees(store: MBTilesStore) -> bool:
    """Whether every tile is where it was put."""
    return all(store.tile(*key) == data for key, data in textured.tiles().items())


@pytest.mark.parametrize(("column", "row"), [(None, 0), (b"x", 0), (0, 2**40), (-1, 0)])
def test_a_tile_that_is_nowhere_is_named(tmp_path: Path, column: object, row: object) -> None:
    with sqlite3.connect(write(tmp_path / "a.mbtiles", {})) as database:
        database.execute("UPDATE tiles SET tile_column = ?, tile_row = ?", (column, row))
    database.close()
    store, wrong = MBTilesStore(tmp_path / "a.mbtiles"), row if column == 0 else column
    for ask in (lambda: store.bounds, lambda: list(store.places(textured.ZOOM))):
        with pytest.raises(InputError, match=rf"column or row {wrong} of zoom {textured.ZOOM}, expected a number"):
            ask()


@pytest.mark.parametrize("told", ["jpeg", "image/webp", "PNG24", "image/vnd.jpeg", "", "pngraw"])
def test_any_spelling_of_the_format(tmp_path: Path, told: str) -> None:
    store = MBTilesStore(write(tmp_path / "a.mbtiles", {"format": told}, textured.tiles(".jpg")))
    assert store.format == "jpg"


@pytest.mark.parametrize("rows", [NORTH, SOUTH])
@pytest.mark.parametrize("scheme", [{}, {"scheme": "xyz"}, {"scheme": "tms"}, {"tile_row_type": "osm"}])
@pytest.mark.parametrize("bounds", ["", STATED, "-180,-85.05,180,85.05", "47.1,8.4,47.2,8.6", "nonsense"])
def test_pictures_tell_the_end_that_rows_are_counted_from(
    tmp_path: Path, rows: str, scheme: dict[str, str], bounds: str
) -> None:
    store = MBTilesStore(write(tmp_path / "a.mbtiles", {"bounds": bounds, **scheme}, rows=rows))
    assert agrees(store)
    assert store.bounds == pytest.approx(BOX, abs=1e-9)


def test_plain_ground_is_placed_by_the_bounds_and_else_by_the_scheme(tmp_path: Path) -> None:
    key = (textured.ZOOM, textured.LEFT, textured.TOP)
    plain = {key: textured.tiles()[key]}
    by_bounds = write(tmp_path / "bounds.mbtiles", {"bounds": STATED, "scheme": "tms"}, plain, NORTH)
    by_scheme = write(tmp_path / "scheme.mbtiles", {"scheme": "XYZ"}, plain, NORTH)
    by_nothing = write(tmp_path / "nothing.mbtiles", {}, plain, SOUTH)
    for path in (by_bounds, by_scheme, by_nothing):
        assert MBTilesStore(path).tile(*key) == plain[key], path.name


def test_stated_bounds_within_the_tiles_are_kept(tmp_path: Path) -> None:
    west, south, east, north = BOX
    inner = (west + 1e-4, south + 1e-4, east + 1.0, north - 1e-4)
    store = MBTilesStore(write(tmp_path / "a.mbtiles", {"bounds": ",".join(map(str, inner))}))
    assert store.bounds == pytest.approx((*inner[:2], east, inner[3]), abs=1e-9)


def test_packed_tiles_and_tiles_with_something_behind_are_pictures_too(tmp_path: Path) -> None:
    tiles = {key: gzip.compress(data + b"\0" * 3000) for key, data in textured.tiles(".jpg").items()}
    satellite = SatelliteMap(MBTilesStore(write(tmp_path / "a.mbtiles", {"format": "jpg"}, tiles)))
    middle = (BOX[1] + BOX[3]) / 2, (BOX[0] + BOX[2]) / 2
    patch = satellite.patch_at(*middle, 0.0, 100.0, 0.5)
    assert patch.missing == 0.0 and patch.image.std() > 20 and satellite.corrupt == ()


def test_text_where_a_picture_should_be_is_a_corrupt_tile(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mbtiles", {"bounds": STATED})
    with sqlite3.connect(path) as database:
        database.execute("UPDATE tiles SET tile_data = 'quota exceeded' WHERE tile_column = ?", (textured.LEFT,))
        database.execute("INSERT INTO metadata VALUES ('name', CAST(X'5AFC72696368' AS TEXT))")  # Latin-1
    satellite = SatelliteMap(MBTilesStore(path))
    satellite.patch_at(BOX[3] - 1e-4, BOX[0] + 1e-4, 0.0, 10.0, 0.5)
    assert "not a readable" in satellite.corrupt[0]


def in_wal_mode(path: Path) -> Path:
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA journal_mode = WAL")
    database.close()
    assert not path.with_name(f"{path.name}-wal").exists()
    return path


def test_write_ahead_journal_in_a_folder_that_is_read_only(tmp_path: Path) -> None:
    path = in_wal_mode(write(tmp_path / "a.mbtiles", {"name": "journal"}))
    with read_only(tmp_path):
        store = MBTilesStore(path)
        assert store.name == "journal" and agrees(store)


def test_changes_that_cannot_be_merged_are_told_with_the_command(tmp_path: Path) -> None:
    path = in_wal_mode(write(tmp_path / "a.mbtiles", {}))
    path.with_name("a.mbtiles-wal").write_bytes(b"\x37\x7f\x06\x82" + bytes(4096))
    with read_only(tmp_path), pytest.raises(InputError, match="sqlite3 a.mbtiles 'PRAGMA wal_checkpoint"):
        MBTilesStore(path)


@pytest.fixture(scope="module")
def million(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A thousand columns of a thousand tiles, each a picture of one pixel, without metadata."""
    path = tmp_path_factory.mktemp("million") / "million.mbtiles"
    data = cv2.imencode(".png", np.zeros((1, 1, 3), np.uint8))[1].tobytes()
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE tiles (zoom_level INT, tile_column INT, tile_row INT, tile_data BLOB)")
        database.execute(
            "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 999999) "
            "INSERT INTO tiles SELECT 19, 270000 + i / 1000, 340000 + i % 1000, ? FROM n",
            (data,),
        )
        database.execute("CREATE UNIQUE INDEX tile_index ON tiles (zoom_level, tile_column, tile_row)")
    database.close()
    return path


def test_a_store_of_a_million_tiles_opens_in_a_tenth_of_a_second(million: Path) -> None:
    seconds = []
    for _ in range(3):  # the shortest, and of this thread: the machine does other things too
        start = time.thread_time()
        store = MBTilesStore(million)
        seconds.append(time.thread_time() - start)
    assert min(seconds) < 0.1
    assert store.tile(19, 270_999, 2**19 - 1 - 340_999) is not None
    first, last = (
        mercantile.bounds(270_000, 2**19 - 1 - 340_999, 19),
        mercantile.bounds(270_999, 2**19 - 1 - 340_000, 19),
    )
    start = time.thread_time()
    assert store.bounds == pytest.approx((first.west, last.south, last.east, first.north), abs=1e-9)
    assert time.thread_time() - start < 0.5  # a look at every tile takes longer


@pytest.mark.parametrize("name", [b"ti\xdaes", b"\xff\xfe\xfd\xfc\xfb", b"tile\xc3"])
def test_a_schema_of_which_sqlite_itself_cannot_say_what_is_wrong_is_one_sentence(tmp_path: Path, name: bytes) -> None:
    path = write(tmp_path / "a.mbtiles", {"name": "x"})
    damaged = path.read_bytes().replace(b"CREATE TABLE tiles", b"CREATE TABLX tiles").replace(b"tiles", name)
    path.write_bytes(damaged)
    with pytest.raises(InputError, match=r"a.mbtiles cannot be read as MBTiles \(its schema is damaged\): copy"):
        MBTilesStore(path)


def test_so_is_an_error_without_a_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which is what Python 3.10 makes of such a name."""
    store = MBTilesStore(write(tmp_path / "a.mbtiles", {"name": "x"}))

    class Wordless:
        def execute(self, *_: object) -> None:
            raise sqlite3.DatabaseError

    monkeypatch.setattr(store, "_connection", Wordless())
    with pytest.raises(InputError, match=r"cannot be read as MBTiles \(its schema is damaged\)"):
        _ = store.bounds
