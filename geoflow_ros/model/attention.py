"""The one attention of the paper: ground features look at satellite features and are pooled into a vector."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def position_encoding(channels: int, height: int, width: int) -> Tensor:
    """Fixed (1, channels, height, width) code of a feature's place on its grid.

    The first half of the channels encodes the column, the second half the row; within a half, sines and cosines
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

    Written out on torch's MultiheadAttention parameters, so that `memory` is computed once for many frames.

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

    def memory(self, satellite: Tensor) -> Tensor:
        """Keys and values (B, 2, heads, Hs Ws, C / heads) of satellite features (B, C, Hs, Ws)."""
        tokens = (satellite + self.satellite_position).flatten(2).mT
        weight, bias = self._projection(1, 3)
        projected = F.linear(tokens, weight, bias).view(*tokens.shape[:2], 2, self.attend.num_heads, -1)
        return projected.permute(0, 2, 3, 1, 4)

    def forward(self, ground: Tensor, memory: Tensor) -> Tensor:
        """The pooled answers (B, C) to the ground features (B, C, Hg, Wg)."""
        tokens = (ground + self.ground_position).flatten(2).mT
        weight, bias = self._projection(0, 1)
        query = F.linear(tokens, weight, bias).view(*tokens.shape[:2], self.attend.num_heads, -1).transpose(1, 2)
        key, value = memory.unbind(1)
        dropout = self.attend.dropout if self.training else 0.0
        answers = F.scaled_dot_product_attention(query, key, value, dropout_p=dropout)
        # The output layer is linear, so it need only be applied to the average.
        pooled: Tensor = self.attend.out_proj(answers.transpose(1, 2).flatten(2).mean(dim=1))
        return pooled

    def _projection(self, first: int, last: int) -> tuple[Tensor, Tensor]:
        """Weight and bias of some of torch's stacked query, key and value projections, numbered in that order."""
        rows = slice(first * self.attend.embed_dim, last * self.attend.embed_dim)
        return self.attend.in_proj_weight[rows], self.attend.in_proj_bias[rows]
