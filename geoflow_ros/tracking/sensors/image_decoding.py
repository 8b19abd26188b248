"""Image messages to pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.bags.messages import compressed_for, to_rgb
from geoflow_ros.camera import CameraModel

Pixels = NDArray[np.uint8]
Decode = Callable[[Any, CameraModel, tuple[int, int]], tuple[Pixels, CameraModel]]
"""RGB (H, W, 3) and its camera, from an image message, raw or compressed, its camera, and the size (width, height, px)
that will be read: the image may come smaller than it is, but not than that. InputError if it cannot be read."""


def decode_image(message: Any, camera: CameraModel, needed: tuple[int, int]) -> tuple[Pixels, CameraModel]:
    """`Decode` of a sensor_msgs/CompressedImage or an 8-bit sensor_msgs/Image."""
    return (to_rgb(message), camera) if hasattr(message, "encoding") else compressed_for(message, camera, needed)
