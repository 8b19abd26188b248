"""What TF says of where cameras and sensors are, whoever decoded the messages: rclpy or a bag reader."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.bags.reading import Damage, read_messages
from geoflow_ros.camera import HIGHEST_M, LOWEST_M, Mount, angles_of
from geoflow_ros.errors import InputError

if TYPE_CHECKING:
    from rosbags.highlevel import AnyReader

Pose = NDArray[np.float64]
"""(4, 4), of a frame in another: homogeneous, metres."""
TF_STATIC, TF_MESSAGE = "tf_static", "tf2_msgs/msg/TFMessage"
OPTICAL_FROM_BODY = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])
"""Forward, left, up axes of a camera in its optical frame (REP-103: x right, y down, z forward)."""
OF_CAMERA = "give the mount as numbers, or set camera.frame or base_frame"
STEEPEST_VIEW = 1.5  # rad; beyond, a heading of the viewing direction means nothing


class StaticTransforms:
    """The transforms that a bag tells once and for all, by the frame that each of them is of.

    One that is none, as of a sensor that nobody asks for, is refused only where the way leads over it.
    """

    def __init__(self, reader: AnyReader) -> None:
        self._parents: dict[str, tuple[str, Any]] = {}
        is_static = (each for each in reader.connections if each.topic.split("/")[-1] == TF_STATIC)
        connections = [each for each in is_static if each.msgtype == TF_MESSAGE]
        for _, _, message in read_messages(reader, connections, Damage()):
            for each in message.transforms:
                self._parents[_plain(each.child_frame_id)] = _plain(each.header.frame_id), each.transform

    def pose(self, frame: str, base: str, instead: str = OF_CAMERA) -> Pose:
        """Of a frame in the base frame; InputError where the bag does not connect them. instead: what to do then."""
        frame, base = _plain(frame), _plain(base)
        of_base = dict(self._upwards(base))
        for ancestor, pose in self._upwards(frame):
            if ancestor in of_base:
                return np.asarray(np.linalg.inv(of_base[ancestor]) @ pose)
        if not self._parents:
            raise InputError(f"the bag has no /tf_static: record it, or {instead}")
        known = sorted({*self._parents, *(parent for parent, _ in self._parents.values())})
        raise InputError(
            f"the bag's /tf_static has no transform from {frame or 'a message without frame_id'} to {base}, its frames "
            f"are {', '.join(known)}: {instead}"
        )

    def _upwards(self, frame: str) -> Iterator[tuple[str, Pose]]:
        """The frame and all above it, each with the pose of the first in it."""
        pose, seen = np.eye(4), set[str]()
        while frame not in seen:
            yield frame, pose
            seen.add(frame)
            if frame in self._parents:
                child, (frame, transform) = frame, self._parents[frame]
                try:
                    pose = pose_of(transform) @ pose
                except InputError as error:
                    raise InputError(f"/tf_static from {frame} to {child}: {error}") from error


def mount_at(pose: Pose, camera: str, base_height: float) -> Mount:
    """The mount of an optical frame with this pose in the base frame, which is `base_height` (m) above the ground."""
    roll, pitch, yaw = angles_of(pose[:3, :3] @ OPTICAL_FROM_BODY)
    if abs(pitch) > STEEPEST_VIEW:
        raise InputError(
            f"frame {camera} looks {math.degrees(abs(pitch)):.0f} deg {'down' if pitch > 0.0 else 'up'}: images carry "
            "the name of an optical frame (z forward, REP-103): set the driver's frame_id, or camera.frame"
        )
    forward, left, up = pose[:3, 3].tolist()
    if not LOWEST_M <= up + base_height <= HIGHEST_M:
        raise InputError(
            f"frame {camera} is {forward:g} m ahead, {left:g} m left and {up:g} m above the base frame by TF, and at a "
            f"height {up + base_height:g} m above the ground, expected {LOWEST_M:g} to {HIGHEST_M:g} m: is it "
            "in metres, from the base to the camera, and camera.base_height how high the base frame is?"
        )
    return Mount(forward, left, up + base_height, roll, pitch, yaw)


def twin_complaint(frame_id: str, camera: str, other: str) -> str:
    """What is wrong with the frame of a camera's images, which those of another camera of the rig carry, too."""
    return (
        f"its images carry frame_id {frame_id!r}, as those of camera {other} do: set the driver's frame_id, or "
        f"camera.{camera}.frame"
    )


def pose_of(transform: Any) -> Pose:
    """The pose that a geometry_msgs/Transform states."""
    pose, place = np.eye(4), transform.translation
    pose[:3, :3], pose[:3, 3] = rotation_matrix(transform.rotation), (place.x, place.y, place.z)
    return pose


def rotation_matrix(q: Any) -> NDArray[np.float64]:
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


def _plain(frame: str) -> str:
    """As TF has it: without the slash that older drivers put before it."""
    return frame.lstrip("/")
