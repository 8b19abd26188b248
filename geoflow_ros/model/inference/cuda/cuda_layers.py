"""Layers of the frame's encoder as one kernel each on a GPU, where torch launches a kernel for every operation.

Images are (B, H, W, C), contiguous; sums are in float32, whatever the images are in. Importing it needs Triton, which
comes with torch where torch was built for CUDA.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import triton
import triton.language as tl
from torch import Tensor, nn

LINEAR, RELU, RELU6 = 0, 1, 2
NOTHING, SAME, HALVED = 0, 1, 2
"""What is added to the outputs: nothing, an image of their size, or one of half their size, each pixel four times."""
PRECISION = "ieee"  # of products of float32; float16 has its own


@dataclass(frozen=True, slots=True, eq=False)
class Layer:
    """Weights of a convolution (taps, inputs, outputs), of a depthwise one (taps, 1, outputs), and its bias (outputs,).

    side: of the filter (px). stride; before: pixels of padding at the top and at the left. activation: see above.
    """

    weight: Tensor
    bias: Tensor
    side: int
    stride: int
    before: int
    activation: int

    @classmethod
    def of(cls, convolution: nn.Module, activation: int = LINEAR, precision: torch.dtype = torch.float16) -> Layer:
        """The layer that does what the convolution does, and then the activation."""
        assert isinstance(convolution, nn.Conv2d) and convolution.bias is not None
        side, stride = int(convolution.kernel_size[0]), int(convolution.stride[0])
        # Of (outputs, inputs, rows, columns). Padding like TensorFlow's, as `SamePadConv2d` does, begins with less.
        weight = convolution.weight.detach().permute(2, 3, 1, 0).flatten(0, 1)
        before = (side - stride) // 2
        bias = convolution.bias.detach().float().contiguous()
        return cls(weight.to(precision).contiguous(), bias, side, stride, before, activation)


def pointwise(
    image: Tensor,
    layer: Layer,
    add: Tensor | None = None,
    way: int = NOTHING,
    weights: Tensor | None = None,
    precision: torch.dtype | None = None,
) -> Tensor:
    """A convolution of 1 x 1 px. add: image that is added as `way` says. weights: (B, H, W) that outputs are times.

    precision: of the outputs, by default that of the image.
    """
    batch, height, width, inputs = image.shape
    outputs, count = layer.weight.shape[-1], batch * height * width
    out = torch.empty(batch, height, width, outputs, device=image.device, dtype=precision or image.dtype)
    rows, columns = (64 if count >= 4096 else 16), min(64, triton.next_power_of_2(max(16, outputs)))
    grid = triton.cdiv(count, rows), triton.cdiv(outputs, columns)
    _pointwise[grid](
        image, layer.weight, layer.bias, image if add is None else add, layer.bias if weights is None else weights, out,
        count, width, inputs, outputs, ACTIVATION=layer.activation, WAY=way, WEIGHTED=weights is not None,
        ROWS=rows, COLUMNS=columns, INPUTS=min(64, triton.next_power_of_2(max(16, inputs))), PRECISION=PRECISION,
    )  # fmt: skip
    return out


def dense(image: Tensor, layer: Layer, add: Tensor | None = None) -> Tensor:
    """A convolution of stride 1 that keeps the size, of at most 64 inputs. add: image that is added before it acts."""
    batch, height, width, inputs = image.shape
    outputs, count, rows = layer.weight.shape[-1], batch * height * width, 32
    out = image.new_empty(batch, height, width, outputs)
    _dense[(triton.cdiv(count, rows),)](
        image, layer.weight, layer.bias, image if add is None else add, out, count, height, width, inputs,
        SIDE=layer.side, ACTIVATION=layer.activation, WAY=NOTHING if add is None else SAME, ROWS=rows,
        OUTPUTS=outputs, INPUTS=triton.next_power_of_2(inputs), PRECISION=PRECISION,
    )  # fmt: skip
    return out


def depthwise(image: Tensor, layer: Layer) -> Tensor:
    """A convolution of each channel alone."""
    batch, height, width, channels = image.shape
    tall, wide = -(-height // layer.stride), -(-width // layer.stride)
    count, pixels, together = batch * tall * wide, 16, 32
    out = image.new_empty(batch, tall, wide, channels)
    _depthwise[triton.cdiv(count, pixels), triton.cdiv(channels, together)](
        image, layer.weight, layer.bias, out, count, height, width, tall, wide, channels, layer.before,
        SIDE=layer.side, STRIDE=layer.stride, ACTIVATION=layer.activation, PIXELS=pixels, TOGETHER=together,
    )  # fmt: skip
    return out


def stem(image: Tensor, layer: Layer, mean: float, std: float, precision: torch.dtype) -> Tensor:
    """The first convolution, of an image (B, H, W, 3) of uint8; mean, std: of grey levels, taken out before."""
    batch, height, width, _ = image.shape
    tall, wide, outputs, pixels = -(-height // layer.stride), -(-width // layer.stride), layer.weight.shape[-1], 32
    out = torch.empty(batch, tall, wide, outputs, device=image.device, dtype=precision)
    count = batch * tall * wide
    _stem[(triton.cdiv(count, pixels),)](
        image, layer.weight, layer.bias, out, count, height, width, tall, wide, layer.before, mean, std,
        SIDE=layer.side, STRIDE=layer.stride, ACTIVATION=layer.activation, PIXELS=pixels, OUTPUTS=outputs,
    )  # fmt: skip
    return out


def lifted(image: Tensor, lift: Tensor, layer: Layer, place: Tensor) -> tuple[Tensor, Tensor]:
    """Ground-plane cells that read an image at several heights: (B, A, F, outputs), and (B, A, F) 1 where they see it.

    lift: (B, K, A, F, 2) in grid_sample's coordinates. layer: of K taps, each of the inputs that a height has. place:
    (A, F, outputs) what is added for where a cell lies, the bias in it.
    """
    batch, height, width, inputs = image.shape
    _, heights, across, forward, _ = lift.shape
    outputs, cells, rows = layer.weight.shape[-1], across * forward, 16
    out = image.new_empty(batch, across, forward, outputs)
    seen = torch.empty(batch, across, forward, device=image.device)
    _lifted[(triton.cdiv(batch * cells, rows),)](
        image, lift, layer.weight, place, out, seen, batch * cells, cells, height, width,
        HEIGHTS=heights, ACTIVATION=layer.activation, ROWS=rows, INPUTS=inputs, OUTPUTS=outputs, PRECISION=PRECISION,
    )  # fmt: skip
    return out, seen


@triton.jit
def _activated(x: tl.tensor, ACTIVATION: tl.constexpr) -> tl.tensor:  # noqa: N803
    if ACTIVATION != 0:
        x = tl.maximum(x, 0.0)
    if ACTIVATION == 2:
        x = tl.minimum(x, 6.0)
    return x


@triton.jit
def _pointwise(
    image, weight, bias, add, weights, out, count, width, inputs, outputs,
    ACTIVATION: tl.constexpr, WAY: tl.constexpr, WEIGHTED: tl.constexpr,  # noqa: N803
    ROWS: tl.constexpr, COLUMNS: tl.constexpr, INPUTS: tl.constexpr, PRECISION: tl.constexpr,  # noqa: N803
) -> None:  # fmt: skip
    """ROWS pixels and COLUMNS outputs."""
    row, column = tl.program_id(0) * ROWS + tl.arange(0, ROWS), tl.program_id(1) * COLUMNS + tl.arange(0, COLUMNS)
    is_row, is_column = (row < count)[:, None], (column < outputs)[None, :]
    total = tl.zeros((ROWS, COLUMNS), tl.float32) + tl.load(bias + column, mask=column < outputs, other=0.0)[None, :]
    for first in range(0, inputs, INPUTS):
        channel = first + tl.arange(0, INPUTS)
        is_channel = channel < inputs
        seen = tl.load(image + row[:, None] * inputs + channel[None, :], mask=is_row & is_channel[None, :], other=0.0)
        of_channel = weight + channel[:, None] * outputs + column[None, :]
        factors = tl.load(of_channel, mask=is_channel[:, None] & is_column, other=0.0)
        total = tl.dot(seen, factors, acc=total, input_precision=PRECISION)
    if WAY == 1:
        total += tl.load(add + row[:, None] * outputs + column[None, :], mask=is_row & is_column, other=0.0)
    if WAY == 2:
        # Heights are even: a row of pixels is in the same image as half of its number among the coarse ones.
        coarse = row // width // 2 * (width // 2) + row % width // 2
        total += tl.load(add + coarse[:, None] * outputs + column[None, :], mask=is_row & is_column, other=0.0)
    total = _activated(total, ACTIVATION)
    if WEIGHTED:
        total *= tl.load(weights + row, mask=row < count, other=0.0)[:, None]
    target = out + row[:, None] * outputs + column[None, :]
    tl.store(target, total.to(out.dtype.element_ty), mask=is_row & is_column)


@triton.jit
def _dense(
    image, weight, bias, add, out, count, height, width, inputs,
    SIDE: tl.constexpr, ACTIVATION: tl.constexpr, WAY: tl.constexpr,  # noqa: N803
    ROWS: tl.constexpr, OUTPUTS: tl.constexpr, INPUTS: tl.constexpr, PRECISION: tl.constexpr,  # noqa: N803
) -> None:  # fmt: skip
    """ROWS pixels, all outputs."""
    row, column, channel = tl.program_id(0) * ROWS + tl.arange(0, ROWS), tl.arange(0, OUTPUTS), tl.arange(0, INPUTS)
    x, y = row % width, row // width % height
    total = tl.zeros((ROWS, OUTPUTS), tl.float32) + tl.load(bias + column)[None, :]
    is_channel = channel < inputs
    for tap in tl.static_range(SIDE * SIDE):
        down, right = tap // SIDE - SIDE // 2, tap % SIDE - SIDE // 2
        inside = (row < count) & (y + down >= 0) & (y + down < height) & (x + right >= 0) & (x + right < width)
        there = image + (row + down * width + right)[:, None] * inputs + channel[None, :]
        seen = tl.load(there, mask=inside[:, None] & is_channel[None, :], other=0.0)
        of_tap = weight + (tap * inputs + channel)[:, None] * OUTPUTS + column[None, :]
        factors = tl.load(of_tap, mask=is_channel[:, None], other=0.0)
        total = tl.dot(seen, factors, acc=total, input_precision=PRECISION)
    target, is_row = row[:, None] * OUTPUTS + column[None, :], (row < count)[:, None]
    if WAY == 1:
        total += tl.load(add + target, mask=is_row, other=0.0)
    tl.store(out + target, _activated(total, ACTIVATION).to(out.dtype.element_ty), mask=is_row)


@triton.jit
def _depthwise(
    image, weight, bias, out, count, height, width, tall, wide, channels, before,
    SIDE: tl.constexpr, STRIDE: tl.constexpr, ACTIVATION: tl.constexpr,  # noqa: N803
    PIXELS: tl.constexpr, TOGETHER: tl.constexpr,  # noqa: N803
) -> None:  # fmt: skip
    """PIXELS pixels of TOGETHER channels."""
    row, channel = (
        tl.program_id(0) * PIXELS + tl.arange(0, PIXELS),
        tl.program_id(1) * TOGETHER + tl.arange(0, TOGETHER),
    )
    x, y, frame = row % wide * STRIDE - before, row // wide % tall * STRIDE - before, row // wide // tall
    is_channel = channel < channels
    total = tl.zeros((PIXELS, TOGETHER), tl.float32) + tl.load(bias + channel, mask=is_channel, other=0.0)[None, :]
    for tap in tl.static_range(SIDE * SIDE):
        v, u = y + tap // SIDE, x + tap % SIDE
        inside = (row < count) & (v >= 0) & (v < height) & (u >= 0) & (u < width)
        there = image + ((frame * height + v) * width + u)[:, None] * channels + channel[None, :]
        seen = tl.load(there, mask=inside[:, None] & is_channel[None, :], other=0.0).to(tl.float32)
        total += seen * tl.load(weight + tap * channels + channel, mask=is_channel, other=0.0).to(tl.float32)[None, :]
    target, is_there = row[:, None] * channels + channel[None, :], (row < count)[:, None] & is_channel[None, :]
    tl.store(out + target, _activated(total, ACTIVATION).to(out.dtype.element_ty), mask=is_there)


@triton.jit
def _stem(
    image, weight, bias, out, count, height, width, tall, wide, before, mean, std,
    SIDE: tl.constexpr, STRIDE: tl.constexpr, ACTIVATION: tl.constexpr,  # noqa: N803
    PIXELS: tl.constexpr, OUTPUTS: tl.constexpr,  # noqa: N803
) -> None:  # fmt: skip
    """PIXELS pixels, all outputs; what lies outside the image is as its mean."""
    row, column = tl.program_id(0) * PIXELS + tl.arange(0, PIXELS), tl.arange(0, OUTPUTS)
    x, y, frame = row % wide * STRIDE - before, row // wide % tall * STRIDE - before, row // wide // tall
    total = tl.zeros((PIXELS, OUTPUTS), tl.float32) + tl.load(bias + column)[None, :]
    for tap in tl.static_range(SIDE * SIDE):
        v, u = y + tap // SIDE, x + tap % SIDE
        inside = (row < count) & (v >= 0) & (v < height) & (u >= 0) & (u < width)
        for colour in tl.static_range(3):
            grey = tl.load(image + ((frame * height + v) * width + u) * 3 + colour, mask=inside, other=0)
            level = tl.where(inside, (grey.to(tl.float32) - mean) / std, 0.0)
            total += level[:, None] * tl.load(weight + (tap * 3 + colour) * OUTPUTS + column).to(tl.float32)[None, :]
    target, is_row = row[:, None] * OUTPUTS + column[None, :], (row < count)[:, None]
    tl.store(out + target, _activated(total, ACTIVATION).to(out.dtype.element_ty), mask=is_row)


@triton.jit
def _lifted(
    image, lift, weight, place, out, seen, count, cells, height, width,
    HEIGHTS: tl.constexpr, ACTIVATION: tl.constexpr, ROWS: tl.constexpr,  # noqa: N803
    INPUTS: tl.constexpr, OUTPUTS: tl.constexpr, PRECISION: tl.constexpr,  # noqa: N803
) -> None:  # fmt: skip
    """ROWS cells, all outputs."""
    row, column, channel = tl.program_id(0) * ROWS + tl.arange(0, ROWS), tl.arange(0, OUTPUTS), tl.arange(0, INPUTS)
    frame, cell, is_row = row // cells, row % cells, row < count
    total = tl.load(place + cell[:, None] * OUTPUTS + column[None, :], mask=is_row[:, None], other=0.0)
    sees = tl.zeros((ROWS,), tl.float32)
    for level in tl.static_range(HEIGHTS):
        at = lift + ((frame * HEIGHTS + level) * cells + cell) * 2
        right, down = tl.load(at, mask=is_row, other=-2.0), tl.load(at + 1, mask=is_row, other=-2.0)
        sees = tl.maximum(sees, (tl.abs(right) <= 1.0).to(tl.float32))
        x, y = ((right + 1.0) * width - 1.0) / 2.0, ((down + 1.0) * height - 1.0) / 2.0
        left, top = tl.floor(x), tl.floor(y)
        read = tl.zeros((ROWS, INPUTS), tl.float32)
        for corner in tl.static_range(4):
            u, v = left + corner % 2, top + corner // 2
            share = (1.0 - tl.abs(x - u)) * (1.0 - tl.abs(y - v))
            inside = is_row & (u >= 0.0) & (u < width) & (v >= 0.0) & (v < height)
            pixel = (frame * height + v.to(tl.int32)) * width + u.to(tl.int32)
            there = tl.load(image + pixel[:, None] * INPUTS + channel[None, :], mask=inside[:, None], other=0.0)
            read += share[:, None] * there.to(tl.float32)
        factors = tl.load(weight + (level * INPUTS + channel)[:, None] * OUTPUTS + column[None, :])
        total = tl.dot(read.to(image.dtype.element_ty), factors, acc=total, input_precision=PRECISION)
    target = out + row[:, None] * OUTPUTS + column[None, :]
    tl.store(target, _activated(total, ACTIVATION).to(out.dtype.element_ty), mask=is_row[:, None])
    tl.store(seen + row, sees, mask=is_row)
