"""How the camera is mounted, from TF."""

from __future__ import annotations

from typing import Protocol

from builtin_interfaces.msg import Time as TimeMessage

from geoflow_ros.bags.static_transforms import mount_at, pose_of
from geoflow_ros.camera import Mount
from geoflow_ros.errors import InputError
from geoflow_ros.ros.inputs.transforms import Transforms


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
        return mount_at(pose_of(self._transforms.at(self._base_frame, camera, stamp)), camera, self._base_height)

    def newest(self, frame_id: str) -> Mount:
        """The newest mount that TF knows, at once; InputError if it knows none."""
        camera = self._frame(frame_id)
        return mount_at(pose_of(self._transforms.newest(self._base_frame, camera)), camera, self._base_height)

    def _frame(self, frame_id: str) -> str:
        """As TF has it, which refuses to look up a slash."""
        return (self._camera_frame or frame_id).lstrip("/")
