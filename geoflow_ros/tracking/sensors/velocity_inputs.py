"""Velocities and rates of turn on their way to the motion: each compared with the others before it is believed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from geoflow_ros.errors import InputError
from geoflow_ros.tracking import measurements
from geoflow_ros.tracking.motion import MotionBuffer
from geoflow_ros.tracking.sensors.odometry_check import OdometryCheck
from geoflow_ros.tracking.sensors.odometry_segments import Reading


class VelocityInputs:
    """Odometry, a velocity topic and the IMU's rate of turn; a message that is not believed is an InputError."""

    def __init__(self, motions: MotionBuffer) -> None:
        """motions: gets what is believed."""
        self._motions = motions
        self._checks = {name: OdometryCheck(name) for name in ("odom", "twist")}

    @property
    def warnings(self) -> Mapping[str, str]:
        """What is wrong with a sensor, by its name."""
        return {name: sentence for check in self._checks.values() for name, sentence in check.verdict.sentences.items()}

    def add_imu(self, message: Any) -> None:
        """The rate of turn of a sensor_msgs/Imu."""
        rate = measurements.imu_yaw_rate(message)
        for check in self._checks.values():
            check.add_rate(rate)
        for check in self._checks.values():
            if not check.verdict.is_imu_believed:
                raise InputError("; ".join(check.verdict.sentences.values()))
        self._motions.add_rate(rate)

    def add_odometry(self, message: Any) -> None:
        """The velocity of a nav_msgs/Odometry."""
        reading = Reading(measurements.odometry_velocity(message), measurements.odometry_pose(message))
        self._motions.add_velocity(self._checks["odom"].admit(reading))

    def add_twist(self, message: Any) -> None:
        """The velocity of a geometry_msgs/TwistStamped."""
        self._motions.add_velocity(self._checks["twist"].admit(Reading(measurements.twist_velocity(message), None)))
