"""Waits until a lifecycle node is active: python -m geoflow_ros.ros.tools.wait_active /localize"""

from __future__ import annotations

import sys
import time
from typing import Any

import rclpy
from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import GetState
from rclpy.executors import ExternalShutdownException
from rclpy.node import Node

POLL_S, ANSWER_S, NEWS_S = 0.2, 2.0, 10.0


def wait_until_active(node: Node, name: str) -> None:
    """Return when the node of this name is active; news on the log while it is not."""
    client: Any = node.create_client(GetState, f"{name}/get_state")
    begun = told = time.monotonic()
    while _state_of(node, client) != State.PRIMARY_STATE_ACTIVE:
        time.sleep(POLL_S)
        if time.monotonic() - told > NEWS_S:
            told = time.monotonic()
            node.get_logger().info(f"waiting for {name} to become active: {told - begun:.0f} s so far")


def _state_of(node: Node, client: Any) -> int | None:
    """None while the node does not answer: it may be reading its files."""
    if not client.wait_for_service(POLL_S):
        return None
    future = client.call_async(GetState.Request())
    rclpy.spin_until_future_complete(node, future, timeout_sec=ANSWER_S)
    response = future.result() if future.done() else None
    return None if response is None else int(response.current_state.id)


def main() -> int:
    """Exit status: 0 when the node is active, 1 if interrupted before."""
    rclpy.init()
    try:
        wait_until_active(rclpy.create_node("wait_active"), sys.argv[1])
    except (KeyboardInterrupt, ExternalShutdownException):
        return 1
    finally:
        rclpy.try_shutdown()
    return 0


if __name__ == "__main__":
    sys.exit(main())
