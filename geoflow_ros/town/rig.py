"""The cameras of a town's car: one ahead, or a ring of them."""

from __future__ import annotations

import math
from dataclasses import replace

from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.errors import InputError
from geoflow_ros.planar import wrap_angle
from geoflow_ros.tracking.cameras import ONE

CAMERA = CameraModel(640, 192, 368.0, 368.0, 320.0, 96.0, Mount(forward=1.08, height=1.65))
"""82 degrees wide; base_link is on the ground under the rear axle."""
RING_M = 0.7  # radius of the ring, whose foremost point is where the only camera is
APART_S = 0.012
"""From one camera's image to the next one's: nothing triggers them together."""
NAMES = {
    1: (ONE,),
    2: ("front", "rear"),
    4: ("front", "left", "rear", "right"),
    6: ("front", "front_left", "rear_left", "rear", "rear_right", "front_right"),
}


def rig(count: int) -> dict[str, CameraModel]:
    """As many cameras by name, counter-clockwise from the front; one alone has no name."""
    if count not in NAMES:
        raise InputError(f"--cameras {count} is no rig of the town's: expected {', '.join(map(str, NAMES))}")
    return {name: _camera(2 * math.pi * index / count) for index, name in enumerate(NAMES[count])}


def _camera(yaw: float) -> CameraModel:
    stated = CAMERA.mount
    forward, left = stated.forward - RING_M * (1.0 - math.cos(yaw)), RING_M * math.sin(yaw)
    return replace(CAMERA, mount=replace(stated, forward=forward, left=left, yaw=wrap_angle(yaw)))
