"""Fetching the tiles of `textured_tiles` from a server on loopback."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import mercantile
import pytest
from textured_tiles import COLUMNS, LEFT, ROWS, TOP, ZOOM
from tile_server import TileServer

from geoflow_ros.tiles.__main__ import main

pytest.importorskip("httpx", reason="fetching tiles needs httpx")
pytest.importorskip("xyzservices", reason="fetching tiles needs xyzservices")

FIRST, LAST = mercantile.bounds(LEFT, TOP, ZOOM), mercantile.bounds(LEFT + COLUMNS - 1, TOP + ROWS - 1, ZOOM)
INSIDE = 1e-6  # degrees, so that the neighbours are not asked for
BOX = [str(v) for v in (FIRST.west + INSIDE, LAST.south + INSIDE, LAST.east - INSIDE, FIRST.north - INSIDE)]
COUNT = COLUMNS * ROWS
A, B, C, D, E, F = [(ZOOM, LEFT + x, TOP + y) for y in range(2) for x in range(3)]


def fetch(server: TileServer, target: Path, *options: str) -> int:
    source = [] if "--source" in options else ["--source", server.template]
    quick = ["--rate", "500"] if "--rate" not in options else []
    return main(["fetch", str(target), *source, "--bbox", *BOX, "--zoom", str(ZOOM), "--json", *quick, *options])


def stored(path: Path) -> dict[tuple[int, int, int], bytes]:
    """The tiles of an archive, read without this package."""
    rows = sqlite3.connect(path).execute("SELECT zoom_level, tile_column, tile_row, tile_data FROM tiles").fetchall()
    return {(z, x, 2**z - 1 - y): data for z, x, y, data in rows}
