"""The topics the node publishes its answers on."""

from __future__ import annotations

import math
import threading
import time

from builtin_interfaces.msg import Time
from rclpy.node import Node
from std_msgs.msg import Header, String

from geoflow_ros.geodesy import LocalFrame
from geoflow_ros.localization.pose import PoseEstimate, PoseWithCovariance
from geoflow_ros.reports.heatmap import draw_heatmap
from geoflow_ros.reports.page_data import NUMBER
from geoflow_ros.ros import conversions
from geoflow_ros.ros.endpoints import publisher
from geoflow_ros.tracking.answer import Answer
from geoflow_ros.tracking.prior import Fix

TOPICS = ("pose", "pose_single_frame", "pose_fix", "state", "hypotheses", "heatmap")
RENUMBERED_S = 1.0
"""How often `state` may change for numbers in its reason alone: they differ with every image."""


class Outputs:
    """Publishers of what an image came to, all with the image's stamp."""

    def __init__(self, node: Node, map_frame: str, base_frame: str) -> None:
        self._node = node
        self._map_frame = map_frame
        self._base_frame = base_frame
        self._publishers = {name: publisher(node, name) for name in TOPICS}
        self._state, self._words, self._stated_s = "", "", -math.inf
        self._state_lock = threading.Lock()

    def close(self) -> None:
        """Take the topics back."""
        for each in self._publishers.values():
            self._node.destroy_publisher(each)

    def publish_pose(self, pose: PoseWithCovariance, stamp: Time, frame: LocalFrame, fix: Fix | None) -> None:
        """Publish the pose, and in WGS84 at the height of `fix` if someone listens."""
        header = Header(stamp=stamp, frame_id=self._map_frame)
        self._publishers["pose"].publish(conversions.pose_message(pose, header))
        if fix is not None and self._is_heard("pose_fix"):
            in_base = Header(stamp=stamp, frame_id=self._base_frame)
            self._publishers["pose_fix"].publish(conversions.fix_message(pose, frame, fix, in_base))

    def publish_single(self, estimate: PoseEstimate, stamp: Time) -> None:
        """Publish what the image alone said, and its hypotheses, each if someone listens."""
        header = Header(stamp=stamp, frame_id=self._map_frame)
        if self._is_heard("pose_single_frame"):
            self._publishers["pose_single_frame"].publish(conversions.pose_message(estimate, header))
        if self._is_heard("hypotheses"):
            self._publishers["hypotheses"].publish(conversions.hypotheses_message(estimate, header))

    def publish_heatmap(self, answer: Answer, stamp: Time) -> None:
        """Draw and publish the heatmap if someone looks at it."""
        if not self._is_heard("heatmap"):
            return
        estimate, prior = answer.shown(), answer.prior
        if estimate is not None and prior is not None:
            header = Header(stamp=stamp, frame_id=self._map_frame)
            self._publishers["heatmap"].publish(conversions.image_message(draw_heatmap(estimate, prior), header))

    def _is_heard(self, topic: str) -> bool:
        return bool(self._publishers[topic].get_subscription_count())

    @property
    def state_name(self) -> str:
        """The state that was published last, without its reason."""
        return self._state.partition(":")[0]

    def publish_state(self, name: str, reason: str) -> None:
        """Publish the state if it is another one, of which only numbers changed once in `RENUMBERED_S`.

        What a late subscriber gets is the last, but for its numbers.
        """
        state = f"{name}: {reason}" if reason else name
        words, now_s = NUMBER.sub("", state), time.monotonic()
        with self._state_lock:
            if words != self._words or (state != self._state and now_s - self._stated_s >= RENUMBERED_S):
                self._state, self._words, self._stated_s = state, words, now_s
                self._publishers["state"].publish(String(data=state))
