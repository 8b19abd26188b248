"""A network that knows where the camera is, for tests of everything around the network."""

import math

import torch
from torch import Tensor

from geoflow_ros.model.config import DefaultConfig
from geoflow_ros.model.interface import Flow, Latent, LocalizationModel


class PerfectModel(LocalizationModel):
    """Points every hypothesis straight at `truth` (x, y in search radii, yaw in radians), `certain` or not."""

    def __init__(self, truth: tuple[float, float, float], certain: bool = True, match_logit: float = 9.0) -> None:
        super().__init__()
        self.config = DefaultConfig(ground_height=32, ground_width=64)
        self.truth = torch.tensor(truth)
        self.certain = certain
        self.match_logit = match_logit

    def encode_ground(self, ground: Tensor, lift: Tensor | None) -> Tensor:
        assert lift is not None
        return ground

    def satellite_features(self, satellite: Tensor) -> Tensor:
        return satellite

    def match(
        self, ground: Tensor, satellite: Tensor, turn: Tensor | None = None, yaw_reach: float = math.inf
    ) -> Latent:
        return Latent(match_logit=torch.full((len(ground),), self.match_logit))

    def flow(self, latent: Latent, hypotheses: Tensor) -> Flow:
        way = self.truth - hypotheses
        distance = way[..., :2].norm(dim=-1).clamp_min(1e-3)
        shape = torch.ones_like(distance)
        return Flow(
            log_distance=distance.log() if self.certain else torch.full_like(distance, 0.0),
            variance=1e-4 * shape,
            direction=way[..., :2] / distance.unsqueeze(-1),
            kappa=1e3 * shape if self.certain else 1e-6 * shape,
            yaw_step=way[..., 2],
            yaw_variance=1e-4 * shape,
        )
