"""What a user says about the vehicle and the map: where the camera sits, where the map frame begins."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from geoflow_ros.bags.calibration_file import read_calibration
from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.camera_mask import CameraMask, read_mask
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import Datum
from geoflow_ros.options import option
from geoflow_ros.tracking.mount.estimate import MountPrior

HALF_TURN = (-3.15, 3.15)  # rad; 3.1416 and 3.14159265359, as they are typed, lie beyond a half turn
SIGMA = (0.0, 0.1)
MOUNT = ("forward", "left", "height", "roll", "pitch", "yaw")


@dataclass(frozen=True, slots=True)
class CameraConfig:
    """A camera. How it is mounted: all six numbers, or `from_tf`; a guessed mount is a wrong pose."""

    forward: float = option("from base_link to the camera in driving direction", math.nan, "m", (-30.0, 30.0))
    left: float = option("from base_link to the camera to the left", math.nan, "m", (-30.0, 30.0))
    height: float = option("of the lens above the ground", math.nan, "m", (0.1, 20.0))
    roll: float = option("of the viewing direction in base_link", math.nan, "rad", HALF_TURN)
    pitch: float = option("of the viewing direction in base_link, positive looks down", math.nan, "rad", (-1.5, 1.5))
    yaw: float = option("of the viewing direction in base_link, positive looks left", math.nan, "rad", HALF_TURN)
    roll_sigma: float = option(
        "how well roll is known (1 sigma); frames find out the rest; 0: exactly", 0.026, "rad", SIGMA
    )
    pitch_sigma: float = option("the same of pitch", 0.026, "rad", SIGMA)
    yaw_sigma: float = option("the same of yaw", 0.026, "rad", SIGMA)
    height_sigma: float = option("the same of the height, as a share of it", 0.1, range=(0.0, 0.3))
    from_tf: bool = option("whether the mount comes from TF, at each image's stamp, instead of the six numbers", False)
    frame: str = option("with from_tf: optical frame of the camera; empty takes the frame_id of the images", "")
    base_height: float = option("with from_tf: of base_link above the ground", 0.0, "m", (-5.0, 20.0))
    rectified: bool = option("whether the images are rectified already: then P of camera_info is read, not K", False)
    calibration: str = option(
        "calibration file (YAML) of camera_calibration, or a camera_info as ros2 topic echo prints it, read in place "
        "of the topic camera_info; empty: the topic",
        "",
    )
    delay: float = option(
        "by how much images are stamped later than they were exposed, as by a driver that stamps on arrival; poses are "
        "those of the exposure",
        0.0,
        "s",
        (-1.0, 1.0),
    )
    mask: str = option(
        "image file, of the shape of the camera's images: white where they show the world, black where the vehicle "
        "itself, a bonnet say; empty: all is world",
        "",
    )
    panorama: int = option(
        "into how many views of 90 degrees, evenly all around, the images are cut, which are panoramas and need no "
        "camera_info; 0: they are none",
        0,
        range=(0, 8),
    )
    panorama_lens: float = option(
        "field of view of each of two fisheye lenses that a panorama shows side by side, the one that looks ahead on "
        "the left; 0: it is equirectangular",
        0.0,
        "rad",
        (0.0, 4.9),
    )

    def check(self, group: str) -> None:
        """An InputError for what does not fit together; group: of the parameters, for the sentence."""
        self._check_panorama(group)
        given = [name for name in MOUNT if not math.isnan(getattr(self, name))]
        if self.from_tf and given:
            raise InputError(
                f"{group}.{given[0]} is given although {group}.from_tf is true: take the mount from one of them"
            )
        if missing := [f"{group}.{name}" for name in MOUNT if name not in given and not self.from_tf]:
            raise InputError(
                f"required parameter not set: {', '.join(missing)}: give the mount in the parameter file or with "
                f"-p NAME:=VALUE, or take it from TF, a replay from the bag's /tf_static, with {group}.from_tf"
            )

    def _check_panorama(self, group: str) -> None:
        if self.calibration and self.panorama:
            raise InputError(f"{group}.calibration is given, but a panorama needs none: leave it out")
        if self.panorama_lens and not self.panorama:
            raise InputError(f"{group}.panorama_lens is given: say by {group}.panorama into how many views it is cut")
        if 0.0 < self.panorama_lens < HALF_TURN[1] - 0.01:
            raise InputError(
                f"{group}.panorama_lens is {self.panorama_lens:g} rad: two lenses that see all around have a half turn "
                "(3.14159) each, or more; 0 if the panorama is equirectangular"
            )

    @property
    def mount(self) -> Mount | None:
        """The mount as the localiser takes it; None if TF states it."""
        if self.from_tf:
            return None
        return Mount(self.forward, self.left, self.height, self.roll, self.pitch, self.yaw)

    @property
    def world(self) -> CameraMask | None:
        """Where the images show the world, None if everywhere."""
        return read_mask(Path(self.mask)) if self.mask else None

    @property
    def hears_calibration(self) -> bool:
        """Whether camera_info is listened to."""
        return not (self.panorama or self.calibration)

    @property
    def calibrated(self) -> CameraModel | None:
        """The camera that its calibration file describes, if it has one."""
        return read_calibration(Path(self.calibration), self.rectified) if self.calibration else None

    @property
    def prior(self) -> MountPrior:
        """How well the mount is known."""
        return MountPrior(self.roll_sigma, self.pitch_sigma, self.yaw_sigma, self.height_sigma)


@dataclass(frozen=True, slots=True)
class OdometryConfig:
    """Which frame the velocities of `odom` and `twist` are those of, if it is not `base_frame`."""

    child_frame: str = option(
        "child_frame_id of odom, frame_id of twist, where that is a sensor's frame; empty: only base_frame is taken", ""
    )
    forward: float = option("from base_link to that frame in driving direction", 0.0, "m", (-30.0, 30.0))
    left: float = option("from base_link to that frame to the left", 0.0, "m", (-30.0, 30.0))
    yaw: float = option("of that frame in base_link, counter-clockwise", 0.0, "rad", HALF_TURN)


@dataclass(frozen=True, slots=True)
class DatumConfig:
    """Origin of the map frame."""

    latitude: float = option("WGS84, origin of the map frame; nan takes the first that three confirm", math.nan, "deg")
    longitude: float = option("WGS84, origin of the map frame; nan takes the first that three confirm", math.nan, "deg")
    altitude: float = option("ellipsoidal height of the origin", 0.0, "m", (-1000.0, 10000.0))

    @property
    def datum(self) -> Datum | None:
        """The configured origin, None if the first fix shall be it."""
        missing = [name for name in ("latitude", "longitude") if math.isnan(getattr(self, name))]
        if len(missing) == 2:
            return None
        if missing:
            raise InputError(
                f"datum.{missing[0]} is not given, but the other of datum.latitude and datum.longitude is: give both, "
                "at run time both at once (set_parameters_atomically), or call ~/set_datum_here"
            )
        return Datum(self.latitude, self.longitude, self.altitude)
