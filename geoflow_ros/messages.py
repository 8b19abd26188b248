"""ROS messages -> values, whoever decoded the message: rclpy or a bag reader. Needs no ROS."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from geoflow_ros.camera import CameraModel, Mount, Projection
from geoflow_ros.errors import InputError

CHANNELS = {"mono8": 1, "rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4}
"""8-bit encodings that `to_rgb` reads, and their bytes a pixel."""
TO_RGB = {"mono8": cv2.COLOR_GRAY2RGB, "bgr8": cv2.COLOR_BGR2RGB, "bgra8": cv2.COLOR_BGRA2RGB}
COEFFICIENTS = {
    Projection.PLUMB_BOB: (0, 4, 5),
    Projection.RATIONAL: (8, 12, 14),
    Projection.EQUIDISTANT: (4,),
}
"""How many distortion coefficients each model has."""


def stamp_ns(stamp: Any) -> int:
    """Nanoseconds of a builtin_interfaces/Time."""
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def quaternion_yaw(x: float, y: float, z: float, w: float) -> float:
    """Yaw (rad) of a unit quaternion."""
    return math.atan2(2 * (w * z + x * y), w**2 + x**2 - y**2 - z**2)


def to_rgb(message: Any) -> NDArray[np.uint8]:
    """RGB (H, W, 3) of an 8-bit sensor_msgs/Image; a view of the message's memory where that is RGB already."""
    size = f"{message.width} x {message.height} {message.encoding}"
    channels = CHANNELS.get(message.encoding)
    if channels is None:
        raise InputError(f"image encoding {message.encoding!r} is not read: expected one of {', '.join(CHANNELS)}")
    if message.width == 0 or message.height == 0:
        raise InputError(f"image {size} is empty")
    needed = message.step * message.height
    if len(message.data) < needed:
        raise InputError(f"image {size} is truncated: {len(message.data)} bytes instead of {needed} (step x height)")
    if message.step < message.width * channels:
        raise InputError(f"image {size} has step {message.step}, less than a row's {message.width * channels} bytes")
    rows = np.frombuffer(message.data, np.uint8, needed).reshape(message.height, message.step)
    pixels = rows[:, : message.width * channels].reshape(message.height, message.width, channels)
    if message.encoding in TO_RGB:
        return np.asarray(cv2.cvtColor(pixels, TO_RGB[message.encoding]), dtype=np.uint8)
    return pixels[:, :, :3]


def compressed_to_rgb(message: Any) -> NDArray[np.uint8]:
    """RGB (H, W, 3) of a JPEG or PNG sensor_msgs/CompressedImage."""
    image = cv2.imdecode(np.frombuffer(message.data, np.uint8), cv2.IMREAD_COLOR) if len(message.data) else None
    if image is None:
        raise InputError(
            f"compressed image ({message.format!r}, {len(message.data)} bytes) cannot be decoded: expected a whole "
            "JPEG or PNG"
        )
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def camera_model(message: Any, mount: Mount) -> CameraModel:
    """The camera of a sensor_msgs/CameraInfo: its K and D, for the image before rectification."""
    coefficients = tuple(float(each) for each in message.d)
    model = message.distortion_model
    if model not in [each.value for each in COEFFICIENTS] and any(coefficients):
        names = ", ".join(each.value for each in COEFFICIENTS)
        raise InputError(f"camera_info has distortion model {model!r}: expected one of {names}, or a rectified image")
    fisheye = model == Projection.EQUIDISTANT.value
    projection = Projection(model) if any(coefficients) or fisheye else Projection.PLUMB_BOB
    if any(coefficients) and len(coefficients) not in COEFFICIENTS[projection]:
        expected = " or ".join(map(str, COEFFICIENTS[projection]))
        raise InputError(
            f"camera_info has {len(coefficients)} distortion coefficients: {projection.value} has {expected}"
        )
    k = message.k
    used = coefficients if any(coefficients) else ()
    size = (int(message.width), int(message.height))
    return CameraModel(*size, float(k[0]), float(k[4]), float(k[2]), float(k[5]), mount, projection, used)
