"""Messages -> values and values -> messages; a message that cannot be used is an InputError with the reason."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from geometry_msgs.msg import PoseWithCovarianceStamped, Quaternion
from nav_msgs.msg import Odometry
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, Image, Imu, NavSatFix, NavSatStatus
from std_msgs.msg import Header

from geoflow_ros import messages
from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import LocalFrame
from geoflow_ros.messages import quaternion_yaw, stamp_ns
from geoflow_ros.pose import PoseEstimate
from geoflow_ros.tracking.prior import BodyVelocity, Fix, Heading

UNMEASURED_VARIANCE = 1e6
"""Variance (m^2 or rad^2) of what the camera cannot tell: height, roll and pitch."""


def to_rgb(message: Image) -> NDArray[np.uint8]:
    """RGB (H, W, 3): 8-bit encodings without a copy where they are RGB already, every other one by cv_bridge."""
    return messages.to_rgb(message) if message.encoding in messages.CHANNELS else _by_cv_bridge(message)


def camera_model(message: CameraInfo, mount: Mount, rectified: bool) -> CameraModel:
    """The camera of a camera_info; `rectified` reads P and no distortion instead of K and D."""
    if not rectified:
        return messages.camera_model(message, mount)
    p = message.p
    return CameraModel(message.width, message.height, p[0], p[5], p[2], p[6], mount)


def to_fix(message: NavSatFix, sigma: float) -> Fix:
    """The fix of a message; `sigma` (m, 0: none) serves one that has no covariance."""
    if message.status.status == NavSatStatus.STATUS_NO_FIX:
        raise InputError("the receiver reports NO_FIX")
    if not (abs(message.latitude) <= 90.0 and abs(message.longitude) <= 180.0):  # false for nan, too
        raise InputError(f"fix at latitude {message.latitude}, longitude {message.longitude} is not a place on earth")
    covariance = np.array(message.position_covariance, dtype=np.float64).reshape(3, 3)
    horizontal = covariance[:2, :2]
    if message.position_covariance_type == NavSatFix.COVARIANCE_TYPE_UNKNOWN or not horizontal.any():
        if sigma == 0.0:
            raise InputError("fix has no covariance: configure the receiver's driver, or set prior.fix_sigma")
        horizontal = sigma**2 * np.eye(2)
    elif not np.isfinite(horizontal).all() or np.linalg.eigvalsh(horizontal).min() <= 0.0:
        raise InputError(f"fix covariance {horizontal.tolist()} is not a finite positive definite matrix")
    vertical = float(covariance[2, 2])
    stamp = stamp_ns(message.header.stamp)
    vertical = vertical if math.isfinite(vertical) and vertical > 0.0 else UNMEASURED_VARIANCE
    return Fix(stamp, message.latitude, message.longitude, message.altitude, horizontal, vertical)


def imu_heading(message: Imu, sigma: float) -> Heading:
    """The heading of an Imu; `sigma` (rad, 0: none) serves one that has no covariance."""
    if message.orientation_covariance[0] == -1.0:
        raise InputError("imu says that it has no orientation (covariance[0] is -1)")
    variance = _heading_variance(message.orientation_covariance[8], sigma, "imu orientation")
    return Heading(stamp_ns(message.header.stamp), _yaw(message.orientation, "imu"), variance)


def odometry_heading(message: Odometry, sigma: float) -> Heading:
    """The heading of an Odometry; `sigma` (rad, 0: none) serves one that has no covariance."""
    variance = _heading_variance(message.pose.covariance[35], sigma, "odom pose")
    return Heading(stamp_ns(message.header.stamp), _yaw(message.pose.pose.orientation, "odom"), variance)


def odometry_velocity(message: Odometry) -> BodyVelocity:
    """The velocity of an Odometry in its child frame."""
    linear = message.twist.twist.linear
    if not (math.isfinite(linear.x) and math.isfinite(linear.y)):
        raise InputError(f"odom velocity ({linear.x}, {linear.y}) is not finite")
    return BodyVelocity(stamp_ns(message.header.stamp), linear.x, linear.y)


def pose_message(estimate: PoseEstimate, header: Header) -> PoseWithCovarianceStamped:
    """The estimate; z is 0, and z, roll and pitch carry `UNMEASURED_VARIANCE`."""
    message = PoseWithCovarianceStamped(header=header)
    pose = message.pose.pose
    pose.position.x, pose.position.y = estimate.east, estimate.north
    pose.orientation = yaw_quaternion(estimate.yaw)
    covariance = UNMEASURED_VARIANCE * np.eye(6)
    measured = [0, 1, 5]
    covariance[np.ix_(measured, measured)] = estimate.covariance
    message.pose.covariance = covariance.ravel().tolist()
    return message


def yaw_quaternion(yaw: float) -> Quaternion:
    """Rotation about up."""
    return Quaternion(z=math.sin(yaw / 2), w=math.cos(yaw / 2))


def fix_message(estimate: PoseEstimate, frame: LocalFrame, source: Fix, header: Header) -> NavSatFix:
    """The estimate in WGS84; height and its variance are the receiver's, for the camera does not see them."""
    latitude, longitude, _ = frame.to_geodetic([estimate.east, estimate.north])
    covariance = np.zeros((3, 3))
    covariance[:2, :2], covariance[2, 2] = estimate.covariance[:2, :2], source.vertical_variance
    message = NavSatFix(header=header, latitude=float(latitude), longitude=float(longitude), altitude=source.altitude)
    message.status.status = NavSatStatus.STATUS_FIX
    message.position_covariance = covariance.ravel().tolist()
    message.position_covariance_type = NavSatFix.COVARIANCE_TYPE_KNOWN
    return message


def image_message(rgb: NDArray[np.uint8], header: Header) -> Image:
    """An rgb8 message of an RGB (H, W, 3) image."""
    height, width, _ = rgb.shape
    # bytes: assigning an array or a list makes rclpy check every element
    return Image(header=header, height=height, width=width, encoding="rgb8", step=3 * width, data=rgb.tobytes())


def _by_cv_bridge(message: Image) -> NDArray[np.uint8]:
    try:
        from cv_bridge import CvBridge
    except ImportError:
        raise InputError(
            f"image encoding {message.encoding!r} needs cv_bridge, which is not installed: install it, or publish "
            f"{', '.join(messages.CHANNELS)}"
        ) from None
    bridge: Any = CvBridge()
    try:
        return np.asarray(bridge.imgmsg_to_cv2(message, "rgb8"), dtype=np.uint8)
    except Exception as error:  # cv_bridge raises its own, OpenCV's and KeyError for an unknown name
        raise InputError(f"image encoding {message.encoding!r} cannot be read by cv_bridge: {error}") from error


def _yaw(q: Quaternion, source: str) -> float:
    norm = math.sqrt(q.x**2 + q.y**2 + q.z**2 + q.w**2)
    if not abs(norm - 1.0) <= 0.01:
        raise InputError(f"{source} orientation ({q.x}, {q.y}, {q.z}, {q.w}) is not a unit quaternion")
    return quaternion_yaw(q.x, q.y, q.z, q.w)


def _heading_variance(variance: float, sigma: float, what: str) -> float:
    if variance > 0.0 and math.isfinite(variance):
        return float(variance)
    if variance == 0.0 and sigma > 0.0:
        return sigma**2
    if variance == 0.0:
        raise InputError(f"{what} has no covariance: configure its driver, or set heading.sigma")
    raise InputError(f"{what} has yaw variance {variance}: expected a finite positive number")
