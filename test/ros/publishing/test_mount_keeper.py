"""The mounts that are kept across restarts."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from read_only import read_only

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

from geoflow_ros.camera import Mount
from geoflow_ros.configuration import SavedPoseConfig
from geoflow_ros.errors import InputError
from geoflow_ros.ros.publishing.mount_keeper import DOUBT, PERIOD_NS, MountKeeper
from geoflow_ros.tracking.mount.estimate import MountEstimate, MountPrior

STATED, NOW = Mount(pitch=0.05), 10**18
PRIOR = MountPrior(0.026, 0.026, 0.004, 0.05).of(STATED)
LEARNT = MountEstimate(STATED, np.array([0.0, 0.03, 0.002, -0.1]), np.diag(np.square([0.002, 0.003, 0.003, 0.02])))


def keeper(path: Path, max_age: float = 60.0) -> MountKeeper:
    return MountKeeper(SavedPoseConfig(str(path / "pose.json"), max_age), "/localize")


def test_what_was_learnt_of_each_camera_comes_back_with_more_doubt(tmp_path: Path) -> None:
    keeper(tmp_path).keep(NOW, {"front": LEARNT, "rear": PRIOR})
    again = keeper(tmp_path)
    front = again.recall("front", PRIOR)
    assert front is not None
    assert front.correction.tolist() == LEARNT.correction.tolist()
    assert front.std[1] ** 2 == pytest.approx(0.003**2 + DOUBT[1] ** 2)
    assert front.std[2] == pytest.approx(0.004)  # not less certain than what is stated
    assert again.recall("left", PRIOR) is None
    assert (tmp_path / "pose.mount.json").is_file()


@pytest.mark.parametrize("known", range(4))
def test_what_is_stated_as_exactly_known_by_now_is_as_stated(tmp_path: Path, known: int) -> None:
    covariance = LEARNT.covariance.copy()
    covariance[1, 3] = covariance[3, 1] = 0.9 * 0.003 * 0.02  # knowing the height tells the pitch
    keeper(tmp_path).keep(NOW, {"front": MountEstimate(STATED, LEARNT.correction, covariance)})
    stds = np.array([0.026, 0.026, 0.026, 0.05])
    stds[known] = 0.0
    front = keeper(tmp_path).recall("front", MountPrior(*stds.tolist()).of(STATED))
    assert front is not None
    assert front.correction[known] == 0.0 and front.std[known] == 0.0
    pitch_of_height = 0.03 + 0.9 * 0.003 / 0.02 * 0.1 if known == 3 else 0.03
    assert known == 1 or front.correction[1] == pytest.approx(pitch_of_height)


def test_a_mount_that_is_stated_otherwise_now_is_learnt_anew(tmp_path: Path) -> None:
    keeper(tmp_path).keep(NOW, {"camera": LEARNT})
    other = MountPrior(0.026, 0.026, 0.026, 0.05).of(Mount(pitch=0.08))
    with pytest.raises(InputError, match=r"pose.mount.json is not used, it is learnt anew: the kept mount corrects"):
        keeper(tmp_path).recall("camera", other)


@pytest.mark.parametrize("text", ["", "[]", "nonsense", '{"camera": {"stated": 3}}', '{"camera": 7}'])
def test_a_broken_file_is_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "pose.mount.json").write_text(text)
    with pytest.raises(InputError, match=r"saved mount camera in .*pose.mount.json is not used"):
        keeper(tmp_path).recall("camera", PRIOR)


def test_it_is_written_every_five_seconds_of_image_time(tmp_path: Path) -> None:
    writer, path = keeper(tmp_path), tmp_path / "pose.mount.json"
    writer.keep(NOW, {"camera": PRIOR})
    writer.keep(NOW + PERIOD_NS - 1, {"camera": LEARNT})
    assert json.loads(path.read_text())["camera"]["correction"] == [0.0] * 4
    writer.keep(NOW + PERIOD_NS, {"camera": LEARNT})
    assert json.loads(path.read_text())["camera"]["correction"] == LEARNT.correction.tolist()


def test_an_age_of_zero_keeps_nothing(tmp_path: Path) -> None:
    keeper(tmp_path, 0.0).keep(NOW, {"camera": LEARNT})
    assert not list(tmp_path.iterdir())
    keeper(tmp_path).keep(NOW, {"camera": LEARNT})
    assert keeper(tmp_path, 0.0).recall("camera", PRIOR) is None


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"the cameras' mounts cannot be saved in .*: .*set saved_pose.path"):
        keeper(tmp_path / "file").keep(NOW, {"camera": LEARNT})


def test_a_file_in_another_users_folder_is_one_sentence(tmp_path: Path) -> None:
    keeper(tmp_path / "root").keep(NOW, {"camera": LEARNT})
    with read_only(tmp_path / "root", 0), pytest.raises(InputError, match="learnt anew: .*: Permission denied"):
        keeper(tmp_path / "root").recall("camera", PRIOR)


def test_what_was_kept_of_a_camera_that_is_not_heard_yet_stays(tmp_path: Path) -> None:
    keeper(tmp_path).keep(NOW, {"front": LEARNT, "rear": LEARNT})
    again = keeper(tmp_path)
    assert again.recall("front", PRIOR) is not None
    again.keep(NOW + PERIOD_NS, {"front": PRIOR})  # TF has not told of the other yet
    rear = again.recall("rear", PRIOR)
    assert rear is not None and rear.correction.tolist() == LEARNT.correction.tolist()
    again.keep(NOW + 2 * PERIOD_NS, {"front": PRIOR, "rear": PRIOR})
    assert json.loads((tmp_path / "pose.mount.json").read_text())["rear"]["correction"] == [0.0] * 4


@pytest.mark.parametrize("text", ["", "[]", "nonsense", "7"])
def test_a_broken_file_is_replaced(tmp_path: Path, text: str) -> None:
    (tmp_path / "pose.mount.json").write_text(text)
    keeper(tmp_path).keep(NOW, {"camera": LEARNT})
    assert keeper(tmp_path).recall("camera", PRIOR) is not None
