"""The process of the node `localize`."""

from __future__ import annotations

import gc
import math
import os
import signal
import socket
import sys
import threading
import time
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
LISTENER = "signals"
SIGNALS = (signal.SIGINT, signal.SIGTERM)
INSISTING_S = 2.0  # after the first signal: a terminal and ros2 launch send it twice at once


def serve(ros_arguments: Sequence[str], load: Load, new_session: NewSession = Session) -> None:
    """Run the node until SIGINT, SIGTERM or the end of the ROS context; insisting on it ends the process at once.

    Bad parameters are an InputError, and so are files that cannot be read unless a lifecycle manager is to be informed.
    """
    stopped = threading.Event()
    gc.freeze()  # all of torch: to look through it takes long, now and then while frames wait, and once more at the end
    _stop_at_signals(stopped)
    enter(ros_arguments)
    try:
        failure = _spin(LocalizeNode(load, new_session), stopped)
    finally:
        rclpy.try_shutdown()
        gc.collect()  # rclpy's last references go in a circle, and hold the node in the graph of the others
        gc.freeze()
    if failure:
        raise InputError(failure)
    _end_if_at_work()


def _stop_at_signals(stopped: threading.Event) -> None:
    """Set it at the first signal; one that comes `INSISTING_S` later or more ends the process as it is.

    In a thread: no handler runs in the main one while a library compiles the network, for up to a minute.
    """
    heard, told = socket.socketpair()
    told.setblocking(False)
    signal.set_wakeup_fd(told.fileno(), warn_on_full_buffer=False)
    for number in SIGNALS:
        signal.signal(number, lambda *_: stopped.set())

    threading.Thread(target=_end_if_insisted, args=(heard, told), name=LISTENER, daemon=True).start()


def _end_if_at_work() -> None:
    """End the process as it is if a thread is in a long call: Python's own end would abort it.

    That ends a thread which comes out of C++ by unwinding it, which C++ takes for an exception nobody expects.
    """
    if any(each.daemon and each.name != LISTENER for each in threading.enumerate()):
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def _end_if_insisted(heard: socket.socket, told: socket.socket) -> None:
    """told: by which Python says which signals come; it must stay open."""
    first_s = math.inf
    while told.fileno() >= 0:
        number, now_s = heard.recv(1)[0], time.monotonic()
        if number in SIGNALS:
            first_s = min(first_s, now_s)
            if now_s - first_s >= INSISTING_S:
                os._exit(128 + number)


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
