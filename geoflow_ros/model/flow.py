"""The paper's flow heads: from the pooled vector and a hypothesis to how far and which way the camera is."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from geoflow_ros.model.interface import Flow

FLOOR = 1e-6  # of variance and concentration, as in the released training
COORDINATE_CHANNELS = 16


def normed_linear(inputs: int, outputs: int) -> list[nn.Module]:
    """Linear layer, LayerNorm, ReLU."""
    return [nn.Linear(inputs, outputs), nn.LayerNorm(outputs), nn.ReLU()]


def wrap(angle: Tensor) -> Tensor:
    """The angle (rad) in [-pi, pi)."""
    return torch.remainder(angle + math.pi, 2 * math.pi) - math.pi


class FlowHead(nn.Module):
    """Flow of hypotheses (B, N, 3) given the pooled vector (B, C).

    Position alone goes in: the paper takes the heading as known. With `orientation_head` the heading in the patch
    is predicted too, whatever the hypothesis' own; that head has no variance, so `Flow.yaw_variance` stays None.
    """

    def __init__(self, channels: int, dropout: float, orientation_head: bool) -> None:
        super().__init__()
        inputs = channels + COORDINATE_CHANNELS
        self.coordinates = nn.Sequential(*normed_linear(2, 8), *normed_linear(8, COORDINATE_CHANNELS))
        self.distance = nn.Sequential(*normed_linear(inputs, 128), nn.Linear(128, 2))
        self.direction = nn.Sequential(*normed_linear(inputs, 128), nn.Linear(128, 3))
        self.orientation: nn.Module | None = None
        if orientation_head:
            self.orientation = nn.Sequential(*normed_linear(inputs, 64), nn.Dropout(dropout), nn.Linear(64, 2))

    def forward(self, pooled: Tensor, hypotheses: Tensor) -> Flow:
        coordinates = self.coordinates(hypotheses[..., :2])
        seen = pooled[:, None].expand(-1, hypotheses.shape[1], -1)
        joined = torch.cat([seen, coordinates], dim=-1)
        log_distance, raw_variance = self.distance(joined).unbind(-1)
        x, y, raw_kappa = self.direction(joined).unbind(-1)
        return Flow(
            log_distance=log_distance,
            variance=F.softplus(raw_variance) + FLOOR,
            direction=F.normalize(torch.stack([x, y], dim=-1), dim=-1),
            kappa=F.softplus(raw_kappa) + FLOOR,
            yaw_step=self._yaw_step(joined, hypotheses[..., 2]),
        )

    def _yaw_step(self, joined: Tensor, yaw: Tensor) -> Tensor | None:
        """From each hypothesis' yaw to the predicted one, given as (cos, sin)."""
        if self.orientation is None:
            return None
        cos, sin = self.orientation(joined).unbind(-1)
        return wrap(torch.atan2(sin, cos) - yaw)
