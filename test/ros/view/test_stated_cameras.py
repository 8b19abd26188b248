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
from geoflow_ros.ros.interfaces import topics_fact
from geoflow_ros.ros.view.remote_node import RemoteNode
from geoflow_ros.ros.view.stated_cameras import StatedCamera, of_topic, parameters_of, stated


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
    facts = {topics_fact(""): "/any/image_raw /any/image_raw/compressed /any/camera_info"}
    camera = of_topic(stated([], values((0.05, str(tmp_path / "mask.png")))), facts, "/any/image_raw")
    assert camera.delay == 0.05 and camera.mask is not None and camera.mask.world.tolist() == world.tolist()


def test_of_a_rig_the_one_that_listens_to_the_topic() -> None:
    """Whatever the topics are called, those of another camera too. A mask that is on another machine is none."""
    names = ["front", "rear"]
    assert parameters_of(names)[2:] == ["camera.rear.delay", "camera.rear.mask"]
    cameras = stated(names, values((0.1, "/nowhere/mask.png"), (0.2, "")))
    facts = {topics_fact("front"): "/cam_a/image_raw /cam_a/image_raw/compressed", topics_fact("rear"): "/front/image"}
    assert of_topic(cameras, facts, "/cam_a/image_raw/compressed").delay == 0.1
    assert of_topic(cameras, facts, "/front/image").delay == 0.2
    assert of_topic(cameras, facts, "/rear/image") == of_topic(cameras, {}, "/front/image") == StatedCamera()
    assert of_topic(cameras, facts, "/cam_a/image_raw").mask is None


@pytest.mark.parametrize(
    ("cameras", "declared"),
    [([""], "camera.{}"), (["front", "rear"], "camera.rear.{}")],
)
def test_a_node_is_asked(cameras: list[str], declared: str) -> None:
    """Over DDS, in one process, as a node declares them."""
    topic = "/any/image_raw"
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
        facts = {topics_fact(cameras[-1]): topic}
        while remote.camera(topic, facts).delay != 0.05:
            assert time.monotonic() < end, (remote.tiles, remote.camera(topic, facts))
            remote.ask_parameters(True)
            executor.spin_once(timeout_sec=0.05)
        assert remote.tiles == "a.mbtiles"
    finally:
        executor.shutdown()
        rclpy.try_shutdown()
