"""Pictures small enough that a page can hold hundreds of them."""

from __future__ import annotations

import base64

import cv2
import numpy as np
from numpy.typing import NDArray

from geoflow_ros.errors import InputError

QUALITIES = (80, 65, 50, 35, 20, 10)
"""JPEG qualities that are tried in turn until a picture is small enough."""
MIN_SIDE_PX = 16
CAMERA_PX, HEATMAP_PX = 360, 360
RIG_CAMERA_PX = 240
PICTURE_BYTES = 20_000
"""Of a heatmap, and of all cameras of a moment together."""


def camera_jpeg(image: NDArray[np.uint8], cameras: int = 1) -> bytes:
    """What a page shows of a camera's image (H, W, 3), one of so many."""
    return thumbnail(image, CAMERA_PX if cameras == 1 else RIG_CAMERA_PX, PICTURE_BYTES // cameras)


def heatmap_jpeg(picture: NDArray[np.uint8]) -> bytes:
    """What a page shows of a heatmap (H, W, 3)."""
    return thumbnail(picture, HEATMAP_PX, PICTURE_BYTES)


def thumbnail(image: NDArray[np.uint8], width_px: int, max_bytes: int) -> bytes:
    """JPEG of an RGB image (H, W, 3), at most `width_px` wide and high, and at most `max_bytes` long.

    What no quality makes small enough is halved; a picture of 16 px may stay longer.
    """
    height, width = image.shape[:2]
    shrink = min(1.0, width_px / width, width_px / height)
    size = (max(1, round(width * shrink)), max(1, round(height * shrink)))
    small = image if shrink == 1.0 else cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    for quality in QUALITIES:
        data = jpeg(np.asarray(small, dtype=np.uint8), quality)
        if len(data) <= max_bytes:
            return data
    return data if max(size) <= MIN_SIDE_PX else thumbnail(image, max(size) // 2, max_bytes)


def jpeg(image: NDArray[np.uint8], quality: int) -> bytes:
    """An RGB image (H, W, 3) encoded."""
    done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise InputError(f"a picture of {image.shape} cannot be encoded as JPEG")
    return data.tobytes()


def data_uri(data: bytes) -> str:
    """A JPEG as the address of itself."""
    return f"data:image/jpeg;base64,{base64.b64encode(data).decode('ascii')}"
