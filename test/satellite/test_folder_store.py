"""Folders of tiles by any of the common names."""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import mercantile
import numpy as np
import pytest
import textured_tiles as textured

from geoflow_ros.errors import InputError
from geoflow_ros.satellite.folder_store import FolderStore

BOX = mercantile.bounds(textured.LEFT, textured.TOP, textured.ZOOM)


def write(root: Path, name: str, tms: bool = False) -> Path:
    """A folder with a file a tile, `name` formatted with its row."""
    for (z, x, y), data in textured.tiles().items():
        column = root / str(z) / str(x)
        column.mkdir(parents=True, exist_ok=True)
        (column / name.format(2**z - 1 - y if tms else y)).write_bytes(data)
    return root


@pytest.mark.parametrize("name", ["{}.png", "{}.PNG", "{}.Jpg", "{}.JPEG", "{}", "{}@2x.png", "{}@2x", "{}.png.tile"])
@pytest.mark.parametrize("tms", [False, True])
def test_names_of_common_tools(tmp_path: Path, name: str, tms: bool) -> None:
    store = FolderStore(write(tmp_path, name, tms))
    assert all(store.tile(*key) == data for key, data in textured.tiles().items())
    assert (store.format, store.tile_px, store.count(textured.ZOOM)) == ("png", 256, 12)
    assert store.bounds[3] == pytest.approx(BOX.north, abs=1e-12)


def test_of_two_sizes_the_plain_one_is_read(tmp_path: Path) -> None:
    large = cv2.imencode(".png", np.zeros((512, 512, 3), np.uint8))[1].tobytes()
    write(tmp_path, "{}.png")
    for file in list(tmp_path.rglob("*.png")):
        file.with_name(f"{file.stem}@2x.png").write_bytes(large)
    store = FolderStore(tmp_path)
    assert (store.tile_px, store.count(textured.ZOOM)) == (256, 12)
    assert all(store.tile(*key) == data for key, data in textured.tiles().items())


def describe(root: Path, profile: str) -> None:
    text = f'<?xml version="1.0"?><TileMap version="1.0.0"><TileSets profile="{profile}"/></TileMap>'
    (root / "tilemapresource.xml").write_text(text)


def test_a_description_decides_where_the_ground_is_plain(tmp_path: Path) -> None:
    z, x, y = textured.ZOOM, textured.LEFT, textured.TOP
    (tmp_path / str(z) / str(x)).mkdir(parents=True)
    grey = cv2.imencode(".png", np.full((256, 256, 3), 90, np.uint8))[1].tobytes()
    (tmp_path / str(z) / str(x) / f"{2**z - 1 - y}.png").write_bytes(grey)
    assert FolderStore(tmp_path).tile(z, x, y) is None
    describe(tmp_path, "mercator")
    assert FolderStore(tmp_path).tile(z, x, y) == grey


@pytest.mark.parametrize("profile", ["geodetic", "global-geodetic", "raster"])
def test_tiles_that_are_not_web_mercator_name_the_command(tmp_path: Path, profile: str) -> None:
    describe(write(tmp_path, "{}.png"), profile)
    with pytest.raises(InputError, match=f"profile {profile}: .* gdal2tiles.py --profile=mercator"):
        FolderStore(tmp_path)


def test_other_files_are_no_tiles(tmp_path: Path) -> None:
    column = tmp_path / "3" / "4"
    column.mkdir(parents=True)
    for name in ("2.txt", "2.png.aux.xml", "a.png", "2_1.png", ".2.png"):
        (column / name).write_bytes(b"")
    (tmp_path / "5.5").mkdir()
    with pytest.raises(InputError, match="no z/x/y tiles"):
        FolderStore(tmp_path)


def test_a_tile_that_is_put_there_later_is_read(tmp_path: Path) -> None:
    store = FolderStore(write(tmp_path, "{}.png"))
    below = (textured.ZOOM, textured.LEFT, textured.TOP + textured.ROWS)
    assert store.tile(*below) is None
    (tmp_path / str(below[0]) / str(below[1]) / f"{below[2]}.PNG").write_bytes(b"new")
    assert store.tile(*below) == b"new"


def test_opening_lists_few_of_many_columns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tile = next(iter(textured.tiles().values()))
    for x in range(100):
        (tmp_path / "18" / str(x)).mkdir(parents=True)
        (tmp_path / "18" / str(x) / "7.png").write_bytes(tile)
    listed: list[Path] = []
    listing = os.listdir
    monkeypatch.setattr(
        "geoflow_ros.satellite.folder_store.os.listdir", lambda path: listed.append(path) or listing(path)
    )
    store = FolderStore(tmp_path)
    assert len(set(listed)) < 20
    assert store.count(18) == 100 and len(set(listed)) > 100
