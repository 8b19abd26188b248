"""Which part of a camera's images shows the world, and which the vehicle itself: a bonnet, a mast, its own roof."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from geoflow_ros.errors import InputError

BRIGHT = 128  # grey levels, from which on a pixel of a mask's file shows the world
LEAST_SEEN = 0.1  # of the image: with less of the world nothing can be found
ALIKE = 0.02  # of its aspect, by which a mask may differ from the images


@dataclass(frozen=True, slots=True, eq=False)
class CameraMask:
    """world: (H, W), true where the images show the world. It spans the images, whatever their size."""

    world: NDArray[np.bool_]

    def sees(self, u: NDArray[np.float64], v: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether the world is seen at these shares of the image's width and height; outside of it as at its border."""
        height, width = self.world.shape
        column = np.clip((u * width).astype(np.int64), 0, width - 1)
        row = np.clip((v * height).astype(np.int64), 0, height - 1)
        return np.asarray(self.world[row, column])

    def hide(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The image (H, W, 3) with the vehicle in the mean colour of the world around: no edge to be read."""
        world = _resized(self, image.shape[1], image.shape[0])
        hidden = np.empty_like(image)
        hidden[:] = np.round(cv2.mean(image, world)[:3])
        cv2.copyTo(image, world, hidden)  # in a third of the time that numpy takes to choose pixels
        return hidden

    def mirrored(self) -> CameraMask:
        """Of images that are mirrored left to right."""
        return CameraMask(np.ascontiguousarray(self.world[:, ::-1]))

    def png(self) -> bytes:
        """The file that `read_mask` reads."""
        return cv2.imencode(".png", self.world.astype(np.uint8) * 255)[1].tobytes()

    def check(self, width: int, height: int) -> None:
        """An InputError if it is not of the shape of images of this size (px)."""
        rows, columns = self.world.shape
        if abs(columns * height - rows * width) > ALIKE * rows * width:
            raise InputError(
                f"the camera's mask is {columns} x {rows} px, its images are {width} x {height}: draw it on one of them"
            )


@lru_cache(maxsize=16)
def _resized(mask: CameraMask, width: int, height: int) -> NDArray[np.uint8]:
    """255 where the world is seen."""
    whole = mask.world.astype(np.uint8) * 255
    return np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_NEAREST), dtype=np.uint8)


def read_mask(path: Path) -> CameraMask:
    """From an image file, white where the camera sees the world and black where the vehicle."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"camera mask {path} cannot be read ({error.strerror}): give an image file") from error
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE) if data else None
    except cv2.error:  # a header that claims more than OPENCV_IO_MAX_IMAGE_PIXELS
        image = None
    if image is None:
        raise InputError(f"camera mask {path} is no image: give a PNG, white where the camera sees the world")
    world = np.asarray(image >= BRIGHT)
    if world.mean() < LEAST_SEEN:
        raise InputError(
            f"camera mask {path} leaves {world.mean():.0%} of the image: make black what shows the vehicle, white the "
            "world"
        )
    return CameraMask(world)
