"""The `default` network: GeoFlow's refinement reading a match volume instead of one pooled vector.

The frame is lifted to the ground plane with the camera's own geometry, correlated once with the satellite map,
and every hypothesis (x, y, heading) reads the volume around itself at several scales to see where to go.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812 - the name every PyTorch reader knows
from torch import Tensor, nn

from geoflow_ros.model.base import Flow, Latent, LocalizationModel
from geoflow_ros.model.config import DefaultConfig
from geoflow_ros.model.encoder import EfficientNetLite0
from geoflow_ros.model.matching import MatchVolume, mass_pyramid, read_volume

PYRAMID_LEVELS = 5  # the coarsest block is 16 cells: from anywhere in the volume a hypothesis sees the rest
LATERAL_CHANNELS = 48
NECK_CHANNELS = 32
BEV_CHANNELS = 64
HIDDEN = 128


def conv_block(inputs: int, outputs: int, kernel: int = 3) -> nn.Sequential:
    """Convolution, batch-norm, ReLU."""
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class Pyramid(nn.Module):
    """Features (B, NECK_CHANNELS, H/4, W/4) of a uint8 image: a trunk whose coarse features are added to the fine."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = EfficientNetLite0(last_stride=16)
        self.lateral = nn.ModuleList(nn.Conv2d(channels, LATERAL_CHANNELS, 1) for channels in self.trunk.channels[1:])
        self.out = conv_block(LATERAL_CHANNELS, NECK_CHANNELS)

    def forward(self, image: Tensor) -> Tensor:
        features: Sequence[Tensor] = self.trunk(self.trunk.normalise(image))[1:]
        levels = [lateral(feature) for lateral, feature in zip(self.lateral, features, strict=True)]
        merged = levels[-1]
        for level in reversed(levels[:-1]):
            merged = level + F.interpolate(merged, scale_factor=2.0, mode="nearest")
        out: Tensor = self.out(merged)
        return out


