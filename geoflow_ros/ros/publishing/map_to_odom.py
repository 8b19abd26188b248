"""The transform from `map` to `odom`, which closes REP-105's chain: ours to broadcast where no EKF does."""

from __future__ import annotations

import math
import threading
from collections import deque
from dataclasses import dataclass

from builtin_interfaces.msg import Time
from geometry_msgs.msg import TransformStamped
from nav_msgs.msg import Odometry
from rclpy.node import Node

from geoflow_ros.bags.messages import stamp_ns
from geoflow_ros.errors import InputError
from geoflow_ros.planar import PlanarPose, wrap_angle
from geoflow_ros.ros.conversions import yaw_quaternion
from geoflow_ros.tracking.history import History, share_of_second
from geoflow_ros.tracking.measurements import MAX_SPEED, MAX_YAW_RATE, odometry_pose

try:
    from tf2_msgs.msg import TFMessage
except ImportError:
    TFMessage = None

TOPIC, QUEUE = "/tf", 100  # as every broadcaster of tf2_ros
MAX_GAP_S = 0.5  # between the odometry before and after an image
MOST_WAITING = 256  # poses: two seconds of four cameras at 30 Hz
OVERDUE_S = 2.0
NO_ODOM = "no odom received yet"
LEAP_M, LEAP_RAD = 0.5, 0.2  # beyond what the fastest vehicle goes from pose to pose


@dataclass(frozen=True, slots=True)
class StampedPose:
    """base_link in the odometry's frame, or in the map frame."""

    stamp_ns: int
    pose: PlanarPose


