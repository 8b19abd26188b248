"""How each camera is mounted: by the parameters or TF, and what is wrong with that."""

from __future__ import annotations

import math
import time

from builtin_interfaces.msg import Time as TimeMessage

from geoflow_ros.bags.static_transforms import twin_complaint
from geoflow_ros.camera import Mount
from geoflow_ros.configuration import NodeConfig
from geoflow_ros.errors import InputError
from geoflow_ros.planar import wrap_angle
from geoflow_ros.ros.inputs.mount import FixedMount, MountSource, TfMount
from geoflow_ros.ros.inputs.transforms import Transforms, has_tf

ALIKE_M, ALIKE_RAD = 0.2, 0.05  # what a mount of the parameters and that of TF may differ by
COMPARE_S = 1.0
ANGLES = ("roll", "pitch", "yaw")


class CameraMounts:
    """Mounts by the name of the camera. In a rig those of the parameters are compared with TF, if it knows them."""

    def __init__(self, transforms: Transforms, config: NodeConfig) -> None:
        self._transforms, self._config = transforms, config
        self._cameras = config.named_cameras
        self._sources = {name: self._source(name) for name in self._cameras}
        fixed = {name for name, source in self._sources.items() if isinstance(source, FixedMount) and name}
        self._tf = {name: self._looked_up(name) for name in fixed} if has_tf() else {}
        self._compare_at_s = dict.fromkeys(self._tf, 0.0)
        self._frame_ids: dict[str, str] = {}
        self._differing: dict[str, str] = {}

    def at(self, camera: str, frame_id: str, stamp: TimeMessage) -> Mount:
        """The mount of a camera whose image has this frame_id; InputError with the reason if it is not known."""
        self._frame_ids[camera] = frame_id
        if self._twin(camera) and self._is_told_by_frame_id(camera):
            raise InputError(self._twin(camera))
        mount = self._sources[camera].at(frame_id, stamp)
        if camera in self._tf and time.monotonic() >= self._compare_at_s[camera]:
            self._compare_at_s[camera] = time.monotonic() + COMPARE_S
            self._compare(camera, frame_id, mount)
        return mount

    @property
    def warnings(self) -> list[str]:
        """By camera, what is suspicious although it is answered."""
        # copies: another thread answers the first image of another camera meanwhile
        twins = {name: self._twin(name) for name in [*self._frame_ids] if not self._is_told_by_frame_id(name)}
        sentences = [*twins.items(), *self._differing.copy().items()]
        return [f"camera {name}: {sentence}" for name, sentence in sentences if sentence]

    def _source(self, name: str) -> MountSource:
        mount = self._cameras[name].mount
        return self._looked_up(name) if mount is None else FixedMount(mount)

    def _looked_up(self, name: str) -> TfMount:
        camera = self._cameras[name]
        return TfMount(self._transforms, self._config.base_frame, camera.frame, camera.base_height)

    def _is_told_by_frame_id(self, camera: str) -> bool:
        return self._cameras[camera].from_tf and not self._cameras[camera].frame

    def _twin(self, camera: str) -> str:
        """What is wrong with the frame_id, if another camera's images carry it."""
        frame_id = self._frame_ids[camera]
        twins = [name for name, other in self._frame_ids.copy().items() if name != camera and other == frame_id]
        return twin_complaint(frame_id, camera, twins[0]) if twins else ""

    def _compare(self, camera: str, frame_id: str, stated: Mount) -> None:
        """With what TF says, if it says anything."""
        try:
            told = self._tf[camera].newest(frame_id)
        except InputError:
            return  # a rig of the parameters needs no TF
        self._differing[camera] = _difference(camera, stated, told)


def _difference(camera: str, stated: Mount, told: Mount) -> str:
    """What the parameters and TF say otherwise of a camera, empty if they are alike; heights are of other origins."""
    apart = math.hypot(stated.forward - told.forward, stated.left - told.left)
    parts = [f"camera.{camera}.forward and left are {apart:.2f} m from where TF has it"] if apart > ALIKE_M else []
    for name in ANGLES:
        mine, other = getattr(stated, name), getattr(told, name)
        if abs(wrap_angle(mine - other)) > ALIKE_RAD:
            parts.append(f"camera.{camera}.{name} is {mine:.2f} rad, but TF says {other:.2f}")
    return "; ".join(parts) + ": correct one of them" if parts else ""
