"""The main job end to end: a node in its own process, a drive played to it over DDS, its answers judged."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from geometry_msgs.msg import PoseWithCovarianceStamped
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.subscription import Subscription
from sensor_msgs.msg import Image, PointCloud2
from std_msgs.msg import String

from geoflow_ros.bags.messages import quaternion_yaw, stamp_ns, to_rgb
from geoflow_ros.bags.trajectory import read_tum
from geoflow_ros.datasets.bag_drive import read_description
from geoflow_ros.errors import InputError
from geoflow_ros.planar import PlanarPose
from geoflow_ros.reports.thumbnails import heatmap_jpeg
from geoflow_ros.resources import share_file
from geoflow_ros.ros.conversions import hypotheses_of
from geoflow_ros.ros.tools.dds import private_environment
from geoflow_ros.ros.tools.demo_outcome import Answer, DemoRun
from geoflow_ros.ros.tools.demo_report import write_report
from geoflow_ros.ros.tools.node_process import NODE, node_arguments, node_process
from geoflow_ros.ros.tools.player import BagPlayer, read_inputs

START_TIMEOUT_S = 240.0  # the first start on a machine compiles the network
LAST_ANSWERS_S = 2.0
HEATMAPS_AT = (0.1, 0.35, 0.6, 0.85)  # of the drive; looked at one by one, for drawing costs the node time


def run(drive: Path, out: Path, checkpoint: Path | None, command: Sequence[str] = NODE) -> None:
    """Play a drive folder to a node of its own, write the results to `out`, print a table."""
    description, truth = read_description(drive / "drive.json"), read_tum(drive / "truth.tum")
    messages = read_inputs(drive / "drive", description)
    out.mkdir(parents=True, exist_ok=True)
    os.environ.update(private_environment(str(share_file("config/fastdds_profile.xml"))))
    parameters = {} if checkpoint is None else {"checkpoint": checkpoint}
    with node_process([*command, "--ros-args", *node_arguments(drive, description, parameters)]) as process:
        rclpy.init()
        try:
            listener = _Listener(out)
            player = BagPlayer(listener, messages)
            listener.spin_until(lambda: player.is_connected and listener.is_connected, process, START_TIMEOUT_S)
            player.start()
            waiting = list(HEATMAPS_AT)
            while player.is_playing:
                if waiting and player.progress > waiting[0]:
                    listener.save_next_heatmap(f"heatmap_{round(100 * waiting.pop(0)):02d}.png")
                listener.spin(process)
            end = time.monotonic() + LAST_ANSWERS_S
            while time.monotonic() < end:
                listener.spin(process)
        finally:
            rclpy.try_shutdown()
    if not listener.answers:
        raise InputError(f"the node answered no image; its last reason: {listener.last_reason}")
    heard = (listener.answers, listener.single_answers, listener.said, listener.heatmaps, listener.hypotheses)
    write_report(DemoRun(drive, description, truth, messages, *heard, player.shift_ns), out)


class _Listener(Node):
    """Collects the node's answers."""

    def __init__(self, out: Path) -> None:
        super().__init__("demo")
        self._out = out
        self._heatmap_name = ""
        self._pictured: list[Subscription] = []
        self.answers: list[Answer] = []
        self.single_answers: list[Answer] = []
        self.said: list[tuple[int, str]] = []
        self.heatmaps: dict[int, bytes] = {}
        self.hypotheses: dict[int, NDArray[np.float64]] = {}
        self.last_reason = "none given"
        for topic, answers in (("/pose", self.answers), ("/pose_single_frame", self.single_answers)):
            self.create_subscription(PoseWithCovarianceStamped, topic, partial(_collect, answers), 50)
        self.create_subscription(String, "/state", self._on_state, 50)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, 10)

    @property
    def is_connected(self) -> bool:
        """Whether the node's poses would arrive."""
        return self.count_publishers("/pose") > 0

    def spin(self, process: subprocess.Popen[bytes]) -> None:
        """Serve callbacks; a node that ended early is an InputError."""
        if process.poll() is not None:
            raise InputError(f"the node ended with status {process.returncode}: see its last lines above")
        rclpy.spin_once(self, timeout_sec=0.05)

    def spin_until(self, condition: Callable[[], bool], process: subprocess.Popen[bytes], timeout_s: float) -> None:
        """Serve callbacks until the condition holds."""
        end = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > end:
                raise InputError(f"the node was not found within {timeout_s:g} s: is DDS traffic blocked?")
            self.spin(process)

    def save_next_heatmap(self, name: str) -> None:
        """Subscribe until one heatmap has come, and to hypotheses until then."""
        self._heatmap_name = name
        if not self._pictured:
            self._pictured = [
                self.create_subscription(PointCloud2, "/hypotheses", self._on_hypotheses, 5),
                self.create_subscription(Image, "/heatmap", self._on_heatmap, 1),
            ]

    def _on_hypotheses(self, message: PointCloud2) -> None:
        self.hypotheses[stamp_ns(message.header.stamp)] = hypotheses_of(message)

    def _on_heatmap(self, message: Image) -> None:
        if self._pictured:
            picture = to_rgb(message)
            cv2.imwrite(str(self._out / self._heatmap_name), picture[:, :, ::-1])
            self.heatmaps[stamp_ns(message.header.stamp)] = heatmap_jpeg(picture)
            for each in self._pictured:
                self.destroy_subscription(each)
            self._pictured = []

    def _on_state(self, message: String) -> None:
        self.said.append((time.time_ns(), message.data))

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.level != DiagnosticStatus.OK:
                self.last_reason = status.message


def _collect(answers: list[Answer], message: PoseWithCovarianceStamped) -> None:
    taken_ns, pose = stamp_ns(message.header.stamp), message.pose.pose
    q = pose.orientation
    covariance = np.reshape(message.pose.covariance, (6, 6))[np.ix_([0, 1, 5], [0, 1, 5])]
    yaw = quaternion_yaw(q.x, q.y, q.z, q.w)
    latency_s = (time.time_ns() - taken_ns) * 1e-9
    answers.append(Answer(taken_ns, PlanarPose(pose.position.x, pose.position.y, yaw), covariance, latency_s))
