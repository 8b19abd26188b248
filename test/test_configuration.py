"""The parameters of a rig: every camera its own, and what they share said once."""

from __future__ import annotations

import math
import subprocess
import sys

import pytest
from paths import REPOSITORY

from geoflow_ros.configuration import changed, configured, parameters_of, value_of
from geoflow_ros.errors import InputError

MOUNT = {"forward": 1.0, "left": 0.2, "height": 1.6, "roll": 0.0, "pitch": 0.1, "yaw": 0.0}
SHARED = {f"camera.{name}": value for name, value in MOUNT.items()}
RIG = {"tiles": "area", "cameras": ["front", "left"], **SHARED, "camera.left.yaw": 1.5, "camera.left.rectified": True}


def test_a_rig_s_cameras_share_what_is_said_of_all() -> None:
    config = configured(RIG)
    front, left = config.camera_setups["front"], config.camera_setups["left"]
    assert front.mount is not None and left.mount is not None
    assert (front.mount.yaw, left.mount.yaw) == (0.0, 1.5) and left.mount.left == 0.2
    assert (front.rectified, left.rectified) == (False, True)


def test_without_a_rig_there_is_one_camera_without_a_name() -> None:
    """ROS has no empty list of texts: [""] is none."""
    config = configured({"tiles": "area", "cameras": [""], **SHARED})
    assert list(config.camera_setups) == [""] and config.cameras == ()


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ({"map_frame": "/map"}, "parameter map_frame is '/map': TF knows no frame with a slash before its name"),
        ({"base_frame": "/robot1/base_link"}, "parameter base_frame is '/robot1/base_link': TF knows no frame"),
        ({"map_frame": "world", "base_frame": "world"}, "map_frame and base_frame are both 'world'"),
        ({"base_frame": ""}, "parameter base_frame is empty"),
    ],
)
def test_frames_that_tf_cannot_have_are_refused(frames: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        configured({"tiles": "area", **SHARED, **frames})


@pytest.mark.parametrize("yaw", [3.1416, -3.14159265359, 3.14159265359])
def test_a_half_turn_may_be_rounded(yaw: float) -> None:
    assert configured({**RIG, "camera.left.yaw": yaw}).rig["left"].yaw == yaw


def test_a_rig_survives_a_change_of_another_parameter() -> None:
    config = changed(configured(RIG), {"localizer.hypotheses": 7})
    assert config.camera_setups == configured(RIG).camera_setups
    names = [each.name for each in parameters_of(config)]
    assert "camera.left.yaw" in names and value_of(config, "camera.left.yaw") == 1.5
    assert math.isnan(float(str(value_of(configured({**RIG, "camera.left.from_tf": False}), "datum.latitude"))))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"camera.right.yaw": 1.0}, r"unknown parameter camera.right.yaw"),
        ({"camera.left.yav": 1.0}, r"camera.left: unknown parameter yav \(did you mean yaw"),
        ({"camera.left.yaw": 4.0}, r"camera.left: parameter yaw is 4.0, expected"),
        ({"camera.left.from_tf": True}, r"camera.left.forward is given although camera.left.from_tf is true"),
        ({"cameras": ["front", "front"]}, "every camera needs a name of its own"),
        ({"cameras": ["front", "Rear/2"]}, "cameras has 'Rear/2', expected names such as"),
        ({"cameras": 3}, "parameter cameras is 3, expected a list of texts"),
    ],
)
def test_what_is_wrong_with_a_rig_is_one_sentence(values: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        configured({**RIG, **values})


def test_a_mount_that_lacks_a_number_is_named_by_its_camera() -> None:
    with pytest.raises(InputError, match=r"not set: camera.left.height: give the mount"):
        configured({name: value for name, value in RIG.items() if name != "camera.height"} | {"camera.front.height": 1})


def test_parameters_are_read_and_sensors_heard_without_torch() -> None:
    """Its import takes seconds, for which nothing that is done without a network should wait."""
    program = "import sys, geoflow_ros.configuration, geoflow_ros.tracking.session; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, check=False).returncode == 0
