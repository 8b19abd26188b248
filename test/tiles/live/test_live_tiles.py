"""Tiles that a drive lacks come in the background; whoever reads never waits for the server."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import mercantile
import numpy as np
import pytest
import textured_tiles as textured
from read_only import read_only
from tile_server import Bad, TileServer, serving

from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.planar import PlanarPose
from geoflow_ros.satellite.live_config import LiveConfig
from geoflow_ros.satellite.mbtiles_writer import MBTilesWriter
from geoflow_ros.satellite.mosaic import SatelliteMap
from geoflow_ros.satellite.stores import open_store
from geoflow_ros.tiles.archive import GrowingArchive
from geoflow_ros.tiles.live.live_tiles import LiveTiles

TILES = textured.tiles()
KEYS = sorted(TILES)
CENTRE = mercantile.bounds(textured.LEFT + 1, textured.TOP + 1, textured.ZOOM)
FRAME = LocalFrame(Datum((CENTRE.south + CENTRE.north) / 2, (CENTRE.west + CENTRE.east) / 2))
HERE = PlanarPose()
SLOW_S = 3.0
"""As long as a slow server takes for a tile."""


@pytest.fixture
def server() -> Iterator[TileServer]:
    with serving(TILES) as state:
        yield state


def first_tile_only(folder: Path) -> Path:
    with MBTilesWriter(folder / "base.mbtiles", "base", "png", attribution="(C) Base") as writer:
        writer.add(*KEYS[0], TILES[KEYS[0]])
    return folder / "base.mbtiles"


def live(folder: Path, server: TileServer, **config) -> LiveTiles:
    path = folder / "base.mbtiles"
    path = path if path.exists() else first_tile_only(folder)
    values = {"source": server.template, "rate": 100.0, "ahead": 100.0, "attribution": "(C) Live", **config}
    return LiveTiles(path, open_store(path), LiveConfig(**values))


def wait_until(happened: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.01)


def test_what_is_missing_comes_and_stays_for_the_next_start(server: TileServer, tmp_path: Path) -> None:
    tiles = live(tmp_path, server, margin=400.0)
    assert tiles.store.attribution == "(C) Base; (C) Live" and tiles.store.tile(*KEYS[0]) == TILES[KEYS[0]]
    satellite = SatelliteMap(tiles.store)
    assert satellite.patch(FRAME, (0.0, 0.0), 0.0, 100, 0.8).missing == 1.0
    tiles.look_ahead(HERE, FRAME)
    wait_until(lambda: all(tiles.store.tile(*key) == data for key, data in TILES.items()))
    assert satellite.patch(FRAME, (0.0, 0.0), 0.0, 100, 0.8).missing == 0.0
    assert server.asked[KEYS[0]] == 0  # it was there
    assert set(server.asked.values()) == {1}
    tiles.close()
    again = live(tmp_path, server, margin=400.0)
    assert again.store.tile(*KEYS[5]) == TILES[KEYS[5]]
    assert open_store(tmp_path / "base.live.mbtiles").tile(*KEYS[5]) == TILES[KEYS[5]]  # it is MBTiles, too
    again.look_ahead(HERE, FRAME)
    time.sleep(0.2)
    assert {server.asked[key] for key in KEYS[1:]} == {1}  # only what the server did not have
    again.close()


def test_the_way_ahead_comes_and_what_is_behind_does_not(server: TileServer, tmp_path: Path) -> None:
    """A tile of zoom 17 is some 210 m here; driving north from the middle of the second row needs the first."""
    tiles = live(tmp_path, server, ahead=200.0, margin=20.0)
    tiles.look_ahead(PlanarPose(yaw=np.pi / 2), FRAME)
    wait_until(lambda: server.requests >= 2)
    time.sleep(0.2)
    assert [key[2] - textured.TOP for key in server.asked] == [1, 0]  # the one under the vehicle first
    tiles.close()


def test_the_nearest_tiles_come_first(server: TileServer, tmp_path: Path) -> None:
    """The vehicle stands in the middle of the tile in the second column and row: by Pythagoras, in tiles."""
    tiles = live(tmp_path, server, margin=400.0, ahead=0.0)
    tiles.look_ahead(HERE, FRAME)
    wait_until(lambda: len(server.asked) >= len(TILES) - 1)
    places = [np.subtract(key[1:], (textured.LEFT + 1, textured.TOP + 1)) for key in server.asked]
    away = [float(np.hypot(*place)) for place in places]
    assert away == pytest.approx(sorted(away), abs=0.01) and away[:5] == pytest.approx([0, 1, 1, 1, 1])
    tiles.close()


def test_tiles_at_hand_take_nothing_of_the_budget(server: TileServer, tmp_path: Path) -> None:
    tiles = live(tmp_path, server, margin=20.0, ahead=300.0)
    tiles._fetcher._cache._budget = 1  # there is always room for one
    tiles.look_ahead(PlanarPose(-210.0, 210.0, 0.0), FRAME)  # in the tile that is there, towards the next
    wait_until(lambda: server.requests >= 1)
    assert next(iter(server.asked)) == (textured.ZOOM, textured.LEFT + 1, textured.TOP)
    tiles.close()


def test_the_budget_is_kept_by_dropping_what_was_used_longest_ago(server: TileServer, tmp_path: Path) -> None:
    tiles = live(tmp_path, server, margin=20.0, ahead=0.0)
    cache = tiles._fetcher._cache
    cache._budget = 2 * max(map(len, TILES.values())) + 1000
    rows = [PlanarPose(0.0, north, 0.0) for north in (0.0, -210.0, -420.0)]
    for count, pose in enumerate(rows, 1):
        tiles.look_ahead(pose, FRAME)
        wait_until(lambda count=count: server.requests == count)
        wait_until(lambda: cache.bytes > 0)
    wait_until(lambda: (textured.ZOOM, textured.LEFT + 1, textured.TOP + 3) in cache)
    assert len(cache) == 2 and cache.bytes <= cache._budget
    assert (textured.ZOOM, textured.LEFT + 1, textured.TOP + 1) not in cache
    time.sleep(0.2)
    assert server.requests == 3  # what was dropped is not fetched again while nobody is there
    tiles.close()


@pytest.mark.parametrize("how", ["down", "slow", "nonsense"])
def test_a_bad_server_delays_nobody(server: TileServer, tmp_path: Path, how: str) -> None:
    template = "http://127.0.0.1:9/{z}/{x}/{y}.png" if how == "down" else server.template
    if how != "down":
        bad = Bad(seconds=SLOW_S) if how == "slow" else Bad(body=b"<html>come back later</html>")
        server.bad = dict.fromkeys(TILES, bad)
    tiles = live(tmp_path, server, source=template)
    slowest = 0.0
    for step in range(60):
        start = time.monotonic()
        tiles.look_ahead(PlanarPose(step * 0.1), FRAME)
        assert tiles.store.tile(*KEYS[5]) is None
        slowest = max(slowest, time.monotonic() - start)
        time.sleep(0.01)
    assert slowest < SLOW_S / 2  # what is left is a busy machine
    if how != "slow":
        wait_until(lambda: "waiting for" in tiles.fact)
    start = time.monotonic()
    tiles.close()
    assert time.monotonic() - start < SLOW_S / 2


def test_what_cannot_be_is_said_at_the_start(server: TileServer, tmp_path: Path) -> None:
    first_tile_only(tmp_path)
    cases = {
        "does not say which tile": {"source": "http://127.0.0.1/tile.png"},
        "forbids bulk download": {"source": "https://tile.openstreetmap.org/{z}/{x}/{y}.png"},
        "live.cache .* cannot be used": {"cache": str(tmp_path / "no" / "a.mbtiles")},
    }
    for sentence, config in cases.items():
        with pytest.raises(InputError, match=sentence):
            live(tmp_path, server, **config)
    with read_only(tmp_path), pytest.raises(InputError, match="live.cache .* may write there"):
        live(tmp_path, server)


def test_a_file_that_is_no_cache_keeps_all_that_is_in_it(server: TileServer, tmp_path: Path) -> None:
    """Somebody's map, an archive that `tiles fetch` grows from the same source, and no tiles at all."""
    with MBTilesWriter(tmp_path / "map.mbtiles", "map", "png") as writer:
        for key, data in TILES.items():
            writer.add(*key, data)
    with GrowingArchive(tmp_path / "fetched.mbtiles", server.template) as archive:
        archive.add(KEYS[0], TILES[KEYS[0]])
    other = sqlite3.connect(tmp_path / "other.mbtiles")
    other.execute("CREATE TABLE notes (text TEXT)")
    other.commit()
    other.close()
    before = {path: path.read_bytes() for path in sorted(tmp_path.iterdir())}
    for path in before:
        with pytest.raises(InputError, match="was not made by this node, which would drop what is in it"):
            live(tmp_path, server, cache=str(path))
    first_tile_only(tmp_path).unlink()
    assert {path: path.read_bytes() for path in sorted(tmp_path.iterdir())} == before
