"""The match of the `default` network compiled for this processor: features and spectrum in, latent out.

Everything but the Fourier transforms, which stay torch's, is a few functions that go over memory once; the headings are
shared out among the cores.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name every PyTorch reader knows
from numpy.typing import NDArray
from torch import Tensor

from geoflow_ros.model.inference.jit import compiled
from geoflow_ros.model.interface import Latent
from geoflow_ros.model.matchflow import MatchFlow
from geoflow_ros.model.matching import template_rotation
from geoflow_ros.model.volume import PAD, PROBABILITY_FLOOR, PYRAMID_LEVELS, TABLE_SCALE

Array = NDArray[np.float32]
BEYOND = 3  # zeros around the features: one before, two after, so that a place outside lies between zeros


class CompiledMatch:
    """`MatchFlow.match` of one frame; of the pyramid, its latent has the finest level beside the table of them all."""

    def __init__(self, model: MatchFlow, threads: int) -> None:
        self._volume, self._read = model.volume, model.head.read
        self._threads = threads
        # torch counts its threads for each thread that calls it: two that both share out their transforms wait.
        self._pool = ThreadPoolExecutor(threads, "match", lambda: torch.set_num_threads(1))
        volume = model.volume
        grid = volume.template_grid.double().numpy()
        # Over a template the place that is read moves evenly, so a corner and two steps say where each cell reads.
        down = (grid[:, -1, 0] - grid[:, 0, 0]) / (grid.shape[1] - 1)
        right = (grid[:, 0, -1] - grid[:, 0, 0]) / (grid.shape[2] - 1)
        self._grids = np.stack([grid[:, 0, 0], down, right], axis=1)
        self._scale = math.exp(volume.temperature.item()) / math.sqrt(grid.shape[1] * grid.shape[2])
        self._evidence = math.exp(volume.evidence_scale.item()), volume.evidence_bias.item()
        self._sides = np.array(self._read.sides)

    def __call__(self, ground: Tensor, spectrum: Tensor, yaw_offset: float, yaw_reach: float) -> Latent:
        """From features (1, C, A, F) and the map's spectrum (1, C, rows, columns); angles in radians."""
        skipped = self._volume.skipped(yaw_reach)
        grids = self._rotated(self._grids[skipped : len(self._grids) - skipped], yaw_offset)
        arguments = ground[0].numpy(), spectrum[0].mT.numpy()
        mine, *others = np.array_split(grids, self._threads)
        elsewhere = [self._pool.submit(self._scores, part, *arguments) for part in others if len(part) > 0]
        scores = np.concatenate([self._scores(mine, *arguments), *(each.result() for each in elsewhere)])
        cells, evidence = _tabulated(scores, self._scale, skipped, self._sides, self._read.length)
        table = torch.from_numpy(cells)[None]
        factor, bias = self._evidence
        return Latent(
            log_mass=self._read.finest(table),
            table=table,
            match_logit=torch.tensor([factor * evidence + bias]),
            log_evidence=torch.tensor([evidence]),
        )

    def _scores(self, grids: NDArray[np.float64], ground: Array, spectrum: NDArray[np.complex64]) -> Array:
        """(K, D, D) of the headings with these grids (K, 3, 2), but for the scale."""
        volume = self._volume
        height, width = volume.fft_shape
        templates = _templates(ground, grids, volume.template_rows, volume.template_columns)
        # The rows first: those below the template, nearly half, are zeros and need no transform.
        rows = torch.fft.rfft(torch.from_numpy(templates), n=width)
        # Column by column in memory, as `MatchVolume.spectrum` is: otherwise a transform takes twice as long.
        columns = torch.fft.fft(F.pad(rows.mT, (0, height - volume.template_rows)))
        product = torch.view_as_complex(torch.from_numpy(_correlated(columns.numpy(), spectrum)))
        side = 2 * volume.reach + 1
        # Back likewise, and of the rows those that are wanted.
        scores = torch.fft.irfft(torch.fft.ifft(product)[..., :side].mT, n=width)
        return np.asarray(scores.numpy()[..., :side])

    def _rotated(self, grids: NDArray[np.float64], yaw_offset: float) -> NDArray[np.float64]:
        """Grids (K, 3, 2) for headings rotated further, in cells of the features and with their border of zeros."""
        config = self._volume.config
        rotation, shift = template_rotation(math.cos(yaw_offset), math.sin(yaw_offset), config)
        moved: NDArray[np.float64] = grids @ np.array(rotation).reshape(2, 2)
        moved[:, 0] += shift
        _, across, forward = config.lift_shape
        moved *= np.array([forward, across]) / 2
        moved[:, 0] += np.array([forward, across]) / 2 + 0.5  # grid_sample's corner of the image is half a cell out
        return moved


