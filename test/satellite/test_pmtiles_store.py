"""PMTiles archives, written by the library of the format's authors."""

from __future__ import annotations

import os
import resource
import sys
import zlib
from pathlib import Path
from typing import Any

import mercantile
import pytest
import textured_tiles as textured

from geoflow_ros.errors import InputError
from geoflow_ros.satellite.mosaic import SatelliteMap
from geoflow_ros.satellite.pmtiles_store import PMTilesStore
from geoflow_ros.satellite.stores import open_store

codec = pytest.importorskip("pmtiles.tile", reason="PMTiles are read with pmtiles")
FIRST = mercantile.bounds(textured.LEFT, textured.TOP, textured.ZOOM)
LAST = mercantile.bounds(
    textured.LEFT + textured.COLUMNS - 1, textured.TOP + textured.ROWS - 1, textured.ZOOM
)  # fmt: skip
WORLD = {
    **{"min_lon_e7": -1_800_000_000, "min_lat_e7": -850_000_000},
    **{"max_lon_e7": 1_800_000_000, "max_lat_e7": 850_000_000},
}


def write(path: Path, tiles: dict[textured.Key, bytes], **header: Any) -> Path:
    from pmtiles.writer import Writer

    with path.open("wb") as file:
        writer = Writer(file)
        for key, data in sorted(tiles.items(), key=lambda each: codec.zxy_to_tileid(*each[0])):
            writer.write_tile(codec.zxy_to_tileid(*key), data)
        stated = {"tile_type": codec.TileType.PNG, "tile_compression": codec.Compression.NONE, **WORLD, **header}
        writer.finalize(stated, {"name": "Lake", "attribution": "(c) Lake"})
    return path


def with_root(path: Path, directory: bytes) -> Path:
    """An archive whose root directory is this one."""
    whole = write(path, textured.tiles()).read_bytes()
    header = codec.deserialize_header(whole[:127]) | {"root_offset": len(whole), "root_length": len(directory)}
    path.write_bytes(codec.serialize_header(header) + whole[127:] + directory)
    return path


def test_tiles_facts_and_box(tmp_path: Path) -> None:
    tiles = textured.tiles()
    coarse = (textured.ZOOM - 2, textured.LEFT >> 2, textured.TOP >> 2)
    store = open_store(write(tmp_path / "a.pmtiles", {**tiles, coarse: textured.tiles(".jpg")[next(iter(tiles))]}))
    assert isinstance(store, PMTilesStore)
    assert (store.name, store.format, store.zooms, store.tile_px) == ("Lake", "png", (15, 17), 256)
    assert store.attribution == "(c) Lake"
    assert all(store.tile(*key) == data for key, data in tiles.items())
    assert store.tile(17, textured.LEFT - 1, textured.TOP) is store.tile(17, 0, -1) is store.tile(16, 0, 0) is None
    assert [store.count(zoom) for zoom in (15, 16, 17)] == [1, 0, 12]
    assert store.bounds == pytest.approx((FIRST.west, LAST.south, LAST.east, FIRST.north), abs=1e-9)


def test_leaf_directories_and_runs_of_one_picture(tmp_path: Path) -> None:
    """So many tiles that the root directory holds only leaves."""
    sea, land = textured.tiles()[textured.ZOOM, textured.LEFT, textured.TOP], textured.tiles(".jpg")
    pictures = [sea, *land.values()]
    tiles = {(9, x, y): pictures[(x * 7 + y * y) % 13] if x % 3 else sea for x in range(512) for y in range(128)}
    store = PMTilesStore(write(tmp_path / "a.pmtiles", tiles))
    assert store._header["leaf_directory_length"] > 0
    assert store.count(9) == 512 * 128
    assert all(store.tile(9, x, y) == tiles[9, x, y] for x in range(0, 512, 37) for y in range(0, 128, 11))
    assert store.tile(9, 5, 128) is None
    west, south, east, north = store.bounds
    assert (west, east) == (-180, 180) and north == pytest.approx(85.0)
    assert south == pytest.approx(mercantile.bounds(0, 127, 9).south, abs=1e-6)


