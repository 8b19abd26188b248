"""The camera as calibration messages and the mount tell it, or what is missing."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

from geoflow_ros.bags.calibration import camera_model, content, rectified_model
from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.camera_mask import CameraMask
from geoflow_ros.errors import InputError
from geoflow_ros.localization.pose import Rejection

NO_INFO = "no camera_info received yet: remap it to its topic, or give a file of it by camera.calibration"


class CameraInput:
    """The newest calibration and mount; thread-safe."""

    def __init__(
        self,
        mount: Mount | None,
        rectified: bool,
        calibrated: CameraModel | None = None,
        mask: CameraMask | None = None,
    ) -> None:
        """rectified: read P and no distortion instead of K and D. calibrated: with which no camera_info is needed.

        mask: where its images show the world, None if everywhere.
        """
        self._mount = mount
        self._rectified = rectified
        self._calibrated, self._mask = calibrated, mask
        self._info: Any = None
        self._lock = threading.Lock()
        self._no_mount = "the camera's mount is not known"
        self._camera: CameraModel | Rejection = Rejection(NO_INFO, is_blind=True)
        if calibrated is not None:
            self._build()

    @property
    def camera(self) -> CameraModel | Rejection:
        """The camera, or what is missing."""
        with self._lock:
            return self._camera

    @property
    def mount(self) -> Mount | None:
        """As stated."""
        with self._lock:
            return self._mount

    def set_info(self, message: Any) -> None:
        """A sensor_msgs/CameraInfo; one that cannot be used is an InputError, and there is no camera from then on."""
        with self._lock:
            is_known = self._info is not None and content(self._info) == content(message)
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
            if self._info is not None or self._calibrated is not None:
                self._build()

    def _build(self) -> None:
        if self._mount is None:
            self._camera = Rejection(self._no_mount, is_blind=True)
            return
        try:
            camera = self._stated(self._mount)
            self._camera = camera if self._mask is None else camera.masked(self._mask)
        except InputError as error:
            self._camera = Rejection(str(error), is_blind=True)
            raise

    def _stated(self, mount: Mount) -> CameraModel:
        """The camera as its calibration says."""
        if self._calibrated is not None:
            return replace(self._calibrated, mount=mount)
        return (rectified_model if self._rectified else camera_model)(self._info, mount)
