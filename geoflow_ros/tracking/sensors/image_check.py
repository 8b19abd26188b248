"""Pictures that show nothing of the world: repeated by a driver, of another camera, mixed, or the vehicle itself."""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Iterable, Mapping
from itertools import pairwise, takewhile
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from geoflow_ros.bags.messages import stamp_ns
from geoflow_ros.camera_mask import CameraMask
from geoflow_ros.tracking.motion import MotionBuffer

MOVED_M = 1.0  # driven while the picture stayed the same to the last bit
WIDE_PX = 64  # pictures are compared at this width
SPACING_M, LOOKED_NS = 2.0, 100_000_000  # between those that are
COMPARED = 60  # over so many it is averaged: a road alone may look the same for fifty metres
STILL, STILL_LEVELS = 0.2, 2.0  # of how much the livelier quarter of the picture changes; grey levels: a road does more
LIVELY = 2.0  # grey levels, by which that must change
LEAST_STILL = 0.08  # of the picture
IN_TURN, LATELY = 3, 10  # changes of the frame_id within so many images: a driver that is set anew changes it once


class ImageChecks:
    """Compares the pictures of several cameras, in the order in which they were named."""

    def __init__(self, cameras: Iterable[str]) -> None:
        self._checks = {name: ImageCheck() for name in cameras}
        self._vehicles = {name: OwnVehicle() for name in self._checks}

    def complaint(self, camera: str, message: Any, motions: MotionBuffer) -> str | None:
        """Why an image message of a camera shows nothing of its own, if so."""
        check = self._checks[camera]
        if repeated := check.complaint(message, motions):
            return repeated
        earlier = takewhile(lambda name: name != camera, self._checks)
        twin = next((name for name in earlier if self._checks[name].shows_as(check)), None)
        return twin and f"it shows the very picture of camera {twin}: give each camera a topic and a driver of its own"

    def look(
        self, camera: str, image: NDArray[np.uint8], mask: CameraMask | None, taken_ns: int, motions: MotionBuffer
    ) -> None:
        """Look in a camera's image (H, W, 3) for what is no world, where the mask says that it is."""
        self._vehicles[camera].look(image, mask, taken_ns, motions)

    def own_vehicle(self, camera: str) -> str:
        """What of a camera's images seems to be the vehicle itself, and is not masked; empty if nothing."""
        return self._vehicles[camera].sentence

    @property
    def worlds(self) -> Mapping[str, CameraMask]:
        """What shows the world of the images of each camera in which something seems to be the vehicle, unmasked."""
        masks = {name: each.world for name, each in self._vehicles.items()}
        return {name: mask for name, mask in masks.items() if mask is not None}


class FrameIds:
    """Notices that the images of two cameras come on one topic, of which but one has the mount that is stated."""

    def __init__(self) -> None:
        self._lately: deque[str] = deque(maxlen=LATELY)

    def add(self, frame_id: str) -> None:
        """An image came in with this frame_id; of two cameras, many are overtaken by each other and never answered."""
        self._lately.append(frame_id)

    @property
    def complaint(self) -> str:
        """Why images cannot be used; empty if they can."""
        if sum(before != after for before, after in pairwise(self._lately)) < IN_TURN:
            return ""
        names = " and ".join(map(repr, sorted(set(self._lately))))
        return f"images of several cameras come on one topic, with frame_id {names}: each needs its own"


class OwnVehicle:
    """Finds what images of a camera show unchanged, from their lower border on, while the vehicle drives."""

    def __init__(self) -> None:
        self._picture: NDArray[np.float32] | None = None
        self._change: NDArray[np.float32] | None = None  # by how many grey levels it changes from one to the next
        self._compared = 0
        self._taken_ns = self._looked_ns = 0
        self._shape = 0, 0  # of the images
        self._vehicle: NDArray[np.bool_] | None = None  # all that is masked or seems to be it
        self.sentence = ""

    @property
    def world(self) -> CameraMask | None:
        """What shows the world, where a part of the vehicle seems to be seen that is not masked."""
        return None if self._vehicle is None else CameraMask(_outlined(~self._vehicle, self._shape))

    def look(self, image: NDArray[np.uint8], mask: CameraMask | None, taken_ns: int, motions: MotionBuffer) -> None:
        """Compare an image (H, W, 3) with that of some metres before, but for what the mask says is no world."""
        if 0 <= taken_ns - self._looked_ns < LOOKED_NS:
            return
        self._looked_ns = taken_ns
        if self._picture is not None and motions.between(self._taken_ns, taken_ns).distance < SPACING_M:
            return
        self._shape = image.shape[0], image.shape[1]
        size = (WIDE_PX, max(1, round(WIDE_PX * image.shape[0] / image.shape[1])))
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        before, self._taken_ns = self._picture, taken_ns
        self._picture = np.asarray(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), np.float32)
        if before is None or before.shape != self._picture.shape:
            self._change, self._compared = np.zeros_like(self._picture), 0
            return
        self._compared = min(self._compared + 1, COMPARED)
        assert self._change is not None
        self._change += (np.abs(self._picture - before) - self._change) / self._compared
        self._vehicle, self.sentence = None, ""
        if self._compared == COMPARED:
            self._judge(_shown(mask, self._change.shape))

    def _judge(self, shown: NDArray[np.bool_]) -> None:
        """Find what seems to be the vehicle, beside what is masked: what is not shown (H, W)."""
        assert self._change is not None
        lively = float(np.quantile(self._change, 0.75))
        part = _from_below((self._change < min(STILL * lively, STILL_LEVELS)) & shown)
        if lively < LIVELY or part.mean() < LEAST_STILL:
            return
        self._vehicle = part | ~shown
        self.sentence = (
            f"{part.mean():.0%} of the images, from below, do not change while the vehicle drives: if that is a part "
            "of it, state camera.mask; calibrate draws it"
        )


def _shown(mask: CameraMask | None, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    """(H, W) what shows the world, as far as is stated."""
    if mask is None:
        return np.ones(shape, dtype=bool)
    v, u = np.meshgrid(*((np.arange(length) + 0.5) / length for length in shape), indexing="ij")
    return mask.sees(u, v)


def _from_below(still: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The parts (H, W) of the lower half that reach down to its border."""
    half = still.shape[0] // 2
    _, parts = cv2.connectedComponents(still[half:].astype(np.uint8))
    reaching = np.zeros_like(still)
    reaching[half:] = np.isin(parts, np.unique(parts[-1][parts[-1] > 0]))
    return reaching


def _outlined(world: NDArray[np.bool_], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """A mask as large as the images from a small one, less what shows the vehicle in part: what is next to it."""
    whole = cv2.erode(world.astype(np.float32), np.ones((3, 3), np.uint8), borderValue=1.0)
    return np.asarray(cv2.resize(whole, shape[::-1], interpolation=cv2.INTER_LINEAR) >= 0.5)


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
        seconds = f"{shown_s:.2g}" if shown_s < 10.0 else f"{shown_s:.0f}"  # at speed, a tenth of one is enough
        return (
            f"the camera has shown the same picture for {seconds} s while the vehicle moved: "
            "restart its driver, or look at its cable"
        )
