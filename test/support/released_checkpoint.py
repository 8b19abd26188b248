"""A checkpoint under the authors' names: names and shapes are listed here on their own, from the published layout."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor

State = dict[str, Tensor]
Shapes = dict[str, tuple[int, ...]]
# EfficientNet-B0: (expansion, kernel, input channels, output channels) of the blocks of each stage
B0_STAGES = [
    [(1, 3, 32, 16)],
    [(6, 3, 16, 24), (6, 3, 24, 24)],
    [(6, 5, 24, 40), (6, 5, 40, 40)],
    [(6, 3, 40, 80), (6, 3, 80, 80), (6, 3, 80, 80)],
    [(6, 5, 80, 112), (6, 5, 112, 112), (6, 5, 112, 112)],
    [(6, 5, 112, 192), (6, 5, 192, 192), (6, 5, 192, 192), (6, 5, 192, 192)],
    [(6, 3, 192, 320)],
]


def norm_shapes(name: str, channels: int) -> Shapes:
    """A batch-norm's entries."""
    shapes: Shapes = {f"{name}.{key}": (channels,) for key in ("weight", "bias", "running_mean", "running_var")}
    return {**shapes, f"{name}.num_batches_tracked": ()}


def b0_shapes() -> Shapes:
    """timm's efficientnet_b0 as a feature extractor."""
    shapes: Shapes = {"conv_stem.weight": (32, 3, 3, 3), **norm_shapes("bn1", 32)}
    for s, stage in enumerate(B0_STAGES):
        for b, (expansion, kernel, inputs, outputs) in enumerate(stage):
            name, inner, reduced = f"blocks.{s}.{b}", expansion * inputs, inputs // 4
            first, last = ("conv_dw", "conv_pw") if s == 0 else ("conv_pw", "conv_pwl")
            shapes[f"{name}.conv_dw.weight"] = (inner, 1, kernel, kernel)
            if s > 0:
                shapes[f"{name}.{first}.weight"] = (inner, inputs, 1, 1)
            shapes[f"{name}.{last}.weight"] = (outputs, inner, 1, 1)
            for n, channels in enumerate([inner, outputs] if s == 0 else [inner, inner, outputs]):
                shapes |= norm_shapes(f"{name}.bn{n + 1}", channels)
            for layer, (to, of) in {"conv_reduce": (reduced, inner), "conv_expand": (inner, reduced)}.items():
                shapes |= {f"{name}.se.{layer}.weight": (to, of, 1, 1), f"{name}.se.{layer}.bias": (to,)}
    return shapes


def layers(name: str, sizes: dict[int, tuple[int, ...]]) -> Shapes:
    """Entries of a sequence: a (out, in) layer, a 1 x 1 convolution or a (channels,) LayerNorm at each index."""
    weights: Shapes = {f"{name}.{index}.weight": size for index, size in sizes.items()}
    return weights | {f"{name}.{index}.bias": size[:1] for index, size in sizes.items()}


def released_shapes(oriented: bool) -> Shapes:
    """All entries of a released state dict."""
    shapes: Shapes = {}
    for trunk in ("sat_extractor", "grd_extractor"):
        shapes |= {f"{trunk}.{name}": shape for name, shape in b0_shapes().items()}
    for projection in ("sat_proj", "grd_proj"):
        shapes |= {f"{projection}.weight": (128, 320, 1, 1), f"{projection}.bias": (128,)}
    shapes |= layers("coord_proj", {0: (8, 2), 1: (8,), 3: (16, 8), 4: (16,)})
    shapes |= {"cross_attention.in_proj_weight": (384, 128), "cross_attention.in_proj_bias": (384,)}
    shapes |= {"cross_attention.out_proj.weight": (128, 128), "cross_attention.out_proj.bias": (128,)}
    shapes |= layers("decoder_r", {0: (128, 144), 1: (128,), 3: (2, 128)})
    shapes |= layers("decoder_theta", {0: (128, 144), 1: (128,), 3: (3, 128)})
    if oriented:
        shapes |= layers("decoder_orientation", {0: (64, 144), 1: (64,), 4: (2, 64)})
    return shapes


def released_state(oriented: bool = False) -> State:
    """A released state dict with made-up weights of a trained network's magnitude."""
    generator = torch.Generator().manual_seed(5)
    state: State = {}
    for name, shape in released_shapes(oriented).items():
        noise = torch.randn(shape, generator=generator)
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(1000)
        elif name.endswith("running_var"):
            state[name] = 1.0 + 0.2 * noise.abs()
        elif len(shape) >= 2:
            state[name] = noise * (2.0 / math.prod(shape[1:])) ** 0.5
        elif name.endswith(".weight"):
            state[name] = 1.0 + 0.2 * noise
        else:
            state[name] = 0.2 * noise
    return state


def write(path: Path, state: State, **others: object) -> Path:
    """A file as the released training writes it."""
    torch.save({"model": state, "optimizer": {"state": {}}, "epoch": 3, "best_metric": 1.5, **others}, path)
    return path