class Residual(nn.Module):
    """Two convolutions around a skip."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            conv_block(channels, channels),
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.body(x))


class GroundEncoder(nn.Module):
    """Ground-plane features (B, C, A, F) of the frame: each cell reads the image at several heights above it.

    Their length is how much a cell is worth in the match; a cell out of view counts nothing.
    """

    coordinates: Tensor

    def __init__(self, config: DefaultConfig) -> None:
        super().__init__()
        heights, across, forward = config.lift_shape
        self.pyramid = Pyramid()
        self.merge = conv_block(heights * NECK_CHANNELS + 2, BEV_CHANNELS, kernel=1)
        self.body = nn.Sequential(Residual(BEV_CHANNELS), Residual(BEV_CHANNELS))
        self.out = nn.Conv2d(BEV_CHANNELS, config.channels, 1)
        rows, columns = torch.linspace(-1, 1, across), torch.linspace(-1, 1, forward)
        self.register_buffer("coordinates", torch.stack(torch.meshgrid(rows, columns, indexing="ij")), persistent=False)

    def forward(self, image: Tensor, lift: Tensor) -> Tensor:
        features = self.pyramid(image)
        batch, heights, across, forward, _ = lift.shape
        grid = lift.flatten(1, 2).to(features.dtype)
        lifted = F.grid_sample(features, grid, align_corners=False).reshape(batch, -1, heights, across, forward)
        place = self.coordinates.to(features.dtype).expand(batch, -1, -1, -1)
        merged = self.merge(torch.cat([lifted.flatten(1, 2), place], dim=1))
        in_view = (lift[..., 0].abs() <= 1.0).any(dim=1, keepdim=True)
        out: Tensor = self.out(self.body(merged)) * in_view
        return out


class SatelliteEncoder(nn.Module):
    """Unit-length features (B, C, S/4, S/4) of the patch."""

    def __init__(self, config: DefaultConfig) -> None:
        super().__init__()
        self.pyramid = Pyramid()
        self.out = nn.Sequential(conv_block(NECK_CHANNELS, NECK_CHANNELS), nn.Conv2d(NECK_CHANNELS, config.channels, 1))

    def forward(self, image: Tensor) -> Tensor:
        return F.normalize(self.out(self.pyramid(image)), dim=1)


class FlowHead(nn.Module):
    """Flow of hypotheses from the probability mass around them (27 reads a level) and their coordinates."""

    offsets: Tensor

    def __init__(self, volume: MatchVolume) -> None:
        super().__init__()
        self.to_index = volume.to_index
        steps = torch.tensor([-1.0, 0.0, 1.0])
        self.register_buffer("offsets", torch.cartesian_prod(steps, steps, steps), persistent=False)
        self.coordinates = nn.Sequential(nn.Linear(3, 16), nn.LayerNorm(16), nn.ReLU())
        reads = PYRAMID_LEVELS * len(self.offsets)
        self.hidden = nn.Sequential(
            nn.Linear(reads + 16, HIDDEN), nn.LayerNorm(HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU()
        )
        self.out = nn.Linear(HIDDEN, 7)

    def forward(self, pyramid: Sequence[Tensor], hypotheses: Tensor) -> Flow:
        index = self.to_index(hypotheses)
        reads = [self._read(level, volume, index) for level, volume in enumerate(pyramid)]
        hidden = self.hidden(torch.cat([*reads, self.coordinates(hypotheses)], dim=-1))
        out = self.out(hidden)
        positive = F.softplus(out[..., 4:7]) + 1e-6
        return Flow(
            log_distance=out[..., 0],
            variance=positive[..., 0],
            direction=F.normalize(out[..., 1:3], dim=-1),
            kappa=positive[..., 1],
            yaw_step=out[..., 3],
            yaw_variance=1e-2 * positive[..., 2],  # radians squared: about (6 degrees)^2 at the start of training
        )

    def _read(self, level: int, volume: Tensor, index: Tensor) -> Tensor:
        """Values (B, N, 27) of one level of the pyramid around (B, N, 3) indices of the finest, of order one."""
        block = 2**level
        centre = torch.cat([(index[..., :2] - (block - 1) / 2) / block, index[..., 2:]], dim=-1)
        around = centre.unsqueeze(2) + self.offsets
        batch, count, reads, _ = around.shape
        return read_volume(volume, around.view(batch, count * reads, 3)).view(batch, count, reads) / 5.0


class MatchFlow(LocalizationModel):
    """The `default` network."""

    config: DefaultConfig

    def __init__(self, config: DefaultConfig) -> None:
        super().__init__()
        self.config = config
        self.ground = GroundEncoder(config)
        self.satellite = SatelliteEncoder(config)
        self.volume = MatchVolume(config)
        self.head = FlowHead(self.volume)

    def encode_ground(self, ground: Tensor, lift: Tensor | None) -> Tensor:
        """Ground-plane features (B, C, A, F)."""
        assert lift is not None, "the default network needs the camera's lift grid"
        features: Tensor = self.ground(ground, lift)
        return features

    def encode_satellite(self, satellite: Tensor) -> Tensor:
        """Features (B, C, S/4, S/4)."""
        features: Tensor = self.satellite(satellite)
        return features

    def match(self, ground: Tensor, satellite: Tensor) -> Latent:
        """The pyramid of the match volume."""
        log_probability, match_logit = self.volume(ground, satellite)
        return Latent(log_mass=mass_pyramid(log_probability, PYRAMID_LEVELS), match_logit=match_logit)

    def flow(self, latent: Latent, hypotheses: Tensor) -> Flow:
        # The match is taught by its own likelihood; flow gradients through it would only blur it.
        flow: Flow = self.head([level.detach() for level in latent.log_mass], hypotheses)
        return flow

    def log_density(self, latent: Latent, hypotheses: Tensor) -> Tensor:
        return read_volume(latent.log_mass[0], self.volume.to_index(hypotheses))
