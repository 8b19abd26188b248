"""What a frame says of several mounts: the likelihood of each, the trunk of the network run once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.localization.inputs import ground_image, image_tensor, lift_grid
from geoflow_ros.localization.localizer import Localizer
from geoflow_ros.localization.pose import PosePrior
from geoflow_ros.model.config import DefaultConfig
from geoflow_ros.model.matchflow import MatchFlow
from geoflow_ros.satellite.patch import SatellitePatch

CAMERA = CameraModel(64, 32, 40.0, 40.0, 32.0, 16.0, Mount(1.0, 0.5, 1.6, yaw=0.1))
MOUNTS = [replace(CAMERA.mount, pitch=pitch, height=height) for pitch, height in ((0.0, 1.6), (0.02, 1.6), (0.0, 1.8))]
IMAGE = np.random.default_rng(0).integers(0, 255, (32, 64, 3), dtype=np.uint8)
PRIOR = PosePrior(3.0, -2.0, 0.0, np.diag([9.0, 9.0, 0.005]))


class Grass:
    """The same noise everywhere."""

    def patch(
        self, frame: LocalFrame, center: tuple[float, float], yaw: float, size_px: int, resolution: float
    ) -> SatellitePatch:
        noise = np.random.default_rng(1).integers(0, 255, (size_px, size_px, 3), dtype=np.uint8)
        return SatellitePatch(noise, center, resolution, yaw)


def test_each_mount_is_weighed_when_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    config = DefaultConfig(ground_height=32, ground_width=64, satellite_px=128, satellite_resolution=0.8125)
    model = MatchFlow(config).eval()
    localizer = Localizer(model, Grass(), LocalFrame(Datum(48.0, 11.0)))  # type: ignore[arg-type]
    runs: list[int] = []
    model.ground.pyramid.register_forward_hook(lambda *_: runs.append(1))
    answers = localizer.weigh_mounts(IMAGE, CAMERA, PRIOR, MOUNTS)
    assert runs == []
    heard = list(answers)
    assert len(runs) == 1
    patch = Grass().patch(LocalFrame(Datum(48.0, 11.0)), (0.0, 0.0), 0.0, 128, 0.8125)
    for mount, each in zip(MOUNTS, heard, strict=True):
        with torch.inference_mode():
            lift = lift_grid(replace(CAMERA, mount=mount), config)
            ground, satellite = (image_tensor(image) for image in (ground_image(IMAGE, config), patch.image))
            latent = model.match(
                model.encode_ground(ground, lift), model.encode_satellite(satellite), torch.tensor([0.1])
            )
        assert latent.match_logit is not None
        assert each.match == pytest.approx(float(torch.sigmoid(latent.match_logit)), rel=1e-3)
    assert len({each.log_likelihood for each in heard}) == 3


def test_a_blank_image_says_nothing() -> None:
    model = MatchFlow(DefaultConfig(ground_height=32, ground_width=64, satellite_px=128, satellite_resolution=0.8125))
    localizer = Localizer(model.eval(), Grass(), LocalFrame(Datum(48.0, 11.0)))  # type: ignore[arg-type]
    assert not list(localizer.weigh_mounts(np.zeros_like(IMAGE), CAMERA, PRIOR, MOUNTS))
