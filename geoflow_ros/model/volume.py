"""Reading the match volume: at one pose, and at many places around each of many hypotheses at once."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812 - the name every PyTorch reader knows
from torch import Tensor, nn

PROBABILITY_FLOOR = 1e-8
PYRAMID_LEVELS = 5  # the coarsest block is 16 cells: from anywhere in the volume a hypothesis sees the rest
READS = 3  # places read along each axis, a block apart
HERE = READS**3 // 2  # among a level's reads, the one at the index itself
WINDOW = READS + 1  # cells under them, since each place lies between two
TABLE_SCALE = 0.2  # of the logarithms in the table, which reach from 0 to 18
PAD = WINDOW  # zeros around every level: a window pushed out of a level lies in them whole
FIRST = PAD - 1.0  # where in the padded level the window of the index 0 starts


def floored(log_probability: Tensor) -> Tensor:
    """Log of the probability, shifted so that `PROBABILITY_FLOOR`, below which none is, is zero: as read outside."""
    return (log_probability.exp() / PROBABILITY_FLOOR).log1p()


def read_volume(volume: Tensor, index: Tensor) -> Tensor:
    """Trilinear values (B, N) of a (B, K, D, D) volume at (B, N, 3) indices (u, v, heading); zero outside."""
    size = torch.tensor([volume.shape[3], volume.shape[2], volume.shape[1]], device=index.device, dtype=index.dtype)
    grid = (2 * index + 1) / size - 1
    return F.grid_sample(volume[:, None], grid[:, None, None], align_corners=False)[:, 0, 0, 0]


class NeighbourhoodReader(nn.Module):
    """Reads a probability in blocks of ever more cells at 3 x 3 x 3 places around each of many indices.

    `table` lays the levels out in one row of memory, padded; `forward` then takes the 4 x 4 x 4 cells under the
    places of every level in a single gather and interpolates along one axis after the other. The hypotheses run
    along the last, contiguous axis throughout. One 5-D `grid_sample` a level costs thirty times as much.
    """

    nowhere: Tensor  # an index far outside every level, which reads zeros
    strides: Tensor
    highest: Tensor
    scale: Tensor
    shift: Tensor
    window: Tensor

    def __init__(self, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.headings, rows, columns = shape
        blocks = [2**level for level in range(PYRAMID_LEVELS)]
        self.sides = [(-(-rows // block), -(-columns // block)) for block in blocks]
        padded = [(self.headings + 2 * PAD, row + 2 * PAD, column + 2 * PAD) for row, column in self.sides]
        sizes = [math.prod(each) for each in padded]
        self.length = sum(sizes)  # of a table
        self._padded, self._starts = padded, [sum(sizes[:level]) for level in range(PYRAMID_LEVELS)]
        strides = torch.tensor([[1, width, width * height] for _, height, width in padded])
        along = torch.arange(WINDOW)
        u, v, heading = torch.meshgrid(along, along, along, indexing="ij")
        window = torch.einsum("la,auvh->luvh", strides, torch.stack([u, v, heading]))
        starts = torch.tensor(self._starts)
        highest = [[column, row, self.headings] for row, column in self.sides]
        block = torch.tensor(blocks)
        of_place = torch.stack([block, block, torch.ones_like(block)])
        for name, entries in (
            ("nowhere", torch.tensor(-1e6)),
            ("window", (starts[:, None] + window.flatten(1))[..., None].int()),
            ("strides", strides.T[..., None].int()),
            ("highest", torch.tensor(highest).T[..., None] + 1.0 + FIRST),
            ("scale", 1.0 / of_place[..., None]),
            ("shift", FIRST - (of_place[..., None] - 1.0) / 2.0 / of_place[..., None]),
        ):
            self.register_buffer(name, entries, persistent=False)

    def table(self, log_probability: Tensor) -> Tensor:
        """(B, T) of a log probability (B, K, D, D): `floored` in blocks of 1, 2, 4, ... cells along v and u.

        Level after level in a row, padded with zeros and scaled to order one.
        """
        (rows, columns), coarsest = self.sides[0], 2 ** (PYRAMID_LEVELS - 1)
        mass = F.pad(log_probability.exp(), (0, -columns % coarsest, 0, -rows % coarsest))
        table = mass.new_zeros(len(mass), self.length)
        for level, (rows, columns) in enumerate(self.sides):
            if level > 0:
                mass = F.avg_pool2d(mass, 2, divisor_override=1)
            self._level(table, level).copy_(mass[..., :rows, :columns])
        return table.div_(PROBABILITY_FLOOR).log1p_().mul_(TABLE_SCALE)

    def finest(self, table: Tensor) -> Tensor:
        """The first level (B, K, D, D) of a table (B, T): the log probability that it was made of, `floored`."""
        return self._level(table, 0) / TABLE_SCALE

    def _level(self, table: Tensor, level: int) -> Tensor:
        """A level (B, K, D_l, D_l) of a table, in its memory, without the zeros around it."""
        start, padded = self._starts[level], self._padded[level]
        around = table[:, start : start + math.prod(padded)].view(-1, *padded)
        return around[:, PAD:-PAD, PAD:-PAD, PAD:-PAD]

    def forward(self, table: Tensor, index: Tensor) -> Tensor:
        """Values (B N, 5 x 27) around (B, N, 3) indices (u, v, heading) of the finest level; zero outside.

        Level by level, finest first; within a level u runs slowest and the heading fastest. A transposed view.
        """
        batch, count, _ = index.shape
        # Contiguous, or all that follows would lie in memory hypothesis by hypothesis.
        flat = index.flatten(0, 1).T.contiguous()[:, None]
        place = torch.addcmul(self.shift, torch.where(flat.isnan(), self.nowhere, flat), self.scale)
        place = place.clamp_(min=0.0).minimum(self.highest)
        corner = place.int()
        first = (corner * self.strides).sum(0, dtype=torch.int32)
        if batch > 1:
            first = first + (
                torch.arange(batch, dtype=torch.int32, device=table.device) * table.shape[1]
            ).repeat_interleave(count)
        cells = first[:, None] + self.window
        values = table.reshape(-1).index_select(0, cells.reshape(-1)).view(-1, WINDOW, WINDOW, WINDOW, batch * count)
        along_u, along_v, along_heading = (place - corner)[:, :, None, None, None]
        values = torch.lerp(values[..., :READS, :], values[..., 1:, :], along_heading)
        values = torch.lerp(values[:, :, :READS], values[:, :, 1:], along_v)
        values = torch.lerp(values[:, :READS], values[:, 1:], along_u)
        return values.view(-1, batch * count).T
