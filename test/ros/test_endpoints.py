"""Names and callbacks of subscriptions, by nodes of this process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from unittest.mock import MagicMock

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

import rclpy
import ros_support as ros

from geoflow_ros.configuration import NodeConfig
from geoflow_ros.ros.diagnostics import WARN, Diagnostics
from geoflow_ros.ros.endpoints import service, subscription
from geoflow_ros.ros.inputs.subscriptions import Subscriptions
from geoflow_ros.tracking.settings import CameraConfig


@pytest.fixture(scope="module")
def context() -> Iterator[Any]:
    ros.stay_on_this_machine()
    context = rclpy.Context()
    rclpy.init(context=context)
    yield context
    rclpy.shutdown(context=context)


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([], "/image/compressed"),
        (["image:=/cam/image_raw"], "/cam/image_raw/compressed"),
        (["image:=cam/rgb", "__ns:=/robot1"], "/robot1/cam/rgb/compressed"),
        (["image:=/cam/image_raw", "image/compressed:=/zipped"], "/zipped"),
        (["fix:=/gnss"], "/image/compressed"),
        (["image:=/cam/image_raw/compressed"], "/cam/image_raw/compressed"),
        (["image:=cam/compressed", "__ns:=/robot1"], "/robot1/cam/compressed"),
    ],
)
def test_the_compressed_topic_follows_a_remapping_of_the_raw_one(context: Any, rules: list[str], expected: str) -> None:
    arguments = ["--ros-args", *(part for rule in rules for part in ("-r", rule))]
    node = rclpy.create_node("camera", context=context, cli_args=arguments)
    try:
        heard = subscription(node, "image/compressed", lambda _: None, "reliable")
        raw = subscription(node, "image", lambda _: None, "reliable")
        assert heard.topic_name == expected
        if expected != "/zipped":
            assert f"{raw.topic_name}/compressed" == expected
    finally:
        node.destroy_node()


def test_a_message_that_makes_its_callback_raise_ends_nothing(context: Any) -> None:
    node = rclpy.create_node("victim", context=context)
    seen = []

    def callback(message: Any) -> None:
        seen.append(message)
        raise OverflowError("a defect of the program")

    try:
        heard = subscription(node, "fix", callback, "reliable")
        heard.callback(ros.fix(0, 49.0, 8.4))
        assert len(seen) == 1
    finally:
        node.destroy_node()


@pytest.mark.parametrize(
    ("error", "sentence"),
    [(KeyError("a defect"), "internal error, KeyError: 'a defect'"), (MemoryError(), "internal error, MemoryError")],
)
def test_a_request_that_makes_its_callback_raise_is_refused_and_ends_nothing(
    context: Any, error: Exception, sentence: str
) -> None:
    from std_srvs.srv import Trigger

    def callback(request: Any, response: Any) -> Any:
        response.success = True
        raise error

    node = rclpy.create_node("asked", context=context)
    try:
        response = service(node, "~/pause", callback).callback(Trigger.Request(), Trigger.Response())
        assert (response.success, response.message) == (False, sentence)
    finally:
        node.destroy_node()


def test_a_fact_that_raises_is_told_and_ends_no_timer(context: Any) -> None:
    node, sent = rclpy.create_node("telling", context=context), MagicMock()
    try:
        told = Diagnostics(node, MagicMock(side_effect=RuntimeError("dictionary changed size during iteration")))
        told._publisher = sent
        told._publish_regularly()
        (status,) = sent.publish.call_args.args[0].status
        assert status.level == WARN
        assert "not configured; internal error in the diagnostics, RuntimeError: dictionary" in status.message
    finally:
        node.destroy_node()


def test_closed_subscriptions_may_still_be_asked_for_warnings(context: Any) -> None:
    node = rclpy.create_node("closing", context=context)
    try:
        heard = Subscriptions(node, NodeConfig(tiles="unused", camera=CameraConfig(0, 0, 1.6, 0, 0, 0)), MagicMock())
        heard.close()
        assert heard.warnings == []  # by the worker, which ends after them
    finally:
        node.destroy_node()
