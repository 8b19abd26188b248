"""What a frame says whatever its camera's pitch may be."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from perfect_model import PerfectModel
from torch import Tensor

from geoflow_ros.camera import CameraModel
from geoflow_ros.localization.estimation import estimate_pose
from geoflow_ros.localization.localizer import encode
from geoflow_ros.localization.localizer_config import LocalizerConfig
from geoflow_ros.localization.pose import UniformPosePrior
from geoflow_ros.localization.uncertain_mount import PitchMixture, mixture, read_whatever_pitch
from geoflow_ros.model.config import DefaultConfig
from geoflow_ros.model.interface import Flow, Latent
from geoflow_ros.model.matchflow import MatchFlow
from geoflow_ros.model.volume import TABLE_SCALE
from geoflow_ros.satellite.patch import SatellitePatch


def latent(mass: list[float], evidence: float, logit: float) -> Latent:
    logs = torch.tensor(mass).log1p()
    return Latent(
        log_mass=(logs.view(1, 1, 1, -1),),
        table=TABLE_SCALE * logs[None],
        match_logit=torch.tensor([logit]),
        log_evidence=torch.tensor([evidence]),
    )


def test_masses_are_averaged_by_what_prior_and_frame_make_likely() -> None:
    """Shares 4/5 (a priori 1/2, the frame twice as likely, which counts twice) and 1/5."""
    read = mixture([latent([8.0, 0.0], math.log(6.0), 2.0), latent([0.0, 5.0], math.log(3.0), 1.0)], torch.zeros(2))
    np.testing.assert_allclose(read.shares, [0.8, 0.2], rtol=1e-6)
    mixed = read.mixed
    np.testing.assert_allclose(mixed.log_mass[0].flatten().expm1(), [6.4, 1.0], rtol=1e-5)
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


def test_what_pitches_disagree_on_is_uncertain() -> None:
    """Three quarters 5 m to the right and a quarter 5 m to the left: 2.5 m in the mean, the variance 18.75 m^2."""
    patch = SatellitePatch(np.zeros((416, 416, 3), np.uint8), (0.0, 0.0), 0.25)
    right, left, between = (Latent(match_logit=torch.tensor([x])) for x in (0.25, -0.25, 0.0))
    read, model = PitchMixture([right, left], np.array([0.75, 0.25]), between), Pointed((0.0, 0.0, 0.0))
    asked = (model, patch, UniformPosePrior(0.0, 0.0, 0.0, 20.0, 0.2), LocalizerConfig(hypotheses=16), 0)
    alone, whatever = estimate_pose(asked[0], between, *asked[1:]), read.estimate(*asked)
    added = whatever.covariance - alone.covariance
    np.testing.assert_allclose(added, np.diag([18.75, 0.0, 0.0]), atol=0.1)
    assert (whatever.east, whatever.yaw) == (alone.east, alone.yaw)


def test_a_pitch_known_exactly_is_looked_through_alone() -> None:
    torch.manual_seed(0)
    model = MatchFlow(DefaultConfig(ground_height=32, ground_width=64, satellite_px=128, satellite_resolution=0.8125))
    noise = np.random.default_rng(0).integers(0, 255, (128, 128, 3), dtype=np.uint8)
    image, patch = noise[:32, :64], SatellitePatch(noise, (0.0, 0.0), 0.8125)
    camera = CameraModel(64, 32, 40.0, 40.0, 32.0, 16.0)
    ours = read_whatever_pitch(model.eval(), image, camera, patch, sigma=1e-9).mixed
    theirs = encode(model, image, camera, patch)
    assert ours.table is not None and theirs.table is not None
    assert torch.allclose(ours.table, theirs.table, atol=1e-3)
    assert ours.match_logit == pytest.approx(theirs.match_logit, rel=0.01)
