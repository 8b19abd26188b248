"""What a node listens to, found in the ROS graph by type: its topics may have any name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.node import Node
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import NavSatFix

from geoflow_ros.ros.interfaces import COMPRESSED, IMAGE

FIX = "sensor_msgs/msg/NavSatFix"
BEST_EFFORT = QoSProfile(depth=5, reliability=ReliabilityPolicy.BEST_EFFORT)
"""Hears every publisher, and holds none up."""


class NodeInputs:
    """Where the node of a name gets fixes and images from."""

    def __init__(self, own: Node, name: str, on_fix: Callable[[NavSatFix], None]) -> None:
        self._own = own
        namespace, _, self._base_name = name.rpartition("/")
        self._namespace = namespace or "/"
        self._on_fix = on_fix
        self._fix: Any = None
        self.images: dict[str, str] = {}

    def find(self) -> None:
        """Look, and listen to the fixes. images: type by topic of every camera that publishes, compressed if it can."""
        topics = self._topics()
        fix = next((name for name, kind in topics if kind == FIX), None)
        if fix is not None and (self._fix is None or self._fix.topic_name != fix):
            if self._fix is not None:
                self._own.destroy_subscription(self._fix)
            self._fix = self._own.create_subscription(NavSatFix, fix, self._on_fix, BEST_EFFORT)
        images = {name: kind for name, kind in sorted(topics) if kind in (IMAGE, COMPRESSED)}
        there = {name: kind for name, kind in images.items() if self._own.count_publishers(name)}
        self.images = {name: kind for name, kind in there.items() if f"{name}/compressed" not in there}

    def _topics(self) -> list[tuple[str, str]]:
        """Name and type of what the node subscribes to; nothing while there is no such node."""
        try:
            found = self._own.get_subscriber_names_and_types_by_node(self._base_name, self._namespace)
        except rclpy_implementation.NodeNameNonExistentError:
            return []
        return [(name, kinds[0]) for name, kinds in found]
