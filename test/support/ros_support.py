"""The node in a second process over real DDS, and messages to feed it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from paths import REPOSITORY, SUPPORT

from geoflow_ros.ros.tools.dds import private_environment

Process = subprocess.Popen[str]
P = TypeVar("P", bound="Peer")

STAND_INS = SUPPORT / "stand_ins"
"""Of ROS packages that no package registry has, with the part of their API that is used."""
FAKE_NODE = [str(SUPPORT / "ros_fake_node.py")]
FAKE_SESSION = [*FAKE_NODE, "--fake-session"]
STOP_TIMEOUT_S = 10.0
MATCHED_S = 0.3  # from when a service is ready to when its responses are heard
WIDTH, HEIGHT = 64, 48
MOUNT = {"forward": 1.0, "left": 0.0, "height": 1.65, "roll": 0.0, "pitch": 0.0, "yaw": 0.0}


def stay_on_this_machine() -> None:
    """Nothing may leave the machine, and no other ROS program on it may be heard; to be called before rclpy.init."""
    os.environ.update(private_environment(str(REPOSITORY / "config" / "fastdds_profile.xml")))


def ros_arguments(tiles: Path, **parameters: object) -> list[str]:
    """Arguments of a node with the test's mount and no saved pose; `datum__latitude=1` becomes `datum.latitude`."""
    values: dict[str, object] = {f"camera.{key}": value for key, value in MOUNT.items()}
    values |= {"tiles": tiles, "saved_pose.max_age": 0.0}
    values |= {name.replace("__", "."): value for name, value in parameters.items()}
    return [part for name, value in values.items() if value is not None for part in ("-p", f"{name}:={value}")]


