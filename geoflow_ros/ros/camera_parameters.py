"""Where the camera sits: told by parameters, or looked up in TF; never guessed."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import Any

from geoflow_ros.camera import Mount
from geoflow_ros.errors import InputError
from geoflow_ros.options import option
from geoflow_ros.tracking.settings import CameraConfig

MOUNT = ("forward", "left", "height", "roll", "pitch", "yaw")
_TOLD = {each.name: each.metadata for each in fields(CameraConfig)}


def _unless_from_tf(name: str) -> Any:
    """The option of CameraConfig, which is not required here."""
    return field(default=math.nan, metadata=_TOLD[name])


@dataclass(frozen=True, slots=True)
class MountedCameraConfig:
    """How the camera is mounted on base_link: all six numbers, or `from_tf`."""

    forward: float = _unless_from_tf("forward")
    left: float = _unless_from_tf("left")
    height: float = _unless_from_tf("height")
    roll: float = _unless_from_tf("roll")
    pitch: float = _unless_from_tf("pitch")
    yaw: float = _unless_from_tf("yaw")
    from_tf: bool = option("whether the mount comes from TF, at each image's stamp, instead of the six numbers", False)
    frame: str = option("with from_tf: optical frame of the camera; empty takes the frame_id of the images", "")
    base_height: float = option("with from_tf: of base_link above the ground", 0.0, "m", (-5.0, 20.0))
    rectified: bool = field(default=False, metadata=_TOLD["rectified"])

    def __post_init__(self) -> None:
        given = [name for name in MOUNT if not math.isnan(getattr(self, name))]
        if self.from_tf and given:
            raise InputError(
                f"camera.{given[0]} is given although camera.from_tf is true: take the mount from one of them"
            )
        if missing := [f"camera.{name}" for name in MOUNT if name not in given and not self.from_tf]:
            raise InputError(
                f"required parameter not set: {', '.join(missing)}: give the mount in the parameter file or with "
                "-p NAME:=VALUE, or set camera.from_tf"
            )

    @property
    def mount(self) -> Mount | None:
        """The mount as the localiser takes it; None if TF tells it."""
        if self.from_tf:
            return None
        return Mount(self.forward, self.left, self.height, self.roll, self.pitch, self.yaw)
