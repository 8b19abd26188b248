"""The node with the shipped weights in a second process, in the town of the demo: a pose or a stated reason."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")
pytest.importorskip("rosbags", reason="rosbags is not installed")

import ros_support as ros
from ros_demo_frames import DEMO, picture_message, publish, truth
from std_srvs.srv import Trigger

from geoflow_ros.bags.messages import stamp_ns
from geoflow_ros.configuration import NodeConfig
from geoflow_ros.datasets.bag_drive import BagDrive, read_description
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import LocalFrame
from geoflow_ros.options import build
from geoflow_ros.ros.loading import load_localizer

SHARED_DATA = Path(os.environ.get("GEOFLOW_SHARED_DATA", ros.REPOSITORY.parent / "shared" / "data"))
KITTI_FRAME = SHARED_DATA / "kitti" / "frame_1242x375.png"
WEIGHTS, TILES = ros.REPOSITORY / "models" / "default.safetensors", DEMO / "tiles.mbtiles"
FRAME = 100  # of the demo's drive
FRAME_NS, MOST_FRAMES = 100_000_000, 30
REFUSALS = ("match with probability", "position is uncertain", "the hypotheses met")


@pytest.fixture(scope="module")
def town() -> LocalFrame:
    """The map frame of the demo's town."""
    return LocalFrame(read_description(DEMO / "drive.json").datum)


@pytest.fixture(scope="module")
def peer(town: LocalFrame) -> Iterator[ros.Peer]:
    mount = read_description(DEMO / "drive.json").mount
    parameters = {f"camera__{name}": getattr(mount, name) for name in ("forward", "left", "height")}
    parameters |= {"datum__latitude": town.datum.latitude, "datum__longitude": town.datum.longitude}
    arguments = ros.ros_arguments(TILES, threads=1, **parameters)
    with ros.Peer() as peer, ros.node_process(["-m", "geoflow_ros.localize"], arguments) as process:
        peer.wait_for_node(process)
        yield peer


def test_frames_of_the_demo_are_localised_alone_and_soon_together(peer: ros.Peer, town: LocalFrame) -> None:
    drive, start = BagDrive(DEMO), time.time_ns()
    for step in range(MOST_FRAMES):
        sample, (east, north, yaw) = drive[FRAME + step], truth(FRAME + step)
        singles, prior = len(peer.singles), (east + 5.0, north - 4.0, yaw + 0.03)
        publish(peer, town, picture_message(sample.ground), prior, sample.camera.fx, start + step * FRAME_NS)
        peer.wait(lambda before=singles: len(peer.singles) > before, "what the frame says", 30.0)
        if peer.poses:
            break
    assert peer.poses, peer.reasons()[-3:]
    for answer in (peer.poses[-1], peer.singles[-1]):
        east, north, _ = truth(FRAME + (stamp_ns(answer.header.stamp) - start) // FRAME_NS)
        assert [answer.pose.pose.position.x, answer.pose.pose.position.y] == pytest.approx([east, north], abs=2.0)
        assert np.linalg.eigvalsh(np.reshape(answer.pose.covariance, (6, 6))).min() > 0


def test_no_tiles_at_the_prior_is_the_reason(peer: ros.Peer, town: LocalFrame) -> None:
    assert peer.call("/localize/relocalise", Trigger.Request()).success
    states, poses = len(peer.states), len(peer.poses)
    for _ in range(MOST_FRAMES):  # after a slow start the first test's stamps came late, and one of now seems early
        publish(peer, town, ros.image(0), (0.0, 9000.0, 0.0), 400.0)
        peer.listen(1.0)
        if any("no satellite imagery" in each for each in peer.reasons()[states:]):
            break
    assert any("no satellite imagery" in each for each in peer.reasons()[states:]), peer.reasons()[-3:]
    assert len(peer.poses) == poses


@pytest.mark.skipif(not KITTI_FRAME.is_file(), reason="no shared data: set GEOFLOW_SHARED_DATA")
def test_a_real_photograph_gets_a_pose_or_a_reason(peer: ros.Peer, town: LocalFrame) -> None:
    picture = cv2.imread(str(KITTI_FRAME))
    assert picture is not None
    states = len(peer.states)
    now = publish(peer, town, picture_message(picture[:, :, ::-1]), truth(FRAME), 721.5)

    def answered() -> bool:
        refused = any(words in each for each in peer.reasons()[states:] for words in REFUSALS)
        return refused or any(each.header.stamp == ros.stamp(now) for each in peer.poses)

    peer.wait(answered, "a pose or a refusal", 30.0)


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", None])
def test_missing_or_foreign_checkpoint_is_one_sentence(tmp_path: Path, content: bytes | None) -> None:
    weights = tmp_path / "weights.safetensors"
    if content is not None:
        weights.write_bytes(content)
        shutil.copy(WEIGHTS.with_suffix(".json"), tmp_path / "weights.json")
    with pytest.raises(InputError, match=re.escape(str(tmp_path / "weights."))):
        load_localizer(config(tiles=str(TILES), checkpoint=str(weights)))


def test_corrupt_mbtiles_is_one_sentence(tmp_path: Path) -> None:
    tiles = tmp_path / "broken.mbtiles"
    tiles.write_bytes(b"SQLite format 3\x00" + bytes(100))
    with pytest.raises(InputError, match="broken.mbtiles"):
        load_localizer(config(tiles=str(tiles)))


def config(**values: object) -> NodeConfig:
    """Of a node with the test's mount."""
    return build(NodeConfig, {**{f"camera.{name}": value for name, value in ros.MOUNT.items()}, **values})


def test_what_cannot_be_read_ends_the_node_with_one_sentence(tmp_path: Path) -> None:
    arguments = ros.ros_arguments(TILES, checkpoint=tmp_path / "none.safetensors")
    with ros.node_process(["-m", "geoflow_ros.localize"], arguments) as process:
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 2
    last = output.strip().splitlines()[-1]
    assert last.startswith("geoflow_ros.localize: ") and "none." in last and "Traceback" not in output
