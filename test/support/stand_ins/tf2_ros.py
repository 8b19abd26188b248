"""What is used of tf2_ros, where it is not installed: a transform comes as a TransformStamped on `tf_stand_in`.

Signatures and exceptions are those of tf2_ros_py and tf2_py 0.36 (github.com/ros2/geometry2, branch jazzy). A stamp of
zero stands for `/tf_static`; others are known from the first to the last that came, and not interpolated. As
there, what is older than the newest by `KEPT_NS` is not taken.
"""

from __future__ import annotations

from typing import Any

from geometry_msgs.msg import TransformStamped
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.time import Time

KEPT_NS = 10 * 10**9


class TransformException(Exception):  # noqa: N818 - its name there
    """As tf2_ros.TransformException."""


class LookupException(TransformException):
    """As tf2_ros.LookupException: the frame is not known."""


class ExtrapolationException(TransformException):
    """As tf2_ros.ExtrapolationException: nothing is known of that time."""


class Buffer:
    """Knows static transforms, and the others by their stamps."""

    def __init__(self, cache_time: Duration | None = None, node: Node | None = None) -> None:
        self.transforms: dict[tuple[str, str], TransformStamped] = {}
        self._moving: dict[tuple[str, str], dict[int, TransformStamped]] = {}
        self.clears = 0

    def set_transform(self, transform: TransformStamped, authority: str) -> None:
        key = (transform.header.frame_id, transform.child_frame_id)
        if stamp := Time.from_msg(transform.header.stamp).nanoseconds:
            known = {**self._moving.get(key, {}), stamp: transform}
            self._moving[key] = {each: known[each] for each in known if each >= max(known) - KEPT_NS}
        else:
            self.transforms[key] = transform

    def lookup_transform(
        self, target_frame: str, source_frame: str, time: Time, timeout: Duration | None = None
    ) -> TransformStamped:
        key = (target_frame, source_frame)
        if key in self.transforms:
            return self.transforms[key]
        if key not in self._moving:
            raise LookupException(f'"{source_frame}" passed to lookupTransform does not exist.')
        moving = self._moving[key]
        if not time.nanoseconds:  # the newest, as there
            return moving[max(moving)]
        if not min(moving) <= time.nanoseconds <= max(moving):
            raise ExtrapolationException(f"Lookup would require extrapolation, the latest data is at {max(moving)}")
        return moving[min(stamp for stamp in moving if stamp >= time.nanoseconds)]

    def clear(self) -> None:
        """Static transforms stay."""
        self._moving = {}
        self.clears += 1


class TransformListener:
    """Fills a buffer."""

    def __init__(self, buffer: Buffer, node: Node) -> None:
        self._node = node
        self._buffer = buffer
        self._subscription: Any = node.create_subscription(TransformStamped, "tf_stand_in", self._on_transform, 100)

    def unregister(self) -> None:
        self._node.destroy_subscription(self._subscription)

    def _on_transform(self, message: TransformStamped) -> None:
        self._buffer.set_transform(message, "default_authority")
