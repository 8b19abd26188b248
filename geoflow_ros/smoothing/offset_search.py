"""How far the fixes have led a drive astray: a hidden Markov model over offsets that wander along the way.

Every frame may fit several places. Odometry ties the frames to each other, so that the offset of the whole drive from
where the fixes put it changes slowly: forward-backward over a grid of offsets finds the one that all frames agree on,
for the first frames as well as for the last.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d

from geoflow_ros.smoothing.frame_volume import FrameVolume

Floats = NDArray[np.float64]
REACH_M, CELL_M = 20.0, 1.0
REACH_YAW, CELL_YAW = math.radians(9.0), math.radians(1.5)
WANDER_M, WANDER_YAW = 0.2, math.radians(0.3)  # per root of a metre, and from node to node
CORRELATION_S = 30.0  # of the fixes: within this time they tell of the offset once
Log = Floats


def search_offsets(
    poses: Floats,
    covariances: Floats,
    seconds: Floats,
    metres: Floats,
    volumes: Sequence[FrameVolume],
    temperature: float,
    flat_share: float,
) -> tuple[Floats, Floats]:
    """Mean (N, 3) and covariance (N, 3, 3) of the offsets east, north, yaw of the nodes' poses (N, 3).

    covariances: (N, 3, 3) of the poses by the fixes alone; seconds, metres: (N,) of the nodes. flat_share: of a frame
    that says nothing.
    """  # fmt: skip
    grid = _grid()
    told = {volume.node: _says(volume, poses[volume.node] + grid, temperature, flat_share) for volume in volumes}
    shape = (_count(REACH_YAW, CELL_YAW), _count(REACH_M, CELL_M), _count(REACH_M, CELL_M))
    lasting = np.diff(seconds, prepend=seconds[0] - CORRELATION_S)
    here = []
    for node in range(len(poses)):
        precision = np.linalg.inv(covariances[node])
        prior = -0.5 * np.einsum("ni,ij,nj->n", grid, precision, grid) * min(1.0, lasting[node] / CORRELATION_S)
        here.append((prior + told.get(node, 0.0)).reshape(shape))
    spread = (WANDER_M**2 * np.diff(metres) / CELL_M**2).clip(0.0, 0.5)
    forward = _passed(here, spread)
    backward = _passed(here[::-1], spread[::-1])[::-1]
    means, spreads = np.empty_like(poses), np.empty((len(poses), 3, 3))
    for node in range(len(poses)):
        means[node], spreads[node] = _moments(forward[node] + backward[node] + here[node], grid)
    return means, spreads


def _passed(here: Sequence[Log], spread: Floats) -> list[Log]:
    """What the nodes before each say of it (log, up to a constant)."""
    passed = [np.zeros_like(here[0])]
    for node in range(len(here) - 1):
        belief = passed[-1] + here[node]
        weights = np.exp(belief - belief.max())
        kernel = np.array([spread[node] / 2, 1.0 - spread[node], spread[node] / 2])
        turn = (WANDER_YAW / CELL_YAW) ** 2
        weights = correlate1d(weights, kernel, axis=1, mode="nearest")
        weights = correlate1d(weights, kernel, axis=2, mode="nearest")
        weights = correlate1d(weights, np.array([turn / 2, 1.0 - turn, turn / 2]), axis=0, mode="nearest")
        passed.append(np.log(weights + 1e-30))
    return passed


def _says(volume: FrameVolume, poses: Floats, temperature: float, flat_share: float) -> Floats:
    ratio = np.exp(volume.log_ratio(poses, temperature))
    return np.asarray(np.log((1.0 - flat_share) * ratio + flat_share))


def _moments(log_weights: Log, grid: Floats) -> tuple[Floats, Floats]:
    """Mean and covariance of the best place and what lies around it: another far away is another place."""
    flat = log_weights.ravel()
    near = np.hypot(*(grid - grid[flat.argmax()])[:, :2].T) <= 3.0
    weights = np.where(near, np.exp(flat - flat.max()), 0.0)
    weights /= weights.sum()
    mean = weights @ grid
    centred = grid - mean
    return mean, (weights[:, None] * centred).T @ centred


def _grid() -> Floats:
    """(C, 3) offsets, the yaw running slowest, east fastest."""
    place = np.linspace(-REACH_M, REACH_M, _count(REACH_M, CELL_M))
    yaw, north, east = np.meshgrid(
        np.linspace(-REACH_YAW, REACH_YAW, _count(REACH_YAW, CELL_YAW)), place, place, indexing="ij"
    )
    return np.stack([east, north, yaw], axis=-1).reshape(-1, 3)


def _count(reach: float, cell: float) -> int:
    return 2 * round(reach / cell) + 1
