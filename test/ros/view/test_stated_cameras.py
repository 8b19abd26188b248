"""Delay and mask of the cameras of a node, by the topics of their images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

from rcl_interfaces.msg import ParameterValue

from geoflow_ros.camera_mask import CameraMask
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
