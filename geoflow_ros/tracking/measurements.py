"""Sensor messages -> measurements, whoever decoded the message: rclpy or a bag reader. Needs no ROS.

A message that cannot be used is an InputError with the reason.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from geoflow_ros.bags.messages import quaternion_yaw, stamp_ns
from geoflow_ros.errors import InputError
from geoflow_ros.planar import PlanarPose
from geoflow_ros.tracking.motion import BodyVelocity, YawRate
from geoflow_ros.tracking.mount.nodding import imu_tilt
from geoflow_ros.tracking.prior import Fix, Heading
from geoflow_ros.tracking.sensors.sensor_frames import SensorMount

UNMEASURED_VARIANCE = 1e6
"""Variance (m^2 or rad^2) of what was not measured."""
LEAST_COS = 0.5  # of an IMU's pitch: further up or down its turns are not a vehicle's
MAX_SPEED, MAX_YAW_RATE = 100.0, 10.0
"""m/s, rad/s; odometry that tells more has leapt."""
NO_FIX_NAMES = {-1: "NO_FIX", -2: "UNKNOWN: its driver must set the status of a fix"}
"""Status of a sensor_msgs/NavSatStatus; 0 or more is a fix."""
COVARIANCE_TYPE_UNKNOWN = 0  # of sensor_msgs/NavSatFix
OTHER_HEADING = "set heading.source to course, or to odom if its yaw is from east"
NULL_ISLAND_DEG = 1e-4  # 11 m: receivers without a fix tell a latitude and longitude of zero


def to_fix(message: Any, sigma: float, antenna: SensorMount = SensorMount()) -> Fix:  # noqa: B008 - frozen
    """The fix of a NavSatFix; `sigma` (m, 0: none) serves one that has no covariance. antenna: on base_link."""
    if message.status.status < 0:
        name = NO_FIX_NAMES.get(message.status.status, message.status.status)
        raise InputError(f"the receiver reports {name}")
    if not (abs(message.latitude) <= 90.0 and abs(message.longitude) <= 180.0):  # false for nan, too
        raise InputError(_no_place(message.latitude, message.longitude))
    if max(abs(message.latitude), abs(message.longitude)) < NULL_ISLAND_DEG:
        raise InputError("fix at latitude 0, longitude 0 is what receivers tell that have none: it is not believed")
    covariance = np.array(message.position_covariance, dtype=np.float64).reshape(3, 3)
    horizontal = (covariance[:2, :2] + covariance[:2, :2].T) / 2
    if unusable := _unusable(message.position_covariance_type, horizontal):
        if sigma == 0.0:
            raise InputError(
                f"fix {unusable}: configure the receiver's driver, or set prior.fix_sigma to how far off it is, "
                "such as 3.0 m"
            )
        horizontal = sigma**2 * np.eye(2)
    vertical = float(covariance[2, 2])
    vertical = vertical if math.isfinite(vertical) and vertical > 0.0 else UNMEASURED_VARIANCE
    stamp, altitude = stamp_ns(message.header.stamp), float(message.altitude) - antenna.up
    place, lever = (float(message.latitude), float(message.longitude)), (antenna.forward, antenna.left)
    return Fix(stamp, *place, altitude, horizontal, vertical, lever)


def _no_place(latitude: float, longitude: float) -> str:
    """What is to be said of a latitude and longitude that are not on earth."""
    exchanged = abs(longitude) <= 90.0 < abs(latitude) <= 180.0
    return (
        f"fix at latitude {latitude}, longitude {longitude} is not a place on earth: expected degrees, -90 to 90 and "
        f"-180 to 180{'; they are exchanged, it seems' if exchanged else ''}"
    )


def _unusable(kind: int, horizontal: Any) -> str:
    """Why the covariance (2, 2) of a fix, whose type is `kind`, says nothing; empty if it does say something."""
    if kind == COVARIANCE_TYPE_UNKNOWN or not horizontal.any():
        return "has no covariance"
    is_usable = np.isfinite(horizontal).all() and np.linalg.eigvalsh(horizontal).min() > 0.0
    return "" if is_usable else f"covariance {horizontal.tolist()} is not a finite positive definite matrix"


def imu_heading(message: Any, sigma: float) -> Heading:
    """The heading of an Imu; `sigma` (rad, 0: none) serves one that has no covariance."""
    if message.orientation_covariance[0] == -1.0:
        raise InputError(f"imu says that it has no orientation (covariance[0] is -1): {OTHER_HEADING}")
    q, has_covariance = message.orientation, np.any(message.orientation_covariance)
    if not has_covariance and (q.x, q.y, q.z) == (0.0, 0.0, 0.0) and 0.0 in (q.w, sigma):  # a real one may point east
        raise InputError(f"imu orientation is never filled (0, 0, 0, {q.w:g} without covariance): {OTHER_HEADING}")
    variance = _heading_variance(float(message.orientation_covariance[8]), sigma, "imu orientation")
    return Heading(stamp_ns(message.header.stamp), _yaw(message.orientation, "imu"), variance)


def imu_yaw_rate(message: Any) -> YawRate:
    """The rate of turn of an Imu about the vertical; about its own z where it has no orientation."""
    rate = float(message.angular_velocity.z)
    if message.angular_velocity_covariance[0] == -1.0 or not math.isfinite(rate):
        raise InputError(f"imu angular velocity {rate} is not measured")
    if (tilt := imu_tilt(message)) and math.isfinite(about_y := float(message.angular_velocity.y)):
        cos = max(math.cos(tilt.pitch), LEAST_COS)
        rate = (about_y * math.sin(tilt.roll) + rate * math.cos(tilt.roll)) / cos
    return YawRate(stamp_ns(message.header.stamp), rate)


def odometry_heading(message: Any, sigma: float) -> Heading:
    """The heading of an Odometry; `sigma` (rad, 0: none) serves one that has no covariance."""
    variance = _heading_variance(float(message.pose.covariance[35]), sigma, "odom pose")
    return Heading(stamp_ns(message.header.stamp), _yaw(message.pose.pose.orientation, "odom"), variance)


def odometry_velocity(message: Any) -> BodyVelocity:
    """The velocity of an Odometry in its child frame."""
    return _velocity(message.header.stamp, message.twist.twist, "odom")


def odometry_pose(message: Any) -> PlanarPose | None:
    """The pose of an Odometry in the frame of its header; None if it is not finite or has no orientation."""
    place, q = message.pose.pose.position, message.pose.pose.orientation
    norm = math.hypot(q.x, q.y, q.z, q.w)
    if not (math.isfinite(place.x) and math.isfinite(place.y) and abs(norm - 1.0) <= 0.01):
        return None
    return PlanarPose(float(place.x), float(place.y), quaternion_yaw(q.x, q.y, q.z, q.w))


def twist_velocity(message: Any) -> BodyVelocity:
    """The velocity of a TwistStamped in base_link."""
    return _velocity(message.header.stamp, message.twist, "twist")


def _velocity(stamp: Any, twist: Any, source: str) -> BodyVelocity:
    forward, left, rate = float(twist.linear.x), float(twist.linear.y), float(twist.angular.z)
    if not all(map(math.isfinite, (forward, left, rate))):
        raise InputError(f"{source} velocity ({forward}, {left}) m/s, {rate} rad/s is not finite")
    if math.hypot(forward, left) > MAX_SPEED or abs(rate) > math.degrees(MAX_YAW_RATE):  # degrees are seen by others
        raise InputError(
            f"{source} velocity ({forward:g}, {left:g}) m/s, {rate:g} rad/s is not a vehicle's: expected at most "
            f"{MAX_SPEED:g} m/s, {MAX_YAW_RATE:g} rad/s"
        )
    return BodyVelocity(stamp_ns(stamp), forward, left, rate)


def _yaw(q: Any, source: str) -> float:
    norm = math.hypot(q.x, q.y, q.z, q.w)
    if not abs(norm - 1.0) <= 0.01:
        raise InputError(f"{source} orientation ({q.x}, {q.y}, {q.z}, {q.w}) is not a unit quaternion")
    return quaternion_yaw(q.x, q.y, q.z, q.w)


def _heading_variance(variance: float, sigma: float, what: str) -> float:
    if variance > 0.0 and math.isfinite(variance):
        return variance
    if variance == 0.0 and sigma > 0.0:
        return sigma**2
    if variance == 0.0:
        raise InputError(
            f"{what} has no covariance: configure its driver, or set heading.sigma to how far off it is, such as 0.1 "
            "rad"
        )
    raise InputError(f"{what} has yaw variance {variance}: expected a finite positive number")
