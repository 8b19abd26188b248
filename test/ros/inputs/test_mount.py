"""The camera's mount from TF and from parameters."""

from __future__ import annotations

import importlib.util
import math
import threading
import time
from contextlib import suppress
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from paths import SUPPORT

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

from builtin_interfaces.msg import Time
from geometry_msgs.msg import Quaternion, Transform, TransformStamped, Vector3
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

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
    found = mount.mount_of(transform(1.5, -0.2, 1.3, (-0.5, 0.5, -0.5, 0.5)), "camera", 0.35)
    assert (found.forward, found.left, found.height) == pytest.approx((1.5, -0.2, 1.65))
    assert (found.roll, found.pitch, found.yaw) == pytest.approx((0.0, 0.0, 0.0), abs=1e-9)


@given(st.floats(-3.0, 3.0), st.floats(-1.4, 1.4), st.floats(-3.1, 3.1))
def test_angles_survive_the_optical_frame(roll: float, pitch: float, yaw: float) -> None:
    found = mount.mount_of(transform(0.0, 0.0, 1.0, optical(roll, pitch, yaw)), "camera", 0.0)
    assert (found.roll, found.pitch, found.yaw) == pytest.approx((roll, pitch, yaw), abs=1e-6)


def test_a_body_frame_in_place_of_the_optical_one_is_refused() -> None:
    with pytest.raises(InputError, match=r"camera_link looks 90 deg up.*optical frame"):
        mount.mount_of(transform(0.0, 0.0, 1.0, (0.0, 0.0, 0.0, 1.0)), "camera_link", 0.0)


@pytest.mark.parametrize("quaternion", [(0.0, 0.0, 0.0, 0.0), (math.nan, 0.0, 0.0, 1.0)])
def test_a_rotation_that_is_none_is_refused(quaternion: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="not a unit quaternion"):
        mount.mount_of(transform(0.0, 0.0, 1.0, quaternion), "camera", 0.0)


def test_a_camera_in_the_ground_is_refused() -> None:
    with pytest.raises(InputError, match=r"height 0.0 m"):
        mount.mount_of(transform(0.0, 0.0, 0.0, optical(0.0, 0.0, 0.0)), "camera", 0.0)


class StandInNode:
    """Takes subscriptions and forgets them."""

    def create_subscription(self, *_: Any, **__: Any) -> object:
        return object()

    def destroy_subscription(self, _: object) -> None:
        self.is_released = True


