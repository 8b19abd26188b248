"""Stated pitches that are wrong, each by its own error."""

from __future__ import annotations

import math

import numpy as np
import pytest

from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.datasets.mount_errors import MountErrors
from geoflow_ros.datasets.sample import Sample
from geoflow_ros.localization.pose import UniformPosePrior
from geoflow_ros.satellite.patch import SatellitePatch

CAMERA = CameraModel(8, 4, 5.0, 5.0, 4.0, 2.0, Mount(height=1.4, roll=0.01, pitch=0.05, yaw=0.02))


class Same:
    """The same sample at every index."""

    def __len__(self) -> int:
        return 3

    def __getitem__(self, index: int) -> Sample:
        patch = SatellitePatch(np.zeros((8, 8, 3), np.uint8), (0.0, 0.0), 1.0)
        prior = UniformPosePrior(0.0, 0.0, 0.0, 20.0, 0.1)
        return Sample(str(index), np.zeros((4, 8, 3), np.uint8), CAMERA, patch, (1.0, 2.0, 0.3), prior)


def test_only_the_pitch_is_wrong_by_the_deviation_asked_for() -> None:
    samples = MountErrors(Same(), math.radians(1.0), seed=4)
    taken = [samples[index] for index in range(2000)]
    errors = np.array([each.camera.mount.pitch - 0.05 for each in taken])
    assert np.degrees(errors).std() == pytest.approx(1.0, rel=0.05)
    assert abs(np.degrees(errors).mean()) < 0.08
    assert {(m.height, m.roll, m.yaw) for m in (each.camera.mount for each in taken)} == {(1.4, 0.01, 0.02)}
    assert (len(samples), taken[5].key, taken[5].truth) == (3, "5", (1.0, 2.0, 0.3))


def test_an_index_has_its_error_whatever_came_before() -> None:
    def pitch(seed: int, index: int) -> float:
        return MountErrors(Same(), 0.02, seed)[index].camera.mount.pitch

    assert pitch(0, 7) == pitch(0, 7)
    assert len({pitch(seed, index) for seed in (0, 1) for index in (7, 8)}) == 4
