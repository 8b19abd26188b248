"""The node in a second process over real DDS, with a session whose pose is the last fix."""

from __future__ import annotations

import itertools
import math
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

import ros_support as ros
from ros_fake_session import SINGLE_EAST, SLOW_S

from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.ros.diagnostics import SILENCE_S

LATITUDE, LONGITUDE = 49.0, 8.4
FRAME = LocalFrame(Datum(LATITUDE, LONGITUDE))
LOOP_S = 3600.0


@pytest.fixture(scope="module")
def peer() -> Iterator[ros.Peer]:
    with ros.Peer() as peer:
        yield peer


@pytest.fixture(scope="module")
def node(peer: ros.Peer) -> Iterator[subprocess.Popen[str]]:
    arguments = ros.ros_arguments(Path("unused"), datum__latitude=LATITUDE, datum__longitude=LONGITUDE)
    config = str(ros.REPOSITORY / "config" / "localize.yaml")
    with ros.node_process(ros.FAKE_SESSION, ["--params-file", config, *arguments]) as process:
        peer.wait_for_node(process)
        yield process


def publish_fix(peer: ros.Peer, now: int, east: float = 0.0, north: float = 0.0) -> None:
    latitude, longitude, _ = FRAME.to_geodetic([east, north])
    peer.publish("fix", ros.fix(now, float(latitude), float(longitude)))
    peer.listen(0.05)


def publish_until_answered(peer: ros.Peer, now: int | None = None, east: float = 0.0) -> Any:
    """The pose of a good frame."""
    now, before = now or time.time_ns(), len(peer.poses)
    publish_fix(peer, now, east)
    peer.publish("image", ros.image(now))
    peer.wait(lambda: len(peer.poses) > before, "a pose")
    return peer.poses[-1]


def publish_until_told(peer: ros.Peer, told: str) -> None:
    """Good frames, until the state says so: of states that differ in numbers alone one a second is published."""
    peer.wait(lambda: bool(publish_until_answered(peer)) and any(told in each for each in peer.track_states), told)


def trigger(peer: ros.Peer, name: str) -> Any:
    from std_srvs.srv import Trigger

    return peer.call(f"/localize/{name}", Trigger.Request())


def set_parameters(peer: ros.Peer, **values: float) -> Any:
    """The result of setting parameters all at once."""
    from rcl_interfaces.srv import SetParametersAtomically
    from rclpy.parameter import Parameter

    parameters = [Parameter(name.replace("__", "."), value=value).to_parameter_msg() for name, value in values.items()]
    request = SetParametersAtomically.Request(parameters=parameters)
    return peer.call("/localize/set_parameters_atomically", request).result


def parameter_values(peer: ros.Peer, *names: str) -> list[float]:
    """What the node says that its parameters are, integers as numbers."""
    from rcl_interfaces.srv import GetParameters
    from rclpy.parameter import parameter_value_to_python

    values = peer.call("/localize/get_parameters", GetParameters.Request(names=names)).values
    return [float(parameter_value_to_python(each)) for each in values]


def test_pose_is_the_fused_one_with_the_stamp_of_the_image(peer: ros.Peer, node: object) -> None:
    now = time.time_ns()
    pose = publish_until_answered(peer, now, east=30.0)
    assert (pose.header.stamp.sec, pose.header.stamp.nanosec) == divmod(now, 10**9)
    assert pose.header.frame_id == "map"
    assert [pose.pose.pose.position.x, pose.pose.pose.position.y] == pytest.approx([30.0, 0.0], abs=1e-3)
    assert 2 * math.atan2(pose.pose.pose.orientation.z, pose.pose.pose.orientation.w) == pytest.approx(0.5)
    assert np.reshape(pose.pose.covariance, (6, 6)).diagonal() == pytest.approx([1, 1, 1e6, 1e6, 1e6, 0.01])
    peer.wait(lambda: any(each.header.stamp == pose.header.stamp for each in peer.singles), "the frame's own pose")
    assert peer.singles[-1].pose.pose.position.x == pytest.approx(30.0 + SINGLE_EAST, abs=1e-3)
    peer.wait(lambda: any(each.startswith("LOCALISED: ") for each in peer.track_states), "the state")


def test_pose_fix_is_the_pose_in_wgs84(peer: ros.Peer, node: object) -> None:
    pose = publish_until_answered(peer)
    peer.wait(lambda: any(each.header.stamp == pose.header.stamp for each in peer.pose_fixes), "a pose_fix")
    answer = peer.pose_fixes[-1]
    assert (answer.latitude, answer.longitude) == pytest.approx((LATITUDE, LONGITUDE), abs=1e-9)
    assert answer.altitude == 400.0
    assert np.diag(np.reshape(answer.position_covariance, (3, 3))) == pytest.approx([1.0, 1.0, 100.0])


def test_heatmap_comes_once_someone_looks(peer: ros.Peer, node: object) -> None:
    peer.watch_heatmap()
    peer.wait(lambda: bool(publish_until_answered(peer) and peer.heatmaps), "a heatmap", 30.0)
    heatmap = peer.heatmaps[-1]
    assert heatmap.encoding == "rgb8" and heatmap.step == 3 * heatmap.width
    assert np.ptp(np.asarray(heatmap.data)) > 100


