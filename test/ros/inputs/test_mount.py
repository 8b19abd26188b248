"""The camera's mount from TF and from parameters."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

from builtin_interfaces.msg import Time
from geometry_msgs.msg import Quaternion, Transform, Vector3
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from geoflow_ros.bags.static_transforms import mount_at, pose_of, rotation_matrix
from geoflow_ros.camera import Mount
from geoflow_ros.errors import InputError
from geoflow_ros.ros.inputs import mount
from geoflow_ros.tracking.settings import CameraConfig

NUMBERS = {"forward": 1.0, "left": 0.5, "height": 1.6, "roll": 0.01, "pitch": 0.02, "yaw": 0.03}


def transform(x: float, y: float, z: float, quaternion: Any) -> Transform:
    numbers = [float(each) for each in quaternion]
    rotation = Quaternion(**dict(zip("xyzw", numbers, strict=True)))
    return Transform(translation=Vector3(x=x, y=y, z=z), rotation=rotation)


def optical(roll: float, pitch: float, yaw: float) -> Any:
    """Quaternion of the optical frame of a camera with these angles, by scipy: body axes, then z forward, x right."""
    body = Rotation.from_euler("ZYX", [yaw, pitch, roll])
    return (body * Rotation.from_matrix([[0, 0, 1], [-1, 0, 0], [0, -1, 0]])).as_quat()


def test_a_camera_that_looks_ahead() -> None:
    found = mount_at(pose_of(transform(1.5, -0.2, 1.3, (-0.5, 0.5, -0.5, 0.5))), "camera", 0.35)
    assert (found.forward, found.left, found.height) == pytest.approx((1.5, -0.2, 1.65))
    assert (found.roll, found.pitch, found.yaw) == pytest.approx((0.0, 0.0, 0.0), abs=1e-9)


@given(st.floats(-3.0, 3.0), st.floats(-1.4, 1.4), st.floats(-3.1, 3.1))
def test_angles_survive_the_optical_frame(roll: float, pitch: float, yaw: float) -> None:
    found = mount_at(pose_of(transform(0.0, 0.0, 1.0, optical(roll, pitch, yaw))), "camera", 0.0)
    assert (found.roll, found.pitch, found.yaw) == pytest.approx((roll, pitch, yaw), abs=1e-6)


def test_a_body_frame_in_place_of_the_optical_one_is_refused() -> None:
    with pytest.raises(InputError, match=r"camera_link looks 90 deg up.*optical frame"):
        mount_at(pose_of(transform(0.0, 0.0, 1.0, (0.0, 0.0, 0.0, 1.0))), "camera_link", 0.0)


@pytest.mark.parametrize("quaternion", [(0.0, 0.0, 0.0, 0.0), (math.nan, 0.0, 0.0, 1.0)])
def test_a_rotation_that_is_none_is_refused(quaternion: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="not a unit quaternion"):
        mount_at(pose_of(transform(0.0, 0.0, 1.0, quaternion)), "camera", 0.0)


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ((0.0, 0.0, 0.0), "at a height 0 m above the ground"),
        ((1080.0, 0.0, 1650.0), "is 1080 m ahead, 0 m left and 1650 m above the base frame by TF"),  # millimetres
        ((0.0, 1.65, -1.08), "0 m ahead, 1.65 m left and -1.08 m above"),  # the other way round
    ],
)
def test_a_camera_that_cannot_be_there_is_refused_with_where_it_is(
    place: tuple[float, float, float], said: str
) -> None:
    with pytest.raises(InputError, match=rf"{said}.*camera\.base_height how high"):
        mount_at(pose_of(transform(*place, optical(0.0, 0.0, 0.0))), "camera", 0.0)


def test_a_camera_that_looks_at_its_feet_is_said_to_look_down() -> None:
    with pytest.raises(InputError, match="camera looks 90 deg down"):
        mount_at(pose_of(transform(0.0, 0.0, 1.0, optical(0.0, math.pi / 2, 0.0))), "camera", 0.0)


class Tree:
    """TF that knows the camera on the left."""

    def need(self, parameter: str, others: str) -> None:
        assert (parameter, others.partition(",")[0]) == ("camera.from_tf", "camera.forward")

    def newest(self, base: str, frame: str) -> Transform:
        if (base, frame) != ("base_link", "left_camera"):
            raise InputError(f"no transform from {frame} to {base}")
        return transform(1.0, 0.0, 1.5, optical(0.0, 0.1, 0.0))

    def at(self, base: str, frame: str, stamp: Time) -> Transform:
        return self.newest(base, frame)


def test_tf_is_asked_for_the_frame_of_the_image_or_the_one_configured() -> None:
    tree: Any = Tree()
    source, stamp = mount.TfMount(tree, "base_link", "", 0.0), Time()
    assert source.at("left_camera", stamp).pitch == pytest.approx(0.1)
    assert source.at("/left_camera", stamp) == source.newest("/left_camera"), "as drivers of old name it"
    with pytest.raises(InputError, match="no transform from right_camera to base_link"):
        source.at("right_camera", stamp)
    with pytest.raises(InputError, match="no frame_id"):
        source.at("", stamp)
    configured = mount.TfMount(tree, "base_link", "/left_camera", 0.3)
    assert configured.at("", stamp).height == pytest.approx(1.8)


def test_all_six_numbers_or_tf() -> None:
    assert CameraConfig(**NUMBERS).mount == Mount(**NUMBERS)
    assert CameraConfig(from_tf=True).mount is None
    with pytest.raises(InputError, match=r"camera.left, camera.yaw: give the mount"):
        CameraConfig(**{name: value for name, value in NUMBERS.items() if name not in ("left", "yaw")}).check("camera")
    with pytest.raises(InputError, match="camera.rear.forward is given although camera.rear.from_tf is true"):
        CameraConfig(**NUMBERS, from_tf=True).check("camera.rear")


def test_rotation_matrix_agrees_with_scipy() -> None:
    x, y, z, w = Rotation.from_rotvec([0.3, -0.8, 1.1]).as_quat()
    mine = rotation_matrix(Quaternion(x=x, y=y, z=z, w=w))
    assert np.allclose(mine, Rotation.from_quat([x, y, z, w]).as_matrix())
