"""The compiled parts are torch's, and where they cannot be had torch computes them and says so."""

from __future__ import annotations

import logging
import math
import sys
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from geoflow_ros.model.config import DefaultConfig
from geoflow_ros.model.inference import compiled
from geoflow_ros.model.inference.compiled import compiled_parts
from geoflow_ros.model.inference.engines import HalfTorch
from geoflow_ros.model.inference.prepare import prepare
from geoflow_ros.model.inference.runtimes import Accelerated
from geoflow_ros.model.interface import Latent, Match, Read, Refine, Refined
from geoflow_ros.model.matchflow import MatchFlow
from geoflow_ros.model.volume import floored

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
def parts(model: MatchFlow) -> tuple[Refine, Match, Read]:
    pytest.importorskip("numba", reason="numba is not installed")
    refinement, matching, reading = compiled_parts(model)
    assert refinement is not None and matching is not None and reading is not None
    return refinement, matching, reading


@pytest.fixture(scope="module")
def refinement(parts: tuple[Refine, Match, Read]) -> Refine:
    return parts[0]


@pytest.fixture(scope="module")
def matching(parts: tuple[Refine, Match, Read]) -> Match:
    return parts[1]


@pytest.fixture(scope="module")
def reading(parts: tuple[Refine, Match, Read]) -> Read:
    return parts[2]


@pytest.fixture(scope="module")
def latent(model: MatchFlow) -> Latent:
    """Of one broad peak, so that rounding cannot send hypotheses different ways."""
    k, v, u = (torch.arange(size, dtype=torch.float32) for size in model.volume.shape)
    squared = ((k - 4) / 2)[:, None, None] ** 2 + ((v - 30) / 9)[:, None] ** 2 + ((u - 18) / 9) ** 2
    log_probability = torch.log_softmax(-0.5 * squared.flatten(), 0).view(1, *model.volume.shape)
    return Latent(log_mass=floored(log_probability), table=model.head.read.table(log_probability))


def table_of(latent: Latent) -> Tensor:
    assert latent.table is not None
    return latent.table


def test_the_threads_that_share_a_match_share_out_nothing_further(model: MatchFlow) -> None:
    pytest.importorskip("numba", reason="numba is not installed")
    from geoflow_ros.model.inference.compiled_match import CompiledMatch

    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        pool = CompiledMatch(model, 2)._pool
        assert {pool.submit(torch.get_num_threads).result() for _ in range(4)} == {1}
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize(("count", "steps"), [(1, 1), (64, 2), (70, 0), (300, 1)])
@torch.inference_mode()
def test_hypotheses_arrive_where_torch_takes_them(
    model: MatchFlow, refinement: Refine, latent: Latent, count: int, steps: int
) -> None:
    start = 0.4 * torch.randn(1, count, 3, generator=torch.Generator().manual_seed(1))
    ours, theirs = refinement(table_of(latent), start, (0.5,) * steps), model.refine(latent, start, (0.5,) * steps)
    assert torch.allclose(ours.hypotheses, theirs.hypotheses, atol=1e-4)
    for name in ("log_distance", "variance", "direction", "kappa", "yaw_step", "yaw_variance"):
        assert torch.allclose(getattr(ours.flow, name), getattr(theirs.flow, name), rtol=1e-3, atol=1e-4), name
    assert ours.log_density is not None and theirs.log_density is not None
    assert torch.allclose(ours.log_density, theirs.log_density, atol=1e-3)
    assert count == 1 or theirs.log_density.std() > 0.5


@torch.inference_mode()
def test_a_hypothesis_that_is_no_number_reads_as_one_far_away(
    model: MatchFlow, refinement: Refine, latent: Latent
) -> None:
    start = torch.tensor([[[np.nan, 0.0, 0.0], [1e30, -1e30, np.inf], [0.1, 0.1, 0.0]]])
    ours, theirs = refinement(table_of(latent), start, (1.0,)), model.refine(latent, start[:, 2:], (1.0,))
    assert torch.allclose(ours.hypotheses[:, 2:], theirs.hypotheses, atol=1e-4)


@pytest.mark.parametrize(("outputs", "inputs", "count"), [(4, 3, 1), (8, 151, 48), (128, 128, 64)])
def test_a_layer_is_a_product_whatever_it_is_cut_into(outputs: int, inputs: int, count: int) -> None:
    pytest.importorskip("numba", reason="numba is not installed")
    from geoflow_ros.model.inference.compiled_refinement import _dense

    rng = np.random.default_rng(0)
    matrix, seen = rng.normal(size=(outputs, inputs)), rng.normal(size=(inputs, count))
    bias, result = rng.normal(size=outputs), np.full((outputs, count), np.nan, np.float32)
    _dense(*(each.astype(np.float32) for each in (matrix, bias, seen)), result)
    np.testing.assert_allclose(result, matrix @ seen + bias[:, None], atol=1e-4)


