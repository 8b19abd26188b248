"""The refinement of the `default` network compiled for this processor: hypotheses in, hypotheses and flow out.

A step is some seventy operations on arrays so small that calling them takes far longer than computing them. Here all
steps are one function, and hypotheses run along the last, contiguous axis, a register's width at a time.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from geoflow_ros.model.inference.jit import compiled
from geoflow_ros.model.interface import Flow, Refined
from geoflow_ros.model.matchflow import YAW_VARIANCE_SCALE, FlowHead
from geoflow_ros.model.volume import HERE, PYRAMID_LEVELS, READS, TABLE_SCALE, WINDOW

Array = NDArray[np.float32]
BLOCK = 64  # hypotheses at once: four registers of AVX-512, and their activations fit the first cache
SHARED = 256  # from so many hypotheses on they are shared out among the cores
OUTPUTS = 7


class Weights(NamedTuple):
    """Of the flow head, layers as (outputs, inputs) and columns, outputs in fours; and how it reads the table.

    index_scale, index_origin: (3,). scale, shift, highest: (3, levels). window: (levels, 64) cells of a
    neighbourhood, strides: (3, levels).
    """

    index_scale: Array
    index_origin: Array
    scale: Array
    shift: Array
    highest: Array
    strides: NDArray[np.int64]
    window: NDArray[np.int64]
    place: Array
    place_bias: Array
    place_norm: Array
    place_norm_bias: Array
    first: Array
    first_bias: Array
    first_norm: Array
    first_norm_bias: Array
    second: Array
    second_bias: Array
    out: Array
    out_bias: Array


class CompiledRefinement:
    """`LocalizationModel.refine` of one frame, from the table of its latent."""

    def __init__(self, head: FlowHead, threads: int) -> None:
        self._weights, self._threads = weights_of(head), threads
        self._pool = ThreadPoolExecutor(threads, "refine")

    def __call__(self, table: Tensor, hypotheses: Tensor, fractions: Sequence[float]) -> Refined:
        """From the table (1, T) and hypotheses (1, N, 3)."""
        arguments = table[0].numpy(), np.array(fractions, np.float32), self._weights
        start = np.ascontiguousarray(hypotheses[0].numpy())
        if len(start) < SHARED:
            refined, arrived = _refine(start, *arguments)
        else:
            parts = self._pool.map(lambda part: _refine(part, *arguments), np.array_split(start, self._threads))
            refined, arrived = (np.concatenate(each) for each in zip(*parts, strict=True))
        packed = torch.from_numpy(arrived)[None]
        log_distance, variance, kappa, yaw_step, yaw_variance, log_density = packed[..., 2:].unbind(-1)
        flow = Flow(log_distance, variance, packed[..., :2], kappa, yaw_step, yaw_variance)
        return Refined(torch.from_numpy(refined)[None], flow, log_density)


def weights_of(head: FlowHead) -> Weights:
    """The head's own, as arrays."""
    read, index = head.read, head.index
    place, place_norm, _ = head.coordinates
    first, first_norm, _, second, _ = head.hidden
    layers = {
        "place": place,
        "place_norm": place_norm,
        "first": first,
        "first_norm": first_norm,
        "second": second,
        "out": head.out,
    }
    tensors = {
        "index_scale": index.scale,
        "index_origin": index.origin,
        "scale": read.scale[..., 0].expand(3, PYRAMID_LEVELS),
        "shift": read.shift[..., 0],
        "highest": read.highest[..., 0],
        **{name: layer.get_parameter("weight") for name, layer in layers.items()},
        **{f"{name}_bias": layer.get_parameter("bias") for name, layer in layers.items()},
    }
    arrays = {name: np.ascontiguousarray(entry.detach().float().numpy()) for name, entry in tensors.items()}
    arrays |= {name: _filled_up(arrays[name]) for name in ("out", "out_bias")}
    return Weights(strides=read.strides[..., 0].long().numpy(), window=read.window[..., 0].long().numpy(), **arrays)


