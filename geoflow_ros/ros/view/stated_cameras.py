"""What a node's parameters say of its cameras, as far as a picture of them needs it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rcl_interfaces.msg import ParameterValue

from geoflow_ros.camera_mask import CameraMask, read_mask
from geoflow_ros.errors import InputError
from geoflow_ros.ros.interfaces import topics_fact

OF_CAMERA = ("delay", "mask")


@dataclass(frozen=True, slots=True)
class StatedCamera:
    """delay: by how much images are stamped late (s). mask: where they show the world, None if everywhere or unread."""

    delay: float = 0.0
    mask: CameraMask | None = None


def rig_of(cameras: ParameterValue) -> list[str]:
    """The names in the parameter `cameras`, of which ROS has no empty list but [""]."""
    return [name for name in cameras.string_array_value if name]


def parameters_of(cameras: Sequence[str]) -> list[str]:
    """Names of the parameters that `stated` reads: of the cameras of a rig, or of the one that has no name."""
    groups = [f"camera.{name}" for name in cameras] or ["camera"]
    return [f"{group}.{name}" for group in groups for name in OF_CAMERA]


def stated(cameras: Sequence[str], values: Sequence[ParameterValue]) -> dict[str, StatedCamera]:
    """By name, "" of the one that has none, from the values of `parameters_of`."""
    names, pairs = list(cameras) or [""], zip(values[::2], values[1::2], strict=True)
    return {
        name: StatedCamera(delay.double_value, _mask(mask.string_value))
        for name, (delay, mask) in zip(names, pairs, strict=True)
    }


def of_topic(cameras: Mapping[str, StatedCamera], facts: Mapping[str, str], topic: str) -> StatedCamera:
    """The camera that listens to a topic, which may have any name. facts: the node's diagnostics, which say so."""
    hearing = [camera for name, camera in cameras.items() if topic in facts.get(topics_fact(name), "").split()]
    return hearing[0] if hearing else StatedCamera()


def _mask(path: str) -> CameraMask | None:
    """Whoever looks from another machine, where the file is not, sees the images as they are."""
    try:
        return read_mask(Path(path)) if path else None
    except InputError:
        return None