@compiled
def _templates(ground: Array, grids: NDArray[np.float64], rows: int, columns: int) -> Array:
    """Features (C, A, F) read at the grids (K, 3, 2) of corner, step down and step right: (K, C, rows, columns)."""
    channels, across, forward = ground.shape
    seen = np.zeros((across + BEYOND, forward + BEYOND, channels), np.float32)
    for channel in range(channels):
        for y in range(across):
            for x in range(forward):
                seen[y + 1, x + 1, channel] = ground[channel, y, x]
    templates = np.zeros((len(grids), channels, rows, columns), np.float32)
    for heading in range(len(grids)):
        corner, down, right = grids[heading]
        for row in range(rows):
            for column in range(columns):
                x = corner[0] + row * down[0] + column * right[0]
                y = corner[1] + row * down[1] + column * right[1]
                if 0.0 < x < forward + 1.0 and 0.0 < y < across + 1.0:
                    left, top = int(x), int(y)
                    along, below = np.float32(x - left), np.float32(y - top)
                    for channel in range(channels):
                        upper = seen[top, left, channel]
                        upper += along * (seen[top, left + 1, channel] - upper)
                        lower = seen[top + 1, left, channel]
                        lower += along * (seen[top + 1, left + 1, channel] - lower)
                        templates[heading, channel, row, column] = upper + below * (lower - upper)
    return templates


@compiled
def _correlated(templates: NDArray[np.complex64], spectrum: NDArray[np.complex64]) -> Array:
    """Spectra of the scores, (K, columns, rows, 2) real and imaginary, from (K, C, columns, rows) and the map's."""
    headings, channels, columns, rows = templates.shape
    product = np.zeros((headings, columns, rows, 2), np.float32)
    for heading in range(headings):
        for column in range(columns):
            sums = product[heading, column]
            for channel in range(channels):
                theirs, ours = templates[heading, channel, column], spectrum[channel, column]
                for row in range(rows):
                    a, b = theirs[row], ours[row]
                    sums[row, 0] += a.real * b.real - a.imag * b.imag
                    sums[row, 1] -= a.real * b.imag + a.imag * b.real
    return product


@compiled
def _tabulated(scores: Array, scale: float, skipped: int, sides: NDArray[np.int64], length: int) -> tuple[Array, float]:
    """The table (T,) of `NeighbourhoodReader`, and the evidence.

    scores: (K - 2 skipped, D, D), without scale.
    """
    headings, side, _ = scores.shape
    highest = scores.max()
    mass, total = np.empty((headings, side, side), np.float32), 0.0
    for heading in range(headings):
        for row in range(side):
            for column in range(side):
                mass[heading, row, column] = np.exp(np.float32(scale) * (scores[heading, row, column] - highest))
                total += mass[heading, row, column]
    mass *= np.float32(1.0 / total / PROBABILITY_FLOOR)
    all_headings = headings + 2 * skipped
    table, start = np.zeros(length, np.float32), 0
    for level in range(PYRAMID_LEVELS):
        height, width = sides[level]
        if level > 0:
            mass = _halved(mass, height, width)
        shape = all_headings + 2 * PAD, height + 2 * PAD, width + 2 * PAD
        size = shape[0] * shape[1] * shape[2]
        padded = table[start : start + size].reshape(shape)
        start += size
        for heading in range(headings):
            for row in range(height):
                for column in range(width):
                    value = np.log(mass[heading, row, column] + np.float32(1.0))
                    padded[heading + skipped + PAD, row + PAD, column + PAD] = np.float32(TABLE_SCALE) * value
    return table, math.log(total / (all_headings * side * side)) + scale * highest


@compiled
def _halved(mass: Array, height: int, width: int) -> Array:
    """Sums of blocks of 2 x 2; (K, height, width) from (K, 2 height or one less, ...)."""
    headings, rows, columns = mass.shape
    sums = np.zeros((headings, height, width), np.float32)
    for heading in range(headings):
        for row in range(rows):
            for column in range(columns):
                sums[heading, row // 2, column // 2] += mass[heading, row, column]
    return sums
