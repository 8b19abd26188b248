"""The `default` network: GeoFlow's refinement reading a match volume instead of one pooled vector.

The frame is lifted to the ground plane with the camera's own geometry, correlated once with the satellite map,
and every hypothesis (x, y, heading) reads the volume around itself at several scales to see where to go.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import partial
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name every PyTorch reader knows
from torch import Tensor, nn

from geoflow_ros.errors import InputError
from geoflow_ros.model.config import DefaultConfig
from geoflow_ros.model.encoder import EfficientNetLite0
from geoflow_ros.model.interface import Flow, Latent, Lifter, LocalizationModel, PoseGrid
from geoflow_ros.model.matching import MatchVolume
from geoflow_ros.model.smooth_reading import read_smoothly
from geoflow_ros.model.volume import PYRAMID_LEVELS, READS, NeighbourhoodReader, floored, read_volume

LATERAL_CHANNELS = 48
NECK_CHANNELS = 32
BEV_CHANNELS = 64
EMBEDDING_CHANNELS = 16  # of the satellite features, which have unit length there
HIDDEN = 128
YAW_VARIANCE_SCALE = 1e-2  # radians squared: about (6 degrees)^2 at the start of training


def conv_block(inputs: int, outputs: int, kernel: int = 3) -> nn.Sequential:
    """Convolution, batch-norm, ReLU."""
    conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class Pyramid(nn.Module):
    """Features (B, NECK_CHANNELS, H/4, W/4) of a uint8 image: a trunk whose coarse features are added to the fine."""

    def __init__(self) -> None:
        super().__init__()
        # A block less than Lite0 has there, which would take 0.3 ms of a frame.
        self.trunk = EfficientNetLite0(last_stride=16, last_repeats=2)
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
        self.body = Residual(BEV_CHANNELS)
        self.out = nn.Conv2d(BEV_CHANNELS, config.channels, 1)
        rows, columns = torch.linspace(-1, 1, across), torch.linspace(-1, 1, forward)
        self.register_buffer("coordinates", torch.stack(torch.meshgrid(rows, columns, indexing="ij")), persistent=False)

    def forward(self, image: Tensor, lift: Tensor) -> Tensor:
        return self.lifted(self.pyramid(image), lift)

    def lifted(self, features: Tensor, lift: Tensor) -> Tensor:
        """The same from the features (B, NECK_CHANNELS, H/4, W/4) of the image."""
        batch, heights, across, forward, _ = lift.shape
        grid = lift.flatten(1, 2).to(features.dtype)
        lifted = F.grid_sample(features, grid, align_corners=False).reshape(batch, -1, heights, across, forward)
        place = self.coordinates.to(features.dtype).expand(batch, -1, -1, -1)
        merged = self.merge(torch.cat([lifted.flatten(1, 2), place], dim=1))
        in_view = (lift[..., 0].abs() <= 1.0).any(dim=1, keepdim=True)
        out: Tensor = self.out(self.body(merged)) * in_view
        return out


class SatelliteEncoder(nn.Module):
    """Features (B, C, S/4, S/4) of the patch: unit vectors, projected onto the few axes that distinguish places.

    A place can so say little to any frame, without being worth more elsewhere.
    """

    def __init__(self, config: DefaultConfig) -> None:
        super().__init__()
        self.pyramid = Pyramid()
        embed = nn.Conv2d(NECK_CHANNELS, EMBEDDING_CHANNELS, 1)
        self.out = nn.Sequential(conv_block(NECK_CHANNELS, NECK_CHANNELS), embed)
        self.project = nn.Conv2d(EMBEDDING_CHANNELS, config.channels, 1, bias=False)

    def forward(self, image: Tensor) -> Tensor:
        return self.embedded(self.pyramid(image))

    def embedded(self, features: Tensor) -> Tensor:
        """The same from the features (B, NECK_CHANNELS, S/4, S/4) of the image."""
        embedded: Tensor = self.project(F.normalize(self.out(features), dim=1))
        return embedded


class FlowHead(nn.Module):
    """Flow of hypotheses from the probability mass around them (27 reads a level) and their coordinates."""

    def __init__(self, volume: MatchVolume) -> None:
        super().__init__()
        self.index = volume.index
        self.read = NeighbourhoodReader(volume.shape)
        self.coordinates = nn.Sequential(nn.Linear(3, 16), nn.LayerNorm(16), nn.ReLU())
        reads = PYRAMID_LEVELS * READS**3
        self.hidden = nn.Sequential(
            nn.Linear(reads + 16, HIDDEN), nn.LayerNorm(HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, HIDDEN), nn.ReLU()
        )
        self.out = nn.Linear(HIDDEN, 7)

    def forward(self, table: Tensor, hypotheses: Tensor) -> Flow:
        reads = self.read(table, self.index(hypotheses))
        first, *rest = self.hidden
        # One linear layer of [reads, coordinates], which are not copied into one matrix first.
        weight, bias = cast(nn.Linear, first).weight, cast(nn.Linear, first).bias
        of_reads, of_place = weight[:, : reads.shape[1]], weight[:, reads.shape[1] :]
        hidden = torch.addmm(F.linear(self.coordinates(hypotheses.flatten(0, 1)), of_place, bias), reads, of_reads.T)
        for layer in rest:
            hidden = layer(hidden)
        out = self.out(hidden).view(*hypotheses.shape[:2], -1)
        variance, kappa, yaw_variance = (F.softplus(out[..., 4:7]) + 1e-6).unbind(-1)
        return Flow(
            log_distance=out[..., 0],
            variance=variance,
            direction=F.normalize(out[..., 1:3], dim=-1),
            kappa=kappa,
            yaw_step=out[..., 3],
            yaw_variance=YAW_VARIANCE_SCALE * yaw_variance,
        )


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

    def lifter(self, ground: Tensor) -> Lifter:
        return partial(self.ground.lifted, self.ground.pyramid(ground))

    def satellite_features(self, satellite: Tensor) -> Tensor:
        """Features (B, C, S/4, S/4)."""
        features: Tensor = self.satellite(satellite)
        return features

    def prepare_satellite(self, features: Tensor) -> Tensor:
        """The features' spectrum (B, C, rows, columns), complex."""
        return self.volume.spectrum(features)

    def match(
        self, ground: Tensor, satellite: Tensor, yaw_offset: Tensor | None = None, yaw_reach: float = math.inf
    ) -> Latent:
        """The match volume, and the table of its levels."""
        log_probability, match_logit, log_evidence = self.volume(ground, satellite, yaw_offset, yaw_reach)
        with torch.no_grad():  # the match is taught by its own likelihood; flow gradients through it would only blur it
            table = self.head.read.table(log_probability)
        return Latent(
            log_mass=floored(log_probability), table=table, match_logit=match_logit, log_evidence=log_evidence
        )

    def flow(self, latent: Latent, hypotheses: Tensor) -> Flow:
        if latent.table is None:
            raise InputError("latent without a match volume: it was encoded by another network")
        flow: Flow = self.head(latent.table, hypotheses)
        return flow

    def log_density(self, latent: Latent, hypotheses: Tensor) -> Tensor:
        return read_volume(latent.volume, self.volume.index(hypotheses))

    def log_likelihood(self, latent: Latent, hypotheses: Tensor) -> Tensor:
        return read_smoothly(latent.volume, self.volume.index(hypotheses))

    def pose_grid(self, latent: Latent) -> PoseGrid:
        seen = np.ascontiguousarray(latent.volume[0].numpy())
        x, y, yaw = self.volume.axes
        return PoseGrid(seen, x, y, yaw, self.volume.cell_size)
