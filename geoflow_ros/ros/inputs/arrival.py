"""When a message came in, as the clocks of node and computer say."""

from __future__ import annotations

import time

from rclpy.clock import ROSClock  # type: ignore[attr-defined] # where every distribution has it
from rclpy.node import Node

from geoflow_ros.tracking.clocks.arrivals import Arrival

NO_TIME = "use_sim_time is true, and no time has come on /clock: play the bag with --clock, or set it to false"


def has_time(node: Node) -> bool:
    """Whether the node's clock runs: one of a simulation stands at 0 before the first `/clock`."""
    return bool(node.get_clock().now().nanoseconds)


def arrived_now(node: Node) -> Arrival:
    """This moment; in a simulation by its clock alone, which may be slow and stand still."""
    clock = node.get_clock()
    now_ns = clock.now().nanoseconds
    is_simulated = isinstance(clock, ROSClock) and clock.ros_time_is_active
    return Arrival(now_ns, now_ns if is_simulated else time.monotonic_ns())
