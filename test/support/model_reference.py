"""The networks once more, written as plain functions of a state dict, for tests to compare with."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

# (kernel, stride) of the 16 blocks, and the blocks after which the stride doubles
BLOCKS = [(3, 1), (3, 2), (3, 1), (5, 2), (5, 1), (3, 2), (3, 1), (3, 1)]
BLOCKS += [(5, 1), (5, 1), (5, 1), (5, 2), (5, 1), (5, 1), (5, 1), (3, 1)]
FEATURES_AFTER = (0, 2, 4, 10, 15)


def tensorflow_convolution(x: Tensor, weight: Tensor, stride: int = 1, groups: int = 1) -> Tensor:
    """Convolution with TensorFlow's "same" padding, which depends on the size."""
    padding: list[int] = []
    for size, kernel in ((x.shape[3], weight.shape[3]), (x.shape[2], weight.shape[2])):
        total = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        padding += [total // 2, total - total // 2]
    return F.conv2d(F.pad(x, padding), weight, stride=stride, groups=groups)


def lite0_reference(state: dict[str, Tensor], x: Tensor) -> list[Tensor]:
    """Lite0 read from the package's own entries."""

    def norm(name: str, x: Tensor) -> Tensor:
        entries = (state[f"{name}.{key}"] for key in ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(x, *entries, eps=1e-3)

    x = F.relu6(norm("_bn0", tensorflow_convolution(x, state["_conv_stem.weight"], 2)))
    features = []
    for index, (_, stride) in enumerate(BLOCKS):
        name, inner = f"_blocks.{index}", x
        if index > 0:
            inner = F.relu6(norm(f"{name}._bn0", F.conv2d(inner, state[f"{name}._expand_conv.weight"])))
        inner = tensorflow_convolution(inner, state[f"{name}._depthwise_conv.weight"], stride, inner.shape[1])
        inner = F.relu6(norm(f"{name}._bn1", inner))
        out = norm(f"{name}._bn2", F.conv2d(inner, state[f"{name}._project_conv.weight"]))
        x = x + out if out.shape == x.shape else out
        if index in FEATURES_AFTER:
            features.append(x)
    return features


def b0_reference(state: dict[str, Tensor], x: Tensor) -> Tensor:
    """B0's last feature map, read from entries under timm's names."""

    def norm(name: str, x: Tensor) -> Tensor:
        entries = (state[f"{name}.{key}"] for key in ("running_mean", "running_var", "weight", "bias"))
        return F.batch_norm(x, *entries, eps=1e-5)

    def excite(name: str, x: Tensor) -> Tensor:
        squeezed = F.adaptive_avg_pool2d(x, 1)
        for layer, function in (("conv_reduce", F.silu), ("conv_expand", torch.sigmoid)):
            squeezed = function(F.conv2d(squeezed, state[f"{name}.{layer}.weight"], state[f"{name}.{layer}.bias"]))
        return x * squeezed

    x = F.silu(norm("bn1", F.conv2d(x, state["conv_stem.weight"], stride=2, padding=1)))
    names = [f"blocks.{s}.{i}" for s, repeats in enumerate((1, 2, 2, 3, 3, 4, 1)) for i in range(repeats)]
    for name, (kernel, stride) in zip(names, BLOCKS, strict=True):
        inner, last = x, name == "blocks.0.0"
        if not last:
            inner = F.silu(norm(f"{name}.bn1", F.conv2d(inner, state[f"{name}.conv_pw.weight"])))
        depthwise = state[f"{name}.conv_dw.weight"]
        assert depthwise.shape[2:] == (kernel, kernel)
        inner = F.conv2d(inner, depthwise, stride=stride, padding=kernel // 2, groups=inner.shape[1])
        inner = excite(f"{name}.se", F.silu(norm(f"{name}.{'bn1' if last else 'bn2'}", inner)))
        out = F.conv2d(inner, state[f"{name}.{'conv_pw' if last else 'conv_pwl'}.weight"])
        out = norm(f"{name}.{'bn2' if last else 'bn3'}", out)
        x = x + out if out.shape == x.shape else out
    return x
