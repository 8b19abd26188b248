"""What is made of the cameras' mounts: topics, the picture that checks them, diagnostics, a file."""

from __future__ import annotations

from typing import Any

from builtin_interfaces.msg import Time
from rclpy.node import Node
from rclpy.publisher import Publisher
from std_msgs.msg import Header

from geoflow_ros.configuration import NodeConfig
from geoflow_ros.errors import InputError
from geoflow_ros.localization.pose import PoseEstimate, Rejection
from geoflow_ros.reports.mount_view import draw_mounts
from geoflow_ros.ros import conversions
from geoflow_ros.ros.endpoints import publisher
from geoflow_ros.ros.publishing.mount_keeper import MountKeeper
from geoflow_ros.tracking.answer import Answer
from geoflow_ros.tracking.mount.estimate import CAMERA, STATES, MountEstimate, group_of, in_words
from geoflow_ros.tracking.sensors.image_decoding import Decode
from geoflow_ros.tracking.session import Session

PERIOD_NS = 1_000_000_000
"""Of image time, between two messages on a topic; a picture takes longer than a frame."""
SAVING_PERIOD_S = 60.0


class MountAnnouncer:
    """Topics of each camera, `~/mount` and `~/mount_check`, of a rig `~/NAME/...`; called from one thread."""

    def __init__(self, node: Node, config: NodeConfig, session: Session, decode: Decode) -> None:
        """decode: of image messages."""
        self._node, self._session, self._decode = node, session, decode
        self._base_frame, cameras = config.base_frame, config.camera_setups
        sources = {name: name if each.source is None else each.source for name, each in cameras.items()}
        heights = {name: each.base_height for name, each in config.named_cameras.items()}
        self._base_height = {name or CAMERA: heights[source] for name, source in sources.items()}
        self._keeper = MountKeeper(config.saved_pose, node.get_fully_qualified_name())
        self._mounts = {name or CAMERA: publisher(node, "~/mount", name) for name in cameras}
        self._checks = {name or CAMERA: publisher(node, "~/mount_check", name) for name in cameras}
        self._recalled: set[str] = set()
        self._published_ns: dict[Publisher, int] = {}
        self.recall()

    def close(self) -> None:
        """Take the topics back."""
        for each in (*self._mounts.values(), *self._checks.values()):
            self._node.destroy_publisher(each)

    def recall(self) -> None:
        """Go on from what was kept of each camera whose stated mount is known by now: before its first image is read.

        After it, the track would have begun with the yaw as uncertain as it is stated, and would learn it anew.
        """
        if len(self._recalled) == len(self._mounts):
            return  # as before nearly every image: estimates cost time
        kept: dict[str, MountEstimate] = {}
        for name, prior in self._session.mount_estimates.items():
            if name not in self._recalled:
                self._recalled.add(name)
                try:
                    found = self._keeper.recall(name, prior)
                except InputError as error:
                    self._node.get_logger().warning(str(error))
                else:
                    kept |= {} if found is None else {name: found}
        if kept:
            self._session.recall_mounts(kept)

    def announce(self, message: Any, answer: Answer) -> None:
        """Publish, draw and keep what is believed after an image message was answered, of few images each."""
        name, stamp_ns = answer.camera or CAMERA, answer.stamp_ns
        is_published = self._is_due(self._mounts[name], stamp_ns)
        is_drawn = self._is_due(self._checks[name], stamp_ns) and self._checks[name].get_subscription_count()
        if not (is_published or is_drawn or self._keeper.is_due(stamp_ns)):
            return  # as after nearly every image: estimates cost time
        estimates = self._session.mount_estimates
        if is_published and name in estimates:
            self._publish(name, estimates[name], stamp_ns, message.header.stamp)
        if is_drawn and name in estimates:
            self._draw(message, answer, estimates[name])
        try:
            self._keeper.keep(answer.stamp_ns, estimates)
        except InputError as error:
            self._node.get_logger().warning(str(error), throttle_duration_sec=SAVING_PERIOD_S)

    @property
    def facts(self) -> dict[str, str]:
        """What the diagnostics show of it."""
        return {
            f"{group_of(name)}.{state} by frames": f"{in_words(state, getattr(estimate.mount, state))} +- "
            f"{in_words(state, std)}, stated {in_words(state, getattr(estimate.stated, state))}"
            for name, estimate in self._session.mount_estimates.items()
            for state, std in zip(STATES, estimate.std.tolist(), strict=True)
        }

    def _publish(self, name: str, estimate: MountEstimate, stamp_ns: int, stamp: Time) -> None:
        header, topic = Header(stamp=stamp, frame_id=self._base_frame), self._mounts[name]
        topic.publish(conversions.mount_message(estimate, self._base_height[name], header))
        self._published_ns[topic] = stamp_ns

    def _draw(self, message: Any, answer: Answer, estimate: MountEstimate) -> None:
        """The picture, where there is a pose."""
        single, pose, check = answer.single, answer.track.pose, self._checks[answer.camera or CAMERA]
        camera = self._session.camera(answer.camera)
        if pose is None or not isinstance(single, PoseEstimate) or isinstance(camera, Rejection):
            return
        image, camera = self._decode(message, camera, (camera.width, camera.height))
        drawn = draw_mounts(image, camera, pose.planar, single.patch, estimate.stated, estimate.mount)
        header = Header(stamp=message.header.stamp, frame_id=message.header.frame_id)
        check.publish(conversions.image_message(drawn, header))
        self._published_ns[check] = answer.stamp_ns

    def _is_due(self, topic: Publisher, stamp_ns: int) -> bool:
        return abs(stamp_ns - self._published_ns.get(topic, 0)) >= PERIOD_NS
