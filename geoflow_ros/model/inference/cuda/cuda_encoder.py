"""The frame's encoder on a GPU, a kernel for each of its layers: some forty, where torch launches a hundred and thirty.

Importing it needs Triton, as `cuda_layers`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn

from geoflow_ros.model.encoder import InvertedResidual, SeparableBlock
from geoflow_ros.model.inference.cuda.cuda_layers import (
    HALVED,
    NOTHING,
    RELU,
    RELU6,
    SAME,
    Layer,
    dense,
    depthwise,
    lifted,
    pointwise,
    stem,
)
from geoflow_ros.model.matchflow import NECK_CHANNELS, GroundEncoder

LayerOf = Callable[..., Layer]
"""Makes the layer of a convolution and, if it is not linear, of its activation."""


class TritonEncoder:
    """As `GroundEncoder`, whose batch-norms are folded into its convolutions."""

    def __init__(self, encoder: GroundEncoder, precision: torch.dtype = torch.float16) -> None:
        layer, trunk, self._precision = partial(Layer.of, precision=precision), encoder.pyramid.trunk, precision
        self._stem, self._levels = layer(trunk.conv_stem, RELU6), trunk.feature_stages[1:]
        self._mean, self._std = (float(each.flatten()[0]) for each in (trunk.mean, trunk.std))
        self._blocks = [[Block(block, layer) for block in stage.children()] for stage in trunk.blocks]
        self._lateral = [layer(each) for each in encoder.pyramid.lateral]
        (neck,), (merge,) = convolutions(encoder.pyramid.out), convolutions(encoder.merge)
        self._neck, self._body = layer(neck, RELU), [layer(each, RELU) for each in convolutions(encoder.body)]
        self._merge, self._place = of_heights(layer(merge, RELU), encoder.coordinates)
        self._out = layer(encoder.out)

    def __call__(self, image: Tensor, lift: Tensor) -> Tensor:
        """Ground-plane features (B, C, A, F) in float32 of images (B, 3, H, W) of uint8, channels last in memory."""
        cells, seen = lifted(self.pyramid(image.permute(0, 2, 3, 1)), lift, self._merge, self._place)
        inner = dense(cells, self._body[0])
        cells = dense(inner, self._body[1], cells)
        return pointwise(cells, self._out, weights=seen, precision=torch.float32).permute(0, 3, 1, 2)

    def pyramid(self, image: Tensor) -> Tensor:
        """Features (B, H / 4, W / 4, NECK_CHANNELS) of images (B, H, W, 3)."""
        levels: list[Tensor] = []
        x = stem(image.contiguous(), self._stem, self._mean, self._std, self._precision)
        for number, stage in enumerate(self._blocks):
            for block in stage:
                x = block(x)
            if number in self._levels:
                levels.append(x)
        merged: Tensor | None = None
        for layer, level in zip(reversed(self._lateral), reversed(levels), strict=True):
            merged = pointwise(level, layer, merged, NOTHING if merged is None else HALVED)
        assert merged is not None
        return dense(merged, self._neck)


class Block:
    """As `SeparableBlock`, which does not expand, and `InvertedResidual`."""

    def __init__(self, block: nn.Module, layer: LayerOf) -> None:
        assert isinstance(block, SeparableBlock | InvertedResidual)
        expands = isinstance(block, InvertedResidual)
        self._expand = layer(block.conv_pw, RELU6) if expands else None
        self._filter = layer(block.conv_dw, RELU6)
        self._project = layer(block.conv_pwl if expands else block.conv_pw)
        self._skips = expands and block.skip

    def __call__(self, image: Tensor) -> Tensor:
        inner = image if self._expand is None else pointwise(image, self._expand)
        inner = depthwise(inner, self._filter)
        return pointwise(inner, self._project, *((image, SAME) if self._skips else ()))


def convolutions(module: nn.Module) -> list[nn.Conv2d]:
    """All in a module, in their order."""
    return [each for each in module.modules() if isinstance(each, nn.Conv2d)]


def of_heights(merge: Layer, coordinates: Tensor) -> tuple[Layer, Tensor]:
    """What `lifted` needs of the layer that merges heights, whose inputs are (NECK_CHANNELS, K) and the coordinates."""
    (weight,) = merge.weight.float()
    of_image, of_place = weight[:-2], weight[-2:]
    by_height = of_image.view(NECK_CHANNELS, -1, weight.shape[-1]).transpose(0, 1)
    place = torch.einsum("paf,po->afo", coordinates, of_place) + merge.bias
    return replace(merge, weight=by_height.to(merge.weight.dtype).contiguous()), place.contiguous()
