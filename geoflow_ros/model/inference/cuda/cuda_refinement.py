"""The refinement of the `default` network as one kernel on a GPU, where torch launches some two hundred.

Importing it needs Triton, which comes with torch where torch was built for CUDA.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
import torch.nn.functional as F  # noqa: N812 - the name every PyTorch reader knows
import triton
import triton.language as tl
from torch import Tensor, nn

from geoflow_ros.model.interface import FOUND
from geoflow_ros.model.matchflow import HIDDEN, YAW_VARIANCE_SCALE, FlowHead
from geoflow_ros.model.volume import HERE, PYRAMID_LEVELS, READS, TABLE_SCALE

BLOCK = 16  # hypotheses at once, as few as matrices are multiplied for
LANES = 32  # for the 27 reads of a level
NARROW = 16  # the coordinates' layer, and the 7 outputs padded
WARPS = 8  # with fewer, the products' operands do not fit the registers
SIZES = {
    "HIDDEN": HIDDEN,
    "NARROW": NARROW,
    "LEVELS": PYRAMID_LEVELS,
    "READS": READS,
    "LANES": LANES,
    "HERE": HERE,
    "TABLE_SCALE": TABLE_SCALE,
    "YAW_VARIANCE_SCALE": YAW_VARIANCE_SCALE,
    "FOUND": FOUND,
    "BLOCK": BLOCK,
}


class TritonRefinement:
    """As `cuda_frame.StepByStep`."""

    def __init__(self, head: FlowHead) -> None:
        self._weights = weights_of(head)
        self._fractions: dict[tuple[float, ...], Tensor] = {}

    def __call__(self, table: Tensor, hypotheses: Tensor, fractions: Sequence[float]) -> Tensor:
        batch, count, _ = hypotheses.shape
        key = tuple(fractions)
        if key not in self._fractions:  # made in the warm-up: what is recorded into a graph must not copy from the host
            self._fractions[key] = torch.tensor([*key, 0.0], device=table.device)
        out = torch.empty(batch, count, FOUND, device=table.device)
        grid = (batch, triton.cdiv(count, BLOCK))
        arguments = (hypotheses.contiguous(), table, self._fractions[key], out, *self._weights)
        # One stage: prefetched weights would take more shared memory than there is.
        options = {"num_warps": WARPS, "num_stages": 1}
        _refine[grid](*arguments, count, table.shape[1], EVALUATIONS=len(key) + 1, **SIZES, **options)
        return out


def weights_of(head: FlowHead) -> tuple[Tensor, ...]:
    """The head's own, as the kernel reads them: layers as (inputs, outputs), filled up with zeros.

    geometry: (levels, 3, 3) factor, summand and largest place for each axis; cells: (levels, 4) the first cell of a
    level and the strides along u, v, heading.
    """
    index, read = head.index, head.read
    places = (read.scale, read.shift, read.highest)
    scale, shift, highest = (each[..., 0].T.expand(PYRAMID_LEVELS, 3) for each in places)
    geometry = torch.stack([index.scale * scale, index.origin * scale + shift, highest], dim=-1)
    cells = torch.cat([read.window[:, :1, 0], read.strides[..., 0].T], dim=1)
    place, place_norm, _ = cast("tuple[nn.Linear, ...]", tuple(head.coordinates))
    first, first_norm, _, second, _ = cast("tuple[nn.Linear, ...]", tuple(head.hidden))
    reads = READS**3
    of_reads = first.weight[:, : PYRAMID_LEVELS * reads].T.reshape(PYRAMID_LEVELS, reads, HIDDEN)
    of_reads = F.pad(of_reads, (0, 0, 0, LANES - reads))
    of_place = first.weight[:, PYRAMID_LEVELS * reads :].T
    spare = NARROW - head.out.out_features
    parts = (
        geometry,
        cells.int(),
        torch.cat([place.weight.T, torch.stack([place.bias, place_norm.weight, place_norm.bias])]),
        of_reads,
        of_place,
        torch.stack([first.bias, first_norm.weight, first_norm.bias, second.bias]),
        second.weight.T,
        F.pad(head.out.weight.T, (0, spare)),
        F.pad(head.out.bias, (0, spare)),
    )
    return tuple(each.detach().contiguous() for each in parts)


@triton.jit
def _normalised(rows: tl.tensor, gain: tl.tensor, bias: tl.tensor, SIZE: tl.constexpr) -> tl.tensor:  # noqa: N803
    """LayerNorm along the second axis, then ReLU."""
    offset = rows - tl.sum(rows, 1)[:, None] / SIZE
    variance = tl.sum(offset * offset, 1)[:, None] / SIZE
    return tl.maximum(offset * tl.rsqrt(variance + 1e-5) * gain[None, :] + bias[None, :], 0.0)


@triton.jit
def _place(pose: tl.tensor, geometry: tl.tensor) -> tl.tensor:
    """Where along an axis of a level a pose reads; at its edge also where the pose is not a number."""
    place = pose * tl.load(geometry) + tl.load(geometry + 1)
    return tl.minimum(tl.where(place > 0.0, place, 0.0), tl.load(geometry + 2))


@triton.jit
def _column(rows: tl.tensor, number: tl.constexpr, WIDTH: tl.constexpr) -> tl.tensor:  # noqa: N803
    return tl.sum(tl.where(tl.arange(0, WIDTH)[None, :] == number, rows, 0.0), 1)


@triton.jit
def _softplus(x: tl.tensor) -> tl.tensor:
    return tl.where(x > 20.0, x, tl.log(1.0 + tl.exp(tl.minimum(x, 20.0)))) + 1e-6


@triton.jit
def _reads(
    x: tl.tensor,
    y: tl.tensor,
    yaw: tl.tensor,
    table: tl.tensor,
    geometry: tl.tensor,
    cells: tl.tensor,
    READS: tl.constexpr,  # noqa: N803
    LANES: tl.constexpr,  # noqa: N803
    BLOCK: tl.constexpr,  # noqa: N803
) -> tl.tensor:
    """What `NeighbourhoodReader` reads of one level around the poses (n,): (n, LANES), zeros past READS^3."""
    along_u, along_v, along_yaw = _place(x, geometry), _place(y, geometry + 3), _place(yaw, geometry + 6)
    u, v, h = along_u.to(tl.int32), along_v.to(tl.int32), along_yaw.to(tl.int32)
    of_u, of_v, of_h = along_u - u, along_v - v, along_yaw - h
    stride_u, stride_v, stride_h = tl.load(cells + 1), tl.load(cells + 2), tl.load(cells + 3)
    lane = tl.arange(0, LANES)
    window = lane // (READS * READS) * stride_u + lane // READS % READS * stride_v + lane % READS * stride_h
    corner = tl.load(cells) + u * stride_u + v * stride_v + h * stride_h
    cell = table + corner[:, None] + window[None, :]
    is_read = (lane < READS * READS * READS)[None, :]
    reads = tl.zeros((BLOCK, LANES), tl.float32)
    for i in tl.static_range(2):
        for j in tl.static_range(2):
            for k in tl.static_range(2):
                share = (of_u if i == 1 else 1.0 - of_u) * (of_v if j == 1 else 1.0 - of_v)
                share = share * (of_h if k == 1 else 1.0 - of_h)
                value = tl.load(cell + i * stride_u + j * stride_v + k * stride_h, mask=is_read, other=0.0)
                reads += share[:, None] * value
    return reads


@triton.jit
def _refine(
    start: tl.tensor,
    table: tl.tensor,
    fractions: tl.tensor,
    out: tl.tensor,
    geometry: tl.tensor,
    cells: tl.tensor,
    place: tl.tensor,
    of_reads: tl.tensor,
    of_place: tl.tensor,
    norms: tl.tensor,
    second: tl.tensor,
    last: tl.tensor,
    last_bias: tl.tensor,
    count: tl.tensor,
    length: tl.tensor,
    EVALUATIONS: tl.constexpr,  # noqa: N803
    HIDDEN: tl.constexpr,  # noqa: N803
    NARROW: tl.constexpr,  # noqa: N803
    LEVELS: tl.constexpr,  # noqa: N803
    READS: tl.constexpr,  # noqa: N803
    LANES: tl.constexpr,  # noqa: N803
    HERE: tl.constexpr,  # noqa: N803
    TABLE_SCALE: tl.constexpr,  # noqa: N803
    YAW_VARIANCE_SCALE: tl.constexpr,  # noqa: N803
    FOUND: tl.constexpr,  # noqa: N803
    BLOCK: tl.constexpr,  # noqa: N803
) -> None:
    """BLOCK hypotheses of one frame: all steps, and what is found after the last, whose fraction is zero."""
    frame, number = tl.program_id(0), tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    is_there, row = number < count, frame * count + number
    table += frame * length
    x = tl.load(start + row * 3, mask=is_there, other=0.0)
    y = tl.load(start + row * 3 + 1, mask=is_there, other=0.0)
    yaw = tl.load(start + row * 3 + 2, mask=is_there, other=0.0)
    narrow, wide, lane = tl.arange(0, NARROW), tl.arange(0, HIDDEN), tl.arange(0, LANES)
    raw, here = tl.zeros((BLOCK, NARROW), tl.float32), tl.zeros((BLOCK,), tl.float32)
    for step in range(EVALUATIONS):
        known = x[:, None] * tl.load(place + narrow)[None, :] + y[:, None] * tl.load(place + NARROW + narrow)[None, :]
        known += yaw[:, None] * tl.load(place + 2 * NARROW + narrow)[None, :]
        known += tl.load(place + 3 * NARROW + narrow)[None, :]
        known = _normalised(known, tl.load(place + 4 * NARROW + narrow), tl.load(place + 5 * NARROW + narrow), NARROW)
        of_known = tl.load(of_place + narrow[:, None] * HIDDEN + wide[None, :])
        hidden = tl.dot(known, of_known, input_precision="ieee") + tl.load(norms + wide)[None, :]
        for level in range(LEVELS):
            reads = _reads(x, y, yaw, table, geometry + level * 9, cells + level * 4, READS, LANES, BLOCK)
            of_level = tl.load(of_reads + (level * LANES + lane)[:, None] * HIDDEN + wide[None, :])
            hidden = tl.dot(reads, of_level, acc=hidden, input_precision="ieee")
            here = tl.where(level == 0, _column(reads, HERE, LANES) / TABLE_SCALE, here)
        hidden = _normalised(hidden, tl.load(norms + HIDDEN + wide), tl.load(norms + 2 * HIDDEN + wide), HIDDEN)
        of_hidden = tl.load(second + wide[:, None] * HIDDEN + wide[None, :])
        deep = tl.dot(hidden, of_hidden, input_precision="ieee") + tl.load(norms + 3 * HIDDEN + wide)[None, :]
        of_deep = tl.load(last + wide[:, None] * NARROW + narrow[None, :])
        raw = tl.dot(tl.maximum(deep, 0.0), of_deep, input_precision="ieee") + tl.load(last_bias + narrow)[None, :]
        fraction = tl.load(fractions + step)
        right, down = _column(raw, 1, NARROW), _column(raw, 2, NARROW)
        reach = fraction * tl.exp(_column(raw, 0, NARROW)) / tl.maximum(tl.sqrt(right * right + down * down), 1e-12)
        x, y, yaw = x + reach * right, y + reach * down, yaw + fraction * _column(raw, 3, NARROW)
    right, down = _column(raw, 1, NARROW), _column(raw, 2, NARROW)
    norm = tl.maximum(tl.sqrt(right * right + down * down), 1e-12)
    out += row * FOUND
    tl.store(out, x, mask=is_there)
    tl.store(out + 1, y, mask=is_there)
    tl.store(out + 2, yaw, mask=is_there)
    tl.store(out + 3, right / norm, mask=is_there)
    tl.store(out + 4, down / norm, mask=is_there)
    tl.store(out + 5, _column(raw, 0, NARROW), mask=is_there)
    tl.store(out + 6, _softplus(_column(raw, 4, NARROW)), mask=is_there)
    tl.store(out + 7, _softplus(_column(raw, 5, NARROW)), mask=is_there)
    tl.store(out + 8, _column(raw, 3, NARROW), mask=is_there)
    tl.store(out + 9, YAW_VARIANCE_SCALE * _softplus(_column(raw, 6, NARROW)), mask=is_there)
    tl.store(out + 10, here, mask=is_there)
