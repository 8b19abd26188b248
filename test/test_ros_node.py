"""The node in a second process over real DDS, with a localiser that answers with the prior."""

from __future__ import annotations

import math
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

import ros_support as ros

LATITUDE, LONGITUDE = 49.0, 8.4
FAKE_NODE = [str(Path(__file__).with_name("ros_fake_node.py"))]


@pytest.fixture(scope="module")
def peer() -> Iterator[ros.Peer]:
    ros.stay_on_this_machine()
    peer = ros.Peer()
    yield peer
    peer.close()


@pytest.fixture(scope="module")
def node(peer: ros.Peer) -> Iterator[subprocess.Popen[str]]:
    arguments = ros.ros_arguments(Path("unused"), datum__latitude=LATITUDE, datum__longitude=LONGITUDE)
    config = str(ros.REPOSITORY / "config" / "localize.yaml")
    with ros.node_process(FAKE_NODE, ["--params-file", config, *arguments]) as process:
        peer.wait_for_node(process)
        yield process


def publish_prior(peer: ros.Peer, now: int) -> None:
    peer.publish("camera_info", ros.camera_info())
    peer.publish("fix", ros.fix(now, LATITUDE, LONGITUDE))
    peer.publish("imu", ros.imu(now, 0.5))


def publish_until_answered(peer: ros.Peer) -> int:
    """Publish a good frame and wait for its pose; its stamp (ns)."""
    now, before = time.time_ns(), len(peer.poses)
    publish_prior(peer, now)
    peer.wait(lambda: time.time_ns() > now + 50_000_000, "the prior to arrive")
    peer.publish("image", ros.image(now))
    peer.wait(lambda: len(peer.poses) > before, "a pose")
    return now


def test_pose_carries_the_stamp_of_the_image_and_the_covariance(peer: ros.Peer, node: object) -> None:
    now = publish_until_answered(peer)
    pose = peer.poses[-1]
    assert (pose.header.stamp.sec, pose.header.stamp.nanosec) == divmod(now, 10**9)
    assert pose.header.frame_id == "map"
    assert math.hypot(pose.pose.pose.position.x, pose.pose.pose.position.y) < 1e-6  # the fix is at the datum
    assert 2 * math.atan2(pose.pose.pose.orientation.z, pose.pose.pose.orientation.w) == pytest.approx(0.5)
    diagonal = np.reshape(pose.pose.covariance, (6, 6)).diagonal()
    assert diagonal == pytest.approx([25.0, 25.0, 1e6, 1e6, 1e6, 0.03**2])


def test_pose_fix_is_the_pose_in_wgs84(peer: ros.Peer, node: object) -> None:
    now, before = publish_until_answered(peer), len(peer.pose_fixes)
    peer.wait(lambda: any(each.header.stamp == ros.stamp(now) for each in peer.pose_fixes), "a pose_fix")
    answer = peer.pose_fixes[-1]
    assert before >= 0
    assert (answer.latitude, answer.longitude) == pytest.approx((LATITUDE, LONGITUDE), abs=1e-9)
    assert answer.altitude == 400.0
    assert answer.position_covariance_type == answer.COVARIANCE_TYPE_KNOWN
    assert np.diag(np.reshape(answer.position_covariance, (3, 3))) == pytest.approx([25.0, 25.0, 100.0])


def test_heatmap_comes_once_someone_looks(peer: ros.Peer, node: object) -> None:
    peer.watch_heatmap()
    end = time.monotonic() + 5
    while not peer.heatmaps and time.monotonic() < end:
        publish_until_answered(peer)
    heatmap = peer.heatmaps[-1]
    assert heatmap.encoding == "rgb8" and heatmap.step == 3 * heatmap.width
    assert np.ptp(np.asarray(heatmap.data)) > 100


BAD_FRAMES = {
    "unknown encoding": "needs cv_bridge",
    "empty image": "is empty",
    "truncated image": "truncated",
    "broken jpeg": "cannot be decoded",
    "nan fix": "not a place on earth",
    "no fix": "NO_FIX",
    "fix without covariance": "no covariance",
    "imu without orientation": "no orientation",
    "calibration of another size": "does not match",
    "uncalibrated camera": "focal length",
    "old fix": "no GNSS fix within",
    "defect": "internal error, IndexError",
}


