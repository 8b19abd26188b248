"""The ROS 2 bag of a drive (mcap): camera, GNSS, IMU, wheel odometry and the truth."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.bags.messages import tilted_quaternion, yaw_quaternion
from geoflow_ros.bags.recording import BagRecorder, Messages
from geoflow_ros.camera import CameraModel
from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.town.noise import SensorErrors, dead_reckoning, gauss_markov, gnss_fixes
from geoflow_ros.town.ride import Ride
from geoflow_ros.town.route import Drive
from geoflow_ros.tracking.cameras import ONE

Floats = NDArray[np.float64]
FIX_HZ, IMU_HZ, ODOM_HZ = 5.0, 50.0, 20.0
GRAVITY = 9.81
IMAGE, CAMERA_INFO = "sensor_msgs/msg/CompressedImage", "sensor_msgs/msg/CameraInfo"
TOPICS = {
    "/fix": "sensor_msgs/msg/NavSatFix", "/imu": "sensor_msgs/msg/Imu", "/odom": "nav_msgs/msg/Odometry",
    "/ground_truth": "geometry_msgs/msg/PoseStamped",
}  # fmt: skip


def topics_of(camera: str) -> tuple[str, str]:
    """The topics of a camera's images and calibration."""
    return (
        (f"/{camera}/image/compressed", f"/{camera}/camera_info") if camera else ("/image/compressed", "/camera_info")
    )


