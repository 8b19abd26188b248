"""python -m geoflow_ros.tiles fetch, against a server on loopback."""

from __future__ import annotations

import json
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import mercantile
import numpy as np
import pytest
from paths import REPOSITORY
from read_only import read_only
from small_disk import disk_of
from textured_tiles import COLUMNS, LEFT, ROWS, TOP, ZOOM, tiles
from tile_server import Bad, TileServer, serving

from geoflow_ros.satellite.mbtiles import MBTilesStore
from geoflow_ros.tiles.__main__ import main

pytest.importorskip("httpx", reason="fetching tiles needs httpx")
pytest.importorskip("xyzservices", reason="fetching tiles needs xyzservices")

FIRST, LAST = mercantile.bounds(LEFT, TOP, ZOOM), mercantile.bounds(LEFT + COLUMNS - 1, TOP + ROWS - 1, ZOOM)
INSIDE = 1e-6  # degrees, so that the neighbours are not asked for
BOX = [str(v) for v in (FIRST.west + INSIDE, LAST.south + INSIDE, LAST.east - INSIDE, FIRST.north - INSIDE)]
COUNT = COLUMNS * ROWS
A, B, C, D, E, F = [(ZOOM, LEFT + x, TOP + y) for y in range(2) for x in range(3)]


@pytest.fixture
def server() -> Iterator[TileServer]:
    with serving(tiles()) as state:
        yield state


def fetch(server: TileServer, target: Path, *options: str) -> int:
    source = [] if "--source" in options else ["--source", server.template]
    quick = ["--rate", "500"] if "--rate" not in options else []
    return main(["fetch", str(target), *source, "--bbox", *BOX, "--zoom", str(ZOOM), "--json", *quick, *options])


def stored(path: Path) -> dict[tuple[int, int, int], bytes]:
    """The tiles of an archive, read without this package."""
    rows = sqlite3.connect(path).execute("SELECT zoom_level, tile_column, tile_row, tile_data FROM tiles").fetchall()
    return {(z, x, 2**z - 1 - y): data for z, x, y, data in rows}


def test_an_area_arrives_byte_by_byte(server: TileServer, tmp_path: Path, capsys) -> None:
    target = tmp_path / "area.mbtiles"
    assert fetch(server, target, "--attribution", "(C) Somebody") == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["tiles"], facts["fetched"], facts["missing"], facts["failed"]) == (COUNT, COUNT, 0, [])
    assert stored(target) == server.tiles and server.requests == COUNT
    assert fetch(server, target, "--zoom", str(ZOOM + 1), "--dry-run") == 0
    assert fetch(server, target) == 0
    assert server.requests == COUNT, "all is there, and a later run keeps the attribution"
    store = MBTilesStore(target)
    assert (store.attribution, store.format, store.zooms, store.tile_px) == ("(C) Somebody", "png", (ZOOM,), 256)
    assert store.bounds == pytest.approx((FIRST.west, LAST.south, LAST.east, FIRST.north), abs=1e-8)
    assert store.tile(*A) == server.tiles[A]
    assert [file.name for file in tmp_path.iterdir()] == ["area.mbtiles"]


def test_it_opens_in_gdal_at_the_right_place(server: TileServer, tmp_path: Path) -> None:
    rasterio = pytest.importorskip("rasterio")
    assert fetch(server, tmp_path / "area.mbtiles") == 0
    with rasterio.open(tmp_path / "area.mbtiles") as raster:
        corner, side = mercantile.xy_bounds(*A[1:], ZOOM), 40075016.68557849 / 2**ZOOM
        pixel = ~raster.transform @ (corner.left + side * 0.25, corner.top - side * 0.5)
        picture = raster.read(window=rasterio.windows.Window(round(pixel[0]), round(pixel[1]), 1, 1))[:3, 0, 0]
    expected = cv2.imdecode(np.frombuffer(server.tiles[A], np.uint8), cv2.IMREAD_COLOR)[128, 64, ::-1]
    assert picture.tolist() == expected.tolist()