def _filled_up(rows: Array) -> Array:
    """With rows of zeros to a multiple of four, as `_dense` takes them."""
    return np.concatenate([rows, np.zeros((-len(rows) % 4, *rows.shape[1:]), np.float32)])


@compiled
def _refine(hypotheses: Array, table: Array, fractions: Array, weights: Weights) -> tuple[Array, Array]:
    """(N, 3) refined, and what is there, (N, 8): the flow as `_meaning` has it, and the log density."""
    refined, arrived = np.empty_like(hypotheses), np.empty((len(hypotheses), OUTPUTS + 1), np.float32)
    for start in range(0, len(hypotheses), BLOCK):
        stop = min(start + BLOCK, len(hypotheses))
        poses = np.ascontiguousarray(hypotheses[start:stop].T)
        there = _outputs(poses, table, weights)
        for fraction in fractions:
            _step(poses, there, fraction)
            there = _outputs(poses, table, weights)
        refined[start:stop] = poses.T
        arrived[start:stop] = there.T
    return refined, arrived


@compiled
def _step(poses: Array, flow: Array, fraction: float) -> None:
    """Move the poses (3, n) along the flow (7, n)."""
    for n in range(poses.shape[1]):
        length = fraction * math.exp(flow[2, n])
        poses[0, n] += length * flow[0, n]
        poses[1, n] += length * flow[1, n]
        poses[2, n] += fraction * flow[5, n]


@compiled
def _outputs(poses: Array, table: Array, weights: Weights) -> Array:
    """Flow and log density (8, n) at the poses (3, n)."""
    count, reads = poses.shape[1], PYRAMID_LEVELS * READS**3
    seen = np.empty((weights.first.shape[1], count), np.float32)
    _read(poses, table, weights, seen[:reads])
    _dense(weights.place, weights.place_bias, poses, seen[reads:])
    _normalise(seen[reads:], weights.place_norm, weights.place_norm_bias)
    hidden = np.empty((len(weights.first), count), np.float32)
    _dense(weights.first, weights.first_bias, seen, hidden)
    _normalise(hidden, weights.first_norm, weights.first_norm_bias)
    deep = np.empty((len(weights.second), count), np.float32)
    _dense(weights.second, weights.second_bias, hidden, deep)
    for row in range(len(deep)):
        for n in range(count):
            deep[row, n] = max(deep[row, n], np.float32(0.0))
    raw = np.empty((len(weights.out), count), np.float32)
    _dense(weights.out, weights.out_bias, deep, raw)
    there = np.empty((OUTPUTS + 1, count), np.float32)
    _meaning(raw, there)
    for n in range(count):
        there[OUTPUTS, n] = seen[HERE, n] / np.float32(TABLE_SCALE)
    return there


@compiled
def _meaning(raw: Array, flow: Array) -> None:
    """From the last layer's outputs (8, n): direction (2), log distance, variance, kappa, yaw step and its variance."""
    for n in range(raw.shape[1]):
        length = max(math.sqrt(raw[1, n] ** 2 + raw[2, n] ** 2), 1e-12)
        flow[0, n], flow[1, n] = raw[1, n] / length, raw[2, n] / length
        flow[2, n], flow[5, n] = raw[0, n], raw[3, n]
        flow[3, n], flow[4, n] = _softplus(raw[4, n]) + 1e-6, _softplus(raw[5, n]) + 1e-6
        flow[6, n] = YAW_VARIANCE_SCALE * (_softplus(raw[6, n]) + 1e-6)


@compiled
def _softplus(x: float) -> float:
    return x if x > 20.0 else math.log1p(math.exp(x))


