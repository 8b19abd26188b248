"""Messages to values and back, without a running node."""

from __future__ import annotations

import math
import struct
import sys
from importlib.abc import MetaPathFinder
from types import ModuleType

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

import ros_support as ros
from hypothesis import given
from hypothesis import strategies as st
from nav_msgs.msg import Odometry
from scipy.spatial.transform import Rotation
from std_msgs.msg import Header

from geoflow_ros.bags.messages import quaternion_yaw
from geoflow_ros.camera import Mount
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.localization.pose import PoseEstimate
from geoflow_ros.ros import conversions
from geoflow_ros.satellite.patch import SatellitePatch
from geoflow_ros.tracking import measurements
from geoflow_ros.tracking.mount.estimate import MountEstimate

COVARIANCE = np.array([[4.0, 1.0, 0.1], [1.0, 9.0, 0.2], [0.1, 0.2, 0.04]])


def estimate(east: float = 10.0, north: float = -5.0, yaw: float = 2.0) -> PoseEstimate:
    patch = SatellitePatch(np.zeros((8, 8, 3), np.uint8), (0.0, 0.0), 1.0)
    hypotheses = np.array([[1.0, 2.0, 0.5], [3.0, 4.0, 0.25]])
    density = np.full((4, 4), 1 / 16, np.float32)
    return PoseEstimate(east, north, yaw, COVARIANCE, hypotheses, np.array([0.75, 0.25]), density, 8.0, patch)


def test_a_mount_is_turned_and_doubted_about_the_axes_of_the_base() -> None:
    """Samples of roll, pitch, yaw and height, as rotations by scipy, scatter as the message says."""
    stated, std = Mount(1.0, -0.5, 1.5, roll=0.3, pitch=0.2, yaw=2.5), np.array([0.002, 0.004, 0.001, 0.02])
    correction = np.array([0.01, -0.02, 0.03, 0.1])
    message = conversions.mount_message(MountEstimate(stated, correction, np.diag(std**2)), 0.4, Header())
    place, q = message.pose.pose.position, message.pose.pose.orientation
    assert (place.x, place.y, place.z) == pytest.approx((1.0, -0.5, 1.2))
    mean = Rotation.from_euler("ZYX", [2.53, 0.18, 0.31])
    assert (Rotation.from_quat([q.x, q.y, q.z, q.w]).inv() * mean).magnitude() < 1e-9
    draws = np.random.default_rng(0).normal(0.0, std, (20_000, 4))
    turned = Rotation.from_euler("ZYX", [2.53, 0.18, 0.31] + draws[:, [2, 1, 0]]) * mean.inv()
    sampled = np.cov(np.column_stack([draws[:, 3], turned.as_rotvec()]).T)
    covariance = np.reshape(message.pose.covariance, (6, 6))
    assert covariance[2:, 2:] == pytest.approx(sampled, rel=0.03, abs=4e-7)
    assert not covariance[:2].any() and not covariance[:, :2].any()


def test_pose_covariance_has_the_measured_axes_in_their_places() -> None:
    message = conversions.pose_message(estimate(), Header(frame_id="map"))
    full = np.reshape(message.pose.covariance, (6, 6))
    assert full[np.ix_([0, 1, 5], [0, 1, 5])] == pytest.approx(COVARIANCE)
    assert full.diagonal()[2:5] == pytest.approx([1e6] * 3)
    assert np.linalg.eigvalsh(full).min() > 0


def test_pose_fix_goes_back_to_the_same_place_and_keeps_the_receivers_height() -> None:
    frame = LocalFrame(Datum(49.0, 8.4, 100.0))
    source = measurements.to_fix(ros.fix(0, 49.0, 8.4), 0.0)
    message = conversions.fix_message(estimate(), frame, source, Header())
    assert frame.to_enu(message.latitude, message.longitude)[:2] == pytest.approx([10.0, -5.0], abs=1e-3)
    covariance = np.reshape(message.position_covariance, (3, 3))
    assert covariance[:2, :2] == pytest.approx(COVARIANCE[:2, :2])
    assert (message.altitude, covariance[2, 2]) == (400.0, 100.0)


@given(st.floats(-math.pi, math.pi))
def test_yaw_survives_its_quaternion(yaw: float) -> None:
    q = conversions.yaw_quaternion(yaw)
    back = quaternion_yaw(q.x, q.y, q.z, q.w)
    assert abs((back - yaw + math.pi) % (2 * math.pi) - math.pi) < 1e-9


