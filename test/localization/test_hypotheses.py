import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from perfect_model import PerfectModel
from torch import Tensor

from geoflow_ros.localization.hypotheses import (
    Array,
    GaussianPrior,
    Prior,
    UniformPrior,
    consensus,
    draw_posterior,
    pose_covariance,
    remaining_error,
    wrap_yaw,
)
from geoflow_ros.localization.localizer_config import Schedule
from geoflow_ros.model.interface import Flow, Latent, PoseGrid

CELL = np.array([0.1, 0.1, 0.05])


def test_half_steps_leave_what_the_paper_leaves() -> None:
    # GeoFlow with a perfect predictor: |q0 - truth| / 2^R.
    start = torch.tensor([[[1.0, 0.0, 0.0]]])
    end, left, _ = PerfectModel((0.0, 0.0, 0.0)).refine(Latent(), start, Schedule.PAPER.fractions(5))
    assert end[0, 0, 0] == pytest.approx(1 / 32, rel=1e-3)
    assert left.log_distance.exp() == pytest.approx(1 / 32, rel=1e-3)


@pytest.mark.parametrize("schedule", [Schedule.FULL, Schedule.ANNEALED])
def test_a_full_first_step_arrives(schedule: Schedule) -> None:
    start = torch.tensor([[[1.0, -1.0, 0.2]]])
    refined = PerfectModel((0.25, 0.5, -0.1)).refine(Latent(), start, schedule.fractions(1))
    assert refined.hypotheses[0, 0].tolist() == pytest.approx([0.25, 0.5, -0.1], abs=1e-3)


class Counting(PerfectModel):
    """Counts how often it is asked."""

    asked = 0

    def flow(self, latent: Latent, hypotheses: Tensor) -> Flow:
        self.asked += 1
        return super().flow(latent, hypotheses)


def test_refinement_takes_the_steps_it_is_asked_for() -> None:
    # Also when nothing is left to do after the first: an ablation over steps would else not be one.
    for schedule in Schedule:
        model = Counting((0.25, 0.5, -0.1))
        model.refine(Latent(), torch.tensor([[[1.0, -1.0, 0.2], [0.3, 0.5, 0.0]]]), schedule.fractions(7))
        assert model.asked == 8  # the last time for the flow where they arrive


def test_the_annealed_schedule_shrinks() -> None:
    assert Schedule.ANNEALED.fractions(3) == pytest.approx([1.0, 2 / 3, 0.5])


def test_draws_repeat_with_the_seed_and_follow_the_prior() -> None:
    covariance = np.array([[0.04, 0.01, 0.0], [0.01, 0.09, 0.0], [0.0, 0.0, 0.01]])
    prior = GaussianPrior(np.array([0.1, -0.2, 0.3]), covariance)
    drawn = prior.draw(20_000, np.random.default_rng(3))
    assert np.array_equal(drawn, prior.draw(20_000, np.random.default_rng(3)))
    assert np.allclose(drawn.mean(0), prior.mean, atol=0.01)
    assert np.allclose(np.cov(drawn.T), covariance, atol=0.003)


def test_the_priors_density_falls_by_a_half_at_one_sigma() -> None:
    prior = GaussianPrior(np.zeros(3), np.diag([0.04, 0.01, 0.01]))
    at = np.array([[0.2, 0.0, 0.0], [0.0, 0.2, 0.0], [0.0, 0.0, 2 * math.pi]])
    assert prior.log_density(at).tolist() == pytest.approx([-0.5, -2.0, 0.0], abs=1e-4)


