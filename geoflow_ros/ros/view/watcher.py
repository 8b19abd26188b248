"""Listens to what a node publishes, and to what it listens to, for the page that shows it."""

from __future__ import annotations

import math
import time
from collections.abc import Callable

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseWithCovarianceStamped
from rclpy.clock import Clock, ClockType  # type: ignore[attr-defined] # where every distribution has it
from rclpy.node import Node
from sensor_msgs.msg import NavSatFix
from std_msgs.msg import String

from geoflow_ros.bags.messages import quaternion_yaw, stamp_ns
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import Datum
from geoflow_ros.localization.pose import PoseWithCovariance
from geoflow_ros.ros.endpoints import subscription
from geoflow_ros.ros.view.node_inputs import NodeInputs
from geoflow_ros.ros.view.picture_watch import PictureWatch
from geoflow_ros.ros.view.stated_cameras import StatedCamera
from geoflow_ros.view.live_drive import UNKNOWN, LiveDrive, Moment

MIN_APART_S = 0.045
"""Poses that come closer than this are not all shown."""
SILENT_S = 3.0
LONGEST_LATENCY_MS = 60e3
"""A larger one is a difference of clocks."""


class Watcher:
    """Fills a drive with what comes from the node of a name; runs in the thread that spins `own`."""

    def __init__(
        self,
        own: Node,
        name: str,
        drive: LiveDrive,
        is_watched: Callable[[], bool],
        camera: Callable[[str], StatedCamera],
    ) -> None:
        """is_watched: whether a page is open: without one no image is asked for. camera: stated of that of a topic."""
        self._own, self._name, self._drive = own, name, drive
        self._single: tuple[int, PoseWithCovariance] | None = None
        self._prior: PoseWithCovariance | None = None
        self._begun_s = self._moment_s = time.monotonic()
        self._heard_s = self._pose_s = -math.inf
        for topic, callback in (
            ("pose", self._on_pose), ("pose_single_frame", self._on_single), ("state", self._on_state),
            ("/diagnostics", self._on_diagnostics),
        ):  # fmt: skip
            subscription(own, topic, callback, "reliable")
        self._inputs = NodeInputs(own, name, self._on_fix)
        self._pictures = PictureWatch(own, self._inputs, drive, is_watched, camera)
        own.create_timer(1.0, self._look_around, clock=Clock(clock_type=ClockType.STEADY_TIME))

    @property
    def is_heard(self) -> bool:
        """Whether the node says anything of itself."""
        return time.monotonic() - self._heard_s < SILENT_S

    def _on_pose(self, message: PoseWithCovarianceStamped) -> None:
        now_s, taken_ns = time.monotonic(), stamp_ns(message.header.stamp)
        self._pose_s = now_s
        if now_s - self._moment_s < MIN_APART_S:
            return
        latency_ms = (self._own.get_clock().now().nanoseconds - taken_ns) * 1e-6
        is_of_one_clock = 0.0 <= latency_ms <= LONGEST_LATENCY_MS
        single = self._single[1] if self._single is not None and self._single[0] == taken_ns else None
        self._add(taken_ns, latency_ms if is_of_one_clock else math.nan, _pose_of(message), single)

    def _add(
        self,
        taken_ns: int = 0,
        latency_ms: float = math.nan,
        fused: PoseWithCovariance | None = None,
        single: PoseWithCovariance | None = None,
    ) -> None:
        self._moment_s = time.monotonic()
        state, reason, at_s = self._drive.status.state, self._drive.status.reason, self._drive.seconds
        self._drive.add(Moment(at_s, taken_ns, state, reason, latency_ms, fused, single, self._prior))

    def _on_single(self, message: PoseWithCovarianceStamped) -> None:
        self._single = (stamp_ns(message.header.stamp), _pose_of(message))

    def _on_state(self, message: String) -> None:
        state, _, reason = message.data.partition(": ")
        self._drive.set_status(state=state, reason=reason)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.name == f"{self._name.lstrip('/')}: localisation":
                self._heard_s = time.monotonic()
                facts = {each.key: each.value for each in status.values}
                self._drive.set_status(facts={"says": status.message, **facts})
                datum = _datum_of(facts.get("datum", ""))
                if datum is not None:
                    self._drive.set_datum(datum)

    def _on_fix(self, message: NavSatFix) -> None:
        frame = self._drive.frame
        if frame is None or not (abs(message.latitude) <= 90.0 and abs(message.longitude) <= 180.0):
            return
        east, north, _ = frame.to_enu(message.latitude, message.longitude).tolist()
        covariance = np.full((3, 3), np.nan)
        if message.position_covariance_type != NavSatFix.COVARIANCE_TYPE_UNKNOWN:
            covariance[:2, :2] = np.reshape(message.position_covariance, (3, 3))[:2, :2]
        self._prior = PoseWithCovariance(east, north, math.nan, covariance)
        self._drive.add_fix(east, north)

    def _look_around(self) -> None:
        """Once a second, whatever comes: what is there, and what is not."""
        self._inputs.find()
        self._pictures.watch()
        self._drive.set_status(notice=self._notice())
        if self.is_heard and time.monotonic() - self._moment_s > 1.0:
            self._add()

    def _notice(self) -> str:
        now_s, topic = time.monotonic(), self._own.resolve_topic_name("pose")
        if not self.is_heard:
            since_s = now_s - max(self._heard_s, self._begun_s)
            return (
                f"no node heard: nothing of {self._name} on /diagnostics since {since_s:.0f} s; is it running, with "
                "the ROS_DOMAIN_ID of this view?"
            )
        silence_s = now_s - max(self._pose_s, self._begun_s)
        if silence_s < SILENT_S:
            return ""
        return f"no pose heard on {topic} since {silence_s:.0f} s: {self._said()}"

    def _said(self) -> str:
        """What the node says of itself: while it still reads its network it has no state, but diagnostics."""
        status = self._drive.status
        if status.state == UNKNOWN:
            return status.facts.get("says", "") or "no state heard yet"
        return f"{status.state}, {status.reason or 'no reason given'}"


def _pose_of(message: PoseWithCovarianceStamped) -> PoseWithCovariance:
    position, q = message.pose.pose.position, message.pose.pose.orientation
    covariance = np.reshape(message.pose.covariance, (6, 6))[np.ix_([0, 1, 5], [0, 1, 5])]
    return PoseWithCovariance(position.x, position.y, quaternion_yaw(q.x, q.y, q.z, q.w), covariance)


def _datum_of(text: str) -> Datum | None:
    """As the node writes it into its diagnostics; None for what is none."""
    try:
        return Datum(*map(float, text.split()))
    except (ValueError, TypeError, InputError):
        return None
