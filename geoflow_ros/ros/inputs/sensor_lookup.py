"""Where fixes and velocities are measured, from TF."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, replace

from geoflow_ros.bags.static_transforms import pose_of
from geoflow_ros.errors import InputError
from geoflow_ros.planar import wrap_angle
from geoflow_ros.ros.inputs.transforms import Transforms
from geoflow_ros.tracking.sensors.sensor_frames import SensorMount, sensor_at

FARTHEST_M = 30.0  # from base_frame, as in prior.antenna_* and odometry.*
STILL_M, STILL_RAD = 0.2, 0.05  # what a sensor's frame may move by: a suspension, a calibration made anew
AGAIN_S = 0.5


@dataclass(frozen=True, slots=True)
class _Known:
    """A frame as it was found first; refusal: once it has moved. again_s: by the computer's clock, when to look."""

    mount: SensorMount
    again_s: float
    refusal: str = ""


class SensorLookup:
    """Looks up the frames of sensors, which do not move on the vehicle: one that does is none of a sensor.

    Velocities in `odom` or `map`, of which TF tells as well, would else be turned by where the vehicle was at first.
    """

    def __init__(self, transforms: Transforms, base_frame: str) -> None:
        others = "prior.antenna_forward, prior.antenna_left, prior.antenna_up and odometry.*"
        transforms.need("sensors_from_tf", others)
        self._transforms = transforms
        self._base_frame = base_frame
        self._known: dict[str, _Known] = {}

    def at(self, frame_id: str) -> SensorMount:
        """Where a frame is; InputError as long as TF does not tell, and for one that is not fixed on the vehicle."""
        known = self._known.get(frame_id)
        if known is None or time.monotonic() >= known.again_s:
            known = self._known[frame_id] = self._look(frame_id, known)
        if known.refusal:
            raise InputError(known.refusal)
        return known.mount

    def _look(self, frame_id: str, known: _Known | None) -> _Known:
        again_s = time.monotonic() + AGAIN_S
        try:
            found = self._transforms.newest(self._base_frame, frame_id)
        except InputError:
            if known is not None:
                return replace(known, again_s=again_s)
            raise
        mount = sensor_at(pose_of(found), frame_id)
        first = mount if known is None else known.mount
        trouble = _trouble(first, mount)
        refusal = f"frame {frame_id} {trouble} {self._base_frame}: no sensor's on the vehicle; set it in the driver"
        return _Known(first, again_s, refusal if trouble else "" if known is None else known.refusal)


def _trouble(first: SensorMount, now: SensorMount) -> str:
    """What a frame does that none on the vehicle does, empty if it is still and near."""
    if (away := math.hypot(now.forward, now.left)) > FARTHEST_M:
        return f"is {away:.0f} m from"
    way, turn = math.hypot(now.forward - first.forward, now.left - first.left), wrap_angle(now.yaw - first.yaw)
    if way > STILL_M or abs(turn) > STILL_RAD:
        return f"has moved by {way:.1f} m and {abs(math.degrees(turn)):.0f} deg in"
    return ""
