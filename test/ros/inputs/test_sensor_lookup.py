"""Frames of sensors from TF."""

from __future__ import annotations

import math
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

from geometry_msgs.msg import Quaternion, Transform, Vector3
from scipy.spatial.transform import Rotation

from geoflow_ros.bags.static_transforms import pose_of
from geoflow_ros.errors import InputError
from geoflow_ros.ros.inputs import sensor_lookup
from geoflow_ros.tracking.sensors.sensor_frames import SensorMount, sensor_at


def transform(roll: float, pitch: float, yaw: float) -> Transform:
    x, y, z, w = Rotation.from_euler("ZYX", [yaw, pitch, roll]).as_quat().tolist()
    return Transform(translation=Vector3(x=1.2, y=-0.3, z=1.9), rotation=Quaternion(x=x, y=y, z=z, w=w))


def test_a_turned_and_slightly_tilted_sensor() -> None:
    found = sensor_at(pose_of(transform(0.02, 0.1, 2.0)), "gps")
    assert (found.forward, found.left, found.up) == (1.2, -0.3, 1.9)
    assert found.yaw == pytest.approx(2.0)


@pytest.mark.parametrize("angles", [(math.pi, 0.0, 0.0), (0.0, math.pi / 2, 0.0)], ids=["z down", "on its side"])
def test_a_sensor_that_does_not_stand_upright_is_refused(angles: tuple[float, float, float]) -> None:
    with pytest.raises(InputError, match=r"frame imu is tilted by (180|90) deg"):
        sensor_at(pose_of(transform(*angles)), "imu")


class Tree:
    """TF that knows one transform, or none."""

    def __init__(self) -> None:
        self.at: tuple[float, float, float] | None = (0.0, 0.0, 0.0)

    def need(self, parameter: str, others: str) -> None:
        """It is there."""

    def newest(self, base: str, frame: str) -> Transform:
        if self.at is None:
            raise InputError(f"no transform from {frame} to {base}: frame {frame} does not exist")
        forward, left, yaw = self.at
        found = transform(0.0, 0.0, yaw)
        found.translation = Vector3(x=forward, y=left, z=1.0)
        return found


@pytest.fixture
def tree(monkeypatch: pytest.MonkeyPatch) -> Tree:
    monkeypatch.setattr(sensor_lookup, "AGAIN_S", 0.0)
    return Tree()


def looking(tree: Any) -> sensor_lookup.SensorLookup:
    return sensor_lookup.SensorLookup(tree, "base_link")


@pytest.mark.parametrize(
    ("later", "told"),
    [((-3.0, 4.0, 0.0), "has moved by 5.0 m and 0 deg in"), ((0.0, 0.0, -0.5), "has moved by 0.0 m and 29 deg in")],
    ids=["driven", "turned"],
)
def test_velocities_in_a_frame_that_stays_behind_are_refused_for_good(
    tree: Tree, later: tuple[float, float, float], told: str
) -> None:
    lookup = looking(tree)
    assert lookup.at("odom") == SensorMount(0.0, 0.0, 1.0, 0.0)  # the odometry's origin is where the vehicle started
    tree.at = later
    for tree.at in (later, (0.0, 0.0, 0.0)):  # back at the start
        with pytest.raises(InputError, match=f"frame odom {told} base_link: no sensor's on the vehicle"):
            lookup.at("odom")


def test_a_frame_that_is_far_away_is_none_of_a_sensor(tree: Tree) -> None:
    tree.at = (400.0, 300.0, 0.0)
    with pytest.raises(InputError, match="frame map is 500 m from base_link"):
        looking(tree).at("map")


def test_a_sensor_that_swings_a_little_stays_where_it_was_and_is_known_when_tf_is_gone(tree: Tree) -> None:
    lookup = looking(tree)
    for tree.at in ((1.0, 0.5, 0.0), (1.1, 0.45, 0.03), None):
        assert lookup.at("gps") == SensorMount(1.0, 0.5, 1.0, 0.0)


def test_where_tf_does_not_tell_there_is_no_guess(tree: Tree) -> None:
    tree.at = None
    with pytest.raises(InputError, match=r"no transform from gps to base_link: frame gps does not exist"):
        looking(tree).at("gps")
    assert SensorMount(1.0, 2.0, 3.0, 0.5).planar.array() == pytest.approx([1.0, 2.0, 0.5])
