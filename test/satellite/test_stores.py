"""Tile stores on disk, good and bad."""

import sqlite3
import threading
from pathlib import Path

import cv2
import mercantile
import numpy as np
import pytest

from geoflow_ros.errors import InputError
from geoflow_ros.satellite.folder_store import FolderStore
from geoflow_ros.satellite.mbtiles import MBTilesStore
from geoflow_ros.satellite.mbtiles_writer import MBTilesWriter
from geoflow_ros.satellite.stores import open_store


def png(value: int, side: int = 256) -> bytes:
    return bytes(cv2.imencode(".png", np.full((side, side, 3), value, np.uint8))[1])


@pytest.fixture
def mbtiles(tmp_path: Path) -> Path:
    path = tmp_path / "zurich.mbtiles"
    with MBTilesWriter(path, "Zurich", "png", attribution="made up") as writer:
        writer.add(14, 8578, 5736, png(1))
        for x in (137253, 137254):
            writer.add(18, x, 91780, png(2))
    return path


def test_what_was_written_is_read(mbtiles: Path) -> None:
    store = open_store(mbtiles)
    assert (store.name, store.format, store.zooms, store.tile_px) == ("Zurich", "png", (14, 18), 256)
    assert store.attribution == "made up"
    assert store.tile(14, 8578, 5736) == png(1)
    assert store.tile(18, 137254, 91780) == png(2)
    assert store.tile(18, 137254, 91781) is None
    assert store.tile(15, 0, -1) is None
    assert [store.count(zoom) for zoom in (14, 16, 18)] == [1, 0, 2]


def test_bounds_are_those_of_the_finest_tiles(mbtiles: Path) -> None:
    west = mercantile.bounds(137253, 91780, 18)
    east = mercantile.bounds(137254, 91780, 18)
    expected = (west.west, west.south, east.east, west.north)
    assert open_store(mbtiles).bounds == pytest.approx(expected, abs=1e-8)
    database = sqlite3.connect(mbtiles)
    database.execute("DELETE FROM metadata WHERE name = 'bounds'")
    database.commit()
    assert open_store(mbtiles).bounds == pytest.approx(expected, abs=1e-12)


def test_file_follows_the_mbtiles_specification(mbtiles: Path) -> None:
    database = sqlite3.connect(mbtiles)
    rows = database.execute("SELECT zoom_level, tile_column, tile_row FROM tiles ORDER BY 1, 2").fetchall()
    assert rows == [(14, 8578, 2**14 - 1 - 5736), (18, 137253, 2**18 - 1 - 91780), (18, 137254, 2**18 - 1 - 91780)]
    metadata = dict(database.execute("SELECT name, value FROM metadata"))
    keys = ("name", "format", "minzoom", "maxzoom", "type", "attribution")
    assert [metadata[key] for key in keys] == ["Zurich", "png", "14", "18", "baselayer", "made up"]
    west, south, east, north = map(float, metadata["bounds"].split(","))
    longitude, latitude, zoom = map(float, metadata["center"].split(","))
    assert west < longitude < east and south < latitude < north and zoom == 18


def test_failed_write_leaves_nothing_and_keeps_what_was_there(mbtiles: Path) -> None:
    before = mbtiles.read_bytes()
    with pytest.raises(RuntimeError), MBTilesWriter(mbtiles, "new", "png") as writer:
        writer.add(1, 0, 0, png(9))
        raise RuntimeError
    assert mbtiles.read_bytes() == before
    with pytest.raises(InputError, match="no tile was written"), MBTilesWriter(mbtiles, "new", "png"):
        pass
    assert [file.name for file in mbtiles.parent.iterdir()] == [mbtiles.name]


@pytest.mark.parametrize(
    ("name", "format", "match"),
    [("a.tif", "png", ".mbtiles"), ("no/a.mbtiles", "png", "does not exist"), ("a.mbtiles", "pbf", "not one of")],
)
def test_writer_refuses_what_no_tool_would_read(tmp_path: Path, name: str, format: str, match: str) -> None:
    with pytest.raises(InputError, match=match):
        MBTilesWriter(tmp_path / name, "x", format)


