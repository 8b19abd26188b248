"""How the camera really looks during a drive: mounted otherwise than stated, on a body that nods, on a slope."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

from geoflow_ros.camera import Mount
from geoflow_ros.errors import InputError
from geoflow_ros.town.route import BRAKING, Drive

Floats = NDArray[np.float64]
NOD_HZ = 1.0
DIVE = math.radians(2.0) / BRAKING
"""Radians that a body which nods looks down per m/s^2 of braking: 2 degrees when the driver brakes."""
SPRINGS_S = 0.2
"""Standard deviation of the window over which a body follows the acceleration."""
GRID_S = 0.02


@dataclass(frozen=True, slots=True)
class Ride:
    """Radians and metres. pitch, roll, yaw, height: what the true mount has more than the stated one.

    nod: amplitude of the body's pitch at 1 Hz; where it is not 0 the body also dives when braking, and squats when
    accelerating. slope: by which the road climbs all the way; camera and car stay parallel to the road.
    """

    pitch: float = 0.0
    roll: float = 0.0
    yaw: float = 0.0
    height: float = 0.0
    nod: float = 0.0
    slope: float = 0.0

    def __post_init__(self) -> None:
        limits = {"pitch": 80, "roll": 180, "yaw": 180, "nod": 20, "slope": 30}
        for name, limit in limits.items():
            value = math.degrees(getattr(self, name))
            if not abs(value) <= limit + 1e-9:
                raise InputError(f"{name} of {value:g} deg cannot be rendered: expected {-limit} to {limit}")

    def true_mount(self, stated: Mount) -> Mount:
        """The mount that the camera has while the body is parallel to the road."""
        return replace(
            stated, pitch=stated.pitch + self.pitch, roll=stated.roll + self.roll, yaw=stated.yaw + self.yaw,
            height=stated.height + self.height,
        )  # fmt: skip

    def body_pitch(self, drive: Drive, times: Floats) -> Floats:
        """Pitch (n,) of the body out of the road's plane, positive looks down."""
        if self.nod == 0.0:
            return np.zeros(len(times))
        grid = np.arange(min(0.0, times[0]), times[-1] + GRID_S, GRID_S)
        braking = -gaussian_filter1d(np.gradient(drive.speed(grid), grid), SPRINGS_S / GRID_S, mode="nearest")
        dive = DIVE * np.interp(times, grid, braking)
        return np.asarray(self.nod * np.sin(2.0 * math.pi * NOD_HZ * times) + dive)

    def imu_pitch(self, drive: Drive, times: Floats) -> Floats:
        """Pitch (n,) of the body against gravity: climbing, it looks up."""
        return self.body_pitch(drive, times) - self.slope
