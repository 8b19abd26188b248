"""What TF says, heard once for all who ask: cameras and sensors."""

from __future__ import annotations

import time
from typing import Any

from builtin_interfaces.msg import Time as TimeMessage
from geometry_msgs.msg import Transform
from rclpy.node import Node
from rclpy.time import Time

from geoflow_ros.errors import InputError

try:
    import tf2_ros
except ImportError:
    tf2_ros = None

PATIENCE_S, POLL_S = 0.15, 0.005
"""How long an image waits for the transform after it: a mount that moves is published at 10 to 100 Hz, and late."""
FORGET_S = 2.0
"""Without a transform, after which what TF keeps is let go: a stamp of far ahead keeps out all that comes after it."""


class Transforms:
    """One buffer and one listener, from when someone needs them first; thread-safe but for `at`."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._buffer: Any = None
        self._listener: Any = None
        self._failing_since_s: dict[str, float] = {}

    def need(self, parameter: str, others: str) -> None:
        """Begin to listen; an InputError where tf2_ros is missing. others: parameters that do without it."""
        if tf2_ros is None:
            raise InputError(f"{parameter} needs tf2_ros, which is not installed: install it, or give {others} instead")
        if self._listener is None:
            # without the node: its own handler of clock jumps raises in some releases, and would end the node
            self._buffer = tf2_ros.Buffer()
            self._listener = tf2_ros.TransformListener(self._buffer, self._node)

    def at(self, base: str, frame: str, stamp: TimeMessage) -> Transform:
        """The pose of a frame in another at a stamp, for which it waits `PATIENCE_S` at most; else an InputError."""
        try:
            found = self._waited_for(base, frame, Time.from_msg(stamp))
        except tf2_ros.TransformException as error:
            self._fail(base, frame, stamp)
            raise InputError(f"no transform from {frame} to {base} at the image stamp: {error}") from error
        self._failing_since_s.pop(frame, None)
        return found.transform

    def newest(self, base: str, frame: str) -> Transform:
        """The newest pose of a frame in another that TF knows, at once; InputError if it knows none."""
        try:
            return self._buffer.lookup_transform(base, frame, Time()).transform
        except tf2_ros.TransformException as error:
            raise InputError(f"no transform from {frame} to {base}: {error}") from error

    def clear(self) -> None:
        """Forget what came before a jump of the clock; static transforms stay."""
        if self._buffer is not None:
            self._buffer.clear()

    def close(self) -> None:
        """Listen no more."""
        if self._listener is not None:
            self._listener.unregister()

    def _waited_for(self, base: str, frame: str, stamp: Time) -> Any:
        """The transform, for which the buffer's own timeout would wait by a clock that may be simulated, or stand."""
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                return self._buffer.lookup_transform(base, frame, stamp)
            except tf2_ros.ExtrapolationException:  # TF is not that far yet
                if time.monotonic() > until:
                    raise
            time.sleep(POLL_S)

    def _fail(self, base: str, frame: str, stamp: TimeMessage) -> None:
        """Begin anew with what comes, if TF has been ahead for long: others ask, too, and lose what was kept."""
        now_s = time.monotonic()
        if now_s - self._failing_since_s.setdefault(frame, now_s) > FORGET_S and self._is_ahead(base, frame, stamp):
            self._buffer.clear()
            del self._failing_since_s[frame]

    def _is_ahead(self, base: str, frame: str, stamp: TimeMessage) -> bool:
        """Whether the newest that TF knows of a frame is later than a stamp."""
        try:
            newest = self._buffer.lookup_transform(base, frame, Time()).header.stamp
        except tf2_ros.TransformException:
            return False
        return bool(Time.from_msg(newest) > Time.from_msg(stamp))


def has_tf() -> bool:
    """Whether TF can be listened to here."""
    return tf2_ros is not None
