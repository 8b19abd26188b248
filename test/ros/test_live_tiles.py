"""The whole node with the shipped weights, whose tiles end underway: the others come from a server while it drives."""

from __future__ import annotations

import math
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")
pytest.importorskip("httpx", reason="httpx is not installed")

import ros_support as ros
from ros_demo_frames import DEMO, picture_message, publish, truth
from textured_tiles import Key
from tile_server import TileServer, serving

from geoflow_ros.datasets.bag_drive import BagDrive, read_description
from geoflow_ros.datasets.sample import Sample
from geoflow_ros.geodesy import LocalFrame
from geoflow_ros.satellite.mbtiles_writer import MBTilesWriter
from geoflow_ros.satellite.mosaic import SatelliteMap
from geoflow_ros.satellite.stores import open_store
from geoflow_ros.tiles.area import track_tiles

ZOOM, SLOW_S, BUDGET_BYTES = 19, 2.0, 1_000_000
BEGINNING, END = 0, 240
"""Frames of the drive, 150 m apart."""
AT_HAND_M = 60.0
TOWN = LocalFrame(read_description(DEMO / "drive.json").datum)


def demo_tiles() -> dict[Key, bytes]:
    """The finest of the drive's, made so heavy that a budget of a megabyte does not hold them."""
    store = open_store(DEMO / "tiles.mbtiles")
    found = {(ZOOM, x, y): store.tile(ZOOM, x, y) for x, y in store.places(ZOOM)}
    return {tile: heavier(data) for tile, data in found.items() if data is not None}


def heavier(data: bytes) -> bytes:
    """A JPEG with two comments of 60 kB; others as they are."""
    if not data.startswith(b"\xff\xd8"):
        return data
    return data[:2] + 2 * (b"\xff\xfe" + (60_002).to_bytes(2, "big") + bytes(60_000)) + data[2:]


def tiles_around(index: int) -> set[Key]:
    """Those within 60 m of where a frame was."""
    latitude, longitude, _ = TOWN.to_geodetic(truth(index)[:2])
    return set(track_tiles([np.array([[longitude, latitude]])], AT_HAND_M, [ZOOM]))


@pytest.fixture(scope="module")
def server() -> Iterator[TileServer]:
    with serving(demo_tiles()) as tiles:
        yield tiles


@pytest.fixture(scope="module")
def tiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the node has at the start: the ground around the beginning."""
    path, there = tmp_path_factory.mktemp("tiles") / "area.mbtiles", demo_tiles()
    with MBTilesWriter(path, "beginning", "jpg") as writer:
        for tile in tiles_around(BEGINNING):
            writer.add(*tile, there[tile])
    return path


@pytest.fixture(scope="module")
def peer(server: TileServer, tiles: Path) -> Iterator[ros.Peer]:
    mount, datum = read_description(DEMO / "drive.json").mount, TOWN.datum
    parameters = {f"camera__{name}": getattr(mount, name) for name in ("forward", "left", "height")}
    parameters |= {"datum__latitude": datum.latitude, "datum__longitude": datum.longitude}
    live = {
        "live__source": server.template,
        "live__budget_mb": BUDGET_BYTES // 10**6,
        "live__rate": 50.0,
        "live__ahead": 50.0,
    }
    arguments = ros.ros_arguments(tiles, threads=1, runtime="torch", fusion=False, **parameters, **live)
    with ros.Peer() as peer, ros.node_process(["-m", "geoflow_ros.localize"], arguments) as process:
        peer.wait_for_node(process)
        yield peer


def offer(peer: ros.Peer, sample: Sample, index: int) -> None:
    publish(peer, TOWN, picture_message(sample.ground), truth(index), sample.camera.fx)


def wait_for_pose(peer: ros.Peer, sample: Sample, index: int) -> None:
    """That of a frame, which is right."""
    poses = len(peer.poses)
    offer(peer, sample, index)
    peer.wait(lambda: len(peer.poses) > poses, "a pose", 30.0)
    (east, north, _), at = truth(index), peer.poses[-1].pose.pose.position
    assert math.hypot(at.x - east, at.y - north) < 3.0


def test_poses_come_while_a_fetch_goes_on(peer: ros.Peer, server: TileServer) -> None:
    """Of a server that takes two seconds for a tile: a pose that waited for it would come when it has answered."""
    sample, within_a_fetch, end = BagDrive(DEMO)[BEGINNING], 0, time.monotonic() + 60.0
    server.seconds = SLOW_S
    while within_a_fetch < 3:
        assert time.monotonic() < end, "no pose came while a tile was fetched"
        requests, was_busy = server.requests, server.busy > 0
        wait_for_pose(peer, sample, BEGINNING)
        within_a_fetch += was_busy and server.busy > 0 and server.requests == requests
    server.seconds = 0.0


def test_what_is_missing_comes_ahead_and_the_oldest_goes(peer: ros.Peer, server: TileServer, tiles: Path) -> None:
    """At the end of the drive the node has no ground of its own; all that was fetched is more than the budget."""
    sample, at_hand = BagDrive(DEMO)[END], open_store(tiles)
    assert SatelliteMap(at_hand).patch(TOWN, truth(END)[:2], 0.0, 200, 0.4).missing > 0.5
    rest(peer, server)  # what is missing around the beginning
    cache, end = tiles.with_name("area.live.mbtiles"), time.monotonic() + 40.0
    poses = len(peer.poses)
    while len(peer.poses) == poses:
        assert time.monotonic() < end, f"no pose; {peer.reasons()[-1]}"
        offer(peer, sample, END)
        peer.listen(0.5)
    wait_for_pose(peer, sample, END)
    rest(peer, server)
    fetched = [tile for tile, times in server.asked.items() for _ in range(times) if tile in server.tiles]
    held = rows(cache)
    assert sum(len(server.tiles[tile]) for tile in fetched) > BUDGET_BYTES >= sum(held.values())
    assert tiles_around(END) & server.tiles.keys() <= held.keys() | {(ZOOM, *place) for place in at_hand.places(ZOOM)}
    assert set(fetched) - held.keys(), "nothing was dropped"
    assert any("fetched" in each.value for state in peer.states for each in state.values if each.key == "live tiles")


def rest(peer: ros.Peer, server: TileServer) -> None:
    """Until nothing has been asked for in a second."""
    asked = -1
    while asked < server.requests:
        asked = server.requests
        peer.listen(1.0)


def rows(cache: Path) -> dict[Key, int]:
    """The tiles of an MBTiles file and how long they are."""
    connection = sqlite3.connect(f"{cache.as_uri()}?mode=ro", uri=True)
    found = connection.execute("SELECT zoom_level, tile_column, tile_row, length(tile_data) FROM tiles").fetchall()
    connection.close()
    return {(z, x, 2**z - 1 - row): size for z, x, row, size in found}
