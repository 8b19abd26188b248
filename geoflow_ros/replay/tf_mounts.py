"""Mounts of the cameras for which a replay is told to take them from TF, by the static transforms of its bag."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from geoflow_ros.bags.reading import Damage, open_bag, read_messages
from geoflow_ros.bags.static_transforms import StaticTransforms, mount_at, twin_complaint
from geoflow_ros.bags.topics import roles_of, topics_in
from geoflow_ros.camera import Mount
from geoflow_ros.errors import InputError
from geoflow_ros.tracking.settings import MOUNT

TfMount = Callable[[str, str, str, float], Mount]
"""Of a camera's name, the base frame, the camera's frame (empty: that of its images), the base's height (m)."""


def mounts_in(bag: Path, chosen: Mapping[str, str], cameras: tuple[str, ...]) -> TfMount:
    """Looks mounts up in the bag. chosen: topics by role. cameras: names of a rig's, each with a frame of its own."""
    carried: dict[str, str] = {}  # frames of images, and whose they are

    def mount(camera: str, base_frame: str, frame: str, base_height: float) -> Mount:
        with open_bag(bag) as reader:
            roles = roles_of(topics_in(reader), chosen, cameras, uncalibrated=cameras or ("",))
            role = f"{camera}/image" if camera else "image"
            images = [each for each in reader.connections if roles.get(each.topic) == role]
            first = None if frame else next(read_messages(reader, images, Damage()), None)
            if first is not None:
                frame = str(first[2].header.frame_id)
                if (other := carried.setdefault(frame, camera)) != camera:
                    raise InputError(f"camera {camera}: {twin_complaint(frame, camera, other)}")
            return mount_at(StaticTransforms(reader).pose(frame, base_frame), frame, base_height)

    return mount


def mounts_of_tf(given: Mapping[str, Any], cameras: tuple[str, ...], tf_mount: TfMount) -> dict[str, Any]:
    """Parameters of the mounts that are to come from TF and are nowhere stated as numbers.

    given: parameters, those of `camera.` for all cameras of a rig.
    """
    mounts: dict[str, Any] = {}
    for name in cameras or ("",):
        group = f"camera.{name}" if name else "camera"

        def told(key: str, default: Any, group: str = group) -> Any:
            return given.get(f"{group}.{key}", given.get(f"camera.{key}", default))

        if told("from_tf", False) is True and not any(told(number, None) is not None for number in MOUNT):
            base = str(given.get("base_frame", "base_link"))
            mount = tf_mount(name, base, str(told("frame", "")), float(told("base_height", 0.0)))
            mounts |= {f"{group}.{key}": value for key, value in asdict(mount).items()}
    return mounts
