"""The process of the node `localize`."""

from __future__ import annotations

import gc
import signal
import threading
from collections.abc import Sequence

import rclpy
from rclpy.executors import Executor, SingleThreadedExecutor
from rclpy.lifecycle import TransitionCallbackReturn

from geoflow_ros.errors import InputError
from geoflow_ros.ros.context import enter
from geoflow_ros.ros.loaded import Load
from geoflow_ros.ros.node import LocalizeNode
from geoflow_ros.ros.pipeline import NewSession
from geoflow_ros.tracking.session import Session

STOP_POLL_S = 0.1
STOP_TIMEOUT_S = 0.3


def serve(ros_arguments: Sequence[str], load: Load, new_session: NewSession = Session) -> None:
    """Run the node until SIGINT, SIGTERM or the end of the ROS context.

    Bad parameters are an InputError, and so are files that cannot be read unless a lifecycle manager is to be informed.
    """
    stopped = threading.Event()
    gc.freeze()  # all of torch: to look through it takes long, now and then while frames wait, and once more at the end
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    enter(ros_arguments)
    try:
        failure = _spin(LocalizeNode(load, new_session), stopped)
    finally:
        rclpy.try_shutdown()
        gc.collect()  # rclpy's last references go in a circle, and hold the node in the graph of the others
        gc.freeze()
    if failure:
        raise InputError(failure)


def _spin(node: LocalizeNode, stopped: threading.Event) -> str:
    """Serve the node until it is to stop, and take it off the graph; why it could not be started, else empty."""
    executor = _new_executor()
    executor.add_node(node)
    try:
        if node.config.autostart and not _is_started(node):
            return node.failure
        node.get_logger().info("ready" if node.config.autostart else "waiting to be configured")
        while not stopped.is_set() and rclpy.ok():
            executor.spin_once(timeout_sec=STOP_POLL_S)
    finally:
        node.end()
        executor.shutdown(timeout_sec=STOP_TIMEOUT_S)
        node.destroy_node()
    return ""


def _new_executor() -> Executor:
    """That which is told of events, where rclpy has it.

    The other lists all that could happen before each wait, in Python: with four cameras that is two thirds of a core.
    """
    try:
        from rclpy.experimental.events_executor import EventsExecutor
    except ImportError:
        return SingleThreadedExecutor()
    return EventsExecutor()


def _is_started(node: LocalizeNode) -> bool:
    """Whether the node could be configured and activated."""
    success = TransitionCallbackReturn.SUCCESS
    return node.trigger_configure() is success and node.trigger_activate() is success
