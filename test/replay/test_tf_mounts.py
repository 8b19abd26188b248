"""Mounts that only TF states, found in the bag."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import tracking_support as sim
from replaying import complaint, replayed
from rosbags.highlevel import AnyReader
from scipy.spatial.transform import Rotation

from geoflow_ros.bags.reading import open_bag
from geoflow_ros.bags.recording import BagRecorder, Messages
from geoflow_ros.bags.static_transforms import TF_MESSAGE, StaticTransforms, mount_at
from geoflow_ros.camera import Mount
from geoflow_ros.errors import InputError
from geoflow_ros.replay.arguments import replay_config
from geoflow_ros.replay.tf_mounts import mounts_in

pytestmark = pytest.mark.usefixtures("knowing")
OPTICAL = Rotation.from_matrix([[0, 0, 1], [-1, 0, 0], [0, -1, 0]])
MAST, LOOK = Rotation.from_euler("z", 0.5), Rotation.from_euler("ZYX", [-0.2, 0.1, 0.05])
FRAMES = {
    # child: parent, place in it, rotation
    "base_link": ("base_footprint", (0.0, 0.0, 0.3), Rotation.identity()),
    "mast": ("/base_footprint", (1.0, 0.0, 0.0), MAST),
    "camera_optical": ("mast", (0.5, 0.0, 1.7), LOOK * OPTICAL),
    "antenna": ("base_link", (0.4, 1.5, 2.0), Rotation.identity()),
    "unset": ("base_link", (0.0, 0.0, 1.0), SimpleNamespace(as_quat=lambda: np.zeros(4))),
}


def with_tf(
    bag: Path, target: Path, frame_id: str = "camera_optical", antenna: str = "antenna", cameras: Sequence[str] = ()
) -> Path:
    """Copy a bag, its images and fixes from these frames, and static transforms in two messages.

    cameras: of a rig, whose images are all the same.
    """
    images = [f"/{name}/image/compressed" for name in cameras]
    messages = Messages()
    with open_bag(bag) as reader:
        kinds = {each.topic: each.msgtype for each in reader.connections} | {"/robot/tf_static": TF_MESSAGE}
        kinds |= dict.fromkeys(images, kinds["/image/compressed"])
    with AnyReader([bag], default_typestore=messages.types) as reader, BagRecorder(target, kinds, messages) as recorder:
        for child, (parent, place, rotation) in FRAMES.items():
            header = messages.header(reader.start_time, parent)
            stated = messages.transform(header, child, place, rotation.as_quat())
            recorder.write("/robot/tf_static", reader.start_time, messages.make(TF_MESSAGE, transforms=[stated]))
        for connection, stamp, data in reader.messages():
            message = reader.deserialize(data, connection.msgtype)
            if connection.topic in ("/image/compressed", "/fix"):
                other = frame_id if connection.topic == "/image/compressed" else antenna
                message.header.frame_id = other  # type: ignore[attr-defined]
            for topic in (connection.topic, *(images if connection.topic == "/image/compressed" else ())):
                recorder.write(topic, stamp, message)
    return target


def test_the_mount_is_found_along_the_chain_of_frames(folder: Path, tmp_path: Path) -> None:
    with open_bag(with_tf(folder / "drive", tmp_path / "bag")) as reader:
        transforms = StaticTransforms(reader)
        pose = transforms.pose("/camera_optical", "base_link")
        assert transforms.pose("mast", "mast") == pytest.approx(np.eye(4))
    mount = mount_at(pose, "camera_optical", 0.3)
    place = MAST.apply([0.5, 0.0, 1.7]) + [1.0, 0.0, 0.0]
    assert (mount.forward, mount.left, mount.height) == pytest.approx(tuple(place))
    yaw, pitch, roll = (MAST * LOOK).as_euler("ZYX")
    assert (mount.yaw, mount.pitch, mount.roll) == pytest.approx((yaw, pitch, roll))


def test_a_replay_takes_the_mount_from_the_bag(folder: Path, tmp_path: Path) -> None:
    drive = tmp_path / "copy"
    drive.mkdir()
    for name in ("tiles.mbtiles", "truth.tum"):
        (drive / name).symlink_to(folder / name)
    with_tf(folder / "drive", drive / "drive")
    asked = ["-p", "camera.from_tf:=true", "-p", "camera.base_height:=0.3", "--fused-only"]
    replayed(drive, tmp_path, *asked)
    height = re.search(r'camera\.height"[^0-9]*([0-9.]+)', (tmp_path / "report.html").read_text())
    assert height is not None and float(height[1]) == pytest.approx(1.7)


def with_antenna(folder: Path, drive: Path, antenna: str) -> Path:
    """The drive folder, its fixes of this frame."""
    drive.mkdir()
    for name in ("tiles.mbtiles", "truth.tum", "drive.json"):
        (drive / name).symlink_to(folder / name)
    with_tf(folder / "drive", drive / "drive", antenna=antenna)
    return drive


def test_where_fixes_are_measured_is_taken_from_the_bag(
    folder: Path, tmp_path: Path, knowing: sim.KnowingLocalizer
) -> None:
    """By TF as by the parameters, and otherwise than by neither."""
    drive = with_antenna(folder, tmp_path / "drive", "antenna")
    firsts = []
    for asked in (
        ["sensors_from_tf:=true"],
        ["prior.antenna_forward:=0.4", "prior.antenna_left:=1.5", "prior.antenna_up:=2.0"],
        [],
    ):
        knowing.priors = []
        replayed(drive, tmp_path, "--fused-only", *(part for each in asked for part in ("-p", each)))
        firsts.append(np.array([knowing.priors[0].east, knowing.priors[0].north]))
    by_tf, stated, neither = firsts
    assert by_tf == pytest.approx(stated)
    assert np.linalg.norm(by_tf - neither) == pytest.approx(np.hypot(0.4, 1.5), abs=0.1)


def test_fixes_of_a_frame_that_the_bag_does_not_know_are_not_used(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drive = with_antenna(folder, tmp_path / "drive", "gps")
    given = [str(drive / "drive"), "--tiles", str(drive / "tiles.mbtiles"), "--out", str(tmp_path)]
    told = complaint(capsys, *given, "-p", "sensors_from_tf:=true")
    assert "no GNSS fix at the image stamp: the bag's /tf_static has no transform from gps to base_link" in told
    assert "state prior.antenna_* and odometry.* in place of sensors_from_tf" in told


@pytest.mark.parametrize(
    ("frame", "told"),
    [
        ("mast", "frame mast looks 90 deg up"),
        (
            "unset",
            "/tf_static from base_link to unset: transform has rotation (0.0, 0.0, 0.0, 0.0), which is not a",
        ),
        ("gripper", "no transform from gripper to base_link, its frames are antenna, base_footprint, base_link"),
        ("", "no transform from a message without frame_id to base_link"),
    ],
)
def test_what_the_bag_does_not_tell_is_one_sentence(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], frame: str, told: str
) -> None:
    bag = with_tf(folder / "drive", tmp_path / "bag", frame)
    out = ["--out", str(tmp_path / "o"), "--json", str(tmp_path / "j"), "--tiles", str(folder / "tiles.mbtiles")]
    assert told in complaint(capsys, str(bag), *out, "-p", "camera.from_tf:=true")


def test_a_bag_without_static_transforms_is_told_of_no_frames(folder: Path) -> None:
    with open_bag(folder / "drive") as reader, pytest.raises(InputError, match="the bag has no /tf_static"):
        StaticTransforms(reader).pose("camera", "base_link")


def test_each_camera_of_a_rig_is_asked_for_unless_it_is_stated() -> None:
    asked: list[tuple[str, str, str, float]] = []

    def mount(*told: object) -> Mount:
        asked.append(told)  # type: ignore[arg-type]
        return Mount(yaw=0.1 * len(asked))

    numbers = [f"camera.rear.{name}:=1.5" for name in ("forward", "left", "height", "roll", "pitch", "yaw")]
    rig = [
        "cameras:=[front,left,rear]",
        "camera.from_tf:=true",
        "camera.left.frame:=mast",
        "base_frame:=base",
        *numbers,
    ]
    config = replay_config(None, None, rig + numbers, None, "area", None, lambda names: mount)
    assert asked == [("front", "base", "", 0.0), ("left", "base", "mast", 0.0)]
    yaws = {name: each.mount.yaw for name, each in config.camera_setups.items() if each.mount is not None}
    assert yaws == pytest.approx({"front": 0.1, "left": 0.2, "rear": 1.5})
    with pytest.raises(InputError, match=r"not set: camera\.forward, .* from the bag's /tf_static"):
        replay_config(None, None, [], None, "area", None, lambda names: mount)


def test_two_cameras_whose_images_carry_one_frame_have_no_mount(folder: Path, tmp_path: Path) -> None:
    bag = with_tf(folder / "drive", tmp_path / "bag", cameras=("left", "right"))
    mount = mounts_in(bag, {}, ("left", "right"))
    mount("left", "base_link", "", 0.3)
    assert mount("right", "base_link", "camera_optical", 0.3) == mount("left", "base_link", "", 0.3), "as stated"
    with pytest.raises(
        InputError, match="camera right: its images carry frame_id 'camera_optical', as those of .*left"
    ):
        mount("right", "base_link", "", 0.3)
