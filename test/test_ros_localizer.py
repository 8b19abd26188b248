"""The node with the shipped weights in a second process, in the town of the demo: a pose or a stated reason."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")
pytest.importorskip("rosbags", reason="rosbags is not installed")

import ros_support as ros
from sensor_msgs.msg import Image

from geoflow_ros.datasets.bag import BagDrive, read_description
from geoflow_ros.datasets.trajectory import read_tum
from geoflow_ros.geodesy import LocalFrame

SHARED_DATA = Path(os.environ.get("GEOFLOW_SHARED_DATA", ros.REPOSITORY.parent / "shared" / "data"))
KITTI_FRAME = SHARED_DATA / "kitti" / "frame_1242x375.png"
DEMO = ros.REPOSITORY / "demo"
WEIGHTS, TILES = ros.REPOSITORY / "models" / "default.safetensors", DEMO / "tiles.mbtiles"
FRAME = 100  # of the demo's drive
REFUSALS = ("match with probability", "position is uncertain", "the hypotheses met")


@pytest.fixture(scope="module")
def town() -> LocalFrame:
    """The map frame of the demo's town."""
    return LocalFrame(read_description(DEMO / "drive.json").datum)


@pytest.fixture(scope="module")
def peer(town: LocalFrame) -> Iterator[ros.Peer]:
    ros.stay_on_this_machine()
    peer = ros.Peer()
    mount = read_description(DEMO / "drive.json").mount
    parameters = {f"camera__{name}": getattr(mount, name) for name in ("forward", "left", "height")}
    parameters |= {"datum__latitude": town.datum.latitude, "datum__longitude": town.datum.longitude}
    arguments = ros.ros_arguments(TILES, threads=1, **parameters)
    with ros.node_process(["-m", "geoflow_ros.localize"], arguments) as process:
        peer.wait_for_node(process)
        yield peer
    peer.close()


def publish(peer: ros.Peer, town: LocalFrame, message: Any, prior: tuple[float, float, float], focal: float) -> int:
    """A frame with everything that belongs to it; its stamp (ns). prior: east, north (m), yaw (rad) of base_link."""
    now = time.time_ns()
    message.header.stamp = ros.stamp(now)
    latitude, longitude, _ = town.to_geodetic(prior[:2])
    peer.publish("camera_info", ros.camera_info(message.width, message.height, focal))
    peer.publish("fix", ros.fix(now, float(latitude), float(longitude)))
    peer.publish("imu", ros.imu(now, prior[2]))
    peer.wait(lambda: time.time_ns() > now + 50_000_000, "the prior to arrive")
    peer.publish("image", message)
    return now


def truth() -> tuple[float, float, float]:
    """Of base_link in the demo's frame."""
    east, north, yaw = read_tum(DEMO / "truth.tum").poses[FRAME]
    return float(east), float(north), float(yaw)


def picture_message(rgb: Any) -> Image:
    height, width, _ = rgb.shape
    return Image(height=height, width=width, encoding="rgb8", step=3 * width, data=rgb.tobytes())


def test_a_frame_of_the_demo_is_localised(peer: ros.Peer, town: LocalFrame) -> None:
    sample = BagDrive(DEMO)[FRAME]
    east, north, yaw = truth()
    message = picture_message(sample.ground)
    now = publish(peer, town, message, (east + 5.0, north - 4.0, yaw + 0.03), sample.camera.fx)
    peer.wait(lambda: bool(peer.poses), "a pose", 30.0)
    pose = peer.poses[-1]
    assert pose.header.stamp == ros.stamp(now)
    position = pose.pose.pose.position
    assert [position.x, position.y] == pytest.approx([east, north], abs=2.0)
    assert np.linalg.eigvalsh(np.reshape(pose.pose.covariance, (6, 6))).min() > 0


def test_no_tiles_at_the_prior_is_the_reason(peer: ros.Peer, town: LocalFrame) -> None:
    states, poses = len(peer.states), len(peer.poses)
    publish(peer, town, ros.image(0), (0.0, 9000.0, 0.0), 400.0)
    peer.wait(lambda: any("no satellite imagery" in each for each in peer.reasons()[states:]), "the reason", 30.0)
    assert len(peer.poses) == poses


@pytest.mark.skipif(not KITTI_FRAME.is_file(), reason="no shared data: set GEOFLOW_SHARED_DATA")
def test_a_real_photograph_gets_a_pose_or_a_reason(peer: ros.Peer, town: LocalFrame) -> None:
    picture = cv2.imread(str(KITTI_FRAME))
    assert picture is not None
    states = len(peer.states)
    now = publish(peer, town, picture_message(picture[:, :, ::-1]), truth(), 721.5)

    def answered() -> bool:
        refused = any(words in each for each in peer.reasons()[states:] for words in REFUSALS)
        return refused or any(each.header.stamp == ros.stamp(now) for each in peer.poses)

    peer.wait(answered, "a pose or a refusal", 30.0)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", None])
def test_missing_or_foreign_checkpoint_ends_the_node_with_one_sentence(tmp_path: Path, content: bytes | None) -> None:
    weights = tmp_path / "weights.safetensors"
    if content is not None:
        weights.write_bytes(content)
        shutil.copy(WEIGHTS.with_suffix(".json"), tmp_path / "weights.json")
    _assert_refused(ros.ros_arguments(TILES, checkpoint=weights), str(tmp_path / "weights."))


def test_corrupt_mbtiles_ends_the_node_with_one_sentence(tmp_path: Path) -> None:
    tiles = tmp_path / "broken.mbtiles"
    tiles.write_bytes(b"SQLite format 3\x00" + bytes(100))
    _assert_refused(ros.ros_arguments(tiles), "broken.mbtiles")


def _assert_refused(arguments: list[str], sentence: str) -> None:
    with ros.node_process(["-m", "geoflow_ros.localize"], arguments) as process:
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    last = output.strip().splitlines()[-1]
    assert last.startswith("geoflow_ros.localize: ") and sentence in last and "Traceback" not in output
