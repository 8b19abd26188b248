"""How the camera is mounted, from TF."""

from __future__ import annotations

import math
import time
from typing import Any, Protocol

import numpy as np
from builtin_interfaces.msg import Time as TimeMessage
from geometry_msgs.msg import Quaternion, Transform
from numpy.typing import NDArray
from rclpy.node import Node
from rclpy.time import Time

from geoflow_ros.camera import Mount
from geoflow_ros.errors import InputError

try:
    import tf2_ros
except ImportError:
    tf2_ros = None

OPTICAL_FROM_BODY = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])
"""Forward, left, up axes of a camera in its optical frame (REP-103: x right, y down, z forward)."""
PATIENCE_S, POLL_S = 0.15, 0.005
"""How long an image waits for the transform after it: a mount that moves is published at 10 to 100 Hz, and late."""
FORGET_S = 2.0
"""Without a transform, after which what TF keeps is let go: a stamp of far ahead keeps out all that comes after it."""
STEEPEST_VIEW = 1.5  # rad; beyond, a heading of the viewing direction means nothing


class MountSource(Protocol):
    """Gives the mount of the camera that took an image."""

    def at(self, frame_id: str, stamp: TimeMessage) -> Mount:
        """The mount; InputError with the reason if it is not known."""

    def clear(self) -> None:
        """Forget what came before a jump of the clock."""

    def close(self) -> None:
        """Listen no more."""


class FixedMount:
    """The mount of the parameters."""

    def __init__(self, mount: Mount) -> None:
        self._mount = mount

    def at(self, frame_id: str, stamp: TimeMessage) -> Mount:
        """The mount, whatever the image."""
        return self._mount

    def clear(self) -> None:
        """Nothing to forget."""

    def close(self) -> None:
        """Nothing to end."""


class TfMount:
    """The mount at an image's stamp by tf2_ros; never a guess where TF does not state it."""

    def __init__(self, node: Node, base_frame: str, camera_frame: str, base_height: float) -> None:
        """camera_frame: empty takes the image's frame_id. base_height: of base_frame above the ground, metres."""
        if tf2_ros is None:
            raise InputError(
                "camera.from_tf needs tf2_ros, which is not installed: install it, or give camera.forward, "
                "camera.left, camera.height, camera.roll, camera.pitch and camera.yaw instead"
            )
        self._base_frame = base_frame
        self._camera_frame = camera_frame
        self._base_height = base_height
        self._failing_since_s: float | None = None
        # without the node: its own handler of clock jumps raises in some releases, and would end the node
        self._buffer = tf2_ros.Buffer()
        self._listener = tf2_ros.TransformListener(self._buffer, node)

    def at(self, frame_id: str, stamp: TimeMessage) -> Mount:
        """The mount of the camera with this optical frame; waits `PATIENCE_S` at most for TF to reach the stamp."""
        camera = (self._camera_frame or frame_id).lstrip("/")  # as TF has it, which refuses to look up a slash
        if not camera:
            raise InputError("the image has no frame_id to look up in TF: set it in the driver, or set camera.frame")
        try:
            found = self._lookup(camera, Time.from_msg(stamp))
        except tf2_ros.TransformException as error:
            self._fail()
            raise InputError(f"no transform from {camera} to {self._base_frame} at the image stamp: {error}") from error
        self._failing_since_s = None
        return mount_of(found.transform, camera, self._base_height)

    def newest(self, frame_id: str) -> Mount:
        """The newest mount that TF knows, at once; InputError if it knows none."""
        camera = (self._camera_frame or frame_id).lstrip("/")
        try:
            found = self._buffer.lookup_transform(self._base_frame, camera, Time())
        except tf2_ros.TransformException as error:
            raise InputError(f"no transform from {camera} to {self._base_frame}: {error}") from error
        return mount_of(found.transform, camera, self._base_height)

    def _lookup(self, camera: str, stamp: Time) -> Any:
        """The transform, for which the buffer's own timeout would wait by a clock that may be simulated, or stand."""
        until = time.monotonic() + PATIENCE_S
        while True:
            try:
                return self._buffer.lookup_transform(self._base_frame, camera, stamp)
            except tf2_ros.ExtrapolationException:  # TF is not that far yet
                if time.monotonic() > until:
                    raise
            time.sleep(POLL_S)

    def _fail(self) -> None:
        """Begin anew with what comes, if it has gone on for long."""
        now_s = time.monotonic()
        since_s = self._failing_since_s = now_s if self._failing_since_s is None else self._failing_since_s
        if now_s - since_s > FORGET_S:
            self._buffer.clear()
            self._failing_since_s = None

    def clear(self) -> None:
        """Forget what came before a jump of the clock; static transforms stay."""
        self._buffer.clear()

    def close(self) -> None:
        """Listen no more."""
        self._listener.unregister()


def has_tf() -> bool:
    """Whether TF can be listened to here."""
    return tf2_ros is not None


def mount_of(transform: Transform, camera: str, base_height: float) -> Mount:
    """The mount of an optical frame whose pose in the base frame this is."""
    translation = transform.translation
    axes = rotation_matrix(transform.rotation) @ OPTICAL_FROM_BODY
    pitch = -math.asin(float(np.clip(axes[2, 0], -1.0, 1.0)))
    if abs(pitch) > STEEPEST_VIEW:
        raise InputError(
            f"frame {camera} looks {math.degrees(-pitch):.0f} deg up: images carry the name of an optical frame "
            "(z forward, REP-103): set the driver's frame_id, or camera.frame"
        )
    roll = math.atan2(float(axes[2, 1]), float(axes[2, 2]))
    yaw = math.atan2(float(axes[1, 0]), float(axes[0, 0]))
    return Mount(translation.x, translation.y, translation.z + base_height, roll, pitch, yaw)


def rotation_matrix(q: Quaternion) -> NDArray[np.float64]:
    """(3, 3) of a unit quaternion."""
    x, y, z, w = q.x, q.y, q.z, q.w
    if not abs(math.hypot(x, y, z, w) - 1.0) <= 0.01:
        raise InputError(f"transform has rotation ({x}, {y}, {z}, {w}), which is not a unit quaternion")
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