@pytest.mark.parametrize("turn_deg", [0.0, 3.0, -2.0])
@pytest.mark.parametrize("yaw_reach_deg", [1.0, 6.0, 12.0, math.inf])
@torch.inference_mode()
def test_a_frame_matches_as_torch_matches_it(
    model: MatchFlow, matching: Match, turn_deg: float, yaw_reach_deg: float
) -> None:
    generator = torch.Generator().manual_seed(1)
    ground = torch.randn(1, CONFIG.channels, *CONFIG.lift_shape[1:], generator=generator)
    side = CONFIG.satellite_px // 4
    encoded = model.prepare_satellite(torch.randn(1, CONFIG.channels, side, side, generator=generator))
    turn, yaw_reach = math.radians(turn_deg), math.radians(yaw_reach_deg)
    ours, theirs = (
        matching(ground, encoded, turn, yaw_reach),
        model.match(ground, encoded, torch.tensor([turn]), yaw_reach),
    )
    assert ours.match_logit is not None and theirs.match_logit is not None
    assert torch.allclose(ours.match_logit, theirs.match_logit, atol=1e-4)
    assert torch.allclose(table_of(ours), table_of(theirs), atol=1e-3)
    places = torch.rand(1, 50, 3, generator=generator) * torch.tensor([2.4, 2.4, 0.4]) - torch.tensor([1.2, 1.2, 0.2])
    assert torch.allclose(model.log_density(ours, places), model.log_density(theirs, places), atol=5e-3)
    assert model.log_density(theirs, places).std() > 0.1


@torch.inference_mode()
def test_a_likelihood_is_read_as_torch_reads_it(model: MatchFlow, reading: Read) -> None:
    generator = torch.Generator().manual_seed(1)
    volume = torch.randn(1, *model.volume.shape, generator=generator)
    places = torch.rand(1, 400, 3, generator=generator) * torch.tensor([3.0, 3.0, 0.4]) - torch.tensor([1.5, 1.5, 0.2])
    ours, theirs = reading(volume, places), model.log_likelihood(Latent(log_mass=volume), places)
    assert torch.allclose(ours, theirs, atol=1e-4)
    assert theirs.std() > 0.5 and 50 < (theirs == 0.0).sum() < 350  # some lie outside


@torch.inference_mode()
def test_a_likelihood_is_nothing_where_a_pose_is_no_number(model: MatchFlow, reading: Read) -> None:
    volume = torch.ones(1, *model.volume.shape)
    places = torch.tensor([[[np.nan, 0.0, 0.0], [1e30, -1e30, np.inf], [0.0, 0.0, np.nan], [0.1, 0.1, 0.0]]])
    assert reading(volume, places)[0].tolist() == pytest.approx([0.0, 0.0, 0.0, 1.0])


@torch.inference_mode()
def test_a_network_that_has_the_parts_uses_them_for_single_frames(model: MatchFlow, latent: Latent) -> None:
    asked: list[object] = []

    def refinement(table: Tensor, hypotheses: Tensor, fractions: Sequence[float]) -> Refined:
        asked.append(fractions)
        return Refined(hypotheses, flow, None)

    def matching(ground: Tensor, satellite: Tensor, turn: float, yaw_reach: float) -> Latent:
        asked.append((turn, yaw_reach))
        return latent

    def reading(volume: Tensor, hypotheses: Tensor) -> Tensor:
        asked.append(volume)
        return hypotheses[..., 0]

    start, flow = torch.zeros(1, 4, 3), model.flow(latent, torch.zeros(1, 1, 3))
    accelerated = Accelerated(model, HalfTorch(model))
    accelerated.refinement, accelerated.matching, accelerated.reading = refinement, matching, reading
    assert accelerated.refine(latent, start, (1.0,)).hypotheses is start
    ground, features = (
        torch.zeros(1, CONFIG.channels, *CONFIG.lift_shape[1:]),
        torch.zeros(1, CONFIG.channels, 104, 104),
    )
    assert accelerated.match(ground, model.prepare_satellite(features), torch.tensor([0.5]), 0.25) is latent
    assert accelerated.match(ground, model.prepare_satellite(features)) is latent
    assert asked == [(1.0,), (0.5, 0.25), (0.0, math.inf)]
    both = accelerated.match(ground.repeat(2, 1, 1, 1), model.prepare_satellite(features).repeat(2, 1, 1, 1))
    assert accelerated.refine(both, start.repeat(2, 1, 1), (1.0,)).hypotheses.shape == (2, 4, 3)
    assert len(asked) == 3
    accelerated.log_likelihood(latent, start)
    assert asked[3] is latent.volume


def test_without_numba_torch_computes_them_and_says_so(
    model: MatchFlow, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("jit", "compiled_match", "compiled_reading", "compiled_refinement"):
        monkeypatch.delitem(sys.modules, f"geoflow_ros.model.inference.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "numba", None)
    with caplog.at_level(logging.WARNING):
        assert compiled_parts(model) == (None, None, None)
    assert "pip install numba" in caplog.text


def test_parts_that_compute_wrongly_are_not_used(
    model: MatchFlow, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("numba", reason="numba is not installed")
    monkeypatch.setattr(compiled, "CLOSE", 0.0)
    with caplog.at_level(logging.WARNING):
        assert compiled_parts(model) == (None, None, None)
    assert "the compiled match differs" in caplog.text and "the compiled refinement differs" in caplog.text
