"""ROS messages -> values, whoever decoded the message: rclpy or a bag reader. Needs no ROS."""

from __future__ import annotations

import math
from copy import copy
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from geoflow_ros.bags.encodings import ENCODINGS, READABLE, eight_bits, mosaic_of, rgb_of
from geoflow_ros.camera import CameraModel, Projection
from geoflow_ros.encoded_images import JPEG, PNG, is_whole
from geoflow_ros.errors import InputError

DECODES_TO_RGB = hasattr(cv2, "IMREAD_COLOR_RGB")  # OpenCV 4.11; before, a second pass turns BGR around
FULL_SIZE = cv2.IMREAD_COLOR_RGB if DECODES_TO_RGB else cv2.IMREAD_COLOR
REDUCED_SIZES = {
    factor: FULL_SIZE | (flag & ~cv2.IMREAD_COLOR)
    for factor, flag in (
        (8, cv2.IMREAD_REDUCED_COLOR_8),
        (4, cv2.IMREAD_REDUCED_COLOR_4),
        (2, cv2.IMREAD_REDUCED_COLOR_2),
    )
}
"""Flags by what the size is divided by."""


def stamp_ns(stamp: Any) -> int:
    """Nanoseconds of a builtin_interfaces/Time."""
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def stamped_earlier(message: Any, seconds: float) -> Any:
    """The message with its stamp so much earlier, but not before 0, which stands for none.

    The one that is given stays as it is; its data are not copied.
    """
    if not seconds:
        return message
    earlier, header, stamp = copy(message), copy(message.header), copy(message.header.stamp)
    stamp.sec, stamp.nanosec = divmod(max(stamp_ns(stamp) - round(seconds * 1e9), 0), 10**9)
    header.stamp, earlier.header = stamp, header
    return earlier


def quaternion_yaw(x: float, y: float, z: float, w: float) -> float:
    """Yaw (rad) of a unit quaternion."""
    return math.atan2(2 * (w * z + x * y), w * w + x * x - y * y - z * z)


def yaw_quaternion(yaw: float) -> tuple[float, float, float, float]:
    """x, y, z, w of a rotation about up (rad)."""
    return 0.0, 0.0, math.sin(yaw / 2), math.cos(yaw / 2)


def tilted_quaternion(yaw: float, pitch: float, roll: float) -> tuple[float, float, float, float]:
    """x, y, z, w of Rz(yaw) Ry(pitch) Rx(roll) (rad)."""
    cy, cp, cr = math.cos(yaw / 2), math.cos(pitch / 2), math.cos(roll / 2)
    sy, sp, sr = math.sin(yaw / 2), math.sin(pitch / 2), math.sin(roll / 2)
    return (
        sr * cp * cy - cr * sp * sy, cr * sp * cy + sr * cp * sy, cr * cp * sy - sr * sp * cy,
        cr * cp * cy + sr * sp * sy,
    )  # fmt: skip


def to_rgb(message: Any) -> NDArray[np.uint8]:
    """RGB (H, W, 3) of a sensor_msgs/Image; a view of the message's memory where that is 8-bit RGB already."""
    size = f"{message.width} x {message.height} {message.encoding}"
    encoding = ENCODINGS.get(message.encoding)
    if encoding is None:
        raise InputError(f"image encoding {message.encoding!r} is not read: let the driver publish {READABLE}")
    if message.width == 0 or message.height == 0:
        raise InputError(f"image {size} is empty")
    if not encoding.fits(message.width, message.height):  # OpenCV before 4.11 reads on behind the last pixel
        raise InputError(f"image {size} cannot be converted to RGB: expected an even width and height")
    rows, row_bytes = math.ceil(message.height * encoding.rows), message.width * encoding.pixel_bytes
    needed = message.step * rows
    if len(message.data) < needed:
        raise InputError(f"image {size} is truncated: {len(message.data)} bytes instead of {needed} (step x rows)")
    if message.step < row_bytes:
        raise InputError(f"image {size} has step {message.step}, less than a row's {row_bytes} bytes")
    data = np.frombuffer(message.data, np.uint8, needed).reshape(rows, message.step)[:, :row_bytes]
    if encoding.depth == 2:
        data = np.ascontiguousarray(data).view(">u2" if message.is_bigendian else "<u2")
    return rgb_of(data.reshape(rows, message.width, encoding.channels), encoding)


