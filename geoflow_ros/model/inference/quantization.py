"""Networks whose convolutions compute in 8 bits: what they round, and the ranges of what they read."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from geoflow_ros.errors import InputError
from geoflow_ros.model.interface import InputRange, LocalizationModel

Images = tuple[Tensor, Tensor | None, Tensor]
"""A frame (1, 3, H, W), its lift and a patch (1, 3, S, S), as a network's encoders take them."""
SIGNED, UNSIGNED = (-128, 127), (0, 255)
"""Levels of what is read: OpenVINO computes wrongly, without a word, where the signed ones are symmetric."""
SYMMETRIC = (-127, 127)
SMALLEST_SCALE = 1e-12
KEPT = ("conv_stem", "ground.merge.0", "ground.out", "satellite.out.1", "satellite.project")
"""Ends of the names of what stays in float32: little work at either end of the encoders, where rounding costs most."""


class RoundedInput(nn.Module):
    """Rounds to 256 levels: from 0 to the range's end, or around 0 where there is something below it."""

    scale: Tensor
    zero: Tensor

    def __init__(self, reach: InputRange) -> None:
        super().__init__()
        low, high = reach
        self.levels = UNSIGNED if low >= 0.0 else SIGNED
        scale = max(-low, high) / self.levels[1]
        self.register_buffer("scale", torch.tensor(max(scale, SMALLEST_SCALE)))
        self.register_buffer("zero", torch.tensor(0, dtype=torch.int32))

    def forward(self, x: Tensor) -> Tensor:
        return torch.fake_quantize_per_tensor_affine(x, self.scale, self.zero, *self.levels)


class RoundedWeight(nn.Module):
    """Rounds each filter to 255 levels around 0."""

    scale: Tensor
    zero: Tensor

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        scale = weight.detach().abs().amax((1, 2, 3)) / SYMMETRIC[1]
        self.register_buffer("scale", scale.clamp_min(SMALLEST_SCALE))
        self.register_buffer("zero", torch.zeros(len(weight), dtype=torch.int32))

    def forward(self, weight: Tensor) -> Tensor:
        return torch.fake_quantize_per_channel_affine(weight, self.scale, self.zero, 0, *SYMMETRIC)


def computes_in_int8() -> bool:
    """Whether the processor multiplies 8-bit numbers without overflow (VNNI); others take longer than in float32."""
    has: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(has.get("avx512_vnni") or has.get("avx_vnni"))


def quantizable(model: nn.Module) -> Iterator[tuple[str, nn.Conv2d]]:
    """The convolutions that are rounded, by name: all but those of `KEPT`."""
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d) and not name.endswith(KEPT):
            yield name, module


def quantized(model: LocalizationModel) -> LocalizationModel:
    """A copy of a prepared network whose convolutions round what they read, and their weights, to 8 bits.

    It computes in float32 what a runtime with 8-bit arithmetic computes in that.
    """
    ranges, names = model.input_ranges, [name for name, _ in quantizable(model)]
    if not ranges:
        raise InputError(
            "runtime openvino-int8 needs the input ranges of the network's convolutions, which the checkpoint lacks: "
            "run `python -m geoflow_ros.checkpoint quantize` on it, or choose openvino"
        )
    if wrong := sorted(set(names) ^ set(ranges)):
        raise InputError(f"the checkpoint's input ranges do not fit its network ({wrong[0]}): quantize it again")
    model = copy.deepcopy(model)
    for name in names:
        parent, _, child = name.rpartition(".")
        owner = model.get_submodule(parent)
        setattr(owner, child, _rounded(getattr(owner, child), ranges[name]))
    return model.requires_grad_(False)


@torch.no_grad()
def _rounded(convolution: nn.Conv2d, reach: InputRange) -> nn.Module:
    rounding = RoundedWeight(convolution.weight)
    # Once here: of a weight in the middle between two levels, each runtime might choose another.
    convolution.weight.copy_(rounding(convolution.weight))
    parametrize.register_parametrization(convolution, "weight", rounding, unsafe=True)
    return nn.Sequential(RoundedInput(reach), convolution)


@torch.inference_mode()
def observed_ranges(model: LocalizationModel, frames: Iterable[Images]) -> dict[str, InputRange]:
    """The least and the most, and zero, of what the quantizable convolutions of a prepared network read, by name."""
    seen: dict[str, InputRange] = {}

    def watch(name: str, inputs: tuple[Tensor, ...]) -> None:
        low, high = seen.get(name, (0.0, 0.0))
        seen[name] = min(low, float(inputs[0].min())), max(high, float(inputs[0].max()))

    hooks = [
        convolution.register_forward_pre_hook(lambda _, inputs, name=name: watch(name, inputs))
        for name, convolution in quantizable(model)
    ]
    try:
        for ground, lift, satellite in frames:
            model.encode_ground(ground, lift)
            model.satellite_features(satellite)
    finally:
        for hook in hooks:
            hook.remove()
    return seen
