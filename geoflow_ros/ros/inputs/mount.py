"""How the camera is mounted, from TF."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
from builtin_interfaces.msg import Time as TimeMessage
from geometry_msgs.msg import Quaternion, Transform
from numpy.typing import NDArray

from geoflow_ros.camera import Mount
from geoflow_ros.errors import InputError
from geoflow_ros.ros.inputs.transforms import Transforms

OPTICAL_FROM_BODY = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])
"""Forward, left, up axes of a camera in its optical frame (REP-103: x right, y down, z forward)."""
STEEPEST_VIEW = 1.5  # rad; beyond, a heading of the viewing direction means nothing


class MountSource(Protocol):
    """Gives the mount of the camera that took an image."""

    def at(self, frame_id: str, stamp: TimeMessage) -> Mount:
        """The mount; InputError with the reason if it is not known."""


class FixedMount:
    """The mount of the parameters."""

    def __init__(self, mount: Mount) -> None:
        self._mount = mount

    def at(self, frame_id: str, stamp: TimeMessage) -> Mount:
        """The mount, whatever the image."""
        return self._mount


class TfMount:
    """The mount at an image's stamp by TF; never a guess where TF does not state it."""

    def __init__(self, transforms: Transforms, base_frame: str, camera_frame: str, base_height: float) -> None:
        """camera_frame: empty takes the image's frame_id. base_height: of base_frame above the ground, metres."""
        transforms.need(
            "camera.from_tf",
            "camera.forward, camera.left, camera.height, camera.roll, camera.pitch and camera.yaw",
        )
        self._transforms = transforms
        self._base_frame = base_frame
        self._camera_frame = camera_frame
        self._base_height = base_height

    def at(self, frame_id: str, stamp: TimeMessage) -> Mount:
        """The mount of the camera with this optical frame; waits a little for TF to reach the stamp."""
        camera = self._frame(frame_id)
        if not camera:
            raise InputError("the image has no frame_id to look up in TF: set it in the driver, or set camera.frame")
        return mount_of(self._transforms.at(self._base_frame, camera, stamp), camera, self._base_height)

    def newest(self, frame_id: str) -> Mount:
        """The newest mount that TF knows, at once; InputError if it knows none."""
        camera = self._frame(frame_id)
        return mount_of(self._transforms.newest(self._base_frame, camera), camera, self._base_height)

    def _frame(self, frame_id: str) -> str:
        """As TF has it, which refuses to look up a slash."""
        return (self._camera_frame or frame_id).lstrip("/")


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
