import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from perfect_model import PerfectModel
from torch import Tensor

from geoflow_ros.hypotheses import (
    GaussianPrior,
    Schedule,
    UniformPrior,
    consensus,
    pose_covariance,
    remaining_error,
    wrap_yaw,
)
from geoflow_ros.model.base import Flow, Latent


def test_half_steps_leave_what_the_paper_leaves() -> None:
    # GeoFlow with a perfect predictor: |q0 - truth| / 2^R.
    start = torch.tensor([[[1.0, 0.0, 0.0]]])
    end, left = PerfectModel((0.0, 0.0, 0.0)).refine(Latent(), start, Schedule.PAPER.fractions(5))
    assert end[0, 0, 0] == pytest.approx(1 / 32, rel=1e-3)
    assert left.log_distance.exp() == pytest.approx(1 / 32, rel=1e-3)


@pytest.mark.parametrize("schedule", [Schedule.FULL, Schedule.ANNEALED])
def test_a_full_first_step_arrives(schedule: Schedule) -> None:
    start = torch.tensor([[[1.0, -1.0, 0.2]]])
    end, _ = PerfectModel((0.25, 0.5, -0.1)).refine(Latent(), start, schedule.fractions(1))
    assert end[0, 0].tolist() == pytest.approx([0.25, 0.5, -0.1], abs=1e-3)


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


def test_uniform_draws_stay_inside() -> None:
    drawn = np.abs(UniformPrior(0.1).draw(1000, np.random.default_rng(0)))
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
    """One hypothesis that is told to go along x."""
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
