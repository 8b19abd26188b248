"""What the node listens to while it is active."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.node import Node

from geoflow_ros.configuration import NodeConfig
from geoflow_ros.ros.endpoints import subscription
from geoflow_ros.ros.pipeline import Pipeline

IMAGES = {"raw": ("image",), "compressed": ("image/compressed",), "any": ("image", "image/compressed")}


class Subscriptions:
    """Callbacks only hand on: whatever takes time is done in the pipeline's worker."""

    def __init__(self, node: Node, config: NodeConfig, pipeline: Pipeline) -> None:
        self._node = node
        session = pipeline.session
        callbacks: dict[str, Callable[[Any], None]] = {
            "camera_info": session.on_camera_info,
            "fix": session.on_fix,
            "imu": session.on_imu,
            "odom": pipeline.on_odom,
            "twist": session.on_twist,
            **{name: pipeline.offer for name in IMAGES[config.image_transport]},
        }
        reliability = config.image_reliability
        self._subscriptions = [subscription(node, name, each, reliability) for name, each in callbacks.items()]

    def close(self) -> None:
        """Listen no more."""
        for each in self._subscriptions:
            self._node.destroy_subscription(each)

    @property
    def warnings(self) -> list[str]:
        """Topics on which more than one publisher talks, which nobody can take for one sensor."""
        counts = {each.topic_name: self._node.count_publishers(each.topic_name) for each in self._subscriptions}
        return [f"{count} publishers on {name}, expected one" for name, count in counts.items() if count > 1]
