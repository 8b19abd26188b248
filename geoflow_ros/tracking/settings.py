"""What a user says about the vehicle and the map: where the camera sits, where the map frame begins."""

from __future__ import annotations

import math
from dataclasses import dataclass

from geoflow_ros.camera import Mount
from geoflow_ros.geodesy import Datum
from geoflow_ros.options import option

HALF_TURN = (-math.pi, math.pi)


@dataclass(frozen=True, slots=True)
class CameraConfig:
    """How the camera is mounted on base_link; there is no default, a guessed mount is a wrong pose."""

    forward: float = option("from base_link to the camera in driving direction", unit="m", range=(-30.0, 30.0))
    left: float = option("from base_link to the camera to the left", unit="m", range=(-30.0, 30.0))
    height: float = option("of the lens above the ground", unit="m", range=(0.1, 20.0))
    roll: float = option("of the viewing direction in base_link", unit="rad", range=HALF_TURN)
    pitch: float = option("of the viewing direction in base_link, positive looks down", unit="rad", range=(-1.5, 1.5))
    yaw: float = option("of the viewing direction in base_link, positive looks left", unit="rad", range=HALF_TURN)
    rectified: bool = option("whether the images are rectified already: then P of camera_info is read, not K", False)

    @property
    def mount(self) -> Mount:
        """The mount as the localiser takes it."""
        return Mount(self.forward, self.left, self.height, self.roll, self.pitch, self.yaw)


@dataclass(frozen=True, slots=True)
class DatumConfig:
    """Origin of the map frame."""

    latitude: float = option("WGS84, origin of the map frame; nan takes the first good fix", math.nan, "deg")
    longitude: float = option("WGS84, origin of the map frame; nan takes the first good fix", math.nan, "deg")
    altitude: float = option("ellipsoidal height of the origin", 0.0, "m", (-1000.0, 10000.0))

    @property
    def datum(self) -> Datum | None:
        """The configured origin, None if the first fix shall be it."""
        if math.isnan(self.latitude) and math.isnan(self.longitude):
            return None
        return Datum(self.latitude, self.longitude, self.altitude)
