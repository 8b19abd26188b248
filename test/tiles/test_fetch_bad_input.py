"""python -m geoflow_ros.tiles fetch, told what makes no sense, or to write where it cannot."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from fetching import BOX, COUNT, A, fetch, stored
from read_only import read_only
from small_disk import disk_of
from textured_tiles import ZOOM
from tile_server import TileServer

from geoflow_ros.tiles.__main__ import main


def test_a_full_disk_loses_nothing(server: TileServer, tmp_path: Path, capsys) -> None:
    target = tmp_path / "area.mbtiles"
    with disk_of(500_000):
        assert fetch(server, target) == 2
    error = capsys.readouterr().err
    assert f"{target} cannot be written" in error and error.count("\n") == 1
    kept = stored(target)
    assert kept and all(server.tiles[key] == data for key, data in kept.items())
    assert fetch(server, target) == 0
    assert stored(target) == server.tiles and server.requests <= COUNT + 9


def test_another_source_or_program_keeps_its_file(server: TileServer, tmp_path: Path, capsys) -> None:
    target = tmp_path / "area.mbtiles"
    assert fetch(server, target) == 0
    before = target.read_bytes()
    assert fetch(server, target, "--source", server.template + "?other") == 2
    assert "holds tiles of http://127" in capsys.readouterr().err
    foreign = tmp_path / "foreign.mbtiles"
    sqlite3.connect(foreign).executescript("CREATE TABLE tiles (a); CREATE TABLE metadata (name, value);")
    assert fetch(server, foreign) == 2
    assert "was not made by this command" in capsys.readouterr().err
    (tmp_path / "text.mbtiles").write_text("hello " * 100)
    assert fetch(server, tmp_path / "text.mbtiles") == 2
    assert "cannot be read as MBTiles" in capsys.readouterr().err
    assert target.read_bytes() == before


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--bbox", "8.6", "47", "8.5", "48"], "west and east, or south and north, swapped"),
        (["--bbox", "8.5", "48", "8.6", "47"], "west and east, or south and north, swapped"),
        (["--bbox", "179", "-17", "-179", "-16"], "goes across the antimeridian"),
        (["--bbox", "8", "84", "9", "86"], "where the tiles of Web Mercator end"),
        (["--bbox", "8", "84", "9", "91"], "not on the globe"),
        (["--bbox", "8", "nan", "9", "47"], "not on the globe"),
        (["--bbox", "0", "0", "20", "20"], "more than 2000000"),
        (["--source", "http://127.0.0.1:1/tile.png"], "does not say which tile"),
        (["--source", "http://127.0.0.1:1/{z}/{x}/{q}"], "does not say which tile"),
        (["--source", "http://127.0.0.1:1/{z}/{x}/{y}/{style}"], "has {style}"),
        (["--source", "/{z}/{x}/{y}"], "neither a URL"),
        (["--source", "ftp://127.0.0.1/{z}/{x}/{y}"], "not an http or https address"),
        (["--source", "http://127.0.0.1:1/{z}/{x}/{y}?access_token=abc"], "access_token written out"),
        (["--source", "http://127.0.0.1:1/{z}/{x}/{y}?k={apikey}"], "environment variable TILES_API_KEY"),
        (["--track", "none.gpx"], "none.gpx cannot be read"),
    ],
)
def test_bad_input_is_one_sentence(server: TileServer, tmp_path: Path, monkeypatch, capsys, options, sentence) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TILES_API_KEY", raising=False)
    given = ["--source", server.template, "--bbox", *BOX, "--zoom", str(ZOOM)]
    if "--track" in options:
        given = given[:2] + given[7:]
    assert main(["fetch", "area.mbtiles", *given, *options]) == 2
    error = capsys.readouterr().err
    assert sentence in error and error.count("\n") == 1
    assert server.requests == 0 and not list(tmp_path.iterdir())


def test_nowhere_to_write_is_one_sentence(server: TileServer, tmp_path: Path, capsys) -> None:
    assert fetch(server, tmp_path / "no" / "area.mbtiles") == 2
    assert "does not exist" in capsys.readouterr().err
    assert fetch(server, tmp_path / "area.tiles") == 2
    assert "does not end in .mbtiles" in capsys.readouterr().err
    (tmp_path / "folder.mbtiles").mkdir()
    assert fetch(server, tmp_path / "folder.mbtiles") == 2
    assert "folder.mbtiles is there but cannot be read" in capsys.readouterr().err


def test_a_read_only_folder_is_one_sentence_and_what_is_there_stays(server: TileServer, tmp_path: Path, capsys) -> None:
    target = tmp_path / "area.mbtiles"
    gone = server.tiles.pop(A)
    assert fetch(server, target) == 0
    server.tiles[A] = gone
    before, asked = target.read_bytes(), server.requests
    capsys.readouterr()
    with read_only(tmp_path):
        for each in (tmp_path / "new.mbtiles", target):
            assert fetch(server, each, "--retry-missing") == 2
            assert f"{each} cannot be written" in (error := capsys.readouterr().err) and error.count("\n") == 1
    assert target.read_bytes() == before and server.requests == asked
