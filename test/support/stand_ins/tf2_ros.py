"""What is used of tf2_ros, where it is not installed: a transform comes as a TransformStamped on `tf_stand_in`."""

from __future__ import annotations

from typing import Any

from geometry_msgs.msg import TransformStamped
from rclpy.node import Node
from rclpy.time import Time


class TransformException(Exception):  # noqa: N818 - its name there
    """As tf2_ros.TransformException."""


class Buffer:
    """Knows the last transform of every pair of frames."""

    def __init__(self) -> None:
        self.transforms: dict[tuple[str, str], TransformStamped] = {}
        self.clears = 0

    def lookup_transform(self, target_frame: str, source_frame: str, time: Time) -> TransformStamped:
        try:
            return self.transforms[target_frame, source_frame]
        except KeyError:
            raise TransformException(f'"{source_frame}" passed to lookupTransform does not exist.') from None

    def clear(self) -> None:
        """Static transforms, which these are, stay."""
        self.clears += 1


class TransformListener:
    """Fills a buffer."""

    def __init__(self, buffer: Buffer, node: Node) -> None:
        self._node = node
        self._buffer = buffer
        self._subscription: Any = node.create_subscription(TransformStamped, "tf_stand_in", self._on_transform, 10)

    def unregister(self) -> None:
        self._node.destroy_subscription(self._subscription)

    def _on_transform(self, message: TransformStamped) -> None:
        self._buffer.transforms[message.header.frame_id, message.child_frame_id] = message
