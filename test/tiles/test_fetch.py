"""python -m geoflow_ros.tiles fetch, against a server on loopback."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import mercantile
import numpy as np
import pytest
from fetching import BOX, COUNT, FIRST, LAST, A, B, fetch, stored
from paths import REPOSITORY
from textured_tiles import LEFT, TOP, ZOOM
from tile_server import Bad, TileServer

from geoflow_ros.satellite.mbtiles import MBTilesStore
from geoflow_ros.tiles.__main__ import main


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
