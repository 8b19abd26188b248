"""Pictures that show nothing of their own: repeated by a driver with fresh stamps, or those of another camera."""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from itertools import takewhile
from typing import Any

from geoflow_ros.bags.messages import stamp_ns
from geoflow_ros.tracking.motion import MotionBuffer

MOVED_M = 1.0  # driven while the picture stayed the same to the last bit


class ImageChecks:
    """Compares the pictures of several cameras, in the order in which they were named."""

    def __init__(self, cameras: Iterable[str]) -> None:
        self._checks = {name: ImageCheck() for name in cameras}

    def complaint(self, camera: str, message: Any, motions: MotionBuffer) -> str | None:
        """Why an image message of a camera shows nothing of its own, if so."""
        check = self._checks[camera]
        if repeated := check.complaint(message, motions):
            return repeated
        earlier = takewhile(lambda name: name != camera, self._checks)
        twin = next((name for name in earlier if self._checks[name].shows_as(check)), None)
        return twin and f"it shows the very picture of camera {twin}: give each camera a topic and a driver of its own"


class ImageCheck:
    """Remembers the last picture by its checksum, and since when it has been shown."""

    def __init__(self) -> None:
        self._checksum: int | None = None
        self._since_ns = 0

    def shows_as(self, other: ImageCheck) -> bool:
        """Whether both were shown the same picture last."""
        return self._checksum is not None and self._checksum == other._checksum

    def complaint(self, message: Any, motions: MotionBuffer) -> str | None:
        """Why an image message shows nothing new although odometry says that the vehicle moved."""
        checksum, taken_ns = zlib.crc32(message.data), stamp_ns(message.header.stamp)
        if checksum != self._checksum:
            self._checksum, self._since_ns = checksum, taken_ns
            return None
        moved_m = motions.between(self._since_ns, taken_ns).distance
        if moved_m < MOVED_M:
            return None
        shown_s = (taken_ns - self._since_ns) * 1e-9
        return (
            f"the camera has shown the same picture for {shown_s:.0f} s while the vehicle moved: "
            "restart its driver, or look at its cable"
        )