class DriveBag:
    """Collects messages and writes them in the order of their stamps when closed."""

    def __init__(self, folder: Path, datum: Datum, start_s: int) -> None:
        self._messages = Messages()
        self._folder, self._start_s = folder, start_s
        self._frame = LocalFrame(datum)
        self._pending: list[tuple[int, str, Any]] = []
        self._topics = dict(TOPICS)

    def __enter__(self) -> DriveBag:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self._write()

    def write_frame(self, time: float, jpeg: bytes, camera: CameraModel, pose: Floats, name: str = ONE) -> None:
        """A camera's image, its camera_info and the true pose of base_link (3,) at a time (s since the start)."""
        frame_id, (image, info) = f"camera_{name or 'front'}", topics_of(name)
        self._topics |= {image: IMAGE, info: CAMERA_INFO}
        data = np.frombuffer(jpeg, dtype=np.uint8)
        self._add(image, time, header=self._header(time, frame_id), format="jpeg", data=data)
        whole = self._messages.make(
            "sensor_msgs/msg/RegionOfInterest", x_offset=0, y_offset=0, height=0, width=0, do_rectify=False
        )
        self._add(
            info, time, header=self._header(time, frame_id), height=camera.height, width=camera.width,
            distortion_model="plumb_bob", d=np.zeros(5), k=camera.matrix.ravel(), r=np.eye(3).ravel(),
            p=np.hstack([camera.matrix, np.zeros((3, 1))]).ravel(), binning_x=0, binning_y=0,
            roi=whole,
        )  # fmt: skip
        east, north, yaw = (float(value) for value in pose)
        self._add("/ground_truth", time, header=self._header(time, "map"), pose=self._pose(east, north, yaw))

    def write_sensors(
        self,
        drive: Drive,
        seconds: float,
        errors: SensorErrors,
        rng: np.random.Generator,
        ride: Ride = Ride(),  # noqa: B008
    ) -> None:
        """Everything but the camera, from the start to `seconds`, with errors."""
        self._write_fixes(drive, seconds, errors, rng)
        self._write_imu(drive, seconds, errors, rng, ride)
        self._write_odometry(drive, seconds, errors, rng)

    def _write_fixes(self, drive: Drive, seconds: float, errors: SensorErrors, rng: np.random.Generator) -> None:
        times = np.arange(0.0, seconds + 1e-9, 1.0 / FIX_HZ)
        enu = gnss_fixes(rng, times, drive.pose(times)[:, :2], errors)
        covariance = np.diag([errors.gnss_variance, errors.gnss_variance, errors.altitude**2]).ravel()
        status = self._messages.make("sensor_msgs/msg/NavSatStatus", status=0, service=1)
        for time, lat, lon, alt in zip(times, *self._frame.to_geodetic(enu), strict=True):
            self._add(
                "/fix", time, header=self._header(time, "gnss"), status=status, latitude=float(lat),
                longitude=float(lon), altitude=float(alt), position_covariance=covariance, position_covariance_type=2,
            )  # fmt: skip

    def _write_imu(
        self, drive: Drive, seconds: float, errors: SensorErrors, rng: np.random.Generator, ride: Ride
    ) -> None:
        times = np.arange(0.0, seconds + 1e-9, 1.0 / IMU_HZ)
        true_yaw, true_pitch = drive.pose(times)[:, 2], ride.imu_pitch(drive, times)
        yaw = true_yaw + gauss_markov(rng, times, errors.yaw_drift, errors.yaw_tau)
        rate = _body_rates(_rate(true_yaw, times), true_pitch, _rate(true_pitch, times))
        rate[:, 2] += rng.normal(0.0, errors.gyro_bias) + rng.normal(0.0, errors.gyro, len(times))
        tilt = np.random.default_rng(len(times))  # of its own: the other sensors are as they were without it
        roll, pitch = (gauss_markov(tilt, times, errors.tilt_drift, errors.yaw_tau) for _ in range(2))
        pitch = pitch + true_pitch
        rate[:, :2] += tilt.normal(0.0, errors.gyro_bias, 2) + tilt.normal(0.0, errors.gyro, (len(times), 2))
        force = _specific_force(drive, times, true_yaw, true_pitch)
        level = 0.002
        orientation = np.diag([level, level, errors.yaw_drift**2]).ravel()
        angular = np.diag([errors.gyro**2 + errors.gyro_bias**2] * 3).ravel()
        for index, time in enumerate(times):
            self._add(
                "/imu", time, header=self._header(time, "imu"),
                orientation=self._messages.quaternion(tilted_quaternion(yaw[index], pitch[index], roll[index])),
                orientation_covariance=orientation, angular_velocity=self._messages.vector(rate[index]),
                angular_velocity_covariance=angular, linear_acceleration=self._messages.vector(force[index]),
                linear_acceleration_covariance=np.diag([0.1] * 3).ravel(),
            )  # fmt: skip

    def _write_odometry(self, drive: Drive, seconds: float, errors: SensorErrors, rng: np.random.Generator) -> None:
        times = np.arange(0.0, seconds + 1e-9, 1.0 / ODOM_HZ)
        rows = dead_reckoning(rng, times, drive.speed(times), _rate(drive.pose(times)[:, 2], times), errors)
        travelled = np.cumsum(np.abs(rows[:, 3])) / ODOM_HZ
        rate_variance = errors.gyro**2 + errors.gyro_bias**2
        for time, (x, y, yaw, speed, rate), far in zip(times, rows, travelled, strict=True):
            sideways = (errors.gyro_bias * time * far / 2) ** 2  # a constant rate error bends the track quadratically
            along = (errors.wheel_scale * far) ** 2 + sideways + 0.01
            pose = np.diag([along, along, 0.01, 0.002, 0.002, (errors.gyro_bias * time) ** 2 + 1e-4])
            twist = np.diag([errors.wheel_white**2 + (errors.wheel_scale * speed) ** 2] + [0.01] * 4 + [rate_variance])
            motion = self._messages.make(
                "geometry_msgs/msg/Twist",
                linear=self._messages.vector((speed, 0.0, 0.0)),
                angular=self._messages.vector((0.0, 0.0, rate)),
            )
            make = self._messages.make
            self._add(
                "/odom", time, header=self._header(time, "odom"), child_frame_id="base_link",
                pose=make("geometry_msgs/msg/PoseWithCovariance", pose=self._pose(x, y, yaw), covariance=pose.ravel()),
                twist=make("geometry_msgs/msg/TwistWithCovariance", twist=motion, covariance=twist.ravel()),
            )  # fmt: skip

    def _write(self) -> None:
        with BagRecorder(self._folder, self._topics, self._messages) as recorder:
            for stamp, topic, message in sorted(self._pending, key=lambda item: item[0]):
                recorder.write(topic, stamp, message)

    def _add(self, topic: str, time: float, **fields: Any) -> None:
        self._pending.append((self._stamp_ns(time), topic, self._messages.make(self._topics[topic], **fields)))

    def _stamp_ns(self, time: float) -> int:
        return self._start_s * 1_000_000_000 + round(time * 1e9)

    def _header(self, time: float, frame_id: str) -> Any:
        return self._messages.header(self._stamp_ns(time), frame_id)

    def _pose(self, x: float, y: float, yaw: float) -> Any:
        return self._messages.pose((x, y, 0.0), yaw_quaternion(yaw))


def _rate(values: Floats, times: Floats) -> Floats:
    """Derivative (n,) with respect to time; zero for a single sample."""
    return np.gradient(values, times) if len(times) > 1 else np.zeros(len(times))


def _body_rates(yaw_rate: Floats, pitch: Floats, pitch_rate: Floats) -> Floats:
    """Rates of turn (n, 3) about forward, left, up of a body that yaws about the vertical and pitches."""
    return np.column_stack([-yaw_rate * np.sin(pitch), pitch_rate, yaw_rate * np.cos(pitch)])


def _specific_force(drive: Drive, times: Floats, yaw: Floats, pitch: Floats) -> Floats:
    """What an accelerometer feels (n, 3), forward, left, up of a body at this pitch (m/s^2)."""
    speed = drive.speed(times)
    forward, left, up = _rate(speed, times), speed * _rate(yaw, times), np.full(len(times), GRAVITY)
    sin, cos = np.sin(pitch), np.cos(pitch)
    return np.column_stack([cos * forward - sin * up, left, sin * forward + cos * up])
