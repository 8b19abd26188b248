"""tiles import: several images and folders of them, and stores whose tiles stay as they are."""

import json
import sqlite3
from pathlib import Path

import cv2
import mercantile
import numpy as np
import pytest
import textured_tiles as textured
from read_only import read_only
from small_disk import disk_of

from geoflow_ros.satellite.mbtiles_writer import MBTilesWriter
from geoflow_ros.satellite.mosaic import SatelliteMap
from geoflow_ros.satellite.stores import open_store
from geoflow_ros.satellite.tile_images import decode_tile
from geoflow_ros.tiles.__main__ import main

rasterio = pytest.importorskip("rasterio", reason="import of GeoTIFFs needs rasterio")


def sheet(path: Path, column: int) -> Path:
    """A GeoTIFF of 100 m, some columns of sheets east of a place."""
    noise = np.random.default_rng(column).integers(0, 255, (3, 25, 25), np.uint8)
    bands = np.stack([cv2.resize(band, (500, 500)) for band in noise])
    transform = rasterio.transform.from_origin(2_600_000 + 100 * column, 1_200_000, 0.2, 0.2)
    profile = {"count": 3, "height": 500, "width": 500, "dtype": "uint8", "crs": "EPSG:2056", "transform": transform}
    with rasterio.open(path, "w", driver="GTiff", **profile) as raster:
        raster.write(bands)
    return path


def store(path: Path, suffix: str, columns: range, attribution: str) -> Path:
    """An MBTiles file with some columns of the textured tiles."""
    with MBTilesWriter(path, path.stem, suffix[1:], attribution=attribution) as writer:
        for (z, x, y), data in textured.tiles(suffix).items():
            if x - textured.LEFT in columns:
                writer.add(z, x, y, data)
    return path


