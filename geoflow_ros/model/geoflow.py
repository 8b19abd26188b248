"""GeoFlow as published (CVPR 2026, arXiv 2603.21943)."""

from __future__ import annotations

import math

from torch import Tensor, nn

from geoflow_ros.errors import InputError
from geoflow_ros.model.attention import PooledCrossAttention
from geoflow_ros.model.config import PaperConfig
from geoflow_ros.model.encoder import EfficientNetB0
from geoflow_ros.model.flow import FlowHead
from geoflow_ros.model.interface import Flow, Latent, LocalizationModel


class GeoFlow(LocalizationModel):
    """Two EfficientNet-B0 trunks, one cross-attention, a pooled vector read by the flow heads.

    7,377,493 parameters; the optional orientation head adds 9,538.
    """

    config: PaperConfig

    def __init__(self, config: PaperConfig) -> None:
        super().__init__()
        self.config = config
        self.satellite_trunk = EfficientNetB0()
        self.ground_trunk = EfficientNetB0()
        stride, features = self.ground_trunk.last_stride, self.ground_trunk.channels[-1]
        self.satellite_projection = nn.Conv2d(features, config.channels, 1)
        self.ground_projection = nn.Conv2d(features, config.channels, 1)
        self.attention = PooledCrossAttention(
            config.channels,
            config.heads,
            config.dropout,
            ground_grid=(config.ground_height // stride, config.ground_width // stride),
            satellite_grid=(config.satellite_px // stride, config.satellite_px // stride),
        )
        self.head = FlowHead(config.channels, config.dropout, config.orientation_head)

    def satellite_features(self, satellite: Tensor) -> Tensor:
        """Features (B, C, S/32, S/32)."""
        check_size("satellite patch", satellite, self.config.satellite_px, self.config.satellite_px)
        trunk = self.satellite_trunk
        features: Tensor = self.satellite_projection(trunk(trunk.normalise(satellite))[-1])
        return features

    def encode_ground(self, ground: Tensor, lift: Tensor | None = None) -> Tensor:
        """Features (B, C, Hg/32, Wg/32); `lift` is not used, this network knows nothing of the camera."""
        check_size("ground image", ground, self.config.ground_width, self.config.ground_height)
        trunk = self.ground_trunk
        features: Tensor = self.ground_projection(trunk(trunk.normalise(ground))[-1])
        return features

    def prepare_satellite(self, features: Tensor) -> Tensor:
        """The features' keys and values."""
        return self.attention.memory(features)

    def match(
        self, ground: Tensor, satellite: Tensor, yaw_offset: Tensor | None = None, yaw_reach: float = math.inf
    ) -> Latent:
        """The pooled vector (B, C); this network takes the heading as known and uses neither yaw argument."""
        return Latent(pooled=self.attention(ground, satellite))

    def flow(self, latent: Latent, hypotheses: Tensor) -> Flow:
        """A step is exp(log_distance) * direction."""
        if latent.pooled is None:
            raise InputError("latent without a pooled vector: it was encoded by another network")
        flow: Flow = self.head(latent.pooled, hypotheses)
        return flow


def check_size(what: str, image: Tensor, width: int, height: int) -> None:
    """Refuse an image of another size than the network's."""
    if image.shape[-2:] != (height, width):
        got = f"{image.shape[-1]} x {image.shape[-2]} px"
        raise InputError(f"{what} of {got}: the network expects {width} x {height} px")
