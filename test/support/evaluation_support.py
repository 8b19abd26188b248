"""Samples and estimates with known truths, for the tests of the evaluation."""

from __future__ import annotations

import math

import numpy as np

from geoflow_ros.camera import CameraModel
from geoflow_ros.datasets.sample import Sample
from geoflow_ros.evaluate.outcome import Solve
from geoflow_ros.localization.localizer_config import LocalizerConfig
from geoflow_ros.localization.pose import PoseEstimate, UniformPosePrior
from geoflow_ros.satellite.patch import SatellitePatch


class Samples:
    """Five samples with different truths."""

    def __len__(self) -> int:
        return 5

    def __getitem__(self, index: int) -> Sample:
        image = np.zeros((8, 8, 3), np.uint8)
        truth = (float(index), -2.0, math.radians(80.0 * index))
        camera, patch = CameraModel(8, 8, 8, 8, 4, 4), SatellitePatch(image, (0.0, 0.0), 0.2)
        return Sample(f"s{index}", image, camera, patch, truth, UniformPosePrior(0.0, 0.0, 0.0, 20.0, math.pi))


def estimate_at(east: float, north: float, yaw: float, patch: SatellitePatch) -> PoseEstimate:
    density = np.full((2, 2), 0.25, np.float32)
    return PoseEstimate(
        east, north, yaw, np.diag([4.0, 4.0, 0.01]), np.array([[east, north, yaw]]), np.ones(1), density, 40.0, patch
    )


def perfect(sample: Sample) -> Solve:
    """A locator that knows the truth."""
    return lambda config, seed: estimate_at(*sample.truth, sample.patch)


def two_metres_ahead_and_one_left(sample: Sample) -> Solve:
    """A locator that is off by a known way, and by 3.5 degrees and a full turn."""
    east, north, yaw = sample.truth
    cos, sin = math.cos(yaw), math.sin(yaw)

    def solve(config: LocalizerConfig, seed: int) -> PoseEstimate:
        turned = yaw + math.radians(3.5) + 2 * math.pi
        return estimate_at(east + 2 * cos - sin, north + 2 * sin + cos, turned, sample.patch)

    return solve
