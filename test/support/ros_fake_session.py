"""A session whose pose is the last fix, so that the node is tested apart from the fusion."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from geoflow_ros.bags.messages import stamp_ns
from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.localization.pose import PoseEstimate, PosePrior, PoseWithCovariance, Rejection
from geoflow_ros.satellite.patch import SatellitePatch
from geoflow_ros.tracking.answer import Answer
from geoflow_ros.tracking.cameras import ONE, CameraSetup
from geoflow_ros.tracking.clocks.stamp_delays import StampDelay
from geoflow_ros.tracking.measurements import to_fix
from geoflow_ros.tracking.mount.estimate import MountEstimate
from geoflow_ros.tracking.prior import Fix
from geoflow_ros.tracking.sensors.fix_delay import ClockOffset
from geoflow_ros.tracking.sensors.fix_offset import NO_OFFSET
from geoflow_ros.tracking.sensors.image_decoding import Decode
from geoflow_ros.tracking.sensors.sensor_inputs import SessionConfig
from geoflow_ros.tracking.track import Track, TrackState

SLOW_S = 0.5
STUCK_GREY, STUCK_S, STUCK = 200, 8.0, "at work"
CAMERA = CameraModel(64, 32, 40.0, 40.0, 32.0, 16.0)
MOUNT_CORRECTION, MOUNT_STD = (0.01, 0.02, -0.03, 0.1), (0.001, 0.002, 0.003, 0.04)
"""Of roll, pitch, yaw and height."""
SINGLE_EAST = 2.0
"""How far east of the fused pose a single frame answers, m."""


class FakeSession:
    """The last fix is the pose; the grey of the image decides: black is lost, white a defect, one grey slow.

    `STUCK_GREY` keeps a library of C++ at work for long.
    """

    def __init__(
        self,
        config: SessionConfig,
        localizer_in: Callable[[LocalFrame], Any],
        seed: int,
        cameras: Mapping[str, CameraSetup],
        decode: Decode,
    ) -> None:
        self._config = config
        self._is_rig = ONE not in cameras
        self._mount: Mount | None = next(iter(cameras.values())).mount
        self._mount_missing = ""
        self._decode = decode
        self._fix: Fix | None = None
        self._initial: PosePrior | None = None
        self._reason = ""
        self._is_searching = False
        datum = config.datum.datum
        self.frame = None if datum is None else LocalFrame(datum)
        self.refused: Mapping[str, str] = {}
        self.warnings: Mapping[str, str] = {}
        self.stamp_delays = {"camera": StampDelay(0.15, 0.02)}
        self.fixes = SimpleNamespace(clock_offset=ClockOffset(0.0, 1.0), offset=NO_OFFSET)

    @property
    def mount_estimates(self) -> Mapping[str, MountEstimate]:
        if self._mount is None or self._is_rig:
            return {}
        return {"camera": MountEstimate(self._mount, np.array(MOUNT_CORRECTION), np.diag(np.square(MOUNT_STD)))}

    def recall_mounts(self, kept: Mapping[str, MountEstimate]) -> None:
        """Of no use here."""

    def camera(self, name: str = ONE) -> CameraModel:
        return CAMERA

    def on_camera_info(self, message: Any, camera: str = ONE) -> None:
        """Of no use here."""

    def on_fix(self, message: Any) -> None:
        self._fix = to_fix(message, 0.0)
        if self.frame is None:
            self.frame = LocalFrame(Datum(self._fix.latitude, self._fix.longitude, self._fix.altitude))

    on_imu = on_odom = on_twist = on_camera_info

    def admits(self, kind: str, message: Any, arrival: Any) -> bool:
        return True

    def exposed(self, message: Any, camera: str = ONE) -> Any:
        return message

    def image_arrived(self, message: Any, arrival: Any, camera: str = ONE) -> None:
        """Of no use here."""

    def worth(self, camera: str) -> float:
        return 1.0

    def warm(self, is_hurried: bool = False) -> bool:
        return False

    def learn_mounts(self) -> bool:
        return False

    def process(self, message: Any, camera: str = ONE) -> Answer:
        taken_ns = stamp_ns(message.header.stamp)
        image, _ = self._decode(message, CAMERA, (CAMERA.width, CAMERA.height))
        if image.min() == 255:
            raise IndexError("a defect of the program")
        if image.std() == 0.0 and image.min() > 0:
            _hold_up(float(image.min()))
        track = self._track(is_lost=image.max() == 0)
        single: PoseEstimate | Rejection = Rejection("no pose")
        prior = None
        if track.pose is not None:
            pose = track.pose
            prior = PosePrior(pose.east, pose.north, pose.yaw, pose.covariance)
            single = _estimate(prior)
        return Answer(taken_ns, track, single, prior, self.frame, self._fix, self.warnings)

    def _track(self, is_lost: bool) -> Track:
        if self._mount is None:
            return Track(TrackState.INITIALISING, self._mount_missing, None)
        if is_lost:
            return Track(TrackState.LOST, "the image is black", None)
        if self._is_searching:
            self._is_searching = False
            return Track(TrackState.INITIALISING, "searching", None)
        if self._initial is not None:
            at = self._initial
            return Track(TrackState.DEGRADED, "as told", PoseWithCovariance(at.east, at.north, at.yaw, at.covariance))
        if self._fix is None or self.frame is None:
            return Track(TrackState.INITIALISING, self._reason or "no GNSS fix received yet", None)
        east, north, _ = self.frame.to_enu(self._fix.latitude, self._fix.longitude)
        told = f"camera {self._mount.height:.2f} m above ground, {self._config.tracker}"
        pose = PoseWithCovariance(float(east), float(north), 0.5, np.diag([1.0, 1.0, 0.01]))
        return Track(TrackState.LOCALISED, told, pose)

    def set_mount(self, mount: Mount | None, reason: str = "", camera: str = ONE) -> None:
        self._mount, self._mount_missing = mount, reason

    def set_datum(self, datum: Datum) -> None:
        self.frame = LocalFrame(datum)

    def set_config(self, config: SessionConfig) -> None:
        self._config = config

    def set_localizer(self, localizer_in: Callable[[LocalFrame], Any]) -> None:
        """Of no use here."""

    def initialise(self, stamp_ns: int, pose: PosePrior) -> None:
        if stamp_ns <= 0:
            raise InputError("a stamp of zero must not come this far")
        self._initial = pose

    def relocalise(self) -> None:
        self._initial, self._is_searching = None, True

    def reset(self, reason: str) -> None:
        self._fix, self._initial, self._reason = None, None, reason

    def nearest_fix(self, stamp_ns: int) -> Fix | None:
        return self._fix


def _hold_up(grey: float) -> None:
    if grey != STUCK_GREY:
        time.sleep(SLOW_S)
        return
    import torch

    print(STUCK, flush=True)
    end = time.monotonic() + STUCK_S
    while time.monotonic() < end:  # as a network does: in C++, without holding Python up
        torch.linalg.svd(torch.rand(700, 700))


def _estimate(prior: PosePrior) -> PoseEstimate:
    east = prior.east + SINGLE_EAST
    patch = SatellitePatch(np.full((64, 64, 3), 90, np.uint8), (prior.east, prior.north), 1.0)
    density = np.full((16, 16), 1 / 256, np.float32)
    hypotheses = np.array([[east, prior.north, prior.yaw]])
    return PoseEstimate(east, prior.north, prior.yaw, prior.covariance, hypotheses, np.ones(1), density, 48.0, patch)