def compressed_to_rgb(message: Any) -> NDArray[np.uint8]:
    """RGB (H, W, 3) of a JPEG or PNG sensor_msgs/CompressedImage."""
    return _decoded(message, FULL_SIZE)


def compressed_for(message: Any, camera: CameraModel, needed: tuple[int, int]) -> tuple[NDArray[np.uint8], CameraModel]:
    """RGB (H, W, 3) of a CompressedImage of `camera`, and the camera of what is returned.

    needed: width, height (px) that will be read. A JPEG of at least twice, four or eight times that is decoded at a
    half, a quarter or an eighth of its size, in less than half the time.
    """
    is_reducible = bytes(message.data[:2]) == JPEG and mosaic_of(message.format) is None
    flags, smaller = _decoding(camera, needed) if is_reducible else (FULL_SIZE, camera)
    image = _decoded(message, flags)
    if smaller is camera or image.shape[:2] == (smaller.height, smaller.width):
        return image, smaller
    return compressed_to_rgb(message), camera  # not this camera's image: whoever compares needs its true size


def reduced(camera: CameraModel, factor: int) -> CameraModel | None:
    """The camera of an image averaged over blocks of factor x factor pixels: (u, v) goes to (u, v) / factor.

    A size that the factor does not divide leaves a last pixel of which a part is padding. None for a panorama of
    such a size: it must span the whole sphere.
    """
    if camera.projection is Projection.EQUIRECTANGULAR and (camera.width % factor or camera.height % factor):
        return None
    width, height = -(-camera.width // factor), -(-camera.height // factor)
    fx, fy, cx, cy = (value / factor for value in (camera.fx, camera.fy, camera.cx, camera.cy))
    return replace(camera, width=width, height=height, fx=fx, fy=fy, cx=cx, cy=cy)


def _decoding(camera: CameraModel, needed: tuple[int, int]) -> tuple[int, CameraModel]:
    """OpenCV's flags for the smallest size that is still as large as needed, and the camera of that."""
    for factor, flags in REDUCED_SIZES.items():
        is_enough = -(-camera.width // factor) >= needed[0] and -(-camera.height // factor) >= needed[1]
        if is_enough and (smaller := reduced(camera, factor)) is not None:
            return flags, smaller
    return FULL_SIZE, camera


def _decoded(message: Any, flags: int) -> NDArray[np.uint8]:
    data, mosaic = bytes(message.data), mosaic_of(message.format)
    if mosaic is not None and (grey := _imdecode(data, cv2.IMREAD_UNCHANGED)) is not None and grey.ndim == 2:
        return rgb_of(grey[:, :, None], mosaic)
    image = _imdecode(data, flags | cv2.IMREAD_ANYDEPTH if data.startswith(PNG) else flags)
    if image is None:
        raise InputError(
            f"compressed image ({message.format!r}, {len(message.data)} bytes) cannot be decoded: expected a whole "
            "JPEG or PNG, no frame of a video"
        )
    return image if DECODES_TO_RGB else np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), dtype=np.uint8)


def _imdecode(data: bytes, flags: int) -> NDArray[np.uint8] | None:
    """As OpenCV's, of eight bits; None for what cannot be decoded, or not whole."""
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    except cv2.error:  # a header that claims more than OPENCV_IO_MAX_IMAGE_PIXELS
        image = None
    return None if image is None or not is_whole(data) else eight_bits(image)
