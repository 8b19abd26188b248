"""What the page says of a node that says something, but has no state yet: over DDS, in one process."""

from __future__ import annotations

import time

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

import rclpy
import ros_support as ros
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.executors import SingleThreadedExecutor

from geoflow_ros.ros.view import watcher
from geoflow_ros.ros.view.stated_cameras import StatedCamera
from geoflow_ros.view.live_drive import LiveDrive

LOADING = "still reading the network"


def test_a_node_that_still_loads_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watcher, "SILENT_S", 1.0)
    ros.stay_on_this_machine()
    rclpy.init()
    executor = SingleThreadedExecutor()
    try:
        own, node = rclpy.create_node("view"), rclpy.create_node("localize")
        for each in (own, node):
            executor.add_node(each)
        diagnostics, drive = node.create_publisher(DiagnosticArray, "/diagnostics", 1), LiveDrive("/localize", 1.0)
        watcher.Watcher(own, "/localize", drive, lambda: False, lambda _: StatedCamera())
        status = DiagnosticStatus(name="localize: localisation", message=LOADING)
        end = time.monotonic() + 30.0
        while not drive.status.notice.startswith("no pose heard on /pose"):
            assert time.monotonic() < end, drive.status
            diagnostics.publish(DiagnosticArray(status=[status]))
            executor.spin_once(timeout_sec=0.05)
        assert drive.status.notice.endswith(f" s: {LOADING}") and "no node heard" not in drive.status.notice
    finally:
        executor.shutdown()
        rclpy.try_shutdown()
