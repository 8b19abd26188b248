"""The camera as calibration messages and the mount tell it, or what is missing."""

from __future__ import annotations

import threading
from typing import Any

from geoflow_ros.bags.messages import camera_model
from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.errors import InputError
from geoflow_ros.localization.pose import Rejection


class CameraInput:
    """The newest calibration and mount; thread-safe."""

    def __init__(self, mount: Mount | None, rectified: bool) -> None:
        """rectified: read P and no distortion instead of K and D."""
        self._mount = mount
        self._rectified = rectified
        self._info: Any = None
        self._lock = threading.Lock()
        self._no_mount = "the camera's mount is not known"
        self._camera: CameraModel | Rejection = Rejection("no camera_info received yet")

    @property
    def camera(self) -> CameraModel | Rejection:
        """The camera, or what is missing."""
        with self._lock:
            return self._camera

    def set_info(self, message: Any) -> None:
        """A sensor_msgs/CameraInfo; one that cannot be used is an InputError, and there is no camera from then on."""
        with self._lock:
            is_known = self._info is not None and _calibration(self._info) == _calibration(message)
            self._info = message
            if is_known and isinstance(self._camera, CameraModel):
                return
            self._build()

    def set_mount(self, mount: Mount | None, reason: str) -> None:
        """Where the camera sits; None: nowhere known, for this reason."""
        with self._lock:
            if mount is not None and mount == self._mount:
                return
            self._mount, self._no_mount = mount, reason
            if self._info is not None:
                self._build()

    def _build(self) -> None:
        if self._mount is None:
            self._camera = Rejection(self._no_mount)
            return
        try:
            self._camera = (
                rectified_model(self._info, self._mount) if self._rectified else camera_model(self._info, self._mount)
            )
        except InputError as error:
            self._camera = Rejection(str(error))
            raise


def rectified_model(message: Any, mount: Mount) -> CameraModel:
    """The camera of images that were rectified already: the P of a sensor_msgs/CameraInfo, no distortion."""
    p = message.p
    return CameraModel(
        int(message.width), int(message.height), float(p[0]), float(p[5]), float(p[2]), float(p[6]), mount
    )


def _calibration(message: Any) -> tuple[object, ...]:
    """What of a camera_info says something about the camera."""
    return message.width, message.height, message.distortion_model, *message.d, *message.k, *message.p
