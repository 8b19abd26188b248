"""The log likelihood of the `default` network read at many poses, compiled for this processor.

A fused drive reads each frame at all its particles, and those of a rig again with every other camera's; in torch that
is some forty small operations.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geoflow_ros.model.inference.jit import compiled
from geoflow_ros.model.matching import PoseIndex

Array = NDArray[np.float32]
WIDE = 4  # cells along each axis


class CompiledReading:
    """`MatchFlow.log_likelihood` of one frame, from the finest level of its volume."""

    def __init__(self, index: PoseIndex) -> None:
        self._scale, self._origin = index.scale.numpy(), index.origin.numpy()

    def __call__(self, volume: Tensor, hypotheses: Tensor) -> Tensor:
        """(1, N) from a volume (1, K, D, D) and hypotheses (1, N, 3)."""
        cells = np.ascontiguousarray(volume[0].numpy())
        poses = np.ascontiguousarray(hypotheses[0].numpy())
        return torch.from_numpy(_read(cells, poses, self._scale, self._origin))[None]


@compiled
def _read(volume: Array, poses: Array, scale: Array, origin: Array) -> Array:
    """As `smooth_reading.read_smoothly`, (N,) of a volume (K, D, D) at poses (N, 3)."""
    highest = np.array([volume.shape[2] - 1, volume.shape[1] - 1, volume.shape[0] - 1])
    cells, weights = np.empty((3, WIDE), np.int64), np.empty((3, WIDE), np.float32)
    read = np.zeros(len(poses), np.float32)
    for n in range(len(poses)):
        is_inside = True
        for axis in range(3):
            index = poses[n, axis] * scale[axis] + origin[axis]
            if not (index >= -0.5 and index <= highest[axis] + 0.5):  # also where it is not a number
                is_inside = False
                break
            base = math.floor(index)
            _catmull_rom(np.float32(index - base), weights[axis])
            for along in range(WIDE):
                cells[axis, along] = min(max(int(base) - 1 + along, 0), highest[axis])
        if is_inside:
            read[n] = _interpolated(volume, cells, weights)
    return read


@compiled
def _interpolated(volume: Array, cells: NDArray[np.int64], weights: Array) -> np.float32:
    """The value between the cells (3, 4) of u, v, heading with these weights."""
    total = np.float32(0.0)
    for heading in range(WIDE):
        level = volume[cells[2, heading]]
        of_heading = np.float32(0.0)
        for row in range(WIDE):
            line = level[cells[1, row]]
            of_row = np.float32(0.0)
            for column in range(WIDE):
                of_row += weights[0, column] * line[cells[0, column]]
            of_heading += weights[1, row] * of_row
        total += weights[2, heading] * of_heading
    return total


@compiled
def _catmull_rom(t: np.float32, weights: Array) -> None:
    """Weights (4,) of the cells -1, 0, 1, 2 around a fraction."""
    half, square, cube = np.float32(0.5), t * t, t * t * t
    weights[0] = half * (-t + np.float32(2) * square - cube)
    weights[1] = half * (np.float32(2) - np.float32(5) * square + np.float32(3) * cube)
    weights[2] = half * (t + np.float32(4) * square - np.float32(3) * cube)
    weights[3] = half * (cube - square)
