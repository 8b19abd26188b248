"""Pictures small enough that a page can hold hundreds of them."""

from __future__ import annotations

import base64

import cv2
import numpy as np
from numpy.typing import NDArray

from geoflow_ros.camera_mask import CameraMask
from geoflow_ros.errors import InputError
from geoflow_ros.reports.lettering import MARGIN_PX, WHITE, write_text

QUALITIES = (80, 65, 50, 35, 20, 10)
"""JPEG qualities that are tried in turn until a picture is small enough."""
MIN_SIDE_PX = 16
CAMERA_PX, HEATMAP_PX = 360, 360
RIG_CAMERA_PX = 240
PICTURE_BYTES = 20_000
"""Of a heatmap, and of all cameras of a moment together."""
MASKED = (255, 90, 90)
MASKED_SCALE = 0.35


def camera_jpeg(image: NDArray[np.uint8], cameras: int = 1, mask: CameraMask | None = None) -> bytes:
    """What a page shows of a camera's image (H, W, 3), one of so many; what its mask hides is red."""
    width_px = CAMERA_PX if cameras == 1 else RIG_CAMERA_PX
    small = _shrunk(image, width_px)
    shown = small if mask is None else _with_mask(small, mask)
    return thumbnail(shown, width_px, PICTURE_BYTES // cameras)


def _with_mask(image: NDArray[np.uint8], mask: CameraMask) -> NDArray[np.uint8]:
    """The image with what shows the vehicle dimmed and red, which is said below."""
    height, width = image.shape[:2]
    vehicle = ~mask.sees(*np.meshgrid((np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height))
    shown = image.copy()
    shown[vehicle] = image[vehicle] // 3 + (np.array(MASKED) // 3).astype(np.uint8)
    write_text(shown, "red: camera.mask", (MARGIN_PX, height - MARGIN_PX), WHITE, MASKED_SCALE)
    return shown


def heatmap_jpeg(picture: NDArray[np.uint8]) -> bytes:
    """What a page shows of a heatmap (H, W, 3)."""
    return thumbnail(picture, HEATMAP_PX, PICTURE_BYTES)


def thumbnail(image: NDArray[np.uint8], width_px: int, max_bytes: int) -> bytes:
    """JPEG of an RGB image (H, W, 3), at most `width_px` wide and high, and at most `max_bytes` long.

    What no quality makes small enough is halved; a picture of 16 px may stay longer.
    """
    small = _shrunk(image, width_px)
    for quality in QUALITIES:
        data = jpeg(small, quality)
        if len(data) <= max_bytes:
            return data
    side_px = max(small.shape[:2])
    return data if side_px <= MIN_SIDE_PX else thumbnail(image, side_px // 2, max_bytes)


def _shrunk(image: NDArray[np.uint8], side_px: int) -> NDArray[np.uint8]:
    """The image at most so wide and high."""
    height, width = image.shape[:2]
    shrink = min(1.0, side_px / width, side_px / height)
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    return image if shrink == 1.0 else np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def jpeg(image: NDArray[np.uint8], quality: int) -> bytes:
    """An RGB image (H, W, 3) encoded."""
    done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise InputError(f"a picture of {image.shape} cannot be encoded as JPEG")
    return data.tobytes()


def data_uri(data: bytes) -> str:
    """A JPEG as the address of itself."""
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode('ascii')}"
