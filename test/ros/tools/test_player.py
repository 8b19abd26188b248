"""What of a recorded drive is played to the node, whatever its topics are called."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from kitti_raw_tree import drive_of, write_tree

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")
pytest.importorskip("rosbags", reason="rosbags is not installed")

import ros_drive
import ros_support

from geoflow_ros.datasets.bag_drive import read_description
from geoflow_ros.errors import InputError
from geoflow_ros.kitti2bag.__main__ import main as kitti2bag
from geoflow_ros.ros.tools.player import camera_of, is_image, read_inputs, type_of

INERTIAL = {"/fix", "/imu", "/odom"}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a small drive of KITTI raw."""
    root = tmp_path_factory.mktemp("kitti")
    write_tree(root)
    return root


def heard(drive: Path) -> set[str]:
    """The node's topics that are played of a drive folder."""
    messages = read_inputs(drive / "drive", read_description(drive / "drive.json"))
    assert all(type_of(each.topic) for each in messages)
    assert [each.recorded_ns for each in messages] == sorted(each.recorded_ns for each in messages)
    return {each.topic for each in messages}


@pytest.mark.parametrize(
    ("options", "cameras"),
    [
        ([], {"/image/compressed", "/camera_info"}),
        (["--raw"], {"/image", "/camera_info"}),
    ],
)
def test_a_drive_of_kitti_is_heard_as_the_node_calls_its_topics(
    tree: Path, tmp_path: Path, options: list[str], cameras: set[str]
) -> None:
    assert kitti2bag([str(drive_of(tree)), str(tmp_path / "kitti"), *options]) == 0
    topics = heard(tmp_path / "kitti")
    assert topics == INERTIAL | cameras
    assert {camera_of(each) for each in topics if is_image(each)} == {""}


def test_a_rig_is_heard_by_the_names_of_its_cameras(tmp_path: Path) -> None:
    """Whose topics are those of their makers."""
    drive = ros_drive.write_drive(tmp_path / "drive", 2, ("axis_1", "axis_2"))
    told = {"mount": ros_support.MOUNT}
    rig = {
        name: told | {"image_topic": f"/{own}/image", "camera_info_topic": f"/{own}/camera_info"}
        for name, own in (("left", "axis_2"), ("right", "axis_1"))
    }
    change(drive, cameras=rig)
    assert heard(drive) == {f"/{side}/{each}" for side in rig for each in ("image", "camera_info")} | {"/fix", "/imu"}
    change(drive, cameras={"axis_2": told})
    assert heard(drive) == {"/axis_2/image", "/axis_2/camera_info", "/fix", "/imu"}


def test_a_camera_with_a_calibration_of_its_own_needs_no_camera_info(tmp_path: Path) -> None:
    drive = ros_drive.write_drive(tmp_path / "drive", 2)
    assert heard(drive) == {"/image", "/camera_info", "/fix", "/imu"}
    change(drive, calibration="camera.yaml")
    assert heard(drive) == {"/image", "/fix", "/imu"}


def test_what_a_drive_lacks_is_told_with_what_it_has(tmp_path: Path) -> None:
    drive = ros_drive.write_drive(tmp_path / "drive", 2)
    change(drive, image_topic="/elsewhere")
    with pytest.raises(InputError, match=r"topic /elsewhere cannot be played as image: .* are /image"):
        heard(drive)


def change(drive: Path, **stated: Any) -> None:
    """State something else in drive.json."""
    file = drive / "drive.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | stated))
