"""What a frame says whatever its camera's mount may be."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from perfect_model import PerfectModel
from torch import Tensor

from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.localization.estimation import estimate_pose
from geoflow_ros.localization.inputs import image_tensor
from geoflow_ros.localization.localizer import encode
from geoflow_ros.localization.localizer_config import LocalizerConfig
from geoflow_ros.localization.pose import UniformPosePrior
from geoflow_ros.localization.uncertain_mount import (
    MountMixture,
    MountReadings,
    Mounts,
    mixture,
    unknown_pitch,
    unknown_tilt,
)
from geoflow_ros.model.config import DefaultConfig
from geoflow_ros.model.interface import Flow, Latent
from geoflow_ros.model.matchflow import MatchFlow
from geoflow_ros.model.volume import TABLE_SCALE
from geoflow_ros.satellite.patch import SatellitePatch


def latent(mass: list[float], evidence: float, logit: float) -> Latent:
    logs = torch.tensor(mass).log1p()
    return Latent(
        log_mass=logs.view(1, 1, 1, -1),
        table=TABLE_SCALE * logs[None],
        match_logit=torch.tensor([logit]),
        log_evidence=torch.tensor([evidence]),
    )


def test_masses_are_averaged_by_what_prior_and_frame_make_likely() -> None:
    """Shares 4/5 (a priori 1/2, the frame twice as likely, which counts twice) and 1/5."""
    read = mixture([latent([8.0, 0.0], math.log(6.0), 2.0), latent([0.0, 5.0], math.log(3.0), 1.0)], torch.zeros(2))
    np.testing.assert_allclose(read.shares, [0.8, 0.2], rtol=1e-6)
    mixed = read.mixed
    np.testing.assert_allclose(mixed.volume.flatten().expm1(), [6.4, 1.0], rtol=1e-5)
    assert mixed.table is not None and mixed.log_evidence is not None and mixed.match_logit is not None
    np.testing.assert_allclose((mixed.table / TABLE_SCALE).flatten().expm1(), [6.4, 1.0], rtol=1e-5)
    assert mixed.log_evidence.exp().item() == pytest.approx(4.5)  # the mean of 6 and 3
    assert mixed.match_logit.exp().item() == pytest.approx(0.8 * math.exp(2.0) + 0.2 * math.exp(1.0))


class Pointed(PerfectModel):
    """Sees each latent as far to the right of the middle, in search radii, as its logit of a match says."""

    def flow(self, latent: Latent, hypotheses: Tensor) -> Flow:
        assert latent.match_logit is not None
        self.truth = torch.tensor([float(latent.match_logit), 0.0, 0.0])
        return super().flow(latent, hypotheses)


def test_what_mounts_disagree_on_is_uncertain() -> None:
    """Three quarters 5 m to the right and a quarter 5 m to the left: 2.5 m in the mean, the variance 18.75 m^2."""
    patch = SatellitePatch(np.zeros((416, 416, 3), np.uint8), (0.0, 0.0), 0.25)
    right, left, between = (Latent(match_logit=torch.tensor([x])) for x in (0.25, -0.25, 0.0))
    read, model = MountMixture([right, left], np.array([0.75, 0.25]), between), Pointed((0.0, 0.0, 0.0))
    asked = (model, patch, UniformPosePrior(0.0, 0.0, 0.0, 20.0, 0.2), LocalizerConfig(hypotheses=16), 0)
    alone, whatever = estimate_pose(asked[0], between, *asked[1:]), read.estimate(*asked)
    added = whatever.covariance - alone.covariance
    np.testing.assert_allclose(added, np.diag([18.75, 0.0, 0.0]), atol=0.1)
    assert (whatever.east, whatever.yaw) == (alone.east, alone.yaw)


@pytest.fixture(scope="module")
def seen() -> tuple[MatchFlow, NDArray[np.uint8], CameraModel, SatellitePatch]:
    torch.manual_seed(0)
    model = MatchFlow(DefaultConfig(ground_height=32, ground_width=64, satellite_px=128, satellite_resolution=0.8125))
    noise = np.random.default_rng(0).integers(0, 255, (128, 128, 3), dtype=np.uint8)
    patch = SatellitePatch(noise, (0.0, 0.0), 0.8125)
    return model.eval(), noise[:32, :64], CameraModel(64, 32, 40.0, 40.0, 32.0, 16.0), patch


@pytest.mark.parametrize("unknown", [unknown_pitch, unknown_tilt])
def test_a_mount_known_exactly_is_looked_through_alone(seen: Any, unknown: Callable[[Mount, float], Mounts]) -> None:
    model, image, camera, patch = seen
    readings = MountReadings.of(model, image, camera, unknown(camera.mount, 1e-9))
    known = model.encode_satellite(image_tensor(patch.image))
    ours, theirs = readings.before(known).mixed, encode(model, image, camera, patch)
    assert ours.table is not None and theirs.table is not None and theirs.match_logit is not None
    assert torch.allclose(ours.table, theirs.table, atol=1e-3)
    assert ours.match_logit == pytest.approx(theirs.match_logit, rel=0.01)
    assert readings.match_log_odds(known) == pytest.approx(float(theirs.match_logit), rel=0.01)


def test_a_tilt_that_the_stated_mount_lacks_is_among_those_looked_through(seen: Any) -> None:
    """What the right mount shows is one of the thirteen readings: tilted by two and by none of the deviations."""
    model, image, camera, patch = seen
    sigma = 0.04
    right = replace(camera, mount=replace(camera.mount, pitch=2 * sigma, roll=0.0))
    latents = MountReadings.of(model, image, camera, unknown_tilt(camera.mount, sigma)).before(
        model.encode_satellite(image_tensor(patch.image))
    )
    expected = encode(model, image, right, patch).table
    assert len(latents.latents) == 13 and expected is not None
    apart = [float((each.table - expected).abs().max()) for each in latents.latents if each.table is not None]
    assert sorted(apart)[0] == pytest.approx(0.0, abs=1e-5) and sorted(apart)[1] > 1e-3


def test_of_mounts_the_a_priori_likelier_counts_more() -> None:
    """One, two deviations: e^-1/2 and e^-2 of the middle, along either axis; the corners e^-1."""
    tilts = unknown_tilt(Mount(pitch=0.1), 0.02)
    prior = {(each.pitch, each.roll): value for each, value in zip(tilts.mounts, tilts.log_prior.tolist(), strict=True)}
    expected = {(0.1, 0.0): 0.0, (0.12, 0.0): -0.5, (0.1, -0.04): -2.0, (0.08, 0.02): -1.0}
    for (pitch, roll), value in expected.items():
        assert prior[min(prior, key=lambda at: math.hypot(at[0] - pitch, at[1] - roll))] == value
