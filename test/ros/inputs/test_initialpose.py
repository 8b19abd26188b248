"""What `initialpose` says, and by which clock."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="rclpy is not installed: source a ROS 2 or install the ROS wheels")

import ros_support as ros

from geoflow_ros.errors import InputError
from geoflow_ros.ros.inputs.initialpose import SeenImage, prior_of, taken_at

S = 10**9
DAY = 86400 * S


def test_the_prior_is_that_of_the_message() -> None:
    prior = prior_of(ros.initialpose(0, 3.0, 4.0, 2.0), "map")
    assert (prior.east, prior.north, prior.yaw) == pytest.approx((3.0, 4.0, 2.0))
    assert prior.covariance == pytest.approx(np.diag([0.25, 0.25, 0.07]))


def test_without_a_covariance_it_is_that_of_rviz() -> None:
    message = ros.initialpose(0, 3.0, 4.0, 2.0)
    message.pose.covariance = [0.0] * 36
    # what RViz sends: 0.5 m, 0.5 m, 15 degrees
    assert prior_of(message, "map").covariance == pytest.approx(np.diag([0.25, 0.25, 0.06853891945200942]))
    message.pose.covariance[0] = 0.25  # a covariance, but an impossible one
    with pytest.raises(InputError, match="not positive definite"):
        prior_of(message, "map")


def test_what_is_no_pose_is_refused() -> None:
    with pytest.raises(InputError, match="its frame is 'odom', expected 'map'"):
        prior_of(ros.initialpose(0, 3.0, 4.0, 2.0, frame="odom"), "map")
    with pytest.raises(InputError, match="not finite"):
        prior_of(ros.initialpose(0, float("nan"), 4.0, 2.0), "map")
    with pytest.raises(InputError, match=r"5000 km from the origin of map, expected at most 100 km"):
        prior_of(ros.initialpose(0, 3e6, 4e6, 2.0), "map")  # a triangle of 3, 4 and 5


@pytest.mark.parametrize(("z", "w"), [(0.0, 0.0), (0.0, 2.0), (math.nan, 1.0)])
def test_an_orientation_that_is_none_is_refused(z: float, w: float) -> None:
    message = ros.initialpose(0, 3.0, 4.0, 2.0)
    message.pose.pose.orientation.z, message.pose.pose.orientation.w = z, w
    with pytest.raises(InputError, match=r"not a unit quaternion|not finite"):
        prior_of(message, "map")


def when(stamp_ns: int, now_ns: int, image: SeenImage | None) -> tuple[int, str]:
    return taken_at(ros.initialpose(stamp_ns, 0.0, 0.0, 0.0), now_ns, image)


def test_with_one_clock_the_stamp_is_taken_as_it_is() -> None:
    now = 1000 * S
    image = SeenImage(998 * S, now - S)
    assert when(996 * S, now, image) == (996 * S, "")
    assert when(0, now, image) == (now, "")
    assert when(996 * S, now, None) == (996 * S, "")
    # the camera has been out for a minute, its clock is still the same
    assert when(now, now, SeenImage(now - 61 * S, now - 60 * S)) == (now, "")


def test_a_click_by_the_wall_clock_holds_for_the_newest_image() -> None:
    wall = time.time_ns()
    image = SeenImage(wall - 30 * DAY, wall - S)  # a bag of last month, played without --clock
    taken, warning = when(wall, wall, image)
    assert taken == image.stamp_ns
    assert "it is stamped 30.0 days after the newest image: its sender goes by another clock" in warning
    assert when(0, wall, image) == (image.stamp_ns, "")
    assert when(image.stamp_ns - 2 * S, wall, image) == (image.stamp_ns - 2 * S, "")
    # simulated time here, wall clock there
    taken, warning = when(wall, 50 * S, SeenImage(49 * S, 50 * S))
    assert taken == 50 * S and "after the node's clock: its sender goes by another clock" in warning


def test_a_pose_of_another_time_is_refused_with_both_clocks() -> None:
    now = 10_000 * S
    with pytest.raises(InputError, match="it is stamped 2.0 min before the node's clock: expected a pose of now"):
        when(now - 120 * S, now, SeenImage(now, now))
    wall = time.time_ns()
    with pytest.raises(InputError, match="it is stamped 5.0 h before the newest image: expected a pose of now"):
        when(wall - DAY - 5 * 3600 * S, wall, SeenImage(wall - DAY, wall))
