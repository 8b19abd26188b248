"""Delay and mask of the cameras of a node, by the topics of their images."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

import rclpy
import ros_support as ros
from rcl_interfaces.msg import ParameterValue
from rclpy.executors import SingleThreadedExecutor

from geoflow_ros.camera_mask import CameraMask
from geoflow_ros.ros.view.remote_node import RemoteNode
from geoflow_ros.ros.view.stated_cameras import of_topic, parameters_of, stated


def values(*pairs: tuple[float, str]) -> list[ParameterValue]:
    return [
        each
        for delay, mask in pairs
        for each in (ParameterValue(double_value=delay), ParameterValue(string_value=mask))
    ]


def test_the_one_camera_has_any_topic(tmp_path: Path) -> None:
    world = np.ones((8, 16), bool)
    world[5:] = False
    (tmp_path / "mask.png").write_bytes(CameraMask(world).png())
    assert parameters_of([]) == ["camera.delay", "camera.mask"]
    camera = of_topic(stated([], values((0.05, str(tmp_path / "mask.png")))), "/any/image_raw")
    assert camera.delay == 0.05 and camera.mask is not None and camera.mask.world.tolist() == world.tolist()


def test_of_a_rig_the_one_whose_name_is_in_the_topic() -> None:
    """A mask that is on another machine is none."""
    names = ["front", "rear"]
    assert parameters_of(names)[2:] == ["camera.rear.delay", "camera.rear.mask"]
    cameras = stated(names, values((0.1, "/nowhere/mask.png"), (0.2, "")))
    assert of_topic(cameras, "/robot1/front/image/compressed").delay == 0.1
    assert of_topic(cameras, "/cam/rear/image_raw").delay == 0.2 and of_topic(cameras, "/front_left/image").delay == 0.0
    assert of_topic(cameras, "/front/image").mask is None


@pytest.mark.parametrize(
    ("cameras", "declared", "topic"),
    [([""], "camera.{}", "/any/image_raw"), (["front", "rear"], "camera.rear.{}", "/rear/image")],
)
def test_a_node_is_asked(cameras: list[str], declared: str, topic: str) -> None:
    """Over DDS, in one process, as a node declares them."""
    ros.stay_on_this_machine()
    rclpy.init()
    executor = SingleThreadedExecutor()
    try:
        own, node = rclpy.create_node("view"), rclpy.create_node("localize")
        values: dict[str, Any] = {"tiles": "a.mbtiles", "map_frame": "map", "cameras": cameras}
        values |= dict.fromkeys(parameters_of([each for each in cameras if each])[::2], 0.0)
        values |= dict.fromkeys(parameters_of([each for each in cameras if each])[1::2], "")
        for name, value in (values | {declared.format("delay"): 0.05}).items():
            node.declare_parameter(name, value)
        for each in (own, node):
            executor.add_node(each)
        remote, end = RemoteNode(own, "/localize"), time.monotonic() + 30.0
        while remote.camera(topic).delay != 0.05:
            assert time.monotonic() < end, (remote.tiles, remote.camera(topic))
            remote.ask_parameters(True)
            executor.spin_once(timeout_sec=0.05)
        assert remote.tiles == "a.mbtiles"
    finally:
        executor.shutdown()
        rclpy.try_shutdown()
