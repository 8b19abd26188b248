"""The node with the real localiser (untrained weights) in a second process: a pose or a stated reason."""

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

import ros_drive
import ros_support as ros

from geoflow_ros import checkpoint

SHARED_DATA = Path(os.environ.get("GEOFLOW_SHARED_DATA", ros.REPOSITORY.parent / "shared" / "data"))
KITTI_FRAME = SHARED_DATA / "kitti" / "frame_1242x375.png"
LATITUDE, LONGITUDE = ros_drive.DATUM.latitude, ros_drive.DATUM.longitude


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Weights and tiles."""
    folder = tmp_path_factory.mktemp("localizer")
    weights, tiles = folder / "untrained.safetensors", folder / "tiles.mbtiles"
    assert checkpoint.main(["new", "--config", "default", str(weights)]) == 0
    ros_drive.write_tiles(tiles)
    return weights, tiles


@pytest.fixture(scope="module")
def peer(files: tuple[Path, Path]) -> Iterator[ros.Peer]:
    weights, tiles = files
    ros.stay_on_this_machine()
    peer = ros.Peer()
    arguments = ros.ros_arguments(tiles, checkpoint=weights, threads=1, localizer__max_std_m=100.0)
    with ros.node_process(["-m", "geoflow_ros.localize"], arguments) as process:
        peer.wait_for_node(process)
        yield peer
    peer.close()


def publish(peer: ros.Peer, message: Any, latitude: float = LATITUDE) -> int:
    """A frame with everything that belongs to it; its stamp (ns)."""
    now = time.time_ns()
    message.header.stamp = ros.stamp(now)
    peer.publish("camera_info", ros.camera_info(message.width, message.height, 0.6 * message.width))
    peer.publish("fix", ros.fix(now, latitude, LONGITUDE))
    peer.publish("imu", ros.imu(now, 0.5))
    peer.wait(lambda: time.time_ns() > now + 50_000_000, "the prior to arrive")
    peer.publish("image", message)
    return now


def test_a_frame_gets_a_pose_with_a_finite_positive_covariance(peer: ros.Peer) -> None:
    now = publish(peer, ros.image(0))
    peer.wait(lambda: bool(peer.poses), "a pose", 30.0)
    pose = peer.poses[-1]
    assert pose.header.stamp == ros.stamp(now)
    assert np.linalg.eigvalsh(np.reshape(pose.pose.covariance, (6, 6))).min() > 0


def test_no_tiles_at_the_prior_is_the_reason(peer: ros.Peer) -> None:
    states, poses = len(peer.states), len(peer.poses)
    publish(peer, ros.image(0), LATITUDE + 0.1)
    peer.wait(lambda: any("no satellite imagery" in each for each in peer.reasons()[states:]), "the reason", 30.0)
    assert len(peer.poses) == poses


@pytest.mark.skipif(not KITTI_FRAME.is_file(), reason="no shared data: set GEOFLOW_SHARED_DATA")
def test_a_real_photograph_gets_a_pose_or_a_reason(peer: ros.Peer) -> None:
    from sensor_msgs.msg import Image

    picture = cv2.imread(str(KITTI_FRAME))
    assert picture is not None
    height, width, _ = picture.shape
    states = len(peer.states)
    now = publish(peer, Image(height=height, width=width, encoding="bgr8", step=3 * width, data=picture.tobytes()))

    def answered() -> bool:
        refused = any("position is uncertain" in each for each in peer.reasons()[states:])
        return refused or any(each.header.stamp == ros.stamp(now) for each in peer.poses)

    peer.wait(answered, "a pose or a refusal", 30.0)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", None])
def test_missing_or_foreign_checkpoint_ends_the_node_with_one_sentence(
    files: tuple[Path, Path], tmp_path: Path, content: bytes | None
) -> None:
    weights = tmp_path / "weights.safetensors"
    if content is not None:
        weights.write_bytes(content)
        shutil.copy(files[0].with_suffix(".json"), tmp_path / "weights.json")
    _assert_refused(ros.ros_arguments(files[1], checkpoint=weights), str(tmp_path / "weights."))


def test_corrupt_mbtiles_ends_the_node_with_one_sentence(files: tuple[Path, Path], tmp_path: Path) -> None:
    tiles = tmp_path / "broken.mbtiles"
    tiles.write_bytes(b"SQLite format 3\x00" + bytes(100))
    _assert_refused(ros.ros_arguments(tiles, checkpoint=files[0]), "broken.mbtiles")


def _assert_refused(arguments: list[str], sentence: str) -> None:
    with ros.node_process(["-m", "geoflow_ros.localize"], arguments) as process:
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    last = output.strip().splitlines()[-1]
    assert last.startswith("geoflow_ros.localize: ") and sentence in last and "Traceback" not in output
