"""The transform from map to odom, without a running node."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

import ros_support as ros

from geoflow_ros.bags.messages import quaternion_yaw, stamp_ns
from geoflow_ros.errors import InputError
from geoflow_ros.planar import PlanarPose
from geoflow_ros.ros.publishing import map_to_odom
from geoflow_ros.ros.publishing.map_to_odom import MapToOdom

NOW = 10**18


class Recorder:
    """A node and its only publisher."""

    def __init__(self) -> None:
        self.sent: list[Any] = []

    def create_publisher(self, *_: Any) -> Recorder:
        return self

    def publish(self, message: Any) -> None:
        self.sent.extend(message.transforms)


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    monkeypatch.setattr(map_to_odom, "TFMessage", SimpleNamespace)
    return Recorder()


@pytest.fixture
def joint(recorder: Recorder) -> MapToOdom:
    node: Any = recorder
    return MapToOdom(node, "map", "base_link", 1.0)


def test_the_transform_joins_map_and_odom_at_the_stamp_of_the_image(joint: MapToOdom, recorder: Recorder) -> None:
    joint.on_odom(ros.odom(NOW, 2.0, 0.0, 0.0))
    joint.on_odom(ros.odom(NOW + 100_000_000, 3.0, 0.0, 0.0))
    joint.on_pose(NOW + 50_000_000, PlanarPose(10.0, 20.0, math.pi / 2))
    (sent,) = recorder.sent
    assert (sent.header.frame_id, sent.child_frame_id) == ("map", "odom")
    assert stamp_ns(sent.header.stamp) == NOW + 1_050_000_000
    # base_link is at x = 2.5 in odom; turned by a quarter, that is 2.5 m north in map
    assert (sent.transform.translation.x, sent.transform.translation.y) == pytest.approx((10.0, 17.5))
    q = sent.transform.rotation
    assert quaternion_yaw(q.x, q.y, q.z, q.w) == pytest.approx(math.pi / 2)
    assert joint.missing == ""


def test_a_pose_waits_for_the_odometry_of_its_stamp(joint: MapToOdom, recorder: Recorder) -> None:
    assert joint.missing == "no odom received yet"
    joint.on_odom(ros.odom(NOW, 0.0, 0.0, 0.0))
    assert joint.missing == "no pose yet"
    joint.on_pose(NOW + 50_000_000, PlanarPose(1.0, 0.0, 0.0))
    assert not recorder.sent and joint.missing == "waiting for odom at the image stamp"
    joint.on_odom(ros.odom(NOW + 100_000_000, 0.0, 0.0, 0.0))
    assert len(recorder.sent) == 1
    joint.on_odom(ros.odom(NOW + 200_000_000, 0.0, 0.0, 0.0))
    assert len(recorder.sent) == 1, "a pose is broadcast once"


def test_yaw_is_interpolated_the_short_way_round(joint: MapToOdom, recorder: Recorder) -> None:
    joint.on_odom(ros.odom(NOW, 0.0, 0.0, math.radians(170.0)))
    joint.on_odom(ros.odom(NOW + 100_000_000, 0.0, 0.0, math.radians(-170.0)))
    joint.on_pose(NOW + 50_000_000, PlanarPose(0.0, 0.0, 0.0))
    q = recorder.sent[0].transform.rotation
    assert abs(quaternion_yaw(q.x, q.y, q.z, q.w)) == pytest.approx(math.pi)


def test_odometry_that_comes_only_after_the_image_does_not_serve(joint: MapToOdom, recorder: Recorder) -> None:
    joint.on_odom(ros.odom(NOW + 100_000_000, 0.0, 0.0, 0.0))
    joint.on_pose(NOW, PlanarPose(1.0, 0.0, 0.0))
    assert not recorder.sent and joint.missing == "no odom before the image stamp"


def test_what_was_before_a_jump_of_time_is_forgotten(joint: MapToOdom, recorder: Recorder) -> None:
    joint.on_odom(ros.odom(NOW, 0.0, 0.0, 0.0))
    joint.on_pose(NOW + 50_000_000, PlanarPose(1.0, 0.0, 0.0))
    joint.clear()
    joint.on_odom(ros.odom(NOW + 100_000_000, 0.0, 0.0, 0.0))
    assert not recorder.sent


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("frame", "no frame_id"),
        ("child", "expected base_frame, which is 'base_link'"),
        ("map", "odom is a pose in 'map', which cannot be joined to 'map'"),
        ("/map", "odom is a pose in '/map', which cannot be joined to 'map'"),
        ("base_link", "odom is a pose in 'base_link', which cannot be joined to 'map'"),
        ("nan", "expected finite"),
        ("unset", "expected finite metres and a unit"),
    ],
)
def test_odometry_that_cannot_serve_is_said(joint: MapToOdom, recorder: Recorder, field: str, reason: str) -> None:
    message = ros.odom(NOW, 0.0, 0.0, 0.0)
    if field == "frame":
        message.header.frame_id = ""
    elif reason.startswith("odom is a pose in"):  # of a filter's output, or a driver's mistake
        message.header.frame_id = field
    elif field == "child":
        message.child_frame_id = "wheel"
    elif field == "nan":
        message.pose.pose.position.x = math.nan
    else:
        message.pose.pose.orientation.w = 0.0  # as a driver leaves it that knows no orientation
    joint.on_odom(message)
    joint.on_pose(NOW, PlanarPose(0.0, 0.0, 0.0))
    assert not recorder.sent and reason in joint.missing


def test_without_tf2_msgs_that_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(map_to_odom, "TFMessage", None)
    node: Any = Recorder()
    with pytest.raises(InputError, match="publish_tf needs tf2_msgs, which is not installed"):
        MapToOdom(node, "map", "base_link", 1.0)


@pytest.mark.parametrize("anew", [(0.0, 0.0, 0.0), (500.0, 200.0, 3.0)], ids=["elsewhere", "turned"])
def test_odometry_that_begins_anew_is_not_joined_to_that_before(
    joint: MapToOdom, recorder: Recorder, anew: tuple[float, float, float]
) -> None:
    """An image between both would be joined half way, one before to a frame that is no more."""
    for tick in range(3):
        joint.on_odom(ros.odom(NOW + tick * 20_000_000, 500.0, 200.0, 0.0))
    joint.on_odom(ros.odom(NOW + 60_000_000, *anew))
    for taken_ns in (NOW + 30_000_000, NOW + 50_000_000):
        joint.on_pose(taken_ns, PlanarPose(1.0, 2.0, 0.0))
    assert not recorder.sent and joint.missing == "no odom before the image stamp"
    joint.on_odom(ros.odom(NOW + 80_000_000, *anew))
    joint.on_pose(NOW + 70_000_000, PlanarPose(1.0, 2.0, 0.0))
    (sent,) = recorder.sent
    there = PlanarPose(1.0, 2.0, 0.0) @ PlanarPose(*anew).inverse()
    assert (sent.transform.translation.x, sent.transform.translation.y) == pytest.approx((there.x, there.y))


@pytest.mark.parametrize("latency_ms", [40, 100, 900])
@pytest.mark.parametrize("period_ms", [8, 33])
def test_odometry_that_is_later_than_the_next_poses_serves_too(
    joint: MapToOdom, recorder: Recorder, latency_ms: int, period_ms: int
) -> None:
    """As of a LiDAR's, at 10 Hz, while poses come every few milliseconds, 10 ms after their images."""
    arrivals = [(taken + 10, "pose", taken) for taken in range(0, 5000, period_ms)]
    arrivals += [(taken + latency_ms, "odom", taken) for taken in range(-1000, 5000, 100)]
    for _, kind, taken in sorted(arrivals):
        if kind == "pose":
            joint.on_pose(NOW + taken * 10**6, PlanarPose(1.0, 0.0, 0.0))
        else:
            joint.on_odom(ros.odom(NOW + taken * 10**6, 0.0, 0.0, 0.0))
    stamps = [stamp_ns(each.header.stamp) for each in recorder.sent]
    assert len(stamps) >= 40 and stamps == sorted(set(stamps))
    assert joint.warnings == []


def test_odometry_in_another_frame_is_not_joined_to_that_before(joint: MapToOdom, recorder: Recorder) -> None:
    joint.on_odom(ros.odom(NOW, 1.0, 0.0, 0.0))
    other = ros.odom(NOW + 100_000_000, 1.2, 0.0, 0.0)
    other.header.frame_id = "visual_odom"
    joint.on_odom(other)
    joint.on_pose(NOW + 50_000_000, PlanarPose(5.0, 0.0, 0.0))
    assert not recorder.sent and joint.missing == "no odom before the image stamp"


def test_poses_without_a_transform_are_a_warning_after_a_while(joint: MapToOdom, recorder: Recorder) -> None:
    for tenth in range(30):
        joint.on_pose(NOW + tenth * 10**8, PlanarPose(1.0, 0.0, 0.0))
        assert bool(joint.warnings) == (tenth > 20)
    assert joint.warnings == ["no transform from map is broadcast: no odom received yet"]
    for tenth in range(31):
        joint.on_odom(ros.odom(NOW + tenth * 10**8, 0.0, 0.0, 0.0))
    assert recorder.sent and joint.warnings == []