def test_fix_and_heading_without_covariance_need_a_stated_one() -> None:
    assert measurements.to_fix(ros.fix(0, 49.0, 8.4, sigma=0.0), 3.0).covariance == pytest.approx(9.0 * np.eye(2))
    assert measurements.imu_heading(ros.imu(0, 0.5, sigma=0.0), 0.2).variance == pytest.approx(0.04)
    with pytest.raises(InputError, match=r"set heading\.sigma"):
        measurements.imu_heading(ros.imu(0, 0.5, sigma=0.0), 0.0)
    with pytest.raises(InputError, match=r"set prior\.fix_sigma"):
        measurements.to_fix(ros.fix(0, 49.0, 8.4, sigma=0.0), 0.0)


def test_nan_in_a_covariance_or_a_quaternion_is_refused() -> None:
    fix, imu = ros.fix(0, 49.0, 8.4), ros.imu(0, 0.5)
    fix.position_covariance[0] = math.nan
    imu.orientation.w = math.nan
    with pytest.raises(InputError, match="not a finite positive definite"):
        measurements.to_fix(fix, 0.0)
    with pytest.raises(InputError, match="unit quaternion"):
        measurements.imu_heading(imu, 0.0)


def test_odometry_gives_heading_and_velocity() -> None:
    message = Odometry()
    message.pose.pose.orientation = conversions.yaw_quaternion(-1.0)
    message.pose.covariance[35] = 0.01
    message.twist.twist.linear.x = 4.0
    heading, velocity = measurements.odometry_heading(message, 0.0), measurements.odometry_velocity(message)
    assert (heading.yaw, heading.variance) == pytest.approx((-1.0, 0.01))
    assert (velocity.forward, velocity.left) == (4.0, 0.0)


def test_rgb_is_not_copied_and_row_padding_is_skipped() -> None:
    message = ros.image(0)
    view = conversions.to_rgb(message)
    assert np.shares_memory(view, np.frombuffer(message.data, np.uint8))
    padded = np.zeros((ros.HEIGHT, 3 * ros.WIDTH + 7), np.uint8)
    padded[:, : 3 * ros.WIDTH] = view.reshape(ros.HEIGHT, -1)
    message.step, message.data = padded.shape[1], padded.tobytes()
    assert np.array_equal(conversions.to_rgb(message), view)


def test_other_encodings_are_handed_to_cv_bridge(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    class CvBridge:
        def imgmsg_to_cv2(self, message: object, encoding: str) -> np.ndarray:
            asked.append(encoding)
            if getattr(message, "encoding", "") == "nonsense":
                raise KeyError("nonsense")
            return np.full((2, 2, 3), 7, np.uint8)

    module = ModuleType("cv_bridge")
    module.CvBridge = CvBridge  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "cv_bridge", module)
    assert conversions.to_rgb(ros.image(0, "nv24")).max() == 7
    assert asked == ["rgb8"]
    with pytest.raises(InputError, match="cannot be read by cv_bridge"):
        conversions.to_rgb(ros.image(0, "nonsense"))


def test_hypotheses_are_points_and_come_back() -> None:
    cloud = conversions.hypotheses_message(estimate(), Header(frame_id="map"))
    assert [f"{each.name}@{each.offset}" for each in cloud.fields] == ["x@0", "y@4", "z@8", "yaw@12", "weight@16"]
    assert (cloud.header.frame_id, cloud.height, cloud.width, cloud.point_step, cloud.row_step) == ("map", 1, 2, 20, 40)
    points = struct.unpack("<10f", bytes(cloud.data))
    assert points == (1.0, 2.0, 0.0, 0.5, 0.75, 3.0, 4.0, 0.0, 0.25, 0.25)
    assert conversions.hypotheses_of(cloud).tolist() == [[1.0, 2.0, 0.5], [3.0, 4.0, 0.25]]


def test_hypotheses_of_the_real_sensor_msgs_py() -> None:
    point_cloud2 = pytest.importorskip("sensor_msgs_py.point_cloud2", reason="sensor_msgs_py is not installed")
    cloud = conversions.hypotheses_message(estimate(), Header(frame_id="map"))
    assert point_cloud2.read_points_numpy(cloud, ("x", "weight")).tolist() == [[1.0, 0.75], [3.0, 0.25]]


def test_a_cv_bridge_for_another_numpy_is_not_said_to_be_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(MetaPathFinder):
        def find_spec(self, name: str, *_: object) -> None:
            if name == "cv_bridge":
                raise ImportError("numpy.core.multiarray failed to import")

    monkeypatch.delitem(sys.modules, "cv_bridge", raising=False)
    monkeypatch.setattr(sys, "meta_path", [Failing(), *sys.meta_path])
    with pytest.raises(
        InputError, match=r"cannot be loaded \(numpy.core.multiarray failed.*numpy<2 if that is of NumPy"
    ):
        conversions.to_rgb(ros.image(0, "nv24"))
