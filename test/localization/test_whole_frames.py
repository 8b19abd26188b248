"""A network that goes from images to hypotheses in one go gives the poses that its parts give."""

from __future__ import annotations

import copy
import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.localization.localizer import Localizer
from geoflow_ros.localization.localizer_config import LocalizerConfig
from geoflow_ros.localization.pose import PoseEstimate, PosePrior, Rejection
from geoflow_ros.localization.whole_frames import CameraFrame
from geoflow_ros.model.config import DefaultConfig
from geoflow_ros.model.inference.cuda.cuda_frame import FrameAnswers, FrameNetwork
from geoflow_ros.model.inference.prepare import prepare
from geoflow_ros.model.matchflow import MatchFlow
from geoflow_ros.satellite.patch import SatellitePatch

ANY = LocalizerConfig(min_match=0.0, max_std_m=100.0, steps=1, hypotheses=16)
CAMERA = CameraModel(64, 32, 40.0, 40.0, 32.0, 16.0, Mount(forward=1.0, left=0.3, yaw=0.4))
BACK = CameraModel(96, 48, 60.0, 60.0, 48.0, 24.0, Mount(forward=-1.0, yaw=-2.8), distortion=(0.01, 0.0, 0.0, 0.0))


class Imagery:
    """Something else everywhere."""

    def patch(
        self, frame: LocalFrame, center: tuple[float, float], yaw: float, size_px: int, resolution: float
    ) -> SatellitePatch:
        seed = round(1000 + center[0]) % 997
        image = np.random.default_rng(seed).integers(0, 255, (size_px, size_px, 3), dtype=np.uint8)
        return SatellitePatch(image, center, resolution, yaw, 0.0)


@pytest.fixture(scope="module")
def model() -> MatchFlow:
    torch.manual_seed(0)
    small = DefaultConfig(ground_height=32, ground_width=64, satellite_px=128, satellite_resolution=0.8125)
    return prepare(MatchFlow(small))


def localizer(model: MatchFlow, config: LocalizerConfig = ANY) -> Localizer:
    return Localizer(model, Imagery(), LocalFrame(Datum(48.0, 11.0)), config)  # type: ignore[arg-type]


def at_once(model: MatchFlow) -> MatchFlow:
    other = copy.copy(model)
    other.answer = FrameAnswers(FrameNetwork(model))
    return other


def frame(camera: CameraModel, yaw_std_deg: float, seed: int) -> CameraFrame:
    image: NDArray[np.uint8] = np.random.default_rng(seed).integers(
        0, 255, (camera.height, camera.width, 3), dtype=np.uint8
    )
    prior = PosePrior(5.0 * seed, -8.0, 0.3 * seed, np.diag([9.0, 4.0, math.radians(yaw_std_deg) ** 2]))
    return CameraFrame(image, camera, prior, seed)


def test_frames_of_a_rig_are_answered_together_as_each_alone(model: MatchFlow) -> None:
    covered = CameraFrame(np.zeros((32, 64, 3), np.uint8), CAMERA, frame(CAMERA, 3.0, 1).prior, 1)
    frames = [frame(CAMERA, 3.0, 1), covered, frame(BACK, 1.0, 2), frame(CAMERA, 0.3, 3)]
    together, alone = localizer(at_once(model)).localize_rig(frames), localizer(model)
    assert isinstance(together[1], Rejection) and together[1].is_blind
    for asked, ours in [pair for pair in zip(frames, together, strict=True) if pair[0] is not covered]:
        theirs = alone.localize(asked.image, asked.camera, asked.prior, asked.seed)
        ours, theirs = (each if isinstance(each, PoseEstimate) else each.withheld for each in (ours, theirs))
        assert ours is not None and theirs is not None
        assert [ours.east, ours.north, ours.yaw] == pytest.approx([theirs.east, theirs.north, theirs.yaw], abs=1e-3)
        assert ours.hypotheses == pytest.approx(theirs.hypotheses, abs=1e-3)
        assert ours.covariance == pytest.approx(theirs.covariance, rel=1e-3, abs=1e-5)
        assert ours.match == pytest.approx(theirs.match, abs=1e-4)
        assert ours.log_likelihood is not None and theirs.log_likelihood is not None
        poses = theirs.hypotheses[:5]
        assert ours.log_likelihood(poses) == pytest.approx(theirs.log_likelihood(poses), abs=1e-3)
        assert ours.density == pytest.approx(theirs.density, abs=1e-5)


def test_no_frame_is_asked_of_the_network_when_all_are_blind(model: MatchFlow) -> None:
    other = copy.copy(model)
    other.answer = lambda questions, fractions: pytest.fail("was asked")
    black = CameraFrame(np.zeros((32, 64, 3), np.uint8), CAMERA, frame(CAMERA, 3.0, 1).prior, 1)
    results = localizer(other).localize_rig([black, black])
    assert [each.is_blind for each in results if isinstance(each, Rejection)] == [True, True]


def test_a_limit_of_time_is_kept_by_the_parts_one_by_one(model: MatchFlow) -> None:
    other = copy.copy(model)
    other.answer = lambda questions, fractions: pytest.fail("was asked")
    asked = frame(CAMERA, 3.0, 1)
    limited = localizer(other, LocalizerConfig(max_latency_ms=1e4, steps=1, min_match=0.0))
    assert limited.localize_rig([asked]) != []
