"""What is exported of a network for other runtimes, and inputs of the shapes that it reads."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from geoflow_ros.model.interface import LocalizationModel
from geoflow_ros.model.matchflow import GroundEncoder, MatchFlow

GROUND, SATELLITE, TRUNK, LIFT = "ground", "satellite", "trunk", "lift"


class GroundNetwork(nn.Module):
    """`encode_ground` of an image as it lies in memory, (1, H, W, 3)."""

    def __init__(self, model: LocalizationModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor, lift: Tensor | None = None) -> Tensor:
        return self.model.encode_ground(image.permute(0, 3, 1, 2), lift)


class TrunkNetwork(nn.Module):
    """Of `encode_ground`, what depends on the image alone, as it lies in memory, (1, H, W, 3)."""

    def __init__(self, encoder: GroundEncoder) -> None:
        super().__init__()
        self.pyramid = encoder.pyramid

    def forward(self, image: Tensor) -> Tensor:
        features: Tensor = self.pyramid(image.permute(0, 3, 1, 2))
        return features


class LiftNetwork(nn.Module):
    """The rest of `encode_ground`, from what `TrunkNetwork` makes of the image."""

    def __init__(self, encoder: GroundEncoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, features: Tensor, lift: Tensor) -> Tensor:
        return self.encoder.lifted(features, lift)


class SatelliteNetwork(nn.Module):
    """`satellite_features` of an image as it lies in memory, (1, S, S, 3)."""

    def __init__(self, model: LocalizationModel) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor) -> Tensor:
        return self.model.satellite_features(image.permute(0, 3, 1, 2))


def networks_of(model: LocalizationModel) -> dict[str, nn.Module]:
    """What is exported: each encoder, and for a network that lifts the two parts of that of the frame by themselves."""
    networks: dict[str, nn.Module] = {GROUND: GroundNetwork(model), SATELLITE: SatelliteNetwork(model)}
    if isinstance(model, MatchFlow):
        networks |= {TRUNK: TrunkNetwork(model.ground), LIFT: LiftNetwork(model.ground)}
    return networks


def example_inputs(model: LocalizationModel) -> dict[str, tuple[Tensor, ...]]:
    """What the networks read, of the right shapes: a soft random image, and a lift grid that reads all over it."""
    config, generator = model.config, torch.Generator().manual_seed(0)

    def image(height: int, width: int) -> Tensor:
        coarse = 255 * torch.rand(1, 3, height // 16, width // 16, generator=generator)
        soft = nn.functional.interpolate(coarse, (height, width), mode="bilinear")
        return soft.to(torch.uint8).permute(0, 2, 3, 1).contiguous()

    ground: tuple[Tensor, ...] = (image(config.ground_height, config.ground_width),)
    if config.lift_shape is not None:
        ground += (2 * torch.rand(1, *config.lift_shape, 2, generator=generator) - 1,)
    inputs = {GROUND: ground, SATELLITE: (image(config.satellite_px, config.satellite_px),)}
    if isinstance(model, MatchFlow):
        with torch.inference_mode():
            inputs |= {TRUNK: ground[:1], LIFT: (TrunkNetwork(model.ground)(ground[0]).clone(), ground[1])}
    return inputs
