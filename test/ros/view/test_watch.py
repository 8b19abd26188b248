"""The view as a process of its own, beside a real node over real DDS: news come, and what is told arrives."""

from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

import ros_drive
import ros_support as ros
from view_support import event

from geoflow_ros.geodesy import LocalFrame
from geoflow_ros.view.access import HEADER

FRAME = LocalFrame(ros_drive.DATUM)
OWN = {HEADER: "1", "Host": "localhost"}
REMAPPED = ["-r", "image:=/cam/image_raw", "-r", "fix:=/gnss/fix"]


class Page:
    """What a browser does: listens to the news, and asks."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("open http://127.0.0.1:"), line
        self.port = int(line.rstrip("/\n").rpartition(":")[2])
        self._listening = HTTPConnection("127.0.0.1", self.port, timeout=30.0)
        self._listening.request("GET", "/events", headers=OWN)
        self._news = self._listening.getresponse()
        self.east: list[float] = []
        self.seen: dict[str, Any] = {}
        self.kinds: set[str] = set()
        self.hypotheses = 0

    def listen_until(self, condition: Callable[[], bool], what: str, feed: Callable[[], None]) -> None:
        end = time.monotonic() + 90.0  # a node starts
        while not condition():
            assert time.monotonic() < end, f"waited for {what}; last: {self.seen}"
            feed()
            self.seen = event(self._news)
            if self.seen["kind"] == "restart":
                self._listening.close()
                self._listening.request("GET", "/events", headers=OWN)
                self._news = self._listening.getresponse()
                continue
            self.east += [each for each in self.seen["report"]["fused"]["east"] if each is not None]
            for each in self.seen["pictures"]:
                self.kinds |= {*each["cameras"], *(["heatmap"] if each["heatmap"] else [])}
                self.hypotheses += len(each["hypotheses"])

    def tell(self, command: str, body: str = "") -> tuple[int, str]:
        asking = HTTPConnection("127.0.0.1", self.port, timeout=10.0)
        asking.request("POST", f"/{command}", body, OWN)
        response = asking.getresponse()
        return response.status, response.read().decode().strip()

    def close(self) -> None:
        self._listening.close()


@pytest.fixture(scope="module")
def peer() -> Iterator[ros.Peer]:
    with ros.Peer() as peer:
        yield peer


@pytest.fixture(scope="module")
def tiles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tiles") / "tiles.mbtiles"
    ros_drive.write_tiles(path, radius_m=100.0)
    return path


@pytest.fixture(scope="module")
def page(peer: ros.Peer) -> Iterator[Page]:
    """Of a view that is there before its node."""
    command = [sys.executable, "-m", "geoflow_ros.view", "--port", "0"]
    process = subprocess.Popen(command, cwd=ros.REPOSITORY, stdout=subprocess.PIPE, text=True)
    opened = Page(process)
    try:
        yield opened
    finally:
        opened.close()
        process.send_signal(signal.SIGINT)
        assert process.wait(10.0) == 0


def frames(peer: ros.Peer, east: float) -> Callable[[], None]:
    """A camera that stands there, under any name of its topics."""
    from sensor_msgs.msg import Image, NavSatFix

    images = peer.node.create_publisher(Image, "/cam/image_raw", 1)
    fixes = peer.node.create_publisher(NavSatFix, "/gnss/fix", 1)
    latitude, longitude, _ = FRAME.to_geodetic([east, 0.0])

    def feed() -> None:
        now = time.time_ns()
        fixes.publish(ros.fix(now, float(latitude), float(longitude)))
        images.publish(ros.image(now))
        peer.listen(0.02)

    return feed


def test_a_node_is_awaited_shown_and_told(peer: ros.Peer, page: Page, tiles: Path) -> None:
    page.listen_until(lambda: "no node heard" in page.seen.get("notice", ""), "the notice", lambda: None)
    assert page.tell("pause") == (409, "nobody offers /localize/pause: is the node running and active?")
    assert page.tell("initialpose", pose())[1].startswith("nobody listens on /initialpose")
    datum = {"datum__latitude": ros_drive.DATUM.latitude, "datum__longitude": ros_drive.DATUM.longitude}
    arguments = [*ros.ros_arguments(tiles, **datum), *REMAPPED]
    with ros.node_process(ros.FAKE_SESSION, arguments):
        feed = frames(peer, 20.0)
        page.listen_until(lambda: len(page.east) > 3, "poses", feed)
        assert page.east == pytest.approx([20.0] * len(page.east), abs=0.01)
        page.listen_until(lambda: page.kinds == {"", "heatmap"} and page.hypotheses > 0, "pictures", feed)
        page.listen_until(lambda: page.seen["ground"] == 1, "the node's tiles", feed)
        assert page.seen["state"] == "LOCALISED" and page.seen["notice"] == ""
        page.listen_until(lambda: page.seen["report"]["prior"]["varEast"][-1:] == [25.0], "the fix beside a pose", feed)
        assert square(page.port) == b"\xff\xd8"
        assert page.tell("initialpose", pose())[0] == 200
        page.listen_until(lambda: page.east[-1] == pytest.approx(7.5), "the pose that was told", feed)
        assert page.tell("relocalise") == (200, "searching anew around the next fix")
        page.listen_until(lambda: page.east[-1] == pytest.approx(20.0, abs=0.01), "the pose of the fix", feed)
        assert page.tell("pause") == (200, "no image is answered until ~/resume")
        page.listen_until(lambda: page.seen["state"] == "PAUSED", "the pause", feed)
        page.listen_until(lambda: "no pose heard on /pose since" in page.seen["notice"], "the notice", feed)
        assert page.tell("resume") == (200, "images are answered")
        page.listen_until(lambda: page.seen["notice"] == "", "poses again", feed)
    page.listen_until(lambda: "no node heard" in page.seen["notice"], "the notice", lambda: None)


def pose() -> str:
    return json.dumps({"east": 7.5, "north": 0.0, "yaw": math.pi / 4, "std": 1.0, "yawStd": 0.2})


def square(port: int) -> bytes:
    """How the picture of the ground north-east of the datum begins."""
    asking = HTTPConnection("127.0.0.1", port, timeout=10.0)
    asking.request("GET", "/ground/2/0/-1.jpg", headers=OWN)
    return asking.getresponse().read()[:2]
