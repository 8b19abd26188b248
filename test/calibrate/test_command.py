"""`python -m geoflow_ros.calibrate` from end to end, with a session that sees part of what is wrong with a mount."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import astuple, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tracking_support as sim
import yaml
from circle_drive import DRIVE, write_circle_drive
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import Writer
from rosbags.typesys import Stores, get_typestore

from geoflow_ros.calibrate import from_drive
from geoflow_ros.calibrate.__main__ import main
from geoflow_ros.camera import Mount
from geoflow_ros.camera_mask import CameraMask, read_mask
from geoflow_ros.configuration import NodeConfig
from geoflow_ros.replay.arguments import replay_config
from geoflow_ros.satellite.mosaic import SatelliteMap
from geoflow_ros.tracking.answer import Answer
from geoflow_ros.tracking.cameras import ONE
from geoflow_ros.tracking.mount.estimate import CAMERA, STATES, MountEstimate, MountPrior
from geoflow_ros.tracking.session import Session

TRUE = Mount(height=1.5, roll=-0.02, pitch=0.05, yaw=0.01)
SEEN, STD = 0.9, np.array([0.002, 0.003, 0.02, 0.01])
"""The share of an error that a pass sees; of the yaw it cannot be sure."""


class SeeingSession(Session):
    """Believes of the mount, after some frames, most of what is true of it."""

    seen, suspicion = 0, ""

    def process(self, image_message: Any, *camera: str) -> Answer:
        self.seen += 1
        return super().process(image_message, *camera)

    @property
    def mount_estimates(self) -> Mapping[str, MountEstimate]:
        before = super().mount_estimates[CAMERA]
        if self.seen < 20:
            return {CAMERA: before}
        off = np.array([getattr(TRUE, each) - getattr(before.stated, each) for each in STATES])
        return {CAMERA: MountEstimate(before.stated, SEEN * off, np.diag(STD**2), self.suspicion)}


class UnseeingSession(Session):
    """Learns nothing of the mount."""

    @property
    def mount_estimates(self) -> Mapping[str, MountEstimate]:
        prior = MountPrior(roll=0.026, pitch=0.026, yaw=0.026, height=0.05)
        return {CAMERA: prior.of(super().mount_estimates[CAMERA].stated)}


Make = Callable[[NodeConfig, SatelliteMap, Path], Session]
KNOWING = sim.KnowingLocalizer(DRIVE)


def makes(kind: type[Session]) -> Make:
    return lambda config, satellite, bag: kind(config.session, lambda frame: KNOWING, 0, config.camera_setups)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_circle_drive(tmp_path_factory.mktemp("drive"))


@pytest.fixture(autouse=True)
def seeing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(from_drive, "session_of", makes(SeeingSession))
    monkeypatch.setattr(from_drive, "localizers_of", lambda config, satellite: lambda frame: KNOWING)


def arguments(folder: Path, out: Path, *options: str) -> list[str]:
    return [str(folder / "drive"), "--tiles", str(folder / "tiles.mbtiles"), "--out", str(out), *options]


def complaint(capsys: pytest.CaptureFixture[str], argv: list[str]) -> str:
    assert main(argv) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("geoflow_ros.calibrate: ") and printed.count("\n") == 1
    return printed


def test_the_second_pass_begins_where_the_first_ended(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments(folder, tmp_path, "--json")) == 0
    document = json.loads(capsys.readouterr().out)
    found = document["mounts"][CAMERA]
    assert found["stated"] == {"roll": 0.0, "pitch": 0.0, "yaw": 0.0, "height": 1.65}
    expected = {"roll": -0.02 * 0.99, "pitch": 0.05 * 0.99, "yaw": 0.01 * SEEN, "height": 1.65 - 0.15 * 0.99}
    assert found["estimated"] == pytest.approx(expected)
    assert found["observed"] == {"roll": True, "pitch": True, "yaw": False, "height": True}
    assert found["sentence"].startswith(
        "camera.roll is 0, frames say -0.020 +- 0.002 rad; camera.pitch is 0, frames say"
    )
    assert document["frames"] == 50 and 20 < document["localised"] < 50
    assert document["driven_m"] == pytest.approx((document["localised"] - 1) * 0.8, rel=0.3)
    picture = cv2.imread(document["picture"])
    assert picture.shape[1] == 3 * 440 and picture.std() > 5.0


def test_the_file_is_what_the_node_reads(folder: Path, tmp_path: Path) -> None:
    assert main(arguments(folder, tmp_path)) == 0
    text = (tmp_path / "mount.yaml").read_text()
    assert "pitch: 0.0495  # 2.84 deg +- 0.17 deg; stated 0.00 deg" in text
    assert "yaw: 0  # as stated: not observable" in text
    camera = yaml.safe_load(text)["/**"]["ros__parameters"]["camera"]
    read = replay_config(None, tmp_path / "mount.yaml", [], None, "x.mbtiles", None).camera
    assert read.mount is not None
    assert astuple(read.mount) == pytest.approx((0.0, 0.0, 1.5015, -0.0198, 0.0495, 0.0), abs=1e-4)
    assert camera["roll_sigma"] == 0.004 and camera["pitch_sigma"] == 0.006 and "yaw_sigma" not in camera
    assert camera["height_sigma"] == pytest.approx(2 * 0.01 / 1.5015, abs=1e-4)  # of the height that is written


def test_people_read_degrees(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(arguments(folder, tmp_path, "-p", "camera.pitch:=0.03")) == 0
    printed = capsys.readouterr().out
    assert "  pitch  stated    1.72 deg   frames say    2.85 deg +- 0.17 deg\n" in printed
    assert "  height stated     1.650 m   frames say     1.502 m +- 0.010 m\n" in printed
    assert "look at the mount\nnot observable: yaw (+- 1.15 deg)\n" in printed


def test_a_drive_that_shows_nothing_is_a_failure(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(from_drive, "session_of", makes(UnseeingSession))
    said = complaint(capsys, arguments(folder, tmp_path))
    assert "is too little: not observable: roll (+- 1.49 deg), pitch (+- 1.49 deg), yaw (+- 1.49 deg), height" in said


def test_a_suspicion_is_no_calibration(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SeeingSession, "suspicion", "no mount near the stated one explains the frames")
    said = complaint(capsys, arguments(folder, tmp_path))
    assert "does not show the mount: no mount near the stated one explains the frames" in said
    assert not (tmp_path / "mount.yaml").exists()


def test_the_calibration_of_another_camera_is_no_mount(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(from_drive, "better_focal_length", lambda views, mounts, localizer: 1.4)
    said = complaint(capsys, arguments(folder, tmp_path))
    assert "frames of camera fit the imagery better with a focal length some 1.4 times that of camera_info (20 " in said
    assert not (tmp_path / "mount.yaml").exists()


def rewritten(folder: Path, to: Path, change: Callable[[str, Any], Any]) -> Path:
    """The drive of a folder with every message as `change(topic, message)` makes it, in another folder."""
    types = get_typestore(Stores.ROS2_HUMBLE)
    shutil.copytree(folder, to, ignore=shutil.ignore_patterns("drive"))
    with AnyReader([folder / "drive"]) as reader, Writer(to / "drive", version=9) as writer:
        into = {
            each.topic: writer.add_connection(each.topic, each.msgtype, typestore=types) for each in reader.connections
        }
        for connection, recorded_ns, data in reader.messages():
            message = change(connection.topic, reader.deserialize(data, connection.msgtype))
            writer.write(into[connection.topic], recorded_ns, types.serialize_cdr(message, connection.msgtype))
    return to


def test_odometry_that_is_refused_is_none(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Visual odometry of the camera's frame, say: a mount of 268 m without a velocity had a yaw 3 degrees wrong."""

    def of_camera(topic: str, message: Any) -> Any:
        return replace(message, child_frame_id="camera_link") if topic == "/odom" else message

    drive = rewritten(folder, tmp_path / "visual", of_camera)
    said = complaint(capsys, arguments(drive, tmp_path))
    assert "does not show the mount: its odom could not be used at 50 of 50 frames" in said
    assert "child_frame_id of odom is 'camera_link', expected 'base_link'" in said
    assert not (tmp_path / "mount.yaml").exists()
    assert main(arguments(drive, tmp_path, "-p", "odometry.child_frame:=camera_link")) == 0


