"""Bad input to the node over real DDS, with the real session and a localiser that answers with the prior."""

from __future__ import annotations

import math
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

import ros_support as ros

from geoflow_ros.geodesy import Datum, LocalFrame

LATITUDE, LONGITUDE = 49.0, 8.4
FRAME = LocalFrame(Datum(LATITUDE, LONGITUDE))
MAX_AGE_S, APART_NS = 0.05, 2 * 10**8  # s, ns: more looks as if clocks were set
BAD_FRAMES = {
    "unknown encoding": "needs cv_bridge",
    "empty image": "is empty",
    "truncated image": "truncated",
    "broken jpeg": "cannot be decoded",
    "nan fix": "not a place on earth",
    "no fix": "NO_FIX",
    "fix without covariance": "no covariance",
    "imu without orientation": "no orientation",
    "nan in imu": "not a unit quaternion",
    "calibration of another size": "does not match",
    "uncalibrated camera": "is not filled",
    "old fix": "no GNSS fix within",
    "defect": "internal error, IndexError",
}


@pytest.fixture(scope="module")
def peer() -> Iterator[ros.Peer]:
    with ros.Peer() as peer:
        yield peer


@pytest.fixture(scope="module")
def node(peer: ros.Peer) -> Iterator[subprocess.Popen[str]]:
    """By single frames: what one is refused for is then not hidden by the track of those before it."""
    datum = {"datum__latitude": LATITUDE, "datum__longitude": LONGITUDE, "prior__max_age": MAX_AGE_S}
    with ros.node_process(ros.FAKE_NODE, ros.ros_arguments(Path("unused"), fusion=False, **datum)) as process:
        peer.wait_for_node(process)
        yield process


def publish_until_answered(peer: ros.Peer, east: float = 0.0) -> None:
    """Publish good frames until one has a pose."""
    before = len(peer.poses)
    latitude, longitude, _ = FRAME.to_geodetic([east, 0.0])

    def publish() -> None:
        now = time.time_ns()
        peer.publish("camera_info", ros.camera_info())
        peer.publish("fix", ros.fix(now, float(latitude), float(longitude)))
        peer.publish("imu", ros.imu(now, 0.5))
        peer.listen(0.05)
        peer.publish("image", ros.image(now))

    peer.publish_until(publish, lambda: len(peer.poses) > before, "a pose")


def publish_bad_frame(peer: ros.Peer, kind: str) -> None:
    """A frame with one defect; its stamp lies so far ahead of every good input that none of them can serve."""
    from sensor_msgs.msg import CompressedImage

    now = time.time_ns() + APART_NS
    image, fix, imu, info = ros.image(now), ros.fix(now, LATITUDE, LONGITUDE), ros.imu(now, 0.5), ros.camera_info()
    if kind == "unknown encoding":
        image.encoding = "nv24"
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
    elif kind == "nan in imu":
        imu.orientation.z = math.nan
    elif kind == "calibration of another size":
        info = ros.camera_info(width=80)
    elif kind == "uncalibrated camera":
        info = ros.camera_info(focal=0.0)
    elif kind == "old fix":
        fix = ros.fix(now - APART_NS // 2, LATITUDE, LONGITUDE)
    elif kind == "defect":
        image = ros.image(now, grey=255)
    peer.publish("camera_info", info)
    peer.publish("fix", fix)
    peer.publish("imu", imu)
    peer.listen(0.05)
    peer.publish("image/compressed" if kind == "broken jpeg" else "image", image)


@pytest.mark.parametrize("kind", BAD_FRAMES)
def test_bad_input_is_withheld_with_its_reason_and_the_next_frame_answered(
    peer: ros.Peer, node: object, kind: str
) -> None:
    publish_until_answered(peer)
    poses, states = len(peer.poses), len(peer.states)
    publish_bad_frame(peer, kind)
    reason = BAD_FRAMES[kind]
    peer.wait(lambda: any(reason in each for each in peer.reasons()[states:]), f"a diagnostic with {reason!r}")
    state = next(each for each in peer.states[states:] if reason in each.message)
    assert state.level > b"\x00"
    assert len(peer.poses) == poses
    publish_until_answered(peer)


def test_a_refused_message_is_in_the_diagnostics_also_when_no_image_comes(peer: ros.Peer, node: object) -> None:
    odom = ros.odom(time.time_ns(), 0.0, 0.0, 0.0)
    odom.twist.twist.linear.x = math.nan
    peer.publish("odom", odom)

    peer.wait(lambda: "not finite" in peer.facts().get("refused odom", ""), "the refusal")


def test_a_single_frame_is_answered_where_gnss_says_even_after_a_leap(peer: ros.Peer, node: object) -> None:
    publish_until_answered(peer)
    latitude, longitude, _ = FRAME.to_geodetic([100.0, 0.0])
    for _ in range(2):  # a leap is believed when three fixes in a row agree
        peer.publish("fix", ros.fix(time.time_ns(), float(latitude), float(longitude)))
        peer.listen(0.05)
    publish_until_answered(peer, east=100.0)
    assert peer.poses[-1].pose.pose.position.x == pytest.approx(100.0, abs=1e-3)
