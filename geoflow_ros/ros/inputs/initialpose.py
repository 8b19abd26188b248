"""What a message on `initialpose` says: where base_link is, how surely, and when."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

import numpy as np
from geometry_msgs.msg import PoseWithCovarianceStamped

from geoflow_ros.bags.messages import quaternion_yaw, stamp_ns
from geoflow_ros.errors import InputError
from geoflow_ros.localization.pose import PosePrior

RVIZ_COVARIANCE = np.diag([0.5**2, 0.5**2, (math.pi / 12) ** 2])
"""Of (east, north, yaw), as RViz's `2D Pose Estimate` sends it by default.

github.com/ros2/rviz at f7112b1, rviz_default_plugins, tools/pose_estimate/initial_pose_tool.cpp.
"""
FARTHEST_M = 100e3  # from the origin of the map: beyond, the plane is no map of the earth
ROTATION_TOLERANCE = 0.1  # of a quaternion's norm, typed by hand
SAME_CLOCK_NS = 5 * 10**9


@dataclass(frozen=True, slots=True)
class SeenImage:
    """Stamp of the newest image, and when it came by the node's clock."""

    stamp_ns: int
    arrived_ns: int


def prior_of(message: PoseWithCovarianceStamped, map_frame: str) -> PosePrior:
    """Where base_link is; a covariance of zeros means RViz's, an InputError says what is wrong with the message."""
    if message.header.frame_id != map_frame:
        raise InputError(f"its frame is {message.header.frame_id!r}, expected {map_frame!r}: set RViz's fixed frame")
    position, q = message.pose.pose.position, message.pose.pose.orientation
    if math.hypot(position.x, position.y) > FARTHEST_M:
        raise InputError(
            f"it is {math.hypot(position.x, position.y) / 1e3:.0f} km from the origin of {map_frame}, expected at most "
            f"{FARTHEST_M / 1e3:.0f} km: give it in metres east and north of the datum"
        )
    norm = math.hypot(q.x, q.y, q.z, q.w)
    if abs(norm - 1.0) > ROTATION_TOLERANCE:
        raise InputError(
            f"its orientation ({q.x}, {q.y}, {q.z}, {q.w}) is not a unit quaternion: w 1.0 alone looks east"
        )
    covariance = np.reshape(message.pose.covariance, (6, 6))[np.ix_([0, 1, 5], [0, 1, 5])]
    if not covariance.any():
        covariance = RVIZ_COVARIANCE
    return PosePrior(position.x, position.y, quaternion_yaw(q.x, q.y, q.z, q.w), covariance)


def taken_at(message: PoseWithCovarianceStamped, now_ns: int, image: SeenImage | None) -> tuple[int, str]:
    """By the clock of the images, when the pose holds, and a warning if its sender goes by another clock, else "".

    now_ns: by the node's clock. A pose that is stamped now by that clock, or by the computer's, holds for the newest
    image; one of another time is an InputError.
    """
    told_ns = stamp_ns(message.header.stamp)
    is_other_clock = image is not None and abs(image.arrived_ns - image.stamp_ns) > SAME_CLOCK_NS
    expected_ns = image.stamp_ns if image is not None and is_other_clock else now_ns
    if not told_ns:  # by convention, now
        return expected_ns, ""
    if abs(told_ns - expected_ns) <= SAME_CLOCK_NS:
        return told_ns, ""
    reference = "the newest image" if is_other_clock else "the node's clock"
    apart = f"it is stamped {_duration(told_ns - expected_ns)} {reference}"
    if min(abs(told_ns - now_ns), abs(told_ns - time.time_ns())) > SAME_CLOCK_NS:
        raise InputError(f"{apart}: expected a pose of now, stamped now or 0")
    return expected_ns, (
        f"{apart}: its sender goes by another clock (use_sim_time is not the same everywhere, or a bag is played "
        "without --clock); taken for the newest image"
    )


def _duration(ns: int) -> str:
    """Such as `30.0 days after`."""
    seconds = abs(ns) * 1e-9
    size, unit = next(each for each in ((86400, "days"), (3600, "h"), (60, "min"), (1, "s")) if seconds >= each[0])
    return f"{seconds / size:.1f} {unit} {'after' if ns > 0 else 'before'}"
