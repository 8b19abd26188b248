"""What the node listens to for each camera, and topics that more than one talks or listens on."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

from rclpy.qos import DurabilityPolicy, ReliabilityPolicy

from geoflow_ros.configuration import configured
from geoflow_ros.ros.inputs import subscriptions
from geoflow_ros.ros.inputs.subscriptions import Subscriptions
from geoflow_ros.ros.interfaces import COMPRESSED, IMAGE, POSE

INFO, FIX = "sensor_msgs/msg/CameraInfo", "sensor_msgs/msg/NavSatFix"
MOUNT = dict.fromkeys(("forward", "left", "roll", "pitch", "yaw"), 0.0) | {"height": 1.6}


class FakeSession:
    """Takes everything."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


def publisher(
    kind: str, reliability: ReliabilityPolicy = ReliabilityPolicy.RELIABLE, node: str = "driver"
) -> SimpleNamespace:
    """As the graph describes one."""
    profile = SimpleNamespace(reliability=reliability, durability=DurabilityPolicy.VOLATILE)
    return SimpleNamespace(topic_type=kind, qos_profile=profile, node_name=node)


def listening(
    monkeypatch: pytest.MonkeyPatch, cameras: list[str], remapped: dict[str, str], publishers: dict[str, list[Any]],
    reliability: str = "reliable", **camera: object,
) -> tuple[Subscriptions, list[str]]:  # fmt: skip
    """The subscriptions of a rig, and the topics that they are on."""
    made: list[str] = []

    def subscription(
        node: Any, name: str, callback: Any, reliability: str, camera: str = "", is_latched: bool = False
    ) -> SimpleNamespace:
        topic = f"/{camera}/{name}" if camera else f"/{name}"
        made.append(remapped.get(topic, topic))
        return SimpleNamespace(topic_name=made[-1])

    monkeypatch.setattr(subscriptions, "subscription", subscription)
    node: Any = SimpleNamespace(
        create_timer=lambda *_, **__: None,
        get_publishers_info_by_topic=lambda topic: publishers.get(topic, []),
        get_topic_names_and_types=lambda: [(name, [each[0].topic_type]) for name, each in publishers.items()],
        get_name=lambda: "localize",
        get_clock=lambda: SimpleNamespace(now=lambda: SimpleNamespace(nanoseconds=1)),
        resolve_topic_name=lambda name: f"/{name}",
    )
    values = {f"camera.{name}": value for name, value in {**MOUNT, **camera}.items()}
    config = configured({"tiles": "area", "cameras": cameras, "image_reliability": reliability, **values})
    pipeline: Any = SimpleNamespace(session=FakeSession(), offer=print, on_odom=print, take=print)
    return Subscriptions(node, config, pipeline), made


def test_two_cameras_on_one_topic_are_both_named(monkeypatch: pytest.MonkeyPatch) -> None:
    heard, _ = listening(monkeypatch, ["front", "left"], {"/left/image": "/front/image"}, {})
    told = "listens to /front/image as another camera does: remap one of them"
    assert heard.warnings == [f"camera front: {told}", f"camera left: {told}"]


def test_two_drivers_on_one_topic_are_named_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {"/left/camera_info": [publisher(INFO)] * 2, "/left/image": [publisher(IMAGE)], "/fix": [publisher(FIX)]}
    heard, _ = listening(monkeypatch, ["front", "left"], {}, there)
    assert heard.warnings == ["2 publishers on /left/camera_info, expected one"]


@pytest.mark.parametrize("topic", ["/left/image", "/left/image/compressed"])
def test_a_camera_that_is_published_best_effort_is_named_unless_asked_for_so(
    monkeypatch: pytest.MonkeyPatch, topic: str
) -> None:
    sensor = publisher(COMPRESSED if "compressed" in topic else IMAGE, ReliabilityPolicy.BEST_EFFORT)
    told = f"nothing is heard of {topic}: it is published best effort, but image_reliability is reliable: set it to"
    there = {topic: [sensor], "/fix": [publisher(FIX, ReliabilityPolicy.BEST_EFFORT)]}
    heard, _ = listening(monkeypatch, ["front", "left"], {}, there)
    assert heard.warnings == [f"{told} best_effort"]
    heard, _ = listening(monkeypatch, ["front", "left"], {}, there, reliability="best_effort")
    assert heard.warnings == []


def test_a_topic_of_another_type_is_named_with_both(monkeypatch: pytest.MonkeyPatch) -> None:
    remapped = {"/front/image": "/front/zipped"}  # a remapping to the compressed topic, whose name says nothing
    there = {"/twist": [publisher("geometry_msgs/msg/Twist")], "/front/zipped": [publisher(COMPRESSED)]}
    heard, _ = listening(monkeypatch, ["front"], remapped, there)
    expected = {"/twist": ("geometry_msgs/msg/Twist", "geometry_msgs/msg/TwistStamped"),
                "/front/zipped": (COMPRESSED, IMAGE)}  # fmt: skip
    assert sorted(heard.warnings) == sorted(
        f"nothing is heard of {name}: it is published as {theirs}, expected {ours}"
        for name, (theirs, ours) in expected.items()
    )