def grid_of(log_probability: Array) -> PoseGrid:
    """A grid around zero, cells of 0.1 search radii and 0.05 rad."""
    x, y, yaw = (size * (np.arange(n) - n // 2) for size, n in zip(CELL, log_probability.shape[::-1], strict=True))
    return PoseGrid(log_probability.astype(np.float32), x, y, yaw, CELL)


@pytest.mark.parametrize(
    "prior",
    [
        GaussianPrior(np.array([0.1, -0.2, 3.1]), np.array([[0.04, 0.01, 0.02], [0.01, 0.09, 0.0], [0.02, 0.0, 0.03]])),
        UniformPrior(np.zeros(3), 1.0, 0.2),
        UniformPrior(np.zeros(3), 1.0, 0.2, sides=0.3),
    ],
)
def test_the_density_on_a_grid_is_that_of_its_cells(prior: Prior) -> None:
    grid = grid_of(np.zeros((7, 11, 13)))
    poses = np.stack(np.meshgrid(grid.yaw, grid.y, grid.x, indexing="ij")[::-1], axis=-1).reshape(-1, 3)
    expected = prior.log_density(poses).reshape(7, 11, 13)
    assert np.allclose(prior.log_density_on(grid), expected, rtol=1e-4, atol=1e-4)


def test_a_uniform_prior_gives_nothing_outside() -> None:
    grid = grid_of(np.zeros((7, 31, 33)))
    inside = np.isfinite(UniformPrior(np.zeros(3), 1.0, 0.12, sides=0.0).log_density_on(grid))
    assert inside[1:-1, 5:-5, 6:-6].sum() == 5 * 21 * 21 == inside.sum()


def test_posterior_draws_stand_for_what_is_likely() -> None:
    seen = np.full((7, 11, 13), -20.0)
    seen[2, 3, 4], seen[5, 6, 7], seen[0, 0, 0] = np.log([3.0, 1.0, 8.0])
    grid = grid_of(seen)
    prior = GaussianPrior(np.array([grid.x[4], grid.y[3], 0.0]), np.diag([0.01, 0.01, 10.0]))
    drawn = draw_posterior(prior, grid, 100, np.random.default_rng(0))
    assert np.array_equal(drawn, draw_posterior(prior, grid, 100, np.random.default_rng(0)))
    # The second is 0.3 to both sides off the prior's mean: as likely as exp(-9) times a third of the first.
    first = np.array([grid.x[4], grid.y[3], grid.yaw[2]])
    assert (np.abs(drawn - first) <= CELL / 2 + 1e-9).all() and np.ptp(drawn, axis=0) == pytest.approx(CELL, rel=0.1)
    flat = GaussianPrior(np.zeros(3), 1e3 * np.eye(3))
    offset = np.abs(draw_posterior(flat, grid, 120, np.random.default_rng(1))[:, None] - cells(grid, seen > -20.0))
    assert (offset <= CELL / 2 + 1e-9).all(axis=2).sum(axis=0).tolist() == [80, 30, 10]


def test_a_volume_of_no_numbers_is_no_end() -> None:
    drawn = draw_posterior(
        UniformPrior(np.zeros(3), 1.0, 0.2), grid_of(np.full((3, 5, 5), np.nan)), 4, np.random.default_rng(0)
    )
    assert drawn.shape == (4, 3)


def cells(grid: PoseGrid, chosen: Array) -> Array:
    """Middles (n, 3) of the chosen cells."""
    yaw, y, x = chosen.nonzero()
    return np.column_stack([grid.x[x], grid.y[y], grid.yaw[yaw]])


def test_uniform_draws_stay_inside() -> None:
    drawn = np.abs(UniformPrior(np.zeros(3), 1.0, 0.1, sides=0.0).draw(1000, np.random.default_rng(0)))
    assert drawn[:, :2].max() <= 1.0 and drawn[:, 2].max() <= 0.1
    assert drawn[:, :2].max() > 0.98 and drawn[:, 2].max() > 0.098


@given(st.floats(-20, 20))
def test_wrapping_keeps_the_direction(yaw: float) -> None:
    wrapped = wrap_yaw(np.array([[1.0, 2.0, yaw]]))[0]
    assert wrapped[:2].tolist() == [1.0, 2.0]
    assert -math.pi - 1e-5 <= wrapped[2] <= math.pi
    assert math.cos(float(wrapped[2]) - yaw) == pytest.approx(1.0, abs=1e-4)


def test_outliers_have_no_say_in_the_consensus_but_in_the_covariance() -> None:
    near = np.array([0.3, 0.3, 3.1]) + 0.01 * np.random.default_rng(0).standard_normal((30, 3))
    far = np.array([[-0.9, -0.9, 0.0]] * 10)
    hypotheses, weights = wrap_yaw(np.concatenate([near, far])), np.full(40, 1 / 40)
    pose = consensus(hypotheses, weights, bandwidth=0.1)
    assert pose.tolist() == pytest.approx([0.3, 0.3, 3.1], abs=0.01)
    covariance = pose_covariance(pose, hypotheses, weights, np.zeros((40, 3, 3)))
    assert covariance[0, 0] == pytest.approx(0.25 * 1.2**2, rel=0.05)
    assert covariance[0, 1] == pytest.approx(0.25 * 1.2**2, rel=0.05)


def test_weights_decide_between_two_places() -> None:
    hypotheses = np.array([[0.5, 0.0, 0.0]] * 5 + [[-0.5, 0.0, 0.0]] * 5)
    weights = np.array([0.15] * 5 + [0.05] * 5)
    assert consensus(hypotheses, weights, 0.1)[0] == pytest.approx(0.5, abs=1e-3)


def flow(log_distance: float, variance: float, kappa: float, yaw: tuple[float, float] | None) -> Flow:
    """One hypothesis whose flow points along x."""
    one = torch.ones(1, 1)
    steps = (None, None) if yaw is None else (yaw[0] * one, yaw[1] * one)
    return Flow(log_distance * one, variance * one, torch.tensor([[[1.0, 0.0]]]), kappa * one, *steps)


def test_what_remains_lies_along_a_certain_direction() -> None:
    moments = remaining_error(flow(math.log(0.5), 0.0, 1e4, (0.1, 0.04)), yaw_variance=9.0)[0]
    assert np.allclose(moments, np.diag([0.25, 0.0, 0.05]), atol=1e-5)


def test_what_remains_is_round_without_a_direction() -> None:
    moments = remaining_error(flow(math.log(0.5), 0.1, 1e-6, None), yaw_variance=0.3)[0]
    half = 0.5 * 0.25 * math.exp(0.2)  # E[r^2] of a log-normal distance, shared by two axes
    assert np.allclose(moments, np.diag([half, half, 0.3]), atol=1e-5)
