"""What the node listens to for each camera, and topics that more than one talks or listens on."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

from geoflow_ros.configuration import configured
from geoflow_ros.ros.inputs import subscriptions
from geoflow_ros.ros.inputs.subscriptions import Subscriptions

MOUNT = dict.fromkeys(("forward", "left", "roll", "pitch", "yaw"), 0.0) | {"height": 1.6}


class FakeSession:
    """Takes everything."""

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


def listening(
    monkeypatch: pytest.MonkeyPatch, cameras: list[str], remapped: dict[str, str], publishers: dict[str, int],
    **camera: object,
) -> tuple[Subscriptions, list[str]]:  # fmt: skip
    """The subscriptions of a rig, and the topics that they are on."""
    made: list[str] = []

    def subscription(node: Any, name: str, callback: Any, reliability: str, camera: str = "") -> SimpleNamespace:
        topic = f"/{camera}/{name}" if camera else f"/{name}"
        made.append(remapped.get(topic, topic))
        return SimpleNamespace(topic_name=made[-1])

    monkeypatch.setattr(subscriptions, "subscription", subscription)
    node: Any = SimpleNamespace(count_publishers=lambda topic: publishers.get(topic, 0))
    values = {f"camera.{name}": value for name, value in {**MOUNT, **camera}.items()}
    config = configured({"tiles": "area", "cameras": cameras, **values})
    pipeline: Any = SimpleNamespace(session=FakeSession(), offer=print, on_odom=print, take=print)
    return Subscriptions(node, config, pipeline), made


def test_two_cameras_on_one_topic_are_both_named(monkeypatch: pytest.MonkeyPatch) -> None:
    heard, _ = listening(monkeypatch, ["front", "left"], {"/left/image": "/front/image"}, {})
    told = "listens to /front/image as another camera does: remap one of them"
    assert heard.warnings == [f"camera front: {told}", f"camera left: {told}"]


def test_two_drivers_on_one_topic_are_named_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = {"/left/camera_info": 2, "/left/image": 1, "/fix": 1}
    heard, _ = listening(monkeypatch, ["front", "left"], {}, counts)
    assert heard.warnings == ["2 publishers on /left/camera_info, expected one"]


def test_a_panorama_is_not_asked_for_its_calibration(monkeypatch: pytest.MonkeyPatch) -> None:
    _, topics = listening(monkeypatch, ["front", "top"], {}, {}, **{"top.panorama": 4})
    assert {"/front/camera_info", "/top/image", "/top/image/compressed"} <= {*topics}
    assert "/top/camera_info" not in topics and "/top_90/image" not in topics