@pytest.fixture
def tf2(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The stand-in, also where the real tf2_ros is installed: it needs no running node."""
    file = SUPPORT / "stand_ins" / "tf2_ros.py"
    spec = importlib.util.spec_from_file_location("tf2_ros_stand_in", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(mount, "tf2_ros", module)
    return module


def test_tf_is_asked_for_the_frame_of_the_image_or_the_one_configured(tf2: ModuleType) -> None:
    node: Any = StandInNode()
    source = mount.TfMount(node, "base_link", "", 0.0)
    stamped = TransformStamped(transform=transform(1.0, 0.0, 1.5, optical(0.0, 0.1, 0.0)))
    source._buffer.transforms["base_link", "left_camera"] = stamped
    stamp = stamped.header.stamp
    assert source.at("left_camera", stamp).pitch == pytest.approx(0.1)
    assert source.at("/left_camera", stamp) == source.newest("/left_camera"), "as drivers of old name it"
    with pytest.raises(InputError, match="no transform from right_camera to base_link"):
        source.at("right_camera", stamp)
    with pytest.raises(InputError, match="no frame_id"):
        source.at("", stamp)
    configured = mount.TfMount(node, "base_link", "/left_camera", 0.0)
    configured._buffer.transforms["base_link", "left_camera"] = stamped
    assert configured.at("", stamp).forward == 1.0
    source.close()
    assert node.is_released


def moving(milliseconds: int) -> TransformStamped:
    """The camera on a mast that rises by a millimetre a millisecond."""
    rotation = optical(0.0, 0.1, 0.0)
    stamped = TransformStamped(child_frame_id="camera", transform=transform(1.0, 0.0, 1e-3 * milliseconds, rotation))
    stamped.header.frame_id, stamped.header.stamp = "base_link", ros_time(milliseconds)
    return stamped


def ros_time(milliseconds: int) -> Time:
    return Time(sec=milliseconds // 1000, nanosec=milliseconds % 1000 * 10**6)


def test_an_image_waits_for_the_transform_after_it_but_not_for_long(tf2: ModuleType) -> None:
    node: Any = StandInNode()
    source = mount.TfMount(node, "base_link", "", 0.0)
    source._buffer.set_transform(moving(1500), "test")
    later = threading.Timer(0.05, source._buffer.set_transform, [moving(1533), "test"])
    later.start()
    assert source.at("camera", ros_time(1520)).height == pytest.approx(1.533)
    later.join()
    begun = time.monotonic()
    with pytest.raises(InputError, match="no transform from camera to base_link at the image stamp: .*extrapolation"):
        source.at("camera", ros_time(1600))
    assert time.monotonic() - begun >= mount.PATIENCE_S
    begun = time.monotonic()
    with pytest.raises(InputError, match="no transform from other"):  # of which nothing was ever heard
        source.at("other", ros_time(1520))
    assert time.monotonic() - begun < mount.PATIENCE_S


@pytest.mark.parametrize("ahead_ms", [20_000, 3_600_000])
def test_one_stamp_of_far_ahead_does_not_end_it(
    tf2: ModuleType, monkeypatch: pytest.MonkeyPatch, ahead_ms: int
) -> None:
    """TF takes nothing older than that any more, until it is told to forget it."""
    monkeypatch.setattr(mount, "PATIENCE_S", 0.0)
    monkeypatch.setattr(mount, "FORGET_S", 0.1)
    source = mount.TfMount(StandInNode(), "base_link", "", 0.0)  # type: ignore[arg-type]

    def heights(first: int, last: int) -> list[float]:
        """Of images at 20 Hz, between transforms at 40 Hz; those that there are."""
        found = []
        for now in range(first, last, 50):
            source._buffer.set_transform(moving(now), "test")
            source._buffer.set_transform(moving(now + 25), "test")
            with suppress(InputError):
                found.append(source.at("camera", ros_time(now + 25)).height)
            time.sleep(0.02)
        return found

    assert len(heights(1000, 1500)) == 10
    source._buffer.set_transform(moving(1500 + ahead_ms), "test")
    assert heights(1500, 1700) == []
    assert heights(2500, 3000)[-1] == pytest.approx(2.975)


def test_the_real_tf2_ros_is_used_as_it_wants_to_be() -> None:
    pytest.importorskip("tf2_ros", reason="tf2_ros is not installed: it comes with a ROS 2 distribution")
    node: Any = StandInNode()
    source = mount.TfMount(node, "base_link", "", 0.3)
    stamped = TransformStamped(child_frame_id="camera", transform=transform(1.0, 0.0, 1.5, optical(0.0, 0.1, 0.2)))
    stamped.header.frame_id = "base_link"
    source._buffer.set_transform_static(stamped, "test")
    source.clear()
    found = source.at("camera", stamped.header.stamp)
    assert (found.forward, found.height, found.pitch, found.yaw) == pytest.approx((1.0, 1.8, 0.1, 0.2))
    with pytest.raises(InputError, match="no transform from other to base_link"):
        source.at("other", stamped.header.stamp)
    source.close()


def test_without_tf2_ros_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mount, "tf2_ros", None)
    node: Any = StandInNode()
    with pytest.raises(InputError, match="camera.from_tf needs tf2_ros, which is not installed"):
        mount.TfMount(node, "base_link", "", 0.0)


def test_all_six_numbers_or_tf() -> None:
    assert CameraConfig(**NUMBERS).mount == Mount(**NUMBERS)
    assert CameraConfig(from_tf=True).mount is None
    with pytest.raises(InputError, match=r"camera.left, camera.yaw: give the mount"):
        CameraConfig(**{name: value for name, value in NUMBERS.items() if name not in ("left", "yaw")}).check("camera")
    with pytest.raises(InputError, match="camera.rear.forward is given although camera.rear.from_tf is true"):
        CameraConfig(**NUMBERS, from_tf=True).check("camera.rear")


def test_rotation_matrix_agrees_with_scipy() -> None:
    x, y, z, w = Rotation.from_rotvec([0.3, -0.8, 1.1]).as_quat()
    mine = mount.rotation_matrix(Quaternion(x=x, y=y, z=z, w=w))
    assert np.allclose(mine, Rotation.from_quat([x, y, z, w]).as_matrix())