@pytest.mark.parametrize(
    ("there", "told"),
    [
        (publisher(POSE, ReliabilityPolicy.BEST_EFFORT), "it is published best effort, expected reliable"),
        (publisher(POSE[: -len("WithCovarianceStamped")]), f"is published as geometry_msgs/msg/Pose, expected {POSE}"),
    ],
)
def test_a_stated_pose_that_is_not_heard_is_named(monkeypatch: pytest.MonkeyPatch, there: Any, told: str) -> None:
    heard, _ = listening(monkeypatch, ["front"], {}, {"/initialpose": [publisher(POSE), there]})
    (sentence,) = heard.warnings
    assert sentence.startswith("nothing is heard of /initialpose: ") and told in sentence


def test_a_second_localiser_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    alone, _ = listening(monkeypatch, ["front"], {}, {"/pose": [publisher(POSE, node="localize")]})
    assert alone.warnings == []
    beside, _ = listening(monkeypatch, ["front"], {}, {"/pose": [publisher(POSE, node="localize")] * 2})
    (sentence,) = beside.warnings
    assert sentence.startswith("2 publishers on /pose, expected this node alone")


def test_what_is_published_under_another_name_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    there = {
        "/camera/image_raw": [publisher(IMAGE)], "/camera/image_raw/compressed": [publisher(COMPRESSED)],
        "/rear/image": [publisher(IMAGE)], "/heatmap": [publisher(IMAGE, node="localize")],
        "/camera/camera_info": [publisher(INFO)],
        "/ublox/fix": [publisher(FIX)], "/pose_fix": [publisher(FIX, node="localize")],
        "/imu/data": [publisher("sensor_msgs/msg/Imu")],
    }  # fmt: skip
    heard, _ = listening(monkeypatch, [], {}, there)
    assert heard.images == ["/image", "/image/compressed"]
    assert heard.warnings == [
        "nobody publishes /fix: remap fix, to /ublox/fix perhaps",
        "nobody publishes /image: remap image, to /camera/image_raw or /rear/image perhaps",
        "nobody publishes /camera_info: remap camera_info, to /camera/camera_info perhaps",
    ]
    remapped = {"/fix": "/ublox/fix", "/image/compressed": "/camera/image_raw/compressed",
                "/camera_info": "/camera/camera_info"}  # fmt: skip
    heard, _ = listening(monkeypatch, [], remapped, there)  # of an image, one transport is enough
    assert heard.warnings == []
    heard, _ = listening(monkeypatch, [], {}, {"/heatmap": there["/heatmap"]})
    assert heard.warnings == []  # a driver that is not there yet is no wrong name


@pytest.mark.parametrize("is_stated", [False, True])
def test_a_rectified_image_is_stated_as_such(monkeypatch: pytest.MonkeyPatch, is_stated: bool) -> None:
    remapped = {"/left/image": "/left/image_rect_color"}
    heard, _ = listening(monkeypatch, ["front", "left"], remapped, {}, **{"left.rectified": is_stated})
    told = "/left/image_rect_color is rectified already, as image_proc names it, but camera.left.rectified is not set"
    assert [each.split(":")[0] for each in heard.warnings] == ([] if is_stated else [told])


@pytest.mark.parametrize("stated", [{"top.panorama": 4}, {"top.calibration": "ost.yaml"}])
def test_what_needs_no_camera_info_is_not_asked_for_it(monkeypatch: pytest.MonkeyPatch, stated: dict[str, Any]) -> None:
    _, topics = listening(monkeypatch, ["front", "top"], {}, {}, **stated)
    assert {"/front/camera_info", "/top/image", "/top/image/compressed"} <= {*topics}
    assert "/top/camera_info" not in topics and "/top_90/image" not in topics


@pytest.mark.parametrize(
    ("cameras", "remapped", "told"),
    [
        (
            ["front", "top"],
            {"/front/image": "/cam_a/raw", "/front/image/compressed": "/cam_a/raw/compressed"},
            {
                "topics of camera front": "/cam_a/raw /cam_a/raw/compressed /front/camera_info",
                "topics of camera top": "/top/image /top/image/compressed /top/camera_info",
            },
        ),
        ([], {"/camera_info": "/c"}, {"topics of camera": "/image /image/compressed /c"}),
    ],
)
def test_the_diagnostics_say_what_each_camera_listens_to(
    monkeypatch: pytest.MonkeyPatch, cameras: list[str], remapped: dict[str, str], told: dict[str, str]
) -> None:
    assert listening(monkeypatch, cameras, remapped, {})[0].facts == told
