"""What a frame says whatever its camera's pitch may be."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from geoflow_ros.camera import CameraModel
from geoflow_ros.localization.localizer import encode
from geoflow_ros.localization.uncertain_mount import encode_whatever_pitch, mixture
from geoflow_ros.model.config import DefaultConfig
from geoflow_ros.model.interface import Latent
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
    """Shares 3/4 (a priori 1/2, the frame 3 times as likely) and 1/4."""
    mixed = mixture([latent([8.0, 0.0], math.log(6.0), 2.0), latent([0.0, 4.0], math.log(2.0), 1.0)], torch.zeros(2))
    np.testing.assert_allclose(mixed.log_mass[0].flatten().expm1(), [6.0, 1.0], rtol=1e-5)
    assert mixed.table is not None and mixed.log_evidence is not None and mixed.match_logit is not None
    np.testing.assert_allclose((mixed.table / TABLE_SCALE).flatten().expm1(), [6.0, 1.0], rtol=1e-5)
    assert mixed.log_evidence.exp().item() == pytest.approx(4.0)  # the mean of 6 and 2
    assert mixed.match_logit.exp().item() == pytest.approx(0.75 * math.exp(2.0) + 0.25 * math.exp(1.0))


def test_a_pitch_known_exactly_is_looked_through_alone() -> None:
    torch.manual_seed(0)
    model = MatchFlow(DefaultConfig(ground_height=32, ground_width=64, satellite_px=128, satellite_resolution=0.8125))
    noise = np.random.default_rng(0).integers(0, 255, (128, 128, 3), dtype=np.uint8)
    image, patch = noise[:32, :64], SatellitePatch(noise, (0.0, 0.0), 0.8125)
    camera = CameraModel(64, 32, 40.0, 40.0, 32.0, 16.0)
    ours = encode_whatever_pitch(model.eval(), image, camera, patch, sigma=1e-9)
    theirs = encode(model, image, camera, patch)
    assert ours.table is not None and theirs.table is not None
    assert torch.allclose(ours.table, theirs.table, atol=1e-3)
    assert ours.match_logit == pytest.approx(theirs.match_logit, rel=0.01)