def test_folder_of_mixed_suffixes(tmp_path: Path) -> None:
    column = tmp_path / "17" / "68626"
    column.mkdir(parents=True)
    (column / "45890.jpg").write_bytes(bytes(cv2.imencode(".jpg", np.zeros((512, 512, 3), np.uint8))[1]))
    (column / "45891.png").write_bytes(png(3, 512))
    (column / "45892.txt").write_text("not a tile")
    (tmp_path / "16").mkdir()
    (tmp_path / "notes").mkdir()
    store = open_store(tmp_path)
    assert isinstance(store, FolderStore)
    assert (store.zooms, store.tile_px, store.format, store.count(17)) == ((17,), 512, "jpg", 2)
    assert store.tile(17, 68626, 45891) == png(3, 512)
    assert store.tile(17, 68626, 45892) is None
    first, last = mercantile.bounds(68626, 45890, 17), mercantile.bounds(68626, 45891, 17)
    assert store.bounds == pytest.approx((first.west, last.south, first.east, first.north), abs=1e-12)


def _database(path: Path, *statements: str) -> Path:
    with sqlite3.connect(path) as database:
        for statement in statements:
            database.execute(statement)
    database.close()
    return path


TILES = "CREATE TABLE tiles (zoom_level INTEGER, tile_column INTEGER, tile_row INTEGER, tile_data BLOB)"
METADATA = "CREATE TABLE metadata (name TEXT, value TEXT)"


def test_bad_stores_get_one_clear_sentence(tmp_path: Path) -> None:
    text = tmp_path / "text.mbtiles"
    text.write_text("hello" * 1000)
    empty_folder = tmp_path / "empty"
    empty_folder.mkdir()
    vector = "INSERT INTO metadata VALUES ('format', 'pbf')"
    foreign = "INSERT INTO tiles VALUES (3, 1, 1, x'1f8b0800')"
    cases = {
        "does not exist": tmp_path / "none.mbtiles",
        "file is not a database": text,
        "no table `tiles`": _database(tmp_path / "other.mbtiles", METADATA),
        "holds no tiles": _database(tmp_path / "hollow.mbtiles", METADATA, TILES),
        "vector tiles": _database(tmp_path / "vector.mbtiles", METADATA, TILES, vector),
        "not readable 8-bit PNG": _database(tmp_path / "foreign.mbtiles", TILES, foreign),
        "holds no z/x/y tiles": empty_folder,
    }
    for sentence, path in cases.items():
        with pytest.raises(InputError, match=sentence) as caught:
            open_store(path)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["photo.tif", "photo.TIFF", "mosaic.vrt"])
def test_an_image_is_no_store_but_can_become_one(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"II*\0")
    with pytest.raises(InputError, match=r"is an image, not a tile store: .* geoflow_ros.tiles import"):
        open_store(tmp_path / name)


def test_damaged_database_is_an_input_error(tmp_path: Path) -> None:
    path = tmp_path / "damaged.mbtiles"
    noise = np.random.default_rng(1)
    with MBTilesWriter(path, "damaged", "png") as writer:
        for x in range(8):
            data = cv2.imencode(".png", noise.integers(0, 255, (256, 256, 3), np.uint8))[1]
            writer.add(18, x, 0, bytes(data))
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(InputError, match=r"damaged.mbtiles cannot be read as MBTiles"):
        store = open_store(path)
        for x in range(8):
            store.tile(18, x, 0)


def test_one_store_serves_many_threads(mbtiles: Path) -> None:
    store = MBTilesStore(mbtiles)
    wrong: list[object] = []

    def read() -> None:
        for _ in range(200):
            if (store.tile(14, 8578, 5736), store.tile(18, 137253, 91780)) != (png(1), png(2)):
                wrong.append(1)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_store_is_opened_read_only(mbtiles: Path) -> None:
    mbtiles.chmod(0o444)
    before = mbtiles.stat().st_mtime_ns
    assert open_store(mbtiles).tile(14, 8578, 5736) == png(1)
    assert mbtiles.stat().st_mtime_ns == before
    assert [file.name for file in mbtiles.parent.iterdir()] == [mbtiles.name]
