"""Watches a node and serves its page until it is told to stop."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import rclpy
from rclpy.clock import Clock, ClockType  # type: ignore[attr-defined] # where every distribution has it
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from geoflow_ros.errors import InputError
from geoflow_ros.resources import share_file
from geoflow_ros.ros.context import enter
from geoflow_ros.ros.tools.dds import profile_variable
from geoflow_ros.ros.view.remote_node import RemoteNode
from geoflow_ros.ros.view.watcher import Watcher
from geoflow_ros.satellite.mosaic import SatelliteMap
from geoflow_ros.satellite.stores import open_store
from geoflow_ros.view.access import Access, is_loopback, new_token
from geoflow_ros.view.ground_tiles import GroundTiles
from geoflow_ros.view.live_drive import LiveDrive
from geoflow_ros.view.live_page import live_page
from geoflow_ros.view.page_server import PageServer, Site

POLL_S = 0.1


@dataclass(frozen=True, slots=True)
class ViewOptions:
    """node: its name with its namespace. tiles: instead of the node's. ros_arguments: what goes after --ros-args."""

    node: str
    host: str
    port: int
    minutes: float
    tiles: Path | None
    ros_arguments: Sequence[str]


def watch(options: ViewOptions) -> None:
    """Serve the page until SIGINT, SIGTERM or the end of the ROS context."""
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    os.environ.setdefault(profile_variable(os.environ), str(share_file("config/fastdds_profile.xml")))
    imagery = _Imagery(options.tiles)
    enter(["--ros-args", *options.ros_arguments])
    try:
        _serve(options, imagery, stopped)
    finally:
        rclpy.try_shutdown()


class _Imagery:
    """The tiles of the page: those that were given, else those that the node states."""

    def __init__(self, given: Path | None) -> None:
        self.ground = GroundTiles()
        self._given = given
        self._opened = ""
        if given is not None:
            self.ground.show(SatelliteMap(open_store(given)))

    def use(self, stated: str, drive: LiveDrive) -> None:
        """Open what the node states when it states another one."""
        if self._given is None and stated not in ("", self._opened):
            self._opened, trouble = stated, ""
            try:
                self.ground.show(SatelliteMap(open_store(stated)))
            except InputError as error:
                trouble = f"no imagery: {error}; --tiles gives the view others than the node's"
            drive.set_status(trouble=trouble)
        drive.set_status(attribution=self.ground.credit)


def _serve(options: ViewOptions, imagery: _Imagery, stopped: threading.Event) -> None:
    own = Node(f"view_{os.getpid()}", namespace=options.node.rpartition("/")[0] or "/")
    drive, remote = LiveDrive(options.node, options.minutes), RemoteNode(own, options.node)
    access = Access(options.host, "" if is_loopback(options.host) else new_token())
    site = Site(live_page(options.node, drive), drive, imagery.ground, remote, access)
    server = PageServer(options.host, options.port, site)
    watcher = Watcher(
        own,
        options.node,
        drive,
        lambda: server.watching > 0,
        lambda topic: remote.camera(topic, drive.status.facts),
    )

    def look_for_tiles() -> None:
        remote.ask_parameters(watcher.is_heard)
        imagery.use(remote.tiles, drive)

    own.create_timer(1.0, look_for_tiles, clock=Clock(clock_type=ClockType.STEADY_TIME))
    executor = SingleThreadedExecutor()
    executor.add_node(own)
    server.start()
    print(f"open {server.address}", flush=True)
    try:
        while not stopped.is_set() and rclpy.ok():
            executor.spin_once(timeout_sec=POLL_S)
    finally:
        server.close()
        executor.shutdown(timeout_sec=POLL_S)
        own.destroy_node()
