"""What the page's buttons ask of the node."""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np

from geoflow_ros.errors import InputError
from geoflow_ros.localization.pose import PosePrior
from geoflow_ros.structured_text import parse_json

SERVICES = ("relocalise", "pause", "resume")
RANGES = {"east": 1e5, "north": 1e5, "yaw": 2 * math.pi, "std": 100.0, "yawStd": math.pi}
"""Largest size of what an initial pose consists of: metres and radians."""
LEAST_STD, LEAST_YAW_STD = 0.1, 0.01


class NodeCommands(Protocol):
    """A node that can be told something; what it cannot do is an InputError with the reason."""

    def set_pose(self, prior: PosePrior) -> str:
        """Tell it where it is; a sentence on what was done."""

    def call(self, service: str) -> str:
        """Call one of SERVICES; what it answered."""


def initial_pose(body: bytes) -> PosePrior:
    """Where the page says that the vehicle is, from JSON: east, north, std in metres, yaw, yawStd in radians."""
    try:
        values = parse_json(body)
    except ValueError as error:
        raise InputError(f"an initial pose that is no JSON: {error}") from error
    east, north, yaw, std, yaw_std = (_number(values, name) for name in RANGES)
    variance, yaw_variance = max(std, LEAST_STD) ** 2, max(yaw_std, LEAST_YAW_STD) ** 2
    return PosePrior(east, north, yaw, np.diag([variance, variance, yaw_variance]))


def _number(values: Any, name: str) -> float:
    value = values.get(name) if isinstance(values, dict) else None
    limit = RANGES[name]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) <= limit:
        raise InputError(f"initial pose: {name} is {str(value)[:40]!r}, expected a number from -{limit:g} to {limit:g}")
    return float(value)