def test_what_is_said_of_other_sensors_is_repeated(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def unoriented(topic: str, message: Any) -> Any:
        if topic != "/imu":
            return message
        return replace(message, orientation_covariance=np.array([-1.0] + 8 * [0.0]))

    drive = rewritten(folder, tmp_path / "plain", unoriented)
    assert main(arguments(drive, tmp_path)) == 0
    assert "warning, heading: imu says that it has no orientation" in capsys.readouterr().out
    assert main(arguments(drive, tmp_path, "--json")) == 0
    assert [*json.loads(capsys.readouterr().out)["warnings"]] == ["heading"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--topic", "odom:="], "has no odometry"),
        ([f"-pcamera.{each}_sigma:=0.0" for each in STATES], "the mount is known exactly"),
        (["-p", "camera.from_tf:=true", "-p", "camera.height:=-1.0"], "camera.height"),
        (["--topic", "fix:="], "the bag has no fix"),
    ],
)
def test_what_cannot_be_calibrated_is_one_sentence(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert message in complaint(capsys, arguments(folder, tmp_path, *options))


def test_a_mount_around_the_back_is_corrected_by_the_short_way() -> None:
    stated = MountEstimate(replace(TRUE, yaw=3.13), covariance=np.eye(4))
    last = MountEstimate(replace(TRUE, yaw=-3.14), covariance=np.eye(4))
    found = from_drive._found(stated, last)
    assert found.estimate.correction[2] == pytest.approx(2 * np.pi - 6.27)
    assert found.estimate.mount.yaw == pytest.approx(-3.14)


def test_a_part_of_the_vehicle_is_masked_before_the_mount_is_asked_for(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    world = np.ones((12, 16), dtype=bool)
    world[10:] = False
    configs: list[NodeConfig] = []

    class Masked(SeeingSession):
        """Sees the vehicle until it is masked."""

        @property
        def worlds(self) -> Mapping[str, CameraMask]:
            return {} if self._cameras_masked else {ONE: CameraMask(world)}

    def make(config: NodeConfig, satellite: SatelliteMap, bag: Path) -> Session:
        configs.append(config)
        session = makes(Masked)(config, satellite, bag)
        session._cameras_masked = bool(config.camera.mask)  # type: ignore[attr-defined]
        return session

    monkeypatch.setattr(from_drive, "session_of", make)
    assert main(arguments(folder, tmp_path)) == 0
    drawn = tmp_path / "mask.png"
    assert f"was left out: look at {drawn}" in capsys.readouterr().out
    assert [each.camera.mask for each in configs] == ["", str(drawn), str(drawn)]
    assert np.array_equal(read_mask(drawn).world, world)
    read = replay_config(None, tmp_path / "mount.yaml", [], None, "x.mbtiles", None).camera
    assert read.mask == str(drawn)
