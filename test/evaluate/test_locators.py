"""Localising samples: what the networks are given, and in which frame they answer."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from perfect_model import PerfectModel
from torch import Tensor

from geoflow_ros.camera import CameraModel
from geoflow_ros.datasets.sample import Sample
from geoflow_ros.evaluate.headings import wide_size_px
from geoflow_ros.evaluate.locators import locator_of
from geoflow_ros.localization.localizer_config import LocalizerConfig
from geoflow_ros.localization.pose import UniformPosePrior
from geoflow_ros.model.config import PaperConfig
from geoflow_ros.model.interface import Flow, Latent
from geoflow_ros.satellite.patch import SatellitePatch

CONFIG = LocalizerConfig(hypotheses=16, steps=3)
CENTER, RADIUS = (100.0, -50.0), 20.0


class PaperLike(PerfectModel):
    """Knows the place, takes the heading as known and wants no geometry."""

    def __init__(self, truth: tuple[float, float, float]) -> None:
        super().__init__(truth)
        self.config = PaperConfig(ground_height=32, ground_width=64)  # type: ignore[assignment]

    def encode_ground(self, ground: Tensor, lift: Tensor | None) -> Tensor:
        assert lift is None
        return ground

    def match(
        self, ground: Tensor, satellite: Tensor, turn: Tensor | None = None, yaw_reach: float = math.inf
    ) -> Latent:
        return Latent()

    def flow(self, latent: Latent, hypotheses: Tensor) -> Flow:
        flow = super().flow(latent, hypotheses)
        return Flow(flow.log_distance, flow.variance, flow.direction, flow.kappa)


class Counting(PerfectModel):
    """Counts the frames it encodes."""

    encoded = 0

    def encode_ground(self, ground: Tensor, lift: Tensor | None) -> Tensor:
        self.encoded += 1
        return super().encode_ground(ground, lift)


def sample(yaw: float, size_px: int = 416, heading: float = 0.0) -> Sample:
    """A grey sample whose patch looks along `yaw`, and the prior `heading` further to the left."""
    patch = SatellitePatch(np.full((size_px, size_px, 3), 90, np.uint8), CENTER, 0.25, yaw)
    prior = UniformPosePrior(*CENTER, yaw + heading, RADIUS, 0.2)
    ground = np.full((32, 64, 3), 90, np.uint8)
    return Sample("s", ground, CameraModel(64, 32, 40.0, 40.0, 32.0, 16.0), patch, (0.0, 0.0, 0.0), prior)


@settings(max_examples=10, deadline=None)
@given(st.floats(-0.9, 0.9), st.floats(-0.9, 0.9), st.floats(-0.15, 0.15), st.floats(-math.pi, math.pi))
def test_the_answer_is_in_the_frame_of_the_patch(x: float, y: float, turn: float, patch_yaw: float) -> None:
    estimate = locator_of(PerfectModel((x, y, turn)), any_heading=False)(sample(patch_yaw))(CONFIG, 0)
    cos, sin = math.cos(patch_yaw), math.sin(patch_yaw)  # x is along +u, y down: to the right of it
    expected = (CENTER[0] + RADIUS * (x * cos + y * sin), CENTER[1] + RADIUS * (x * sin - y * cos))
    assert (estimate.east, estimate.north) == pytest.approx(expected, abs=0.05)
    assert math.remainder(estimate.yaw - patch_yaw - turn, 2 * math.pi) == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize("heading", [0.0, math.pi / 2])
def test_the_papers_heading_is_the_prior(heading: float) -> None:
    locator = locator_of(PaperLike((0.25, -0.5, 0.0)), any_heading=False)
    estimate = locator(sample(0.4, 512, heading))(CONFIG, 3)
    assert estimate.yaw == pytest.approx(0.4 + heading)
    assert math.hypot(estimate.east - CENTER[0], estimate.north - CENTER[1]) == pytest.approx(
        RADIUS * math.hypot(0.25, 0.5), abs=0.05
    )
    assert estimate.match == 1.0


def test_a_frame_is_encoded_once_for_all_settings_and_all_headings() -> None:
    model = Counting((0.0, 0.0, 0.0))
    solve = locator_of(model, any_heading=False)(sample(0.0))
    for steps in (1, 3):
        solve(LocalizerConfig(hypotheses=4, steps=steps), 0)
    assert model.encoded == 1
    locator_of(model, any_heading=True)(sample(0.0, wide_size_px(416)))
    assert model.encoded == 2
