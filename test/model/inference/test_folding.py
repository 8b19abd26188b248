"""Batch-norms worked into convolutions: exactly, or rounded once and for all."""

import pytest
import torch
from torch import nn

from geoflow_ros.model.inference.prepare import fold_and_round, fold_batch_norms


@pytest.fixture
def block() -> nn.Sequential:
    torch.manual_seed(0)
    norm = nn.BatchNorm2d(8)
    for entry in (norm.weight, norm.bias, norm.running_mean, norm.running_var):
        assert entry is not None
        nn.init.uniform_(entry, 0.5, 2.0)
    return nn.Sequential(nn.Conv2d(4, 8, 3, bias=False), norm, nn.ReLU(), nn.Conv2d(8, 2, 1)).eval()


@torch.no_grad()
def test_a_rounded_block_computes_nearly_the_same(block: nn.Sequential) -> None:
    image = torch.randn(2, 4, 9, 9)
    before = block(image)
    fold_and_round(block)
    error = (block(image) - before).norm() / before.norm()
    assert 1e-5 < error < 4e-3  # bfloat16 keeps eight bits
    once = block(image)
    fold_and_round(block)
    assert torch.allclose(block(image), once, atol=1e-6)


@torch.no_grad()
def test_bfloat16_holds_the_folded_weights_of_a_rounded_block(block: nn.Sequential) -> None:
    fold_and_round(block)
    image = torch.randn(2, 4, 9, 9)
    expected = block(image)
    fold_batch_norms(block)
    assert isinstance(block[1], nn.Identity)
    assert torch.allclose(block(image), expected, atol=1e-5)
    weights = block[0].weight
    assert torch.allclose(weights, weights.bfloat16().float(), rtol=1e-6)
