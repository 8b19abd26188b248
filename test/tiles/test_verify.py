"""python -m geoflow_ros.tiles verify and coverage."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import cv2
import numpy as np
import pytest
from textured_tiles import COLUMNS, LEFT, ROWS, TOP, ZOOM, tiles

from geoflow_ros.satellite.mbtiles_writer import MBTilesWriter
from geoflow_ros.satellite.stores import open_store
from geoflow_ros.tiles.__main__ import main
from geoflow_ros.tiles.coverage import legend, level_of


def encoded(side: int) -> bytes:
    return cv2.imencode(".png", np.full((side, side, 3), 90, np.uint8))[1].tobytes()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "area.mbtiles"
    with MBTilesWriter(path, "area", "png", attribution="&copy; <b>Somebody</b>") as writer:
        for key, data in tiles().items():
            writer.add(*key, data)
        writer.add(ZOOM - 1, LEFT // 2, TOP // 2, encoded(256))
    return path


def replace(path: Path, data: bytes | None, x: int, y: int) -> None:
    with sqlite3.connect(path) as connection:
        place = (data, LEFT + x, 2**ZOOM - 1 - TOP - y, ZOOM)
        changed = connection.execute(
            "UPDATE tiles SET tile_data = ? WHERE tile_column = ? AND tile_row = ? AND zoom_level = ?", place
        )
        assert changed.rowcount == 1


def test_a_good_store(store: Path, capsys) -> None:
    assert main(["verify", str(store), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["tiles"] == {str(ZOOM - 1): 1, str(ZOOM): COLUMNS * ROWS} and facts["bad"] == []
    assert facts["bytes"] == sum(map(len, tiles().values())) + len(encoded(256))


def test_every_tile_that_cannot_be_used_is_named(store: Path, capsys) -> None:
    good = tiles()[ZOOM, LEFT, TOP]
    bad = {(0, 1): good[: len(good) // 2], (1, 1): b"<html>", (2, 1): encoded(512), (0, 2): None, (1, 2): b""}
    for place, data in bad.items():
        replace(store, data, *place)
    assert main(["verify", str(store), "--json"]) == 2
    out, err = capsys.readouterr()
    reasons = {each["tile"]: each["reason"] for each in json.loads(out)["bad"]}
    parts = ["is cut short", "is not a readable", "is 512 x 512 px instead of 256", "is empty", "is empty"]
    assert len(reasons) == 5
    assert all(part in reasons[f"{ZOOM}/{LEFT + x}/{TOP + y}"] for (x, y), part in zip(bad, parts, strict=True))
    assert "5 of 13 tiles" in err and err.count("\n") == 1


def test_a_tile_off_the_globe_is_bad(store: Path, capsys) -> None:
    with sqlite3.connect(store) as connection:
        connection.execute("INSERT INTO tiles VALUES (3, 8, 2, ?)", (encoded(256),))
    assert main(["verify", str(store)]) == 2
    assert "tile 3/8/5 is off the globe, whose columns and rows are 0 to 7" in capsys.readouterr().out


def test_a_damaged_file_is_one_sentence(store: Path, capsys) -> None:
    data = bytearray(store.read_bytes())
    data[20_000:] = bytes(len(data) - 20_000)
    store.write_bytes(data)
    assert main(["verify", str(store)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_coverage_in_numbers_and_as_a_picture(store: Path, tmp_path: Path, capsys) -> None:
    with sqlite3.connect(store) as connection:  # a hole in the middle of the second row
        connection.execute("DELETE FROM tiles WHERE tile_column = ? AND tile_row = ?", (LEFT + 1, 2**ZOOM - 2 - TOP))
    out = tmp_path / "coverage.png"
    assert main(["coverage", str(store), "--out", str(out), "--json"]) == 0
    fine = json.loads(capsys.readouterr().out)["zooms"][str(ZOOM)]
    assert fine["tiles"] == 11 and fine["share"] == pytest.approx(11 / 12)
    # a tile of zoom 17 is 360 / 2^17 = 0.00274658203125 degrees of longitude wide
    assert fine["bounds"][0] == pytest.approx(LEFT * 0.00274658203125 - 180)
    assert fine["bounds"][2] == pytest.approx((LEFT + 3) * 0.00274658203125 - 180)
    level = level_of(open_store(store), ZOOM)
    assert level.filled.tolist() == [[1, 1, 1], [1, 0, 1], [1, 1, 1], [1, 1, 1]]
    picture = cv2.imread(str(out))
    green = (picture[..., 1].astype(int) - picture[..., 2]) > 40
    assert picture.shape == (530, 900, 3) and green[:, 450:].sum() > 0
    rows, columns = np.nonzero(green[:, 450:])
    box = green[rows.min() : rows.max() + 1, 450 + columns.min() : 450 + columns.max() + 1]
    assert box.mean() == pytest.approx(11 / 12, abs=0.03)
    assert not box[int(box.shape[0] * 0.375), int(box.shape[1] * 0.5)], "the hole is in the second row from the north"


class Wide:
    """1200 columns in every second of which there is a tile."""

    def places(self, zoom: int):
        return iter([(x, 7) for x in range(0, 1200, 2)])


def test_many_tiles_share_a_cell() -> None:
    level = level_of(Wide(), 15)  # 1199 columns are more than 2 x 512: 4 to a cell, 2 of them there, of 4 x 4 places
    assert (level.cell_zoom, level.filled.shape, level.tiles) == (13, (1, 300), 600)
    assert np.allclose(level.filled, 2 / 16)
    assert "the more of a cell's tiles there are" in legend([level])


def test_the_picture_says_what_its_colours_mean(
    store: Path, tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    figure = pytest.importorskip("matplotlib.figure").Figure
    titles: list[str] = []
    monkeypatch.setattr(figure, "suptitle", lambda _, text, **options: titles.append(text))
    out = tmp_path / "coverage.png"
    assert main(["coverage", str(store), "--out", str(out)]) == 0
    assert titles == ["area\ngreen: there is a tile; white: there is none"]
    assert capsys.readouterr().out.endswith(f"wrote {out}\n")


def test_coverage_where_nothing_can_be_written(store: Path, tmp_path: Path, capsys) -> None:
    assert main(["coverage", str(store), "--out", str(tmp_path / "no" / "a.png")]) == 2
    assert "cannot be written" in capsys.readouterr().err
