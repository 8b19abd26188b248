"""Pictures for the page, of a node with two cameras that is played here: over DDS, in one process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

import rclpy
import ros_support as ros
from rclpy.executors import SingleThreadedExecutor
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from geoflow_ros.ros import conversions
from geoflow_ros.ros.endpoints import publisher
from geoflow_ros.ros.view import picture_watch
from geoflow_ros.ros.view.node_inputs import NodeInputs
from geoflow_ros.ros.view.stated_cameras import StatedCamera
from geoflow_ros.view.live_drive import Picture

HYPOTHESES = np.array([[1.0, 2.0, 0.5], [3.0, 4.0, 0.25]])


class Kept:
    """In place of a drive."""

    def __init__(self) -> None:
        self.pictures: list[Picture] = []

    def add_picture(self, picture: Picture) -> None:
        self.pictures.append(picture)

    def of(self, kind: str) -> list[Picture]:
        return [each for each in self.pictures if each.kind == kind]


@pytest.fixture
def executor() -> Iterator[SingleThreadedExecutor]:
    """Of the two nodes `localize` and `view`."""
    ros.stay_on_this_machine()
    rclpy.init()
    made = SingleThreadedExecutor()
    for name in ("localize", "view"):
        made.add_node(rclpy.create_node(name))
    try:
        yield made
    finally:
        for node in made.get_nodes():
            node.destroy_node()
        rclpy.try_shutdown()


def test_cameras_take_turns_and_a_heatmap_comes_with_its_hypotheses(
    executor: SingleThreadedExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picture_watch, "CAMERA_PERIOD_S", 0.0)
    own, node = sorted(executor.get_nodes(), key=lambda each: str(each.get_name()) == "localize")
    topics = ["/front/image", "/rear/image"]
    for topic in topics:
        node.create_subscription(Image, topic, lambda _: None, 1)
    cameras = [node.create_publisher(Image, topic, 1) for topic in topics]
    heatmap, clouds = publisher(node, "heatmap"), publisher(node, "hypotheses")
    drive, inputs = Kept(), NodeInputs(own, "/localize", lambda _: None)
    stated = {"/front/image": StatedCamera(), "/rear/image": StatedCamera(delay=0.05)}
    watch: Any = picture_watch.PictureWatch(
        own,
        inputs,
        drive,
        lambda: True,
        stated.__getitem__,
    )
    end, now = time.monotonic() + 60.0, 0
    while len(drive.of("camera")) < 4 or not any(len(each.hypotheses) for each in drive.of("heatmap")):
        assert time.monotonic() < end, drive.pictures
        inputs.find()
        watch.watch()
        now += 10**8
        header = Header(stamp=ros.stamp(now))
        estimate: Any = SimpleNamespace(hypotheses=HYPOTHESES, weights=np.ones(2))
        clouds.publish(conversions.hypotheses_message(estimate, header))
        for each in (*cameras, heatmap):
            each.publish(ros.image(now))
        for _ in range(10):
            executor.spin_once(timeout_sec=0.01)
    names = [each.camera for each in drive.of("camera")]
    assert set(names) == set(topics) and all(first != second for first, second in zip(names, names[1:], strict=False))
    late_ns = {each.camera: -each.stamp_ns % 10**8 for each in drive.of("camera")}
    assert late_ns == {"/front/image": 0, "/rear/image": 5 * 10**7}, "not at the stamps of their poses"
    shown = next(each for each in drive.of("heatmap") if len(each.hypotheses))
    assert shown.hypotheses.tolist() == HYPOTHESES.tolist() and shown.stamp_ns % 10**8 == 0