def publish_bad_frame(peer: ros.Peer, kind: str) -> None:
    """A frame with one defect; its stamp lies ahead of every good input, so that no earlier one can serve."""
    from sensor_msgs.msg import CompressedImage

    now = time.time_ns() + 10 * 10**9 * (list(BAD_FRAMES).index(kind) + 1)
    image, fix, imu, info = ros.image(now), ros.fix(now, LATITUDE, LONGITUDE), ros.imu(now, 0.5), ros.camera_info()
    if kind == "unknown encoding":
        image.encoding = "bayer_rggb8"
    elif kind == "empty image":
        image.width = 0
    elif kind == "truncated image":
        image.data = bytes(image.data[:100])
    elif kind == "broken jpeg":
        image = CompressedImage(header=image.header, format="jpeg", data=b"no image")
    elif kind == "nan fix":
        fix.latitude = math.nan
    elif kind == "no fix":
        fix.status.status = -1
    elif kind == "fix without covariance":
        fix = ros.fix(now, LATITUDE, LONGITUDE, sigma=0.0)
    elif kind == "imu without orientation":
        imu.orientation_covariance[0] = -1.0
    elif kind == "calibration of another size":
        info = ros.camera_info(width=80)
    elif kind == "uncalibrated camera":
        info = ros.camera_info(focal=0.0)
    elif kind == "old fix":
        fix.header.stamp = ros.stamp(now - 3 * 10**9)
    elif kind == "defect":
        image.data = b"\xff" * len(image.data)
    for topic, message in (("camera_info", info), ("fix", fix), ("imu", imu)):
        peer.publish(topic, message)
    end = time.monotonic() + 0.05
    peer.wait(lambda: time.monotonic() > end, "the prior to arrive")
    peer.publish("image/compressed" if kind == "broken jpeg" else "image", image)


@pytest.mark.parametrize("kind", BAD_FRAMES)
def test_bad_input_is_withheld_with_its_reason_and_the_next_frame_answered(
    peer: ros.Peer, node: object, kind: str
) -> None:
    poses, states = len(peer.poses), len(peer.states)
    publish_bad_frame(peer, kind)
    reason = BAD_FRAMES[kind]
    peer.wait(lambda: any(reason in each for each in peer.reasons()[states:]), f"a diagnostic with {reason!r}")
    state = next(each for each in peer.states[states:] if reason in each.message)
    assert state.level == (b"\x02" if kind == "defect" else b"\x01")
    assert len(peer.poses) == poses
    publish_until_answered(peer)


def test_diagnostics_count(peer: ros.Peer, node: object) -> None:
    publish_until_answered(peer)
    peer.wait(lambda: peer.states[-1].level == b"\x00", "the state to be good")
    values = {each.key: each.value for each in peer.states[-1].values}
    assert int(values["answered"]) >= 2
    assert values["datum"].startswith("49.0")
    assert "age of the last fix [s]" in values


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_the_node_cleanly_within_two_seconds(peer: ros.Peer, number: signal.Signals) -> None:
    with ros.node_process(FAKE_NODE, ros.ros_arguments(Path("unused"))) as process:
        assert process.stdout is not None
        while "ready" not in (line := process.stdout.readline()):
            assert line, "the node ended before it was ready"
        start = time.monotonic()
        process.send_signal(number)
        assert process.wait(timeout=10) == 0
        assert time.monotonic() - start < 2.0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["-p", "tiles:=none.mbtiles"], "required parameter not set: camera.forward"),
        (ros.ros_arguments(Path("none.mbtiles"), hypoteses=3), "unknown parameter hypoteses"),
        (ros.ros_arguments(Path("none.mbtiles")), "none.mbtiles does not exist"),
        (["--params-file", "none.yaml"], "ROS does not understand the arguments"),
    ],
)
def test_bad_start_ends_with_one_sentence(peer: object, arguments: list[str], sentence: str) -> None:
    command = [sys.executable, "-m", "geoflow_ros.localize", "--ros-args", *arguments]
    result = subprocess.run(command, cwd=ros.REPOSITORY, capture_output=True, text=True, timeout=60)
    assert result.returncode == 2
    line = result.stderr.strip().splitlines()[-1]
    assert line.startswith("geoflow_ros.localize: ") and sentence in line
    assert "Traceback" not in result.stderr