def test_patches_come_out_of_an_archive(tmp_path: Path) -> None:
    satellite = SatelliteMap(open_store(write(tmp_path / "named_otherwise", textured.tiles())))
    patch = satellite.patch_at((FIRST.north + LAST.south) / 2, (FIRST.west + LAST.east) / 2, 0.3, 100.0, 0.5)
    assert patch.missing == 0.0 and patch.image.std() > 20


def test_archives_that_cannot_be_read_get_one_sentence(tmp_path: Path) -> None:
    whole = write(tmp_path / "whole.pmtiles", textured.tiles()).read_bytes()
    old, cut, hollow = (tmp_path / f"{name}.pmtiles" for name in ("old", "cut", "hollow"))
    old.write_bytes(whole[:7] + b"\x02" + whole[8:])
    cut.write_bytes(whole[:100])
    hollow.write_bytes(whole[:127] + bytes(len(whole) - 127))
    empty = with_root(tmp_path / "empty.pmtiles", codec.serialize_directory([]))
    vector = write(tmp_path / "vector.pmtiles", {(3, 1, 1): b"\x1f\x8b"}, tile_type=codec.TileType.MVT)
    cases = {
        "version 3: .* pmtiles convert old.pmtiles": old,
        "not a whole PMTiles": cut,
        "cannot be read as PMTiles": hollow,
        "vector tiles": vector,
        "holds no tiles": empty,
    }
    for sentence, path in cases.items():
        with pytest.raises(InputError, match=sentence) as caught:
            open_store(path)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)


def test_a_directory_that_unzips_to_gigabytes_is_refused_before_it_does(tmp_path: Path) -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(64 << 20)) for _ in range(4)) + packer.flush()
    path = with_root(tmp_path / "a.pmtiles", bomb)
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InputError, match="holds more than 4 MB"):
        open_store(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 100 << 10  # kB


def test_a_run_of_a_whole_zoom_is_counted_without_walking_through_it(tmp_path: Path) -> None:
    first = next(iter(textured.tiles().values()))
    entry = codec.Entry(codec.zxy_to_tileid(20, 0, 0), 0, len(first), 4**20)
    path = with_root(tmp_path / "a.pmtiles", codec.serialize_directory([entry]))
    assert open_store(path).count(20) == 4**20


def test_tiles_behind_a_cut_are_corrupt(tmp_path: Path) -> None:
    path = write(tmp_path / "a.pmtiles", textured.tiles())
    path.write_bytes(path.read_bytes()[:-20])
    satellite = SatelliteMap(open_store(path))
    for z, x, y in textured.tiles():
        box = mercantile.bounds(x, y, z)
        satellite.patch_at((box.north + box.south) / 2, (box.west + box.east) / 2, 0.0, 20.0, 0.5)
    assert len(satellite.corrupt) == 1 and "cut short" in satellite.corrupt[0]


@pytest.mark.parametrize("kept", [0, 100, 300, 20_000])
def test_an_archive_that_is_cut_while_it_is_read_ends_nothing(tmp_path: Path, kept: int) -> None:
    path = write(tmp_path / "a.pmtiles", textured.tiles())
    store = PMTilesStore(path)
    os.truncate(path, kept)
    store._directory.cache_clear()
    for key, content in textured.tiles().items():
        try:
            found = store.tile(*key) or b""
        except InputError as error:
            assert str(path) in str(error)
        else:
            assert content.startswith(found)


def test_without_the_library_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "a.pmtiles", textured.tiles())
    monkeypatch.setitem(sys.modules, "pmtiles", None)
    with pytest.raises(InputError, match=r"needs pmtiles .* pip install .*\[tiles\]"):
        open_store(path)
