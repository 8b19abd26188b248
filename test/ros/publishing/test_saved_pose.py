"""The pose that is kept across restarts."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from read_only import read_only

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

from geoflow_ros.configuration import SavedPoseConfig
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.localization.pose import PosePrior
from geoflow_ros.ros.publishing.saved_pose import PoseKeeper
from geoflow_ros.ros.publishing.state_files import mount_path, pose_path

DATUM, SECOND = Datum(49.0, 8.4, 100.0), 10**9
NOW = 10**18
POSE = PosePrior(12.0, -3.0, 0.7, np.diag([1.0, 4.0, 0.01]))


def keeper(path: Path, max_age: float = 60.0) -> PoseKeeper:
    return PoseKeeper(SavedPoseConfig(str(path), max_age), "/localize")


def test_a_fresh_pose_comes_back_with_more_doubt(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "pose.json"
    keeper(path).keep(NOW, DATUM, POSE)
    saved = keeper(path).recall(NOW + 59 * SECOND)
    assert saved is not None
    prior = saved.prior_in(LocalFrame(DATUM))
    assert (prior.east, prior.north, prior.yaw) == pytest.approx((12.0, -3.0, 0.7), abs=1e-6)
    assert prior.covariance.diagonal()[:2] == pytest.approx([5.0, 8.0])
    assert os.listdir(path.parent) == ["pose.json"], "nothing but the file is left"


def test_another_datum_is_another_place_in_the_map(tmp_path: Path) -> None:
    keeper(tmp_path / "pose.json").keep(NOW, DATUM, POSE)
    saved = keeper(tmp_path / "pose.json").recall(NOW)
    assert saved is not None
    latitude, longitude, altitude = LocalFrame(DATUM).to_geodetic([100.0, 0.0])
    prior = saved.prior_in(LocalFrame(Datum(float(latitude), float(longitude), float(altitude))))
    assert (prior.east, prior.north) == pytest.approx((-88.0, -3.0), abs=0.01)


@pytest.mark.parametrize("age_s", [61, -1])
def test_an_old_pose_or_one_of_the_future_is_not_believed(tmp_path: Path, age_s: int) -> None:
    keeper(tmp_path / "pose.json").keep(NOW, DATUM, POSE)
    assert keeper(tmp_path / "pose.json").recall(NOW + age_s * SECOND) is None


def test_it_is_written_once_a_second(tmp_path: Path) -> None:
    path = tmp_path / "pose.json"
    writer = keeper(path)
    for step in range(19):
        writer.keep(NOW + step * SECOND // 10, DATUM, POSE)
    assert json.loads(path.read_text())["stamp_ns"] == NOW + SECOND


def test_an_age_of_zero_keeps_nothing(tmp_path: Path) -> None:
    keeper(tmp_path / "pose.json", max_age=0.0).keep(NOW, DATUM, POSE)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"datum": {"latitude": 99}}', "nonsense"])
def test_a_broken_file_is_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "pose.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"saved pose .*pose.json cannot be used"):
        keeper(path).recall(NOW)


@pytest.mark.parametrize("part", [{"covariance": [1.0, 2.0]}, {"stamp_ns": "now"}, {"stamp_ns": None}])
def test_numbers_of_another_type_are_a_broken_file(tmp_path: Path, part: dict[str, object]) -> None:
    path = tmp_path / "pose.json"
    keeper(path).keep(NOW, DATUM, POSE)
    path.write_text(json.dumps({**json.loads(path.read_text()), **part}))
    with pytest.raises(InputError, match="cannot be used"):
        keeper(path).recall(NOW)


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"the pose cannot be saved in .*pose.json: .*set saved_pose.path"):
        keeper(tmp_path / "file" / "pose.json").keep(NOW, DATUM, POSE)


def test_a_file_in_another_users_folder_is_one_sentence(tmp_path: Path) -> None:
    keeper(tmp_path / "root" / "pose.json").keep(NOW, DATUM, POSE)
    with read_only(tmp_path / "root", 0):  # as in a container whose HOME is root's
        with pytest.raises(InputError, match="cannot be read: Permission denied.*set saved_pose.path"):
            keeper(tmp_path / "root" / "pose.json").recall(NOW)
        with pytest.raises(InputError, match="the pose cannot be saved in .*: Permission denied"):
            keeper(tmp_path / "root" / "pose.json").keep(NOW, DATUM, POSE)


def test_a_user_without_a_home_keeps_nothing_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home(path: Path) -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "expanduser", no_home)
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    homeless = PoseKeeper(SavedPoseConfig(), "/localize")
    assert homeless.recall(NOW) is None
    with pytest.raises(InputError, match="the pose cannot be saved: this user has no home directory; set saved_pose"):
        homeless.keep(NOW, DATUM, POSE)
    with pytest.raises(InputError, match="saved_pose.path is ~nobody_here/p.json, but no such home directory is known"):
        pose_path(SavedPoseConfig("~nobody_here/p.json"), "/localize")


@pytest.mark.parametrize("path", ["/", ".", "..", "/tmp", "/tmp/"])
def test_a_folder_is_no_file(path: str) -> None:
    for path_of in (pose_path, mount_path):
        with pytest.raises(InputError, match="a folder: give a file in it"):
            path_of(SavedPoseConfig(path), "/localize")


def test_poses_in_two_files_have_mounts_in_two() -> None:
    paths = [mount_path(SavedPoseConfig(f"/state/pose.{name}"), "/localize") for name in ("front", "rear")]
    assert paths == [Path("/state/pose.front.mount.json"), Path("/state/pose.rear.mount.json")]


def test_a_namespace_is_part_of_the_name(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    by_default = SavedPoseConfig()
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    assert pose_path(by_default, "/robot_1/localize") == tmp_path / "geoflow_ros" / "robot_1.localize.json"
    assert mount_path(by_default, "/robot_1/localize") == tmp_path / "geoflow_ros" / "robot_1.localize.mount.json"
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert pose_path(by_default, "/localize") == tmp_path / ".local" / "state" / "geoflow_ros" / "localize.json"
    assert mount_path(SavedPoseConfig("~/here/p.json"), "/localize") == tmp_path / "here" / "p.mount.json"
