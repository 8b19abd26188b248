"""python -m geoflow_ros.tiles export."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import mercantile
import pytest
from small_disk import disk_of
from textured_tiles import COLUMNS, LEFT, ROWS, TOP, ZOOM, tiles

from geoflow_ros.satellite.folder_store import FolderStore
from geoflow_ros.satellite.mbtiles_writer import MBTilesWriter
from geoflow_ros.satellite.stores import open_store
from geoflow_ros.tiles.__main__ import main

pmtiles_reader = pytest.importorskip("pmtiles.reader", reason="PMTiles are read with the reference library")


def coarse() -> dict[tuple[int, int, int], bytes]:
    """A coarser zoom of the same tiles, JPEG: stores mix formats."""
    return {
        (ZOOM - 1, LEFT // 2 + x, TOP // 2 + y): data
        for (_, column, row), data in tiles(".jpg").items()
        if (x := column - LEFT) < 2 and (y := row - TOP) < 2
    }


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "area.mbtiles"
    with MBTilesWriter(path, "area", "png", attribution="(C) Somebody") as writer:
        for key, data in {**tiles(), **coarse()}.items():
            writer.add(*key, data)
    return path


def rows(path: Path) -> set[tuple[int, int, int, bytes]]:
    return set(sqlite3.connect(path).execute("SELECT zoom_level, tile_column, tile_row, tile_data FROM tiles"))


def test_mbtiles_to_pmtiles_and_back(source: Path, tmp_path: Path, capsys) -> None:
    archive, back = tmp_path / "area.pmtiles", tmp_path / "back.mbtiles"
    assert main(["export", str(source), str(archive), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tiles"] == COLUMNS * ROWS + 4
    with archive.open("rb") as file:
        reader = pmtiles_reader.Reader(pmtiles_reader.MmapSource(file))
        header, metadata = reader.header(), reader.metadata()
        for key, data in {**tiles(), **coarse()}.items():
            assert reader.get(*key) == data
        assert reader.get(ZOOM, LEFT - 1, TOP) is None
    assert (metadata["name"], metadata["attribution"]) == ("area", "(C) Somebody")
    assert (header["min_zoom"], header["max_zoom"], header["tile_type"].name) == (ZOOM - 1, ZOOM, "PNG")
    west, north = mercantile.ul(LEFT, TOP, ZOOM)
    assert (header["min_lon_e7"], header["max_lat_e7"]) == pytest.approx((west * 1e7, north * 1e7), abs=1)
    assert main(["export", str(archive), str(back)]) == 0
    assert rows(back) == rows(source)
    assert dict(sqlite3.connect(back).execute("SELECT * FROM metadata"))["attribution"] == "(C) Somebody"


def test_a_folder_and_back(source: Path, tmp_path: Path) -> None:
    folder, back = tmp_path / "area", tmp_path / "back.mbtiles"
    assert main(["export", str(source), str(folder)]) == 0
    files = {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*.png")}
    assert files == {f"{z}/{x}/{y}.png": data for (z, x, y), data in tiles().items()}
    assert len(list(folder.rglob("*.jpg"))) == 4
    assert FolderStore(folder).attribution == "(C) Somebody"
    assert main(["export", str(folder), str(back)]) == 0
    assert rows(back) == rows(source)
    assert dict(sqlite3.connect(back).execute("SELECT * FROM metadata"))["attribution"] == "(C) Somebody"


def test_the_sea_is_written_once(tmp_path: Path) -> None:
    """Equal tiles in a row are a run in PMTiles: here over two zooms, and with a tile of another kind among them."""
    sea = {(z, x, y): tiles()[ZOOM, LEFT, TOP] for z in (0, 1, 2) for x in range(2**z) for y in range(2**z)}
    sea[2, 1, 1] = tiles()[ZOOM, LEFT, TOP + 1]
    with MBTilesWriter(tmp_path / "sea.mbtiles", "sea", "png") as writer:
        for key, data in sea.items():
            writer.add(*key, data)
    assert main(["export", str(tmp_path / "sea.mbtiles"), str(tmp_path / "sea.pmtiles")]) == 0
    assert (tmp_path / "sea.pmtiles").stat().st_size < 1.1 * sum(len(data) for data in set(sea.values())) + 1000
    store = open_store(tmp_path / "sea.pmtiles")
    assert [store.count(zoom) for zoom in store.zooms] == [1, 4, 16]
    assert {(z, *place) for z in store.zooms for place in store.places(z)} == sea.keys()
    assert all(store.tile(*key) == data for key, data in sea.items())
    assert main(["export", str(tmp_path / "sea.pmtiles"), str(tmp_path / "back.mbtiles")]) == 0
    assert rows(tmp_path / "back.mbtiles") == rows(tmp_path / "sea.mbtiles")


@pytest.mark.parametrize(
    ("target", "sentence"),
    [
        ("area.mbtiles", "is what is to be exported"),
        ("area.zip", "expected .mbtiles, .pmtiles, or a folder"),
        ("no/area.pmtiles", "does not exist"),
        ("there", "choose another name"),
    ],
)
def test_targets_that_are_refused(source: Path, tmp_path: Path, capsys, target: str, sentence: str) -> None:
    (tmp_path / "there").mkdir()
    before = source.read_bytes()
    assert main(["export", str(source), str(tmp_path / target)]) == 2
    error = capsys.readouterr().err
    assert sentence in error and error.count("\n") == 1 and source.read_bytes() == before
    assert {file.name for file in tmp_path.iterdir()} == {"area.mbtiles", "there"}


@pytest.mark.parametrize("name", ["out.mbtiles", "out.pmtiles", "out"])
def test_a_full_disk_leaves_what_was_there(source: Path, tmp_path: Path, capsys, name: str) -> None:
    if name != "out":
        (tmp_path / name).write_text("earlier")
    with disk_of(50_000):
        assert main(["export", str(source), str(tmp_path / name)]) == 2
    assert "cannot be written" in (error := capsys.readouterr().err) and error.count("\n") == 1
    left = {file.name for file in tmp_path.iterdir()}
    assert left == {"area.mbtiles"} if name == "out" else (tmp_path / name).read_text() == "earlier" and len(left) == 2


@pytest.mark.parametrize("name", ["out.mbtiles", "out.pmtiles", "out"])
def test_a_store_with_a_stray_tile_is_not_exported(source: Path, tmp_path: Path, capsys, name: str) -> None:
    with sqlite3.connect(source) as connection:
        connection.execute("INSERT INTO tiles VALUES (3, 8, 2, ?)", (tiles()[ZOOM, LEFT, TOP],))
    assert main(["export", str(source), str(tmp_path / name)]) == 2
    assert "tile 3/8/5 of area is off the globe" in capsys.readouterr().err
    assert [file.name for file in tmp_path.iterdir()] == ["area.mbtiles"]