def test_a_folder_of_sheets_is_one_map(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "sheets"
    folder.mkdir()
    for column in range(2):
        sheet(folder / f"{column}.tif", column)
    target = tmp_path / "out.mbtiles"
    assert main(["import", str(folder), str(target), "--attribution", "(C) Sheets", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["zooms"] == [15, 16, 17, 18, 19] and facts["tiles"] == sum(
        open_store(target).count(zoom) for zoom in facts["zooms"]
    )
    west, _, east, _ = open_store(target).bounds
    assert (east - west) * 111_195 * np.cos(np.radians(46.95)) == pytest.approx(200, abs=3)
    assert open_store(target).attribution == "(C) Sheets"


def test_stores_are_joined_byte_by_byte_the_last_on_top(tmp_path: Path, capsys) -> None:
    png = store(tmp_path / "png.mbtiles", ".png", range(2), "(C) North")
    jpg = store(tmp_path / "jpg.mbtiles", ".jpg", range(1, 3), "(C) South")
    archive = tmp_path / "png.pmtiles"
    assert main(["export", str(png), str(archive)]) == 0
    capsys.readouterr()
    target = tmp_path / "both.mbtiles"
    assert main(["import", str(archive), str(jpg), str(target), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"target": str(target), "tiles": len(textured.tiles())}
    both = open_store(target)
    assert both.attribution == "(C) North; (C) South"
    for key, data in textured.tiles(".png").items():
        assert both.tile(*key) == (data if key[1] == textured.LEFT else textured.tiles(".jpg")[key])


def test_where_a_store_ends_within_a_tile_those_below_are_seen(tmp_path: Path) -> None:
    """Two sheets side by side, imported each on its own: the tile in which they meet is partly in either."""
    for column in range(2):
        sheet(tmp_path / f"{column}.tif", column)
    single, both, joined = (tmp_path / f"{name}.mbtiles" for name in ("single", "both", "joined"))
    assert main(["import", str(tmp_path / "0.tif"), str(tmp_path / "1.tif"), str(both)]) == 0
    assert main(["import", str(tmp_path / "0.tif"), str(tmp_path / "0.mbtiles")]) == 0
    assert main(["import", str(tmp_path / "1.tif"), str(single)]) == 0
    assert main(["import", str(tmp_path / "0.mbtiles"), str(single), str(joined)]) == 0
    east, north, shape = 2_600_100, 1_199_950, {"yaw": 0.0, "size_m": 80.0, "resolution": 0.2}  # across the seam
    (longitude,), (latitude,) = rasterio.warp.transform("EPSG:2056", "EPSG:4326", [east], [north])
    left, seen, wanted = (
        SatelliteMap(open_store(path)).patch_at(latitude, longitude, **shape) for path in (single, joined, both)
    )
    assert left.missing == pytest.approx(0.5, abs=0.02) and seen.missing == 0.0
    assert np.abs(seen.image.astype(int) - wanted.image).mean() < 6  # JPEG, once more or less
    assert open_store(joined).bounds == pytest.approx(open_store(both).bounds, abs=1e-5)


def test_a_tile_is_seen_through_all_above_it_and_what_is_opaque_or_damaged_stays(tmp_path: Path) -> None:
    """Three stores of one column: each shows a third of the uppermost tile, from the left."""
    place, colours = (17, 70000, 45000), (50, 120, 200)
    for number, colour in enumerate(colours):
        rgba = np.zeros((256, 256, 4), np.uint8)
        rgba[:, 80 * number : 80 * (number + 1)] = (colour, colour, colour, 255)
        opaque = cv2.imencode(".webp", np.full((256, 256, 4), (colour, 0, 0, 255), np.uint8))[1].tobytes()
        with MBTilesWriter(tmp_path / f"{number}.mbtiles", "third", "png") as writer:
            writer.add(*place, cv2.imencode(".png", rgba)[1].tobytes())
            writer.add(17, 70000, 45001, opaque)
            writer.add(17, 70000, 45002, b"nothing" if number == 2 else opaque)
    target = tmp_path / "all.mbtiles"
    assert main(["import", *(str(tmp_path / f"{number}.mbtiles") for number in range(3)), str(target)]) == 0
    row = decode_tile(open_store(target).tile(*place))[128]
    assert [row[u].tolist() for u in (40, 120, 200)] == [[colour] * 3 + [255] for colour in colours]
    assert row[250, 3] == 0
    assert open_store(target).tile(17, 70000, 45001) == opaque
    assert open_store(target).tile(17, 70000, 45002) == b"nothing"


def test_joined_stores_state_the_box_of_all_whatever_their_zooms(tmp_path: Path) -> None:
    """GIS programs draw nothing beyond the box that a file states."""
    data = textured.tiles(".png")[textured.ZOOM, textured.LEFT, textured.TOP]
    for name, tile in {"coarse": (15, 17000, 11000), "fine": (17, 68100, 44100)}.items():
        with MBTilesWriter(tmp_path / f"{name}.mbtiles", name, "png") as writer:
            writer.add(*tile, data)
    target = tmp_path / "both.mbtiles"
    assert main(["import", str(tmp_path / "fine.mbtiles"), str(tmp_path / "coarse.mbtiles"), str(target)]) == 0
    (stated,) = sqlite3.connect(target).execute("SELECT value FROM metadata WHERE name = 'bounds'").fetchone()
    west, south = mercantile.bounds(17000, 11000, 15).west, mercantile.bounds(68100, 44100, 17).south
    east, north = mercantile.bounds(68100, 44100, 17).east, mercantile.bounds(17000, 11000, 15).north
    assert list(map(float, stated.split(","))) == pytest.approx([west, south, east, north], abs=1e-8)


def test_what_does_not_go_together_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tif, tiles = sheet(tmp_path / "a.tif", 0), store(tmp_path / "a.mbtiles", ".png", range(3), "")
    large = tmp_path / "large.mbtiles"
    with MBTilesWriter(large, "large", "png") as writer:
        writer.add(3, 4, 2, cv2.imencode(".png", np.zeros((512, 512, 3), np.uint8))[1].tobytes())
    empty = tmp_path / "empty"
    empty.mkdir()
    out = str(tmp_path / "out.mbtiles")
    cases = {
        "a.tif is no tile store, others are": [str(tif), str(tiles), out],
        "--zoom and --quality are for images": [str(tiles), out, "--zoom", "17"],
        "large 512 px": [str(tiles), str(large), out],
        "is one of the sources": [str(tiles), str(tiles)],
        "holds neither z/x/y tiles nor images": [str(empty), out],
        "b.mbtiles does not exist": [str(tmp_path / "b.mbtiles"), out],
    }
    before = {file.name for file in tmp_path.iterdir()}
    for sentence, arguments in cases.items():
        assert main(["import", *arguments]) == 2
        assert sentence in capsys.readouterr().err
    assert {file.name for file in tmp_path.iterdir()} == before


@pytest.mark.parametrize("kind", ["image", "store"])
def test_a_full_disk_and_a_read_only_folder_keep_what_was_there(tmp_path: Path, capsys, kind: str) -> None:
    source = sheet(tmp_path / "a.tif", 0) if kind == "image" else store(tmp_path / "a.mbtiles", ".png", range(3), "")
    folder = tmp_path / "results"
    folder.mkdir()
    target = store(folder / "out.mbtiles", ".png", range(1), "before")
    before = target.read_bytes()
    with disk_of(60_000):
        assert main(["import", str(source), str(target)]) == 2
    with read_only(folder):
        assert main(["import", str(source), str(target)]) == 2
    for line in capsys.readouterr().err.splitlines()[-1:]:
        assert "cannot be written" in line and "you may write to" in line
    assert target.read_bytes() == before and [file.name for file in folder.iterdir()] == ["out.mbtiles"]
