"""Which frame a sensor's message is about, and where that frame is on the vehicle."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.errors import InputError
from geoflow_ros.planar import PlanarPose, rotate
from geoflow_ros.tracking.motion import BodyVelocity
from geoflow_ros.tracking.settings import OdometryConfig

SAME_IN_THE_PLANE = ("base_link", "base_footprint")
"""REP-105 and REP-120: the second is the first, put down on the ground."""


@dataclass(frozen=True, slots=True)
class SensorMount:
    """A sensor's frame in base_link: metres forward, left and up, radians counter-clockwise."""

    forward: float = 0.0
    left: float = 0.0
    up: float = 0.0
    yaw: float = 0.0

    @property
    def planar(self) -> PlanarPose:
        """Without the height."""
        return PlanarPose(self.forward, self.left, self.yaw)


STEEPEST = math.radians(30.0)  # of a sensor's z axis: beyond, its yaw is not that of a level frame


def sensor_at(pose: NDArray[np.float64], frame_id: str) -> SensorMount:
    """The mount of a frame with this pose (4, 4) in the base frame; InputError if it does not stand upright."""
    tilt = math.acos(float(np.clip(pose[2, 2], -1.0, 1.0)))
    if tilt > STEEPEST:
        raise InputError(
            f"frame {frame_id} is tilted by {math.degrees(tilt):.0f} deg in the base frame: velocities in the plane "
            "and a rate of turn about up cannot be told from it"
        )
    forward, left, up = pose[:3, 3].tolist()
    return SensorMount(forward, left, up, math.atan2(float(pose[1, 0]), float(pose[0, 0])))


Lookup = Callable[[str], SensorMount]
"""Where a frame is, by its name; InputError if that is not known (yet)."""


class SensorFrames:
    """Frames by parameters or by a lookup, which is asked anew for every message; the base frame needs neither."""

    def __init__(self, base_frame: str, odometry: OdometryConfig) -> None:
        self.lookup: Lookup | None = None
        self._base_frame = base_frame
        self._stated: dict[str, SensorMount] = {}
        if odometry.child_frame:
            mount = SensorMount(odometry.forward, odometry.left, 0.0, odometry.yaw)
            self._stated[odometry.child_frame.strip("/")] = mount

    def find(self, frame_id: str) -> SensorMount | None:
        """Where a frame is; None where nothing but the name is known, InputError where the lookup should know."""
        name = frame_id.strip("/")
        if name in self._stated or not name or self.lookup is None:
            return self._stated.get(name)
        return self.lookup(name)

    def of_velocity(self, frame_id: str, what: str) -> PlanarPose:
        """Where the frame of a velocity is in base_link; InputError if no one told. what: the message and the field."""
        if not frame_id or self._is_base(frame_id):
            return PlanarPose()
        if (mount := self.find(frame_id)) is not None:
            return mount.planar
        raise InputError(
            f"{what} is {frame_id!r}, expected {self._base_frame!r}: a velocity in other axes is not used; set it in "
            f"the driver, or, if the frame is fixed on the vehicle, set odometry.child_frame to {frame_id!r} and "
            "odometry.forward, odometry.left and odometry.yaw to where it is, or sensors_from_tf"
        )

    def _is_base(self, frame_id: str) -> bool:
        name, base = frame_id.split("/")[-1], self._base_frame.split("/")[-1]
        return name == base or (name in SAME_IN_THE_PLANE and base in SAME_IN_THE_PLANE)


def velocity_of_base(velocity: BodyVelocity, sensor: PlanarPose) -> BodyVelocity:
    """The velocity of base_link from that of a frame at `sensor` on it: the lever arm turns with the vehicle."""
    forward, left = rotate(sensor.yaw, (velocity.forward, velocity.left)).tolist()
    rate = velocity.yaw_rate
    return replace(velocity, forward=forward + rate * sensor.y, left=left - rate * sensor.x)
