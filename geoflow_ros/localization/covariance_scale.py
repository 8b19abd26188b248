"""By what the covariance that hypotheses predict is multiplied, so that it covers the errors."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
CELL_M = 1.0
"""Standard deviation of a position that says as much of the frame as of the cells it was matched in."""


def position_factors(scale: float, variances: Floats) -> Floats:
    """What variances of the position (N,), m^2 an axis, are multiplied by. scale: of narrow ones, fitted to errors.

    Narrow ones are too wide by the width of the match's cells, which a scale below 1 takes out. Wide ones hold places
    that look alike, and are as wide as they say. A scale above 1 is that of a network which is too sure of itself, and
    counts for all.
    """
    share = variances / (variances + CELL_M**2) if scale < 1.0 else np.zeros_like(variances)
    return np.asarray(scale + (1.0 - scale) * share)


def calibrated(covariance: Floats, position_scale: float, yaw_scale: float) -> Floats:
    """The covariance (3, 3) of east, north (m) and yaw (rad) that covers the errors."""
    variance = np.array([(covariance[0, 0] + covariance[1, 1]) / 2])
    position = math.sqrt(float(position_factors(position_scale, variance)[0]))
    scale = np.array([position, position, math.sqrt(yaw_scale)])
    return np.asarray(covariance * np.outer(scale, scale))
