"""What the method costs as published: plain eager torch, both trunks for every frame."""

from __future__ import annotations

import torch
from torch import Tensor

from geoflow_ros.bags.messages import compressed_to_rgb
from geoflow_ros.benchmark.drive import BenchmarkDrive
from geoflow_ros.localization.inputs import ground_image, image_tensor
from geoflow_ros.localization.localizer_config import Schedule
from geoflow_ros.model.config import PaperConfig
from geoflow_ros.model.weights import build

HYPOTHESES, STEPS = 10, 5  # of the publication


class PaperEager:
    """The network `paper`, untrained: weights do not change its time. Nothing folded, cached or laid out anew."""

    def __init__(self, drive: BenchmarkDrive) -> None:
        self._drive = drive
        self._config = PaperConfig()
        self._model = build(self._config).eval()
        generator = torch.Generator().manual_seed(0)
        self._start = 2 * torch.rand(1, HYPOTHESES, 3, generator=generator) - 1

    @torch.inference_mode()
    def __call__(self, index: int) -> Tensor:
        """Mean of the refined hypotheses (3,) for a frame of the drive."""
        frame, config = self._drive.at(index), self._config
        ground = image_tensor(ground_image(compressed_to_rgb(frame.message), config)).contiguous()
        prior = frame.prior
        patch = self._drive.satellite.patch(
            self._drive.frame, (prior.east, prior.north), 0.0, config.satellite_px, config.satellite_resolution
        )
        satellite = image_tensor(patch.image).contiguous()
        latent = self._model.encode(ground, satellite, None)
        refined = self._model.refine(latent, self._start, Schedule.PAPER.fractions(STEPS))
        return refined.hypotheses[0].mean(0)
