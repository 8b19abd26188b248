"""The transform from map to odom over real DDS, as tf2_msgs: installed, or generated from its definition."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path

import pytest
from paths import SUPPORT

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

import ros_generated
import ros_support as ros

from geoflow_ros.geodesy import Datum, LocalFrame

DATUM = Datum(49.0, 8.4)
EAST, NORTH, YAW = 10.0, 20.0, 0.5  # of base_link in map; the yaw is the fake session's
FORWARD = 3.0  # of base_link in odom
HALF_NS = 50_000_000


def test_the_transform_is_broadcast_for_the_stamp_of_the_image(tmp_path: Path) -> None:
    overlay = ros_generated.overlay(ros_generated.TF2_MSGS, tmp_path)
    parameters = {"publish_tf": True, "datum__latitude": DATUM.latitude, "datum__longitude": DATUM.longitude}
    arguments = ros.ros_arguments(Path("unused"), **parameters)
    echo_file = str(SUPPORT / "ros_tf_echo.py")
    with (
        ros.Peer() as peer,
        ros.node_process(ros.FAKE_SESSION, arguments, *overlay.paths, **overlay.variables) as node,
        ros.node_process([echo_file], [], *overlay.paths, **overlay.variables) as echo,
    ):
        peer.wait_for_node(node)
        peer.wait(lambda: peer.node.count_subscribers("/tf") > 0, "the listener", 30.0)
        peer.wait(lambda: peer.node.count_publishers("/tf") > 0, "the broadcaster", 30.0)
        peer.listen(0.5)  # until the two of them know each other
        now = time.time_ns()
        latitude, longitude, _ = LocalFrame(DATUM).to_geodetic([EAST, NORTH])
        peer.publish("fix", ros.fix(now, float(latitude), float(longitude)))
        peer.publish("odom", ros.odom(now - HALF_NS, FORWARD - 1.0, 0.0, 0.0))
        peer.listen(0.1)
        peer.publish("image", ros.image(now))
        peer.wait(lambda: bool(peer.poses), "a pose")
        peer.publish("odom", ros.odom(now + HALF_NS, FORWARD + 1.0, 0.0, 0.0))
        assert echo.stdout is not None
        sent = json.loads(echo.stdout.readline())
    assert (sent["parent"], sent["child"]) == ("map", "odom")
    assert sent["stamp_ns"] == now + 10**9
    east, north = EAST - FORWARD * math.cos(YAW), NORTH - FORWARD * math.sin(YAW)
    assert sent["translation"] == pytest.approx([east, north, 0.0], abs=1e-3)
    assert sent["rotation"] == pytest.approx([0.0, 0.0, math.sin(YAW / 2), math.cos(YAW / 2)])