def test_bad_answers_are_tried_again_and_everything_arrives(server: TileServer, tmp_path: Path, capsys) -> None:
    server.bad = {
        A: Bad(429, {"Retry-After": "1"}, times=1),
        B: Bad(500, times=1),
        C: Bad(cut_to=300, times=1),
        D: Bad(body=server.tiles[D][:400], times=1),
        E: Bad(seconds=3.0, times=1),
        F: Bad(503, {"Retry-After": "soon"}, times=1),
    }
    assert fetch(server, tmp_path / "area.mbtiles", "--timeout-s", "0.7") == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["fetched"], facts["failed"]) == (COUNT, []) and stored(tmp_path / "area.mbtiles") == server.tiles
    assert {key: server.asked[key] for key in server.bad} == dict.fromkeys(server.bad, 2)


def test_all_connections_are_silent_while_the_server_asks_for_a_pause(server: TileServer, tmp_path: Path) -> None:
    server.bad = {A: Bad(429, {"Retry-After": "2"}, times=1)}
    assert fetch(server, tmp_path / "area.mbtiles", "--rate", "20") == 0
    gaps = np.diff(sorted(server.times))
    assert 1.8 < gaps.max() < 4.0


def test_a_long_pause_ends_the_run(server: TileServer, tmp_path: Path, capsys) -> None:
    server.bad = {F: Bad(503, {"Retry-After": "7200"})}
    assert fetch(server, tmp_path / "area.mbtiles") == 2
    out, err = capsys.readouterr()
    assert "wait for 7200 s" in err and err.count("\n") == 1 and json.loads(out)["untried"] > 0
    assert server.asked[F] == 1


def test_failures_are_reported_tile_by_tile(server: TileServer, tmp_path: Path, capsys) -> None:
    page, small = b"<html>Log in</html>", cv2.imencode(".png", np.zeros((128, 128, 3), np.uint8))[1].tobytes()
    server.bad = {
        A: Bad(body=page, headers={"Content-Type": "text/html"}),
        B: Bad(body=small),
        C: Bad(body=b"GIF89a" + bytes(50), headers={"Content-Type": "image/gif"}),
        D: Bad(403),
        E: Bad(500),
    }
    assert fetch(server, tmp_path / "area.mbtiles", "--attempts", "2") == 2
    out, err = capsys.readouterr()
    reasons = {each["tile"]: each["reason"] for each in json.loads(out)["failed"]}
    expected = [
        "sent text/html (19 bytes)",
        "128 x 128 px instead of 256",
        "sent image/gif",
        "answered 403",
        "500, 2 times",
    ]
    assert reasons.keys() == {"/".join(map(str, key)) for key in server.bad}
    assert all(part in reasons["/".join(map(str, key))] for key, part in zip(server.bad, expected, strict=True))
    assert [server.asked[key] for key in server.bad] == [1, 1, 1, 1, 2]
    assert err == f"geoflow_ros.tiles: 5 of {COUNT} tiles failed; the same command tries only these again\n"
    server.bad.clear()
    assert fetch(server, tmp_path / "area.mbtiles") == 0
    assert stored(tmp_path / "area.mbtiles") == server.tiles and server.requests == COUNT + 6


