"""The mounts of a rig: frames that two cameras share, and TF that says otherwise."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

from builtin_interfaces.msg import Time

from geoflow_ros.camera import Mount
from geoflow_ros.configuration import configured
from geoflow_ros.errors import InputError
from geoflow_ros.ros.inputs import camera_mounts
from geoflow_ros.ros.inputs.camera_mounts import CameraMounts

NOW = Time(sec=5)
TOLD = Mount(1.0, 0.5, 1.6, 0.0, 0.0, 1.5)
NODE: Any = SimpleNamespace()


class Told:
    """A TF in which every camera is at `TOLD`."""

    def __init__(self, *_: Any) -> None:
        """Of no use here."""

    def at(self, frame_id: str, stamp: Time) -> Mount:
        return TOLD

    def newest(self, frame_id: str) -> Mount:
        return TOLD

    def clear(self) -> None:
        """Of no use here."""

    close = clear


@pytest.fixture(autouse=True)
def with_tf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_mounts, "TfMount", Told)
    monkeypatch.setattr(camera_mounts, "has_tf", lambda: True)


def mounts(**camera: Any) -> CameraMounts:
    values = {f"camera.{name}": value for name, value in camera.items()}
    return CameraMounts(NODE, configured({"tiles": "area", "cameras": ["front", "left"], **values}))


def numbers(mount: Mount) -> dict[str, float]:
    return {name: getattr(mount, name) for name in ("forward", "left", "height", "roll", "pitch", "yaw")}


def test_two_cameras_with_one_frame_have_no_mount_from_tf() -> None:
    found = mounts(from_tf=True)
    assert found.at("front", "camera", NOW) == TOLD
    with pytest.raises(InputError, match="its images carry frame_id 'camera', as those of camera front do"):
        found.at("left", "camera", NOW)
    assert found.at("left", "camera_left", NOW) == TOLD


def test_two_cameras_with_one_frame_and_mounts_of_their_own_are_answered_and_named() -> None:
    found = mounts(**numbers(TOLD))
    assert found.at("front", "camera", NOW) == found.at("left", "camera", NOW) == TOLD
    assert [each.split(":")[0] for each in found.warnings] == ["camera front", "camera left"]


@pytest.mark.parametrize(
    ("stated", "warning"),
    [
        (replace(TOLD, yaw=1.4), "camera front: camera.front.yaw is 1.40 rad, but TF says 1.50: correct one of them"),
        (replace(TOLD, left=1.0), "camera front: camera.front.forward and left are 0.50 m from where TF has it"),
    ],
)
def test_a_mount_that_tf_contradicts_is_named(stated: Mount, warning: str) -> None:
    found = mounts(**numbers(stated))
    assert found.at("front", "camera_front", NOW) == stated
    assert [each[: len(warning)] for each in found.warnings] == [warning]


def test_a_mount_that_tf_confirms_is_not() -> None:
    found = mounts(**numbers(replace(TOLD, yaw=1.52, left=0.6)))
    found.at("front", "camera_front", NOW)
    assert found.warnings == []


def test_another_camera_may_be_heard_for_the_first_time_while_warnings_are_looked_through(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = mounts(**{f"front.{name}": value for name, value in numbers(TOLD).items()},
                   **{f"left.{name}": value for name, value in numbers(TOLD).items()})  # fmt: skip
    found.at("front", "camera", NOW)
    is_told = found._is_told_by_frame_id

    def meanwhile(camera: str) -> bool:
        found.at("left", "camera", NOW) if camera == "front" and "left" not in found._frame_ids else None
        return is_told(camera)

    monkeypatch.setattr(found, "_is_told_by_frame_id", meanwhile)
    assert any("its images carry frame_id 'camera'" in each for each in found.warnings)
