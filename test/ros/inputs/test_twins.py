"""Frames that come raw and compressed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

import ros_support as ros
from sensor_msgs.msg import CompressedImage

from geoflow_ros.ros.inputs.twins import KEPT, Twins


def raw(ns: int) -> object:
    return ros.image(ns)


def compressed(ns: int) -> object:
    return CompressedImage(header=ros.image(ns).header)


@pytest.mark.parametrize(("first", "second"), [(raw, compressed), (compressed, raw)])
def test_the_second_form_is_known_however_late_it_comes(
    first: Callable[[int], object], second: Callable[[int], object]
) -> None:
    twins = Twins()
    assert [twins.has_come("front", first(stamp)) for stamp in range(KEPT - 1)] == [False] * (KEPT - 1)
    assert [twins.has_come("front", second(stamp)) for stamp in range(KEPT - 1)] == [True] * (KEPT - 1)
    assert not twins.has_come("rear", second(3)), "another camera's"
    assert not twins.has_come("front", first(3)), "a second time in the same form: the session's to judge"
    assert not twins.has_come("front", second(KEPT)), "the first form was lost on its way"


def test_only_the_newest_are_kept_and_none_across_a_jump() -> None:
    twins = Twins()
    for stamp in range(10 * KEPT):
        twins.has_come("", raw(stamp))
    assert len(twins._forms[""]) == KEPT
    twins.clear()
    assert not twins.has_come("", compressed(10 * KEPT - 1))