@compiled
def _dense(matrix: Array, bias: Array, inputs: Array, outputs: Array) -> None:
    """outputs (J, n) = matrix (J, I) @ inputs (I, n) + bias (J,); J is a multiple of four."""
    size, count = inputs.shape
    fours = size // 4 * 4
    for j in range(0, len(matrix), 4):  # four sums of four at a time: each is loaded and stored a fourth as often
        a, b, c, d = matrix[j], matrix[j + 1], matrix[j + 2], matrix[j + 3]
        for row in range(j, j + 4):
            outputs[row, :] = bias[row]
        for i in range(0, fours, 4):
            for n in range(count):
                w, x, y, z = inputs[i, n], inputs[i + 1, n], inputs[i + 2, n], inputs[i + 3, n]
                outputs[j, n] += a[i] * w + a[i + 1] * x + a[i + 2] * y + a[i + 3] * z
                outputs[j + 1, n] += b[i] * w + b[i + 1] * x + b[i + 2] * y + b[i + 3] * z
                outputs[j + 2, n] += c[i] * w + c[i + 1] * x + c[i + 2] * y + c[i + 3] * z
                outputs[j + 3, n] += d[i] * w + d[i + 1] * x + d[i + 2] * y + d[i + 3] * z
        for row in range(j, j + 4):
            for i in range(fours, size):
                for n in range(count):
                    outputs[row, n] += matrix[row, i] * inputs[i, n]


@compiled
def _normalise(rows: Array, scale: Array, bias: Array) -> None:
    """LayerNorm along the rows of (J, n), then ReLU, in place."""
    size, count = rows.shape
    mean, square = np.zeros(count, np.float32), np.zeros(count, np.float32)
    for j in range(size):
        for n in range(count):
            mean[n] += rows[j, n] / np.float32(size)
    for j in range(size):
        for n in range(count):
            square[n] += (rows[j, n] - mean[n]) ** 2 / np.float32(size)
    for n in range(count):
        square[n] = np.float32(1.0) / np.sqrt(square[n] + np.float32(1e-5))
    for j in range(size):
        for n in range(count):
            rows[j, n] = max((rows[j, n] - mean[n]) * square[n] * scale[j] + bias[j], np.float32(0.0))


@compiled
def _read(poses: Array, table: Array, weights: Weights, reads: Array) -> None:
    """What `NeighbourhoodReader` reads around the poses (3, n), into (levels * 27, n)."""
    count = poses.shape[1]
    cells = np.empty((WINDOW**3, count), np.float32)
    fraction, first = np.empty((3, count), np.float32), np.empty(count, np.int64)
    for level in range(PYRAMID_LEVELS):
        first[:] = 0
        for axis in range(3):
            scale, shift = weights.scale[axis, level], weights.shift[axis, level]
            top, stride = weights.highest[axis, level], weights.strides[axis, level]
            for n in range(count):
                index = poses[axis, n] * weights.index_scale[axis] + weights.index_origin[axis]
                place = index * scale + shift
                place = min(place, top) if place > 0.0 else np.float32(0.0)  # also where it is not a number
                corner = int(place)
                fraction[axis, n] = place - corner
                first[n] += corner * stride
        for cell in range(WINDOW**3):
            offset = weights.window[level, cell]
            for n in range(count):
                cells[cell, n] = table[first[n] + offset]
        _interpolate(cells, fraction, reads[level * READS**3 : (level + 1) * READS**3])


@compiled
def _interpolate(cells: Array, fraction: Array, reads: Array) -> None:
    """From 4 x 4 x 4 cells (64, n) to 3 x 3 x 3 places (27, n); u slowest, heading fastest; cells are overwritten."""
    count, wide = cells.shape[1], WINDOW
    for row in range(wide * wide):
        for h in range(READS):
            low, high = row * wide + h, row * wide + h + 1
            for n in range(count):
                cells[low, n] += fraction[2, n] * (cells[high, n] - cells[low, n])
    for u in range(wide):
        for v in range(READS):
            for h in range(READS):
                low = (u * wide + v) * wide + h
                for n in range(count):
                    cells[low, n] += fraction[1, n] * (cells[low + wide, n] - cells[low, n])
    for u in range(READS):
        for v in range(READS):
            for h in range(READS):
                low, read = (u * wide + v) * wide + h, (u * READS + v) * READS + h
                for n in range(count):
                    reads[read, n] = cells[low, n] + fraction[0, n] * (cells[low + wide * wide, n] - cells[low, n])
