"""The one attention of the paper: ground features look at satellite features and are pooled into a vector."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


def position_encoding(channels: int, height: int, width: int) -> Tensor:
    """Fixed (1, channels, height, width) code of a feature's place on its grid.

    The first half of the channels tells the column, the second half the row; within a half, sines and cosines
    alternate at angular frequencies falling from 1 to 1/10000 per cell (Vaswani et al. 2017, section 3.5).
    """
    half = channels // 2
    frequency = torch.exp(torch.arange(0, half, 2) * (-math.log(10_000.0) / half))
    column = torch.arange(width) * frequency[:, None]
    row = torch.arange(height) * frequency[:, None]
    along_x = torch.stack([column.sin(), column.cos()], dim=1).reshape(half, 1, width)
    along_y = torch.stack([row.sin(), row.cos()], dim=1).reshape(half, height, 1)
    return torch.cat([along_x.expand(half, height, width), along_y.expand(half, height, width)])[None]


class PooledCrossAttention(nn.Module):
    """One vector (B, C) of ground features (B, C, Hg, Wg) that asked satellite features (B, C, Hs, Ws).

    Queries are the ground's cells, keys and values the satellite's; no residual, norm or feed-forward follows,
    and the answers are averaged over the ground cells. The two (height, width) grids are fixed at construction.
    """

    ground_position: Tensor
    satellite_position: Tensor

    def __init__(
        self,
        channels: int,
        heads: int,
        dropout: float,
        ground_grid: tuple[int, int],
        satellite_grid: tuple[int, int],
    ) -> None:
        super().__init__()
        self.attend = nn.MultiheadAttention(channels, heads, dropout, batch_first=True)
        self.register_buffer("ground_position", position_encoding(channels, *ground_grid), persistent=False)
        self.register_buffer("satellite_position", position_encoding(channels, *satellite_grid), persistent=False)

    def forward(self, ground: Tensor, satellite: Tensor) -> Tensor:
        query = (ground + self.ground_position).flatten(2).mT
        key = (satellite + self.satellite_position).flatten(2).mT
        answers: Tensor = self.attend(query, key, key, need_weights=False)[0]
        return answers.mean(dim=1)