def test_a_late_subscriber_is_told_of_the_mount(peer: ros.Peer, node: object) -> None:
    from geometry_msgs.msg import PoseWithCovarianceStamped

    publish_until_answered(peer)
    mounts = peer.latched("/localize/mount", PoseWithCovarianceStamped)
    assert mounts.header.frame_id == "base_link"
    found, place = mounts.pose.pose.orientation, mounts.pose.pose.position
    assert (place.x, place.y, place.z) == pytest.approx((1.0, 0.0, 1.65 + 0.1))
    assert (found.x, found.y, found.z) == pytest.approx((0.005, 0.01, -0.015), abs=3e-4)
    peer.wait(lambda: "camera.pitch by frames" in peer.facts(), "the diagnostics of the frame")
    values = peer.facts()
    assert values["camera.pitch by frames"] == "1.15 deg +- 0.11 deg, stated 0.00 deg"
    assert values["camera.height by frames"] == "1.750 m +- 0.040 m, stated 1.650 m"


def test_the_mount_is_drawn_once_someone_looks(peer: ros.Peer, node: object) -> None:
    pictures = peer.watch_images("/localize/mount_check")
    stamps = itertools.count(time.time_ns(), 2 * 10**8)
    peer.wait(lambda: bool(publish_until_answered(peer, next(stamps)) and pictures), "a picture", 30.0)
    assert pictures[-1].encoding == "rgb8" and pictures[-1].width == 3 * 440
    assert np.ptp(np.asarray(pictures[-1].data)) > 100


@pytest.mark.parametrize(("grey", "reason"), [(0, "LOST: the image is black"), (255, "internal error, IndexError")])
def test_what_has_no_pose_is_an_error_with_its_reason(peer: ros.Peer, node: object, grey: int, reason: str) -> None:
    publish_until_answered(peer)
    poses, states = len(peer.poses), len(peer.states)
    peer.publish("image", ros.image(time.time_ns(), grey=grey))
    peer.wait(lambda: any(reason in each for each in peer.reasons()[states:]), f"a diagnostic with {reason!r}")
    assert next(each for each in peer.states[states:] if reason in each.message).level == b"\x02"
    assert len(peer.poses) == poses
    publish_until_answered(peer)


def test_initialpose_is_believed_in_the_map_frame_only(peer: ros.Peer, node: object) -> None:
    publish_until_answered(peer)
    peer.publish("initialpose", ros.initialpose(0, 77.0, 5.0, 1.0, frame="odom"))
    peer.listen(0.1)
    assert publish_until_answered(peer).pose.pose.position.x == pytest.approx(0.0, abs=1e-3)
    peer.publish("initialpose", ros.initialpose(0, 77.0, 5.0, 1.0))
    peer.listen(0.1)
    assert publish_until_answered(peer).pose.pose.position.x == pytest.approx(77.0)


def test_relocalise_forgets(peer: ros.Peer, node: object) -> None:
    peer.publish("initialpose", ros.initialpose(0, 77.0, 5.0, 1.0))
    peer.listen(0.1)
    assert trigger(peer, "relocalise").success
    poses = len(peer.poses)
    peer.publish("image", ros.image(time.time_ns()))
    peer.wait(lambda: peer.track_states[-1] == "INITIALISING: searching", "the search")
    assert len(peer.poses) == poses
    assert publish_until_answered(peer).pose.pose.position.x == pytest.approx(0.0, abs=1e-3)


def test_pause_and_resume(peer: ros.Peer, node: object) -> None:
    publish_until_answered(peer)
    assert trigger(peer, "pause").success
    peer.wait(lambda: peer.track_states[-1].startswith("PAUSED"), "the state")
    poses = len(peer.poses)
    peer.publish("image", ros.image(time.time_ns()))
    peer.listen(0.3)
    assert len(peer.poses) == poses
    assert trigger(peer, "set_datum_here").success, "the map begins anew, and the node is paused as before"
    states = len(peer.states)
    peer.listen(SILENCE_S + 1.5)
    assert peer.track_states[-1].startswith("PAUSED")
    assert all(each.startswith("PAUSED") for each in peer.reasons()[states:]), "images came, and none is missed"
    assert trigger(peer, "resume").success
    peer.wait(lambda: peer.track_states[-1] == "INITIALISING: resumed, no image received since", "the state")
    publish_until_answered(peer)


def test_a_frame_in_work_is_not_answered_after_a_pause(peer: ros.Peer, node: object) -> None:
    publish_until_answered(peer)
    poses = len(peer.poses)
    peer.publish("image", ros.image(time.time_ns(), grey=90))
    peer.listen(SLOW_S / 5)
    trigger(peer, "pause")
    trigger(peer, "resume")
    peer.listen(1.5 * SLOW_S)
    assert len(peer.poses) == poses