class MapToOdom:
    """Broadcasts `map` -> `odom` = T_map_base * inverse(T_odom_base at the same stamp); thread-safe.

    Only x, y and yaw are taken from both: height, roll and pitch stay the odometry's. A pose that is newer than the
    odometry waits for it. What is broadcast is valid for `tolerance_s` beyond the image, as AMCL does it.
    """

    def __init__(self, node: Node, map_frame: str, base_frame: str, tolerance_s: float) -> None:
        if TFMessage is None:
            raise InputError("publish_tf needs tf2_msgs, which is not installed: install it, or unset publish_tf")
        self._publisher = node.create_publisher(TFMessage, TOPIC, QUEUE)
        self._node = node
        self._map_frame, self._base_frame = map_frame, base_frame
        self._tolerance_ns = round(tolerance_s * 1e9)
        self._lock = threading.Lock()
        self._forget()

    def clear(self) -> None:
        """Forget everything: time jumped."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        self._odometry = History[StampedPose]()
        self._odom_frame = ""
        self._waiting = deque[StampedPose](maxlen=MOST_WAITING)
        self._newest_ns = 0  # of poses
        self._unserved_ns: int | None = None  # of the first pose since a transform
        self._lacking = NO_ODOM
        self._refused = ""  # what is wrong with the newest odometry

    @property
    def missing(self) -> str:
        """Why there is no transform, empty if there is one."""
        return self._refused or self._lacking

    @property
    def warnings(self) -> list[str]:
        """That poses have been there for a while, and no transform."""
        with self._lock:
            since_ns = self._newest_ns if self._unserved_ns is None else self._unserved_ns
            is_overdue = self._newest_ns - since_ns > OVERDUE_S * 1e9
            return [f"no transform from {self._map_frame} is broadcast: {self.missing}"] if is_overdue else []

    def close(self) -> None:
        """Broadcast no more."""
        self._node.destroy_publisher(self._publisher)

    def on_odom(self, message: Odometry) -> None:
        """Remember a pose of the odometry; one that begins anew elsewhere has nothing to do with those before."""
        with self._lock:
            try:
                pose = _pose_of(message, self._map_frame, self._base_frame)
            except InputError as error:
                self._refused = str(error)
                return
            is_other = message.header.frame_id != self._odom_frame
            if (last := self._odometry.newest) is not None and (is_other or _leaps(last, pose)):
                self._odometry = History[StampedPose]()
            self._odometry.add(pose)
            self._odom_frame, self._refused = message.header.frame_id, ""
            self._broadcast()

    def on_pose(self, taken_ns: int, pose: PlanarPose) -> None:
        """Broadcast for a pose of base_link in the map frame, at once or when the odometry has come that far."""
        with self._lock:
            self._newest_ns = taken_ns
            self._unserved_ns = taken_ns if self._unserved_ns is None else self._unserved_ns
            self._waiting.append(StampedPose(taken_ns, pose))
            self._broadcast()

    def _broadcast(self) -> None:
        """For the newest pose that odometry has reached: of odometry that is late, the newest of all it never does."""
        reached_ns = -1 if self._odometry.newest is None else self._odometry.newest.stamp_ns
        reached = [each for each in self._waiting if each.stamp_ns <= reached_ns]
        if not reached:
            if self._waiting and reached_ns >= 0:
                self._lacking = "waiting for odom at the image stamp"
            elif self._lacking == NO_ODOM and reached_ns >= 0:
                self._lacking = "no pose yet"
            return
        for each in reached:
            self._waiting.remove(each)
        self._join(max(reached, key=lambda each: each.stamp_ns))

    def _join(self, seen: StampedPose) -> None:
        around = self._odometry.around(seen.stamp_ns, MAX_GAP_S)
        if not around or around[0].stamp_ns > seen.stamp_ns:
            self._lacking = "no odom before the image stamp"
        elif around[-1].stamp_ns < seen.stamp_ns:
            self._lacking = f"no odom within {MAX_GAP_S:g} s after the image stamp"
        else:
            transform = seen.pose @ _between(around[0], around[-1], seen.stamp_ns).inverse()
            self._unserved_ns, self._lacking = None, ""
            message = self._message(transform, seen.stamp_ns + self._tolerance_ns)
            self._publisher.publish(TFMessage(transforms=[message]))

    def _message(self, transform: PlanarPose, until_ns: int) -> TransformStamped:
        message = TransformStamped(child_frame_id=self._odom_frame)
        message.header.frame_id = self._map_frame
        message.header.stamp = Time(sec=until_ns // 10**9, nanosec=until_ns % 10**9)
        message.transform.translation.x, message.transform.translation.y = transform.x, transform.y
        message.transform.rotation = yaw_quaternion(transform.yaw)
        return message


def _pose_of(message: Odometry, map_frame: str, base_frame: str) -> StampedPose:
    if not message.header.frame_id:
        raise InputError("odom has no frame_id: its publisher must name the frame that map is to be joined to")
    if message.header.frame_id.strip("/") in (map_frame, base_frame):
        raise InputError(
            f"odom is a pose in {message.header.frame_id!r}, which cannot be joined to {map_frame!r}: give the "
            "odometry itself, in a frame of its own, not what a filter makes of it in the map"
        )
    if message.child_frame_id.strip("/") != base_frame:
        raise InputError(
            f"odom reports the pose of {message.child_frame_id!r}, expected base_frame, which is {base_frame!r}"
        )
    pose = odometry_pose(message)
    if pose is None:
        place, q = message.pose.pose.position, message.pose.pose.orientation
        raise InputError(
            f"odom pose has position ({place.x}, {place.y}) and orientation ({q.x}, {q.y}, {q.z}, {q.w}): expected "
            "finite metres and a unit quaternion"
        )
    return StampedPose(stamp_ns(message.header.stamp), pose)


def _leaps(last: StampedPose, pose: StampedPose) -> bool:
    """Whether no vehicle goes from one pose to the next: its driver was started anew, or closed a loop."""
    seconds = (pose.stamp_ns - last.stamp_ns) * 1e-9
    way = last.pose.inverse() @ pose.pose
    if seconds <= 0.0:
        return False
    return math.hypot(way.x, way.y) > LEAP_M + MAX_SPEED * seconds or abs(way.yaw) > LEAP_RAD + MAX_YAW_RATE * seconds


def _between(first: StampedPose, second: StampedPose, taken_ns: int) -> PlanarPose:
    share = share_of_second(first, second, taken_ns)
    rotation = share * wrap_angle(second.pose.yaw - first.pose.yaw)
    return PlanarPose(
        first.pose.x + share * (second.pose.x - first.pose.x),
        first.pose.y + share * (second.pose.y - first.pose.y),
        wrap_angle(first.pose.yaw + rotation),
    )
