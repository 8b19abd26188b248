"""Frames of sensors from TF."""

from __future__ import annotations

import math

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

from geometry_msgs.msg import Quaternion, Transform, Vector3
from scipy.spatial.transform import Rotation

from geoflow_ros.errors import InputError
from geoflow_ros.ros.inputs import sensor_lookup
from geoflow_ros.tracking.sensors.sensor_frames import SensorMount


def transform(roll: float, pitch: float, yaw: float) -> Transform:
    x, y, z, w = Rotation.from_euler("ZYX", [yaw, pitch, roll]).as_quat().tolist()
    return Transform(translation=Vector3(x=1.2, y=-0.3, z=1.9), rotation=Quaternion(x=x, y=y, z=z, w=w))


def test_a_turned_and_slightly_tilted_sensor() -> None:
    found = sensor_lookup.sensor_mount(transform(0.02, 0.1, 2.0), "gps")
    assert (found.forward, found.left, found.up) == (1.2, -0.3, 1.9)
    assert found.yaw == pytest.approx(2.0)


@pytest.mark.parametrize("angles", [(math.pi, 0.0, 0.0), (0.0, math.pi / 2, 0.0)], ids=["z down", "on its side"])
def test_a_sensor_that_does_not_stand_upright_is_refused(angles: tuple[float, float, float]) -> None:
    with pytest.raises(InputError, match=r"frame imu is tilted by (180|90) deg"):
        sensor_lookup.sensor_mount(transform(*angles), "imu")


def test_without_tf2_the_parameters_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sensor_lookup, "tf2_ros", None)
    with pytest.raises(InputError, match=r"sensors_from_tf needs tf2_ros.*prior\.antenna_forward"):
        sensor_lookup.SensorLookup(None, "base_link")  # type: ignore[arg-type]


def test_where_tf_does_not_tell_there_is_no_guess() -> None:
    class Silent:
        def lookup_transform(self, base: str, frame: str, when: object) -> Transform:
            raise UnknownError("frame gps does not exist")

    class UnknownError(Exception):
        pass

    lookup = object.__new__(sensor_lookup.SensorLookup)
    lookup._base_frame, lookup._buffer = "base_link", Silent()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sensor_lookup, "tf2_ros", type("tf2_ros", (), {"TransformException": UnknownError}))
        with pytest.raises(InputError, match=r"no transform from gps to base_link: frame gps does not exist"):
            lookup.at("gps")
    assert SensorMount(1.0, 2.0, 3.0, 0.5).planar.array() == pytest.approx([1.0, 2.0, 0.5])
