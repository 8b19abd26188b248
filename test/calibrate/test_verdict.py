"""What is written of a drive whose streets say different things of a mount."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from geoflow_ros.calibrate.verdict import EstimateRecorder, kept_as_stated
from geoflow_ros.camera import Mount
from geoflow_ros.tracking.mount.estimate import MountEstimate
from geoflow_ros.tracking.track import TrackState

DEG = math.radians(1.0)


def estimate(yaw_deg: float, std_deg: float, pitch_deg: float = 0.0) -> MountEstimate:
    std = np.array([0.2 * DEG, 0.3 * DEG, std_deg * DEG, 0.05])
    return MountEstimate(Mount(height=1.5), np.array([0.0, pitch_deg * DEG, yaw_deg * DEG, 0.0]), np.diag(std**2))


def over(yaws_deg: list[float]) -> MountEstimate:
    """What is made of a drive in which the yaw was so, in turn."""
    session: Any = SimpleNamespace(mount_estimates={})
    recorder = EstimateRecorder(session)
    answer: Any = SimpleNamespace(track=SimpleNamespace(state=TrackState.LOCALISED))
    for index, yaw_deg in enumerate(yaws_deg):
        session.mount_estimates = {"camera": estimate(yaw_deg, 0.2)}
        recorder.watch(index, None, answer)
    return recorder.over_the_drive("camera")


def test_what_every_street_says_alike_is_as_sure_as_it_was() -> None:
    np.testing.assert_allclose(over([0.0] * 10 + [0.5] * 10).std, estimate(0.5, 0.2).std)


def test_what_the_last_street_alone_says_is_as_unsure_as_the_others_say_otherwise() -> None:
    said = over([0.0] * 18 + [0.6] * 2)
    assert said.correction[2] == pytest.approx(0.6 * DEG)
    assert said.std[2] == pytest.approx(math.sqrt(0.8 * 0.6**2 + 0.2**2) * DEG)
    np.testing.assert_allclose(said.std[[0, 1, 3]], estimate(0.0, 0.2).std[[0, 1, 3]])


@pytest.mark.parametrize(
    ("yaw_deg", "pitch_deg", "stays"), [(0.4, 0.6, True), (-0.45, -0.8, True), (1.0, 1.2, False), (-0.6, -2.0, False)]
)
def test_what_a_drive_tolerates_as_it_was_stated_stays(yaw_deg: float, pitch_deg: float, stays: bool) -> None:
    found = estimate(yaw_deg, 0.2, pitch_deg)
    kept = kept_as_stated(found, np.ones(4, dtype=bool))
    if stays:
        assert kept.mount == Mount(height=1.5)
        assert kept.std[2] == pytest.approx(math.hypot(yaw_deg, 0.2) * DEG)
        assert kept.std[1] == pytest.approx(math.hypot(pitch_deg, 0.3) * DEG)
    else:
        np.testing.assert_array_equal(kept.correction, found.correction)
        np.testing.assert_array_equal(kept.covariance, found.covariance)
    unseen = kept_as_stated(found, np.zeros(4, dtype=bool))
    np.testing.assert_array_equal(unseen.correction, found.correction)
