"""The search over headings, with a network whose evidence is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from perfect_model import PerfectModel
from torch import Tensor

from geoflow_ros.camera import CameraModel
from geoflow_ros.datasets.sample import Sample
from geoflow_ros.evaluate.headings import headings, search_headings, turned, wide_size_px
from geoflow_ros.localization.pose import UniformPosePrior
from geoflow_ros.model.config import DefaultConfig
from geoflow_ros.model.interface import Latent
from geoflow_ros.satellite.patch import SatellitePatch

SIZE = DefaultConfig().satellite_px
WIDE = wide_size_px(SIZE)
MARK_PX = 150.0  # from the centre
CAMERA = CameraModel(64, 32, 40.0, 40.0, 32.0, 16.0)


def marked(bearing: float, yaw: float = 0.0) -> SatellitePatch:
    """A black wide patch of a heading with a white spot in a direction (rad, counter-clockwise from +u)."""
    v, u = np.mgrid[0:WIDE, 0:WIDE] + 0.5 - WIDE / 2
    spot = np.hypot(u - MARK_PX * math.cos(bearing), v + MARK_PX * math.sin(bearing)) < 6.0
    image = np.repeat(np.where(spot, 255, 0).astype(np.uint8)[..., None], 3, axis=2)
    return SatellitePatch(image, (30.0, -40.0), 0.25, yaw)


class SpotAhead(PerfectModel):
    """Most sure of a match when what is bright lies towards the patch's +u."""

    def match(
        self, ground: Tensor, satellite: Tensor, turn: Tensor | None = None, yaw_reach: float = math.inf
    ) -> Latent:
        u = torch.arange(satellite.shape[-1]) - satellite.shape[-1] / 2
        bright = satellite[:, 0].float()
        return Latent(match_logit=(bright * u).sum((1, 2)) / bright.sum((1, 2)))


def test_a_turned_patch_shows_the_same_places() -> None:
    wide = marked(bearing=1.0, yaw=0.4)
    patch = turned(wide, 0.7, SIZE)
    assert (patch.size_px, patch.center, patch.missing) == (SIZE, wide.center, 0.0)
    for picture in (wide, patch):
        v, u = np.nonzero(picture.image[..., 0] > 128)
        spot = picture.to_enu((u.mean() + 0.5, v.mean() + 0.5))
        direction = np.array([math.cos(1.4), math.sin(1.4)])  # 1.0 from a +u that is itself at 0.4
        assert spot == pytest.approx(wide.center + MARK_PX * 0.25 * direction, abs=0.05)


@pytest.mark.parametrize("turn_deg", [0, 30, 45, 90, 200])
def test_a_wide_patch_has_no_missing_corner_at_any_heading(turn_deg: float) -> None:
    assert turned(marked(0.0), math.radians(turn_deg), SIZE).missing == 0.0
    assert turned(turned(marked(0.0), 0.0, SIZE), math.radians(45), SIZE).missing > 0.1  # the check can fail


def test_what_the_wide_patch_lacks_its_turns_lack_too() -> None:
    wide = SatellitePatch(marked(0.0).image, (0.0, 0.0), 0.25, 0.0, missing=0.4)
    assert turned(wide, 0.3, SIZE).missing == 0.4


@settings(max_examples=8, deadline=None)
@given(st.floats(-math.pi, math.pi))
def test_the_kept_patch_looks_where_the_evidence_is(bearing: float) -> None:
    prior = UniformPosePrior(30.0, -40.0, 0.3, 20.0, math.pi)
    sample = Sample("s", np.zeros((32, 64, 3), np.uint8), CAMERA, marked(bearing, 0.3), (30.0, -40.0, 0.3), prior)
    found, latent = search_headings(SpotAhead((0.0, 0.0, 0.0)), sample)
    off = (found.yaw - 0.3 - bearing + math.pi) % (2 * math.pi) - math.pi
    assert abs(math.degrees(off)) <= DefaultConfig().yaw_range_deg + 0.5
    assert found.size_px == SIZE
    assert latent.match_logit is not None and float(latent.match_logit) == pytest.approx(MARK_PX * math.cos(off), abs=1)


def test_the_turns_of_the_patch_leave_no_heading_out() -> None:
    turns = np.degrees(headings(12.0, math.pi)) % 360.0
    assert turns == pytest.approx([24.0 * turn for turn in range(15)])
    assert np.degrees(headings(50.0, math.pi)) == pytest.approx([0.0, 90.0, -180.0, -90.0])


def test_turns_that_the_prior_excludes_are_not_looked_at() -> None:
    # The patch turned by 24 degrees sees headings from 12 to 36, the one turned by 48 those from 36 on.
    for prior_deg, turns in ((11.0, [0.0]), (13.0, [0.0, 24.0, -24.0]), (37.0, [0.0, 24.0, 48.0, -48.0, -24.0])):
        assert np.degrees(headings(12.0, math.radians(prior_deg))) == pytest.approx(turns)
