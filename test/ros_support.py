"""The node in a second process over real DDS, and messages to feed it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from geoflow_ros.ros.dds import private_environment

REPOSITORY = Path(__file__).resolve().parent.parent
WIDTH, HEIGHT = 64, 48
MOUNT = {"forward": 1.0, "left": 0.0, "height": 1.65, "roll": 0.0, "pitch": 0.0, "yaw": 0.0}


def stay_on_this_machine() -> None:
    """Nothing may leave the machine, and no other ROS program on it may be heard; to be called before rclpy.init."""
    os.environ.update(private_environment(str(REPOSITORY / "config" / "fastdds_profile.xml")))


def ros_arguments(tiles: Path, **parameters: object) -> list[str]:
    """Arguments of a node with the test's mount; `datum_latitude=1` becomes `datum.latitude`."""
    values: dict[str, object] = {f"camera.{key}": value for key, value in MOUNT.items()}
    values |= {"tiles": tiles, **{name.replace("__", "."): value for name, value in parameters.items()}}
    return [part for name, value in values.items() for part in ("-p", f"{name}:={value}")]


@contextmanager
def node_process(command: list[str], arguments: list[str]) -> Iterator[subprocess.Popen[str]]:
    """A node in its own process, killed at the end if it still runs."""
    process = subprocess.Popen(
        [sys.executable, *command, "--ros-args", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


class Peer:
    """A ROS node in the test's own process: publishes inputs, collects outputs."""

    def __init__(self) -> None:
        import rclpy
        from diagnostic_msgs.msg import DiagnosticArray
        from geometry_msgs.msg import PoseWithCovarianceStamped
        from sensor_msgs.msg import CameraInfo, CompressedImage, Image, Imu, NavSatFix

        self._rclpy = rclpy
        rclpy.init()
        self._node = rclpy.create_node("peer")
        self.poses: list[Any] = []
        self.pose_fixes: list[Any] = []
        self.states: list[Any] = []
        self.heatmaps: list[Any] = []
        self._image_type = Image
        self._node.create_subscription(PoseWithCovarianceStamped, "pose", self.poses.append, 10)
        self._node.create_subscription(NavSatFix, "pose_fix", self.pose_fixes.append, 10)
        self._node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)
        kinds = {
            "image": Image,
            "image/compressed": CompressedImage,
            "camera_info": CameraInfo,
            "fix": NavSatFix,
            "imu": Imu,
        }
        self._publishers = {topic: self._node.create_publisher(kind, topic, 10) for topic, kind in kinds.items()}

    def close(self) -> None:
        """Leave."""
        self._node.destroy_node()
        self._rclpy.try_shutdown()

    def watch_heatmap(self) -> None:
        """Subscribe to the heatmap."""
        self._node.create_subscription(self._image_type, "heatmap", self.heatmaps.append, 1)

    def wait(self, condition: Callable[[], bool], what: str, timeout_s: float = 10.0) -> None:
        """Spin until the condition holds; fail with what was waited for."""
        end = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end, f"waited {timeout_s} s for {what}; last states: {self.reasons()[-3:]}"
            self._rclpy.spin_once(self._node, timeout_sec=0.05)

    def wait_for_node(self, process: subprocess.Popen[str]) -> None:
        """Until all topics are connected."""
        publishers = self._publishers.values()

        def connected() -> bool:
            assert process.poll() is None, process.communicate()[0]
            return all(each.get_subscription_count() for each in publishers) and bool(self.states)

        self.wait(connected, "the node to connect", 30.0)

    def publish(self, topic: str, message: Any) -> None:
        """Publish on an input topic."""
        self._publishers[topic].publish(message)

    def reasons(self) -> list[str]:
        """Messages of the diagnostics received so far."""
        return [state.message for state in self.states]

    def _on_diagnostics(self, array: Any) -> None:
        self.states.extend(array.status)


def stamp(ns: int) -> Any:
    """A time message."""
    from builtin_interfaces.msg import Time

    return Time(sec=ns // 10**9, nanosec=ns % 10**9)


def image(ns: int, encoding: str = "rgb8") -> Any:
    """A noisy raw image."""
    from sensor_msgs.msg import Image

    pixels = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    message = Image(height=HEIGHT, width=WIDTH, encoding=encoding, step=3 * WIDTH, data=pixels.tobytes())
    message.header.stamp = stamp(ns)
    return message


def camera_info(width: int = WIDTH, height: int = HEIGHT, focal: float = 50.0) -> Any:
    """A pinhole's calibration."""
    from sensor_msgs.msg import CameraInfo

    matrix = [focal, 0.0, width / 2, 0.0, focal, height / 2, 0.0, 0.0, 1.0]
    return CameraInfo(width=width, height=height, distortion_model="plumb_bob", k=matrix, d=[0.0] * 5)


def fix(ns: int, latitude: float, longitude: float, sigma: float = 5.0) -> Any:
    """A fix with a known covariance, without one if sigma is 0."""
    from sensor_msgs.msg import NavSatFix

    message = NavSatFix(latitude=latitude, longitude=longitude, altitude=400.0)
    message.header.stamp = stamp(ns)
    if sigma > 0:
        message.position_covariance_type = NavSatFix.COVARIANCE_TYPE_DIAGONAL_KNOWN
        message.position_covariance = np.diag([sigma**2, sigma**2, 100.0]).ravel().tolist()
    return message


def imu(ns: int, yaw: float, sigma: float = 0.03) -> Any:
    """A level IMU."""
    from sensor_msgs.msg import Imu

    message = Imu(orientation_covariance=(sigma**2 * np.eye(3)).ravel().tolist())
    message.header.stamp = stamp(ns)
    message.orientation.z, message.orientation.w = float(np.sin(yaw / 2)), float(np.cos(yaw / 2))
    return message
