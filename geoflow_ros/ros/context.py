"""How a process of ours enters ROS, and why it cannot."""

from __future__ import annotations

from collections.abc import Sequence

import rclpy
from rclpy.signals import SignalHandlerOptions

from geoflow_ros.errors import InputError

REMEDIES = {
    "initialize logging": "ROS cannot write its log: set ROS_LOG_DIR to a folder that this user can write in",
    "DOMAIN_ID": "ROS cannot begin: set ROS_DOMAIN_ID to a number from 0 to 101, or unset it",
}
"""By what rcl says; whatever else it says is of the arguments."""


def enter(arguments: Sequence[str]) -> None:
    """Begin, with the process's own signal handlers: rclpy's can leave one hanging on SIGTERM.

    An InputError says what is wrong with the arguments or the environment.
    """
    try:
        rclpy.init(args=list(arguments), signal_handler_options=SignalHandlerOptions.NO)
    except RuntimeError as error:
        reason = str(error).splitlines()[0].partition(", at /")[0]
        told = next(
            (remedy for sign, remedy in REMEDIES.items() if sign in reason), "ROS does not understand the arguments"
        )
        raise InputError(f"{told} ({reason})") from error