@contextmanager
def node_process(
    command: list[str], arguments: list[str], *paths: Path, stdin: int | None = None, **variables: str
) -> Iterator[Process]:
    """A node in its own process, ended at the end if it still runs.

    paths: more folders of modules. stdin: as subprocess takes it. variables: more of the environment.
    """
    modules = os.pathsep.join(map(str, [REPOSITORY, *paths]))
    process = subprocess.Popen(
        [sys.executable, *command, "--ros-args", *arguments],
        cwd=REPOSITORY,
        env={**os.environ, **variables, "PYTHONPATH": modules, "OMP_NUM_THREADS": "1"},
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield process
    finally:
        process.terminate()  # killed at once, it would leave its shared memory behind
        try:
            process.communicate(timeout=STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


class Peer:
    """A ROS node in the test's own process: publishes inputs, collects outputs; to be used in a `with`."""

    def __init__(self) -> None:
        import rclpy

        from geoflow_ros.ros.endpoints import interface
        from geoflow_ros.ros.interfaces import TOPICS

        self._rclpy = rclpy
        self._interface = interface
        stay_on_this_machine()
        rclpy.init()
        self.node = rclpy.create_node("peer")
        self.poses: list[Any] = []
        self.singles: list[Any] = []
        self.pose_fixes: list[Any] = []
        self.states: list[Any] = []
        self.heatmaps: list[Any] = []
        self.track_states: list[str] = []
        collected: dict[str, Callable[[Any], None]] = {
            "pose": self.poses.append,
            "pose_single_frame": self.singles.append,
            "pose_fix": self.pose_fixes.append,
            "state": lambda message: self.track_states.append(message.data),
            "/diagnostics": lambda message: self.states.extend(message.status),
        }
        self._collected = tuple(collected)
        self._publishers: dict[str, Any] = {}
        self._clients: dict[str, Any] = {}
        for topic in TOPICS:
            kind, name = interface(topic.type), topic.name
            if topic.direction == "in":
                self._publishers[name] = self.node.create_publisher(kind, name, 10)
            elif name in collected:
                self.node.create_subscription(kind, name, collected[name], _as_offered(topic))

    def __enter__(self: P) -> P:
        return self

    def __exit__(self, *_: object) -> None:
        self.node.destroy_node()
        self._rclpy.try_shutdown()

    def watch_heatmap(self) -> None:
        """Subscribe to the heatmap."""
        self.node.create_subscription(self._interface("sensor_msgs/msg/Image"), "heatmap", self.heatmaps.append, 1)

    def watch_images(self, topic: str) -> list[Any]:
        """What comes on a topic of images from now on."""
        images: list[Any] = []
        self.node.create_subscription(self._interface("sensor_msgs/msg/Image"), topic, images.append, 1)
        return images

    def latched(self, topic: str, kind: Any) -> Any:
        """The last message of a latched topic, published before."""
        from geoflow_ros.ros.interfaces import TOPICS, named

        messages: list[Any] = []
        self.node.create_subscription(kind, topic, messages.append, _as_offered(named(TOPICS, "state")))
        self.wait(lambda: bool(messages), f"a message on {topic}")
        return messages[-1]

    def wait(self, condition: Callable[[], bool], what: str, timeout_s: float = 10.0) -> None:
        """Spin until the condition holds; fail with what was waited for."""
        end = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end, f"waited {timeout_s} s for {what}; last states: {self.reasons()[-3:]}"
            self._rclpy.spin_once(self.node, timeout_sec=0.05)

    def publish_until(self, publish: Callable[[], None], condition: Callable[[], bool], what: str) -> None:
        """Publish, and again every second: of two topics, one may overtake the other, or a first message be lost."""
        next_s = time.monotonic()

        def holds() -> bool:
            nonlocal next_s
            if not condition() and time.monotonic() >= next_s:
                publish()
                next_s = time.monotonic() + 1.0
            return condition()

        self.wait(holds, what, 30.0)

    def listen(self, seconds: float) -> None:
        """Collect what comes in a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._rclpy.spin_once(self.node, timeout_sec=0.02)

    def is_listened_to(self) -> bool:
        """Whether the node listens to all inputs."""
        return all(each.get_subscription_count() for each in self._publishers.values())

    def is_connected(self) -> bool:
        """Whether it does, and all it says is heard: each topic is discovered by itself."""
        return self.is_listened_to() and all(self.node.count_publishers(name) for name in self._collected)

    def wait_for_node(self, process: subprocess.Popen[str]) -> None:
        """Until all topics are connected, and the node has told its state."""

        def connected() -> bool:
            assert process.poll() is None, process.communicate()[0]
            return self.is_connected() and bool(self.states) and bool(self.track_states)

        self.wait(connected, "the node to connect", 90.0)

    def call(self, service: str, request: Any) -> Any:
        """The response of a service, whose request this is an instance of."""
        module, name = type(request).__module__.split(".")[0], type(request).__name__.removesuffix("_Request")
        if service not in self._clients:
            self._clients[service] = self.node.create_client(self._interface(f"{module}/srv/{name}"), service)
        client = self._clients[service]
        if not client.service_is_ready():
            self.wait(client.service_is_ready, f"service {service}", 30.0)
            self.listen(MATCHED_S)
        future = client.call_async(request)
        self.wait(future.done, f"the response of {service}")
        return future.result()

    def publish(self, topic: str, message: Any) -> None:
        """Publish on an input topic."""
        self._publishers[topic].publish(message)

    def facts(self) -> dict[str, str]:
        """Keys and values of the last of the diagnostics, none before the first."""
        return {each.key: each.value for state in self.states[-1:] for each in state.values}

    def reasons(self) -> list[str]:
        """Messages of the diagnostics received so far."""
        return [state.message for state in self.states]


def _as_offered(topic: Any) -> Any:
    """The QoS of an output topic."""
    from rclpy.qos import DurabilityPolicy, QoSProfile

    return QoSProfile(depth=50, durability=DurabilityPolicy[topic.qos.durability.upper()])


def stamp(ns: int) -> Any:
    """A time message."""
    from builtin_interfaces.msg import Time

    return Time(sec=ns // 10**9, nanosec=ns % 10**9)


def image(ns: int, encoding: str = "rgb8", grey: int | None = None) -> Any:
    """A noisy raw image, or one of a single grey."""
    from sensor_msgs.msg import Image

    pixels = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
    if grey is not None:
        pixels[:] = grey
    message = Image(height=HEIGHT, width=WIDTH, encoding=encoding, step=3 * WIDTH, data=pixels.tobytes())
    message.header.stamp = stamp(ns)
    return message


def camera_info(width: int = WIDTH, height: int = HEIGHT, focal: float = 50.0) -> Any:
    """A pinhole's calibration, its principal point the image's middle; the centre of the first pixel is (0, 0)."""
    from sensor_msgs.msg import CameraInfo

    matrix = [focal, 0.0, (width - 1) / 2, 0.0, focal, (height - 1) / 2, 0.0, 0.0, 1.0]
    return CameraInfo(width=width, height=height, distortion_model="plumb_bob", k=matrix, d=[0.0] * 5)


def fix(ns: int, latitude: float, longitude: float, sigma: float = 5.0) -> Any:
    """A fix with a known covariance, without one if sigma is 0."""
    from sensor_msgs.msg import NavSatFix

    message = NavSatFix(latitude=latitude, longitude=longitude, altitude=400.0)
    message.status.status = 0  # newer releases begin with -2, unknown
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


def odom(ns: int, x: float, y: float, yaw: float) -> Any:
    """base_link in odom, at rest."""
    from nav_msgs.msg import Odometry

    message = Odometry(child_frame_id="base_link")
    message.header.stamp, message.header.frame_id = stamp(ns), "odom"
    message.pose.pose.position.x, message.pose.pose.position.y = x, y
    message.pose.pose.orientation.z, message.pose.pose.orientation.w = float(np.sin(yaw / 2)), float(np.cos(yaw / 2))
    return message


def initialpose(ns: int, x: float, y: float, yaw: float, frame: str = "map") -> Any:
    """As RViz sends it."""
    from geometry_msgs.msg import PoseWithCovarianceStamped

    message = PoseWithCovarianceStamped()
    message.header.stamp, message.header.frame_id = stamp(ns), frame
    pose = message.pose.pose
    pose.position.x, pose.position.y = x, y
    pose.orientation.z, pose.orientation.w = float(np.sin(yaw / 2)), float(np.cos(yaw / 2))
    message.pose.covariance = np.diag([0.25, 0.25, 0.0, 0.0, 0.0, 0.07]).ravel().tolist()
    return message
