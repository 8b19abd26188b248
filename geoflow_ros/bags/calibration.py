"""The camera of a sensor_msgs/CameraInfo, with binning and region of interest as the message defines them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from geoflow_ros.camera import CameraModel, Mount, Projection
from geoflow_ros.errors import InputError

COEFFICIENTS = {
    Projection.PLUMB_BOB: (0, 4, 5),
    Projection.RATIONAL: (8, 12, 14),
    Projection.EQUIDISTANT: (4,),
}
"""How many distortion coefficients each model has."""


def camera_model(message: Any, mount: Mount) -> CameraModel:
    """The camera of images before rectification: K and D."""
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
    full = _full(message, "K", (k[0], k[4], k[2], k[5]), mount)
    used = coefficients if any(coefficients) else ()
    return _read_out(message, replace(full, projection=projection, distortion=used))


def rectified_model(message: Any, mount: Mount) -> CameraModel:
    """The camera of images that were rectified already: P, no distortion."""
    p = message.p
    return _read_out(message, _full(message, "P", (p[0], p[5], p[2], p[6]), mount))


def content(message: Any) -> tuple[object, ...]:
    """What of a camera_info says something about the camera."""
    roi = message.roi
    window = roi.x_offset, roi.y_offset, roi.width, roi.height
    sizes = message.width, message.height, message.binning_x, message.binning_y, *window
    return *sizes, message.distortion_model, *message.d, *message.k, *message.p


def _full(message: Any, name: str, intrinsics: Sequence[float], mount: Mount) -> CameraModel:
    """The camera at the size it was calibrated at, without distortion."""
    fx, fy, cx, cy = map(float, intrinsics)
    if not (message.width and message.height and fx and fy):
        raise InputError(
            f"camera_info is not filled, as by a driver without a calibration ({message.width} x {message.height}, "
            f"{name} with fx={fx:g}, fy={fy:g}): calibrate the camera, or give its file by camera.calibration"
        )
    camera = CameraModel.of_matrix((int(message.width), int(message.height)), (fx, fy), (cx, cy), mount)
    if camera.is_of_another_size:
        raise InputError(
            f"camera_info says {camera.width} x {camera.height}, but the principal point ({cx:g}, {cy:g}) of {name} is "
            f"that of an image of about {2 * cx:.0f} x {2 * cy:.0f}: width, height, K and P must be those of one size, "
            "that of the calibration"
        )
    return camera


def _read_out(message: Any, full: CameraModel) -> CameraModel:
    """The camera of the part of the sensor that is read out, whole blocks of pixels averaged to one."""
    roi, binning = message.roi, (max(int(message.binning_x), 1), max(int(message.binning_y), 1))
    left, top = int(roi.x_offset), int(roi.y_offset)
    width, height = int(roi.width) or full.width, int(roi.height) or full.height
    if left + width > full.width or top + height > full.height:
        raise InputError(
            f"camera_info has a region of interest of {width} x {height} at ({left}, {top}), outside its "
            f"{full.width} x {full.height}: width and height must be those of the whole sensor"
        )
    cx, cy = (full.cx - left) / binning[0], (full.cy - top) / binning[1]
    width, height = width // binning[0], height // binning[1]
    return replace(full, width=width, height=height, fx=full.fx / binning[0], fy=full.fy / binning[1], cx=cx, cy=cy)