def test_a_server_may_send_on_to_its_other_paths_but_to_no_other_host(
    server: TileServer, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(tiles()) as other:
        elsewhere = other.template.replace("127.0.0.1", "localhost").format(z=C[0], x=C[1], y=C[2])
        beside = server.template.format(z=B[0], x=B[1], y=B[2])
        server.bad = {A: Bad(302, {"Location": beside}), C: Bad(302, {"Location": elsewhere})}
        assert fetch(server, tmp_path / "area.mbtiles") == 2
        assert other.requests == 0
    (failed,) = json.loads(capsys.readouterr().out)["failed"]
    assert failed["tile"] == "/".join(map(str, C)) and "sends on to localhost: give that address" in failed["reason"]
    assert stored(tmp_path / "area.mbtiles")[A] == server.tiles[B]


def test_what_the_source_does_not_have_is_asked_for_once(server: TileServer, tmp_path: Path, capsys) -> None:
    gone = {key: server.tiles.pop(key) for key in (B, F)}
    assert fetch(server, tmp_path / "area.mbtiles") == 0
    assert json.loads(capsys.readouterr().out)["missing"] == 2
    assert fetch(server, tmp_path / "area.mbtiles") == 0
    assert json.loads(capsys.readouterr().out)["known_missing"] == 2 and server.requests == COUNT
    server.tiles.update(gone)
    assert fetch(server, tmp_path / "area.mbtiles", "--retry-missing") == 0
    assert stored(tmp_path / "area.mbtiles") == server.tiles and server.requests == COUNT + 2
    assert fetch(server, tmp_path / "area.mbtiles") == 0
    assert server.requests == COUNT + 2


def test_a_server_that_always_fails_is_left_alone(server: TileServer, tmp_path: Path, capsys) -> None:
    server.bad = {(ZOOM + 1, 2 * LEFT + x, 2 * TOP + y): Bad(403) for x in range(6) for y in range(8)}
    assert fetch(server, tmp_path / "area.mbtiles", "--zoom", str(ZOOM + 1)) == 2
    out, err = capsys.readouterr()
    assert "20 tiles in a row failed" in err and len(json.loads(out)["failed"]) == 20
    assert server.requests < 30 and not list(tmp_path.iterdir())


def test_a_killed_run_is_gone_on_with(server: TileServer, tmp_path: Path) -> None:
    target, server.seconds = tmp_path / "area.mbtiles", 0.15
    arguments = ["--source", server.template, "--bbox", *BOX, "--zoom", str(ZOOM), "--connections", "1"]
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-m", "geoflow_ros.tiles", "fetch", str(target), *arguments]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        end = time.monotonic() + 60
        while server.requests < 5 and time.monotonic() < end:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
    asked, server.seconds = server.requests, 0.0
    assert 5 <= asked < COUNT and len(stored(target)) >= asked - 1, "only the tile in flight may be lost"
    assert fetch(server, target) == 0
    assert stored(target) == server.tiles and server.requests <= COUNT + 1


def test_the_key_is_nowhere(server: TileServer, tmp_path: Path, monkeypatch, capsys, caplog) -> None:
    monkeypatch.setenv("TILES_API_KEY", "s3cr3t")
    caplog.set_level(logging.DEBUG)
    server.bad = {
        A: Bad(body=b"s3cr3t", headers={"Content-Type": "text/s3cr3t"}),
        B: Bad(302, {"Location": "ftp://s3cr3t"}),
    }
    assert fetch(server, tmp_path / "area.mbtiles", "--source", server.template + "?k={apikey}") == 2
    assert (
        all(path.endswith("?k=s3cr3t") for path in server.paths)
        and len(json.loads((o := capsys.readouterr()).out)["failed"]) == 2
    )
    assert "s3cr3t" not in o.out + o.err + caplog.text
    assert all(b"s3cr3t" not in file.read_bytes() for file in tmp_path.iterdir())


def test_politeness(server: TileServer, tmp_path: Path) -> None:
    server.seconds = 0.1
    assert fetch(server, tmp_path / "area.mbtiles", "--connections", "3", "--rate", "12") == 0
    assert 1 < server.most_busy <= 3
    assert max(server.times) - min(server.times) > 0.95 * (COUNT - 1) / 12


def test_a_dry_run_asks_nobody_and_writes_nothing(server: TileServer, tmp_path: Path, capsys) -> None:
    assert fetch(server, tmp_path / "area.mbtiles", "--dry-run") == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["tiles"], facts["to_fetch"]) == (COUNT, COUNT) and 1e5 < facts["estimated_bytes"] < 1e6
    assert server.requests == 0 and not list(tmp_path.iterdir())


def test_along_a_track_at_a_resolution(server: TileServer, tmp_path: Path, capsys) -> None:
    """A point amid a tile that is 207 m wide, 0.81 m per pixel: 60 m stay within it, 150 m do not."""
    middle = mercantile.bounds(LEFT + 1, TOP + 1, ZOOM)
    track = tmp_path / "drive.gpx"
    place = f'lat="{(middle.south + middle.north) / 2}" lon="{(middle.west + middle.east) / 2}"'
    track.write_text(f"<gpx><trk><trkseg><trkpt {place}/></trkseg></trk></gpx>", encoding="utf-8")
    options = ["--source", server.template, "--track", str(track), "--resolution", "0.9", "--rate", "500"]
    assert main(["fetch", str(tmp_path / "area.mbtiles"), *options, "--margin-m", "60"]) == 0
    assert stored(tmp_path / "area.mbtiles").keys() == {(ZOOM, LEFT + 1, TOP + 1)}
    assert "1 tiles fetched" in (out := capsys.readouterr().out) and "warning: nothing says whose imagery" in out
    assert main(["fetch", str(tmp_path / "area.mbtiles"), *options, "--margin-m", "150"]) == 0
    assert len(stored(tmp_path / "area.mbtiles")) == 9 and server.requests == 9


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
