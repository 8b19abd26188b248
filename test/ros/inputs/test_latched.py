"""A calibration that its driver publishes once, at its start, and latches: over real DDS, whoever starts first."""

from __future__ import annotations

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

import ros_support as ros
from rclpy.qos import DurabilityPolicy

from geoflow_ros.ros.inputs.latched import Latched

NOT_CALIBRATED, NOT_PLACED = "no camera_info received yet", "no GNSS fix received yet"


class Driver(ros.Peer):
    """Publishes the calibration once, latched or not, and images."""

    def publish_once(self, durability: str) -> None:
        """As a process that starts now: what it publishes at once is out before DDS has found it."""
        import rclpy
        from rclpy.qos import QoSProfile
        from sensor_msgs.msg import CameraInfo

        self.started = rclpy.Context()
        rclpy.init(context=self.started)
        node = rclpy.create_node("camera", context=self.started)
        profile = QoSProfile(depth=1, durability=DurabilityPolicy[durability.upper()])
        self.calibration = node.create_publisher(CameraInfo, "camera_info", profile)
        self.calibration.publish(ros.camera_info())

    def __exit__(self, *_: object) -> None:
        self.started.shutdown()
        super().__exit__()

    def wait_until_told(self, sentence: str) -> None:
        """Publish images until the node says this of the last."""

        def is_told() -> bool:
            self.publish("image", ros.image(time.time_ns()))
            self.listen(0.2)
            return sentence in self.track_states[-1]

        self.wait(is_told, sentence, 20.0)


@pytest.mark.parametrize("is_driver_first", [True, False])
def test_a_latched_calibration_is_heard_whoever_starts_first(is_driver_first: bool) -> None:
    with Driver() as driver:
        if is_driver_first:
            driver.publish_once("transient_local")
        with ros.node_process(ros.FAKE_NODE, ros.ros_arguments(Path("unused"))) as node:
            driver.wait_for_node(node)
            if not is_driver_first:
                driver.wait_until_told(NOT_CALIBRATED)
                driver.publish_once("transient_local")
            driver.wait_until_told(NOT_PLACED)


def test_nobody_is_asked_for_more_than_is_published() -> None:
    """Of a calibration that is not latched DDS would warn on both sides that nothing is heard."""
    with Driver() as driver, ros.node_process(ros.FAKE_NODE, ros.ros_arguments(Path("unused"))) as node:
        driver.publish_once("volatile")
        driver.wait_for_node(node)
        driver.wait(lambda: driver.calibration.get_subscription_count() > 0, "the node to listen")
        driver.calibration.publish(ros.camera_info())
        driver.wait_until_told(NOT_PLACED)
        node.terminate()
        output, _ = node.communicate(timeout=10)
    assert node.returncode == 0 and "QoS" not in output


def test_two_cameras_of_one_calibration_both_hear_it_though_it_comes_late() -> None:
    published: list[Any] = []
    node: Any = SimpleNamespace(
        create_timer=lambda *_, **__: None, get_publishers_info_by_topic=lambda topic: published * (topic == "/one")
    )
    latched, made = Latched(node), []
    for camera, topic in {"left": "/one", "right": "/one", "rear": "/another"}.items():
        latched.want(topic, lambda camera=camera: made.append(camera))  # type: ignore[misc, arg-type, return-value]
    assert made == []
    published.append(SimpleNamespace(qos_profile=SimpleNamespace(durability=DurabilityPolicy.TRANSIENT_LOCAL)))
    for _ in range(2):
        latched.look()
    assert made == ["left", "right"]
