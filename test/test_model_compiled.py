"""The compiled refinement is torch's, and where it cannot be had torch refines and says so."""

from __future__ import annotations

import logging
import sys

import numpy as np
import pytest
import torch
from torch import Tensor

from geoflow_ros.model import runtimes
from geoflow_ros.model.base import Latent
from geoflow_ros.model.config import DefaultConfig
from geoflow_ros.model.engines import HalfTorch
from geoflow_ros.model.matchflow import MatchFlow
from geoflow_ros.model.runtime import prepare
from geoflow_ros.model.runtimes import Accelerated, compiled_refinement
from geoflow_ros.model.volume import PYRAMID_LEVELS, mass_pyramid

CONFIG = DefaultConfig(ground_height=32, ground_width=64)


@pytest.fixture(scope="module")
def model() -> MatchFlow:
    torch.manual_seed(0)
    network = MatchFlow(CONFIG)
    for entry in network.parameters():  # untrained layers say next to nothing of their inputs
        if entry.dim() == 2:
            torch.nn.init.orthogonal_(entry)
    return prepare(network)


@pytest.fixture(scope="module")
def table(model: MatchFlow) -> Tensor:
    """Of one broad peak, so that rounding cannot send hypotheses different ways."""
    k, v, u = (torch.arange(size, dtype=torch.float32) for size in model.volume.shape)
    squared = ((k - 4) / 2)[:, None, None] ** 2 + ((v - 30) / 9)[:, None] ** 2 + ((u - 18) / 9) ** 2
    log_probability = torch.log_softmax(-0.5 * squared.flatten(), 0).view(1, *model.volume.shape)
    return model.head.read.tabulate(mass_pyramid(log_probability, PYRAMID_LEVELS))


@pytest.mark.parametrize(("count", "steps"), [(1, 1), (64, 2), (70, 0), (300, 1)])
@torch.inference_mode()
def test_hypotheses_arrive_where_torch_takes_them(model: MatchFlow, table: Tensor, count: int, steps: int) -> None:
    pytest.importorskip("numba", reason="numba is not installed")
    refinement = compiled_refinement(model)
    assert refinement is not None
    start = 0.4 * torch.randn(1, count, 3, generator=torch.Generator().manual_seed(1))
    ours, our_flow = refinement(table, start, (0.5,) * steps)
    theirs, flow = model.refine(Latent(table=table), start, (0.5,) * steps)
    assert torch.allclose(ours, theirs, atol=1e-4)
    for name in ("log_distance", "variance", "direction", "kappa", "yaw_step", "yaw_variance"):
        assert torch.allclose(getattr(our_flow, name), getattr(flow, name), rtol=1e-3, atol=1e-4), name


@torch.inference_mode()
def test_a_hypothesis_that_is_no_number_reads_as_one_far_away(model: MatchFlow, table: Tensor) -> None:
    pytest.importorskip("numba", reason="numba is not installed")
    refinement = compiled_refinement(model)
    assert refinement is not None
    start = torch.tensor([[[np.nan, 0.0, 0.0], [1e30, -1e30, np.inf], [0.1, 0.1, 0.0]]])
    refined, _ = refinement(table, start, (1.0,))
    expected, _ = model.refine(Latent(table=table), start[:, 2:], (1.0,))
    assert torch.allclose(refined[:, 2:], expected, atol=1e-4)


@torch.inference_mode()
def test_a_network_that_has_one_uses_it(model: MatchFlow, table: Tensor) -> None:
    asked = []

    def refinement(table: Tensor, hypotheses: Tensor, fractions: object) -> object:
        asked.append(fractions)
        return hypotheses, None

    accelerated = Accelerated(model, HalfTorch(model))
    accelerated.refinement = refinement  # type: ignore[assignment]
    start = torch.zeros(1, 4, 3)
    assert accelerated.refine(Latent(table=table), start, (1.0,))[0] is start
    assert asked == [(1.0,)]
    two = accelerated.refine(Latent(table=table.repeat(2, 1)), start.repeat(2, 1, 1), (1.0,))[0]
    assert asked == [(1.0,)] and two.shape == (2, 4, 3)  # it knows one frame only


def test_without_numba_torch_refines_and_says_so(
    model: MatchFlow, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delitem(sys.modules, "geoflow_ros.model.compiled", raising=False)
    monkeypatch.setitem(sys.modules, "numba", None)
    with caplog.at_level(logging.WARNING):
        assert compiled_refinement(model) is None
    assert "pip install numba" in caplog.text


def test_a_refinement_that_computes_wrongly_is_not_used(
    model: MatchFlow, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("numba", reason="numba is not installed")
    monkeypatch.setattr(runtimes, "EXACT", 0.0)
    with caplog.at_level(logging.WARNING):
        assert compiled_refinement(model) is None
    assert "torch refines" in caplog.text