def test_stamps_that_go_back_are_answered_and_nothing_older_is(peer: ros.Peer, node: object) -> None:
    later = time.time_ns()
    publish_until_answered(peer, later)
    peer.publish("image", ros.image(later + 1, grey=90))
    peer.listen(SLOW_S / 5)
    poses, earlier = len(peer.poses), later - round(LOOP_S * 1e9)
    assert publish_until_answered(peer, earlier).header.stamp == ros.stamp(earlier)
    peer.listen(0.1)
    assert len(peer.poses) == poses + 1
    publish_until_answered(peer)


def test_the_same_frame_raw_and_compressed_is_answered_once(peer: ros.Peer, node: object) -> None:
    import cv2
    from sensor_msgs.msg import CompressedImage

    now, poses = time.time_ns(), len(peer.poses)
    publish_fix(peer, now)
    raw = ros.image(now)
    picture = np.random.default_rng(0).integers(0, 256, (ros.HEIGHT, ros.WIDTH, 3), dtype=np.uint8)
    data = cv2.imencode(".png", picture)[1].tobytes()
    peer.publish("image", raw)
    peer.publish("image/compressed", CompressedImage(header=raw.header, format="png", data=data))
    peer.wait(lambda: len(peer.poses) > poses, "the pose")
    peer.listen(0.5)
    assert len(peer.poses) == poses + 1


def test_thresholds_change_at_run_time_and_nothing_else(peer: ros.Peer, node: object) -> None:
    from geoflow_ros.options import options_of
    from geoflow_ros.tracking.track import TrackerConfig

    threshold = next(each for each in options_of(TrackerConfig) if each.type is float and each.range is not None)
    assert threshold.range is not None
    told = f"{threshold.name.split('.')[-1]}={(value := sum(threshold.range) / 2)}"
    assert set_parameters(peer, **{f"tracker.{threshold.name}": value, "localizer.max_std_m": 5.0}).successful
    publish_until_told(peer, told)
    assert set_parameters(peer, tracker__max_std=2).successful, "an integer is a number"
    assert parameter_values(peer, "tracker.max_std") == [2.0]
    publish_until_told(peer, "max_std=2.0")
    for value, told in (
        (0, "tracker.max_std is 0.0, expected 0.1 to 100"),
        ("far", "expected a number"),
        (True, "a number"),
    ):
        refused = set_parameters(peer, tracker__max_std=value)  # type: ignore[arg-type]
        assert not refused.successful and told in refused.reason
    refused = set_parameters(peer, tracker__belief__outlier_depth=3)
    assert not refused.successful and "disagreement is 4, expected less than" in refused.reason
    assert set_parameters(peer, tracker__belief__outlier_depth=3, tracker__belief__disagreement=2).successful
    refused = set_parameters(peer, localizer__max_std_m=-1.0)
    assert not refused.successful and "localizer.max_std_m" in refused.reason
    unknown = set_parameters(peer, localizer__schedule="fast")
    assert not unknown.successful and "paper or full or annealed" in unknown.reason
    fixed = set_parameters(peer, seed=3)
    assert not fixed.successful and "read-only" in fixed.reason


def test_the_datum_can_be_moved(peer: ros.Peer, node: object) -> None:
    half = set_parameters(peer, datum__latitude=math.nan)
    assert not half.successful and "datum.latitude is not given" in half.reason
    latitude, longitude, _ = FRAME.to_geodetic([0.0, -100.0])
    assert set_parameters(peer, datum__latitude=float(latitude), datum__longitude=float(longitude)).successful
    assert publish_until_answered(peer).pose.pose.position.y == pytest.approx(100.0, abs=1e-2)
    none = set_parameters(peer, datum__latitude=math.nan, datum__longitude=math.nan)
    assert not none.successful and "the map has begun" in none.reason
    answer = trigger(peer, "set_datum_here")
    assert answer.success and "49.0" in answer.message
    assert parameter_values(peer, "datum.latitude", "datum.altitude") == pytest.approx([49.0, 400.0])
    assert publish_until_answered(peer).pose.pose.position.y == pytest.approx(0.0, abs=1e-2)


def test_two_publishers_on_one_topic_are_a_warning(peer: ros.Peer, node: object) -> None:
    from sensor_msgs.msg import NavSatFix

    second = peer.node.create_publisher(NavSatFix, "fix", 10)
    try:
        publish_until_answered(peer)
        peer.wait(lambda: "2 publishers on /fix" in peer.states[-1].message, "the warning")
        assert peer.states[-1].level == b"\x01"
    finally:
        peer.node.destroy_publisher(second)
    peer.wait(lambda: "publishers" not in peer.states[-1].message, "the warning to go")


def test_diagnostics_count(peer: ros.Peer, node: object) -> None:
    for count in (1, 2):
        publish_until_answered(peer)
        peer.wait(lambda count=count: int(peer.facts().get("answered", "0")) >= count, f"{count} answers to be counted")
    peer.wait(lambda: peer.states[-1].level == b"\x00", "the state to be good")
    values = peer.facts()
    assert values["datum"].startswith("49.0")
    assert {"age of the last fix [s]", "fixes from where frames fit [m]"} <= values.keys()
    assert values["stamps of images of camera, late by [s]"] == "0.15 +- 0.02"
