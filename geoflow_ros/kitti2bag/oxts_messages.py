"""What the OXTS unit of a KITTI drive says, as ROS 2 messages on the topics that kitti2bag made customary."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from geoflow_ros.bags.messages import yaw_quaternion
from geoflow_ros.bags.recording import Messages
from geoflow_ros.kitti2bag.kitti_raw import OxtsLog
from geoflow_ros.planar import rotate

Floats = NDArray[np.float64]
FIX, IMU, VELOCITY, ODOM = "/kitti/oxts/gps/fix", "/kitti/oxts/imu", "/kitti/oxts/gps/vel", "/kitti/oxts/odom"
OXTS_TYPES = {
    FIX: "sensor_msgs/msg/NavSatFix", IMU: "sensor_msgs/msg/Imu", VELOCITY: "geometry_msgs/msg/TwistStamped",
    ODOM: "nav_msgs/msg/Odometry", "/tf": "tf2_msgs/msg/TFMessage",
}  # fmt: skip
IMU_FRAME, BASE_FRAME, ODOM_FRAME = "imu_link", "base_link", "odom"
ANGLE_SIGMA = np.deg2rad([0.03, 0.03, 0.1])
"""Standard deviations of roll, pitch and yaw of the RT3003 that recorded KITTI, from its data sheet (rad)."""
RATE_SIGMA, ACCELERATION_SIGMA, VERTICAL_SIGMA = 0.005, 0.1, 0.2
"""Cautious round values: rad/s, m/s^2, m."""
LEAST_SIGMA = 0.01
"""Metres or m/s: the log rounds better accuracies to 0."""
DRIFT = 0.01
"""Error of the integrated odometry per distance."""


class Timed(NamedTuple):
    """A message that waits to be recorded."""

    stamp_ns: int
    topic: str
    message: Any


class OxtsMessages:
    """Iterates over what the OXTS unit and the odometry integrated from it say, sample by sample."""

    def __init__(self, messages: Messages, log: OxtsLog, fixes: tuple[Floats, Floats]) -> None:
        """fixes: (N, 3) latitude, longitude, altitude, and (N, 3) variances east, north, up."""
        self._messages, self._stamps_ns = messages, log.stamps_ns
        self._positions, self._variances = fixes
        self._velocity, self._rate = log.columns("vf vl vu"), log.columns("wx wy wz")
        self._level_rate, self._acceleration = log.columns("wf wl wu"), log.columns("ax ay az")
        self._turns = Rotation.from_euler("ZYX", log.columns("yaw pitch roll")).as_quat()
        self._speed_variance = np.maximum(log.column("vel_accuracy"), LEAST_SIGMA) ** 2
        self._path, self._travelled = dead_reckoning(log)

    def __iter__(self) -> Iterator[Timed]:
        for index, stamp_ns in enumerate(self._stamps_ns.tolist()):
            header = self._messages.header(stamp_ns, IMU_FRAME)
            yield Timed(stamp_ns, FIX, self._fix(index, header))
            yield Timed(stamp_ns, IMU, self._imu(index, header))
            twist = self._twist(self._velocity[index], self._level_rate[index])
            yield Timed(stamp_ns, VELOCITY, self._messages.make(OXTS_TYPES[VELOCITY], header=header, twist=twist))
            odom = self._messages.header(stamp_ns, ODOM_FRAME)
            yield Timed(stamp_ns, ODOM, self._odometry(index, odom))
            yield Timed(stamp_ns, "/tf", self._odom_transform(index, odom))

    def _fix(self, index: int, header: Any) -> Any:
        latitude, longitude, altitude = self._positions[index].tolist()
        status = self._messages.make("sensor_msgs/msg/NavSatStatus", status=0, service=1)
        return self._messages.make(
            OXTS_TYPES[FIX], header=header, status=status, latitude=latitude, longitude=longitude, altitude=altitude,
            position_covariance=np.diag(self._variances[index]).ravel(), position_covariance_type=2,
        )  # fmt: skip

    def _imu(self, index: int, header: Any) -> Any:
        return self._messages.make(
            OXTS_TYPES[IMU], header=header, orientation=self._messages.quaternion(self._turns[index]),
            orientation_covariance=np.diag(ANGLE_SIGMA**2).ravel(),
            angular_velocity=self._messages.vector(self._rate[index]),
            angular_velocity_covariance=(RATE_SIGMA**2 * np.eye(3)).ravel(),
            linear_acceleration=self._messages.vector(self._acceleration[index]),
            linear_acceleration_covariance=(ACCELERATION_SIGMA**2 * np.eye(3)).ravel(),
        )  # fmt: skip

    def _odometry(self, index: int, header: Any) -> Any:
        x, y, yaw = self._path[index]
        along = (DRIFT * self._travelled[index]) ** 2 + LEAST_SIGMA**2
        pose = np.diag([along, along, VERTICAL_SIGMA**2, *ANGLE_SIGMA**2])
        twist = np.diag([self._speed_variance[index]] * 3 + [RATE_SIGMA**2] * 3)
        stated = self._messages.pose((x, y, 0.0), yaw_quaternion(yaw))
        motion = self._twist(self._velocity[index], (0.0, 0.0, self._level_rate[index, 2]))
        with_covariance = self._messages.make(
            "geometry_msgs/msg/PoseWithCovariance", pose=stated, covariance=pose.ravel()
        )
        moving = self._messages.make("geometry_msgs/msg/TwistWithCovariance", twist=motion, covariance=twist.ravel())
        return self._messages.make(
            OXTS_TYPES[ODOM], header=header, child_frame_id=BASE_FRAME, pose=with_covariance, twist=moving
        )

    def _odom_transform(self, index: int, header: Any) -> Any:
        x, y, yaw = self._path[index]
        transform = self._messages.transform(header, BASE_FRAME, (x, y, 0.0), yaw_quaternion(yaw))
        return self._messages.make(OXTS_TYPES["/tf"], transforms=[transform])

    def _twist(self, linear: Any, angular: Any) -> Any:
        vector = self._messages.vector
        return self._messages.make("geometry_msgs/msg/Twist", linear=vector(linear), angular=vector(angular))


def dead_reckoning(log: OxtsLog) -> tuple[Floats, Floats]:
    """x, y, yaw (N, 3) from the velocities and the yaw rate alone, from 0, 0, 0; and the distance travelled (N,)."""
    dt = np.diff(log.stamps_ns) * 1e-9
    velocity, rate = log.columns("vf vl"), log.column("wu")
    yaw = np.concatenate([[0.0], np.cumsum((rate[1:] + rate[:-1]) / 2 * dt)])
    halfway, mean = (yaw[1:] + yaw[:-1]) / 2, (velocity[1:] + velocity[:-1]) / 2
    steps = rotate(halfway, mean) * dt[:, None]
    places = np.vstack([np.zeros((1, 2)), np.cumsum(steps, axis=0)])
    travelled = np.concatenate([[0.0], np.cumsum(np.hypot(*steps.T))])
    return np.column_stack([places, yaw]), travelled
