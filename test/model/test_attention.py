"""The position encoding and the pooled cross-attention."""

from __future__ import annotations

import math

import torch
from torch import nn

from geoflow_ros.model.attention import PooledCrossAttention, position_encoding


def test_position_encoding_by_hand() -> None:
    encoding = position_encoding(8, height=3, width=5)
    assert encoding.shape == (1, 8, 3, 5)
    x, y = 4, 2  # eight channels: two frequencies for either axis, 1 and 1/100
    expected = [f(rate * place) for place in (x, y) for rate in (1.0, 0.01) for f in (math.sin, math.cos)]
    torch.testing.assert_close(encoding[0, :, y, x], torch.tensor(expected))


def test_position_encoding_tells_all_cells_apart() -> None:
    cells = position_encoding(128, 16, 16).flatten(2)[0].T
    assert torch.pdist(cells).min() > 0.5


def test_attention_is_torchs_with_encoded_tokens_averaged_over_the_ground() -> None:
    torch.manual_seed(0)
    attention = PooledCrossAttention(16, heads=4, dropout=0.1, ground_grid=(2, 3), satellite_grid=(4, 4)).eval()
    ground, satellite = torch.randn(2, 16, 2, 3), torch.randn(2, 16, 4, 4)
    reference = nn.MultiheadAttention(16, 4)  # tokens first, as torch has it by default
    reference.load_state_dict(attention.attend.state_dict())
    query = (ground + position_encoding(16, 2, 3)).reshape(2, 16, 6).permute(2, 0, 1)
    key = (satellite + position_encoding(16, 4, 4)).reshape(2, 16, 16).permute(2, 0, 1)
    expected = reference(query, key, key)[0].mean(dim=0)
    torch.testing.assert_close(attention(ground, attention.memory(satellite)), expected)
