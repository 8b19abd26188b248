"""Which DDS settings the node wants; used before any ROS library is loaded."""

from __future__ import annotations

import os
from collections.abc import Mapping

BEFORE_KILTED = ("humble", "iron", "jazzy")


def profile_variable(environment: Mapping[str, str]) -> str:
    """The environment variable from which Fast DDS reads a profile; it was renamed, and newer ones warn of the old."""
    is_old = environment.get("ROS_DISTRO") in BEFORE_KILTED
    return "FASTRTPS_DEFAULT_PROFILES_FILE" if is_old else "FASTDDS_DEFAULT_PROFILES_FILE"


def private_environment(profile: str) -> dict[str, str]:
    """Variables of a ROS domain of its own on this machine, which a robot on the same network does not hear."""
    variables = {"ROS_DOMAIN_ID": str(os.getpid() % 100 + 1), "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
    if os.environ.get("ROS_DISTRO") == "humble":
        variables["ROS_LOCALHOST_ONLY"] = "1"
    return {**variables, profile_variable(os.environ): profile}
