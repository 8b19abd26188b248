"""What hypotheses agree on: by hand of two, and compiled as by numpy."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from geoflow_ros.localization.agreement import Agreement, agreement, agreements
from geoflow_ros.localization.hypotheses import GaussianPrior, Prior, UniformPrior
from geoflow_ros.model.inference.cuda.cuda_frame import found
from geoflow_ros.model.interface import Flow, FrameAnswer, Latent, Refined

ahead_of_time = pytest.importorskip("geoflow_ros.localization.compiled_agreement")
compiled = ahead_of_time.agreement
GAUSSIAN = GaussianPrior(np.array([0.1, -0.2, 3.1]), np.array([[0.2, 0.05, 0.01], [0.05, 0.1, 0.0], [0.01, 0.0, 0.02]]))
UNIFORM = UniformPrior(np.array([0.0, 0.0, 3.1]), 1.0, 0.17)


def refined(count: int, is_heading_seen: bool, has_fit: bool) -> Refined:
    """Hypotheses with headings to either side of where they wrap."""
    generator = torch.Generator().manual_seed(count)
    numbers = torch.randn(count, 11, generator=generator)
    direction = torch.nn.functional.normalize(numbers[None, :, 3:5], dim=-1)
    yaw_step, yaw_variance = (0.1 * numbers[None, :, 8], numbers[None, :, 9].exp()) if is_heading_seen else (None, None)
    flow = Flow(
        numbers[None, :, 5] - 3, 6 * numbers[None, :, 6].exp(), direction, numbers[None, :, 7].exp(), yaw_step,
        yaw_variance,
    )  # fmt: skip
    poses = numbers[None, :, :3] * torch.tensor([0.3, 0.3, 0.1]) + torch.tensor([0.0, 0.0, math.pi])
    return Refined(poses, flow, numbers[None, :, 10] if has_fit else None)


@pytest.mark.parametrize("belief", [GAUSSIAN, UNIFORM])
@pytest.mark.parametrize("is_posterior", [True, False])
@pytest.mark.parametrize(("is_heading_seen", "has_fit"), [(True, True), (False, True), (True, False)])
def test_compiled_as_by_numpy(belief: Prior, is_posterior: bool, is_heading_seen: bool, has_fit: bool) -> None:
    there = refined(40, is_heading_seen, has_fit)
    for ours, theirs in zip(
        compiled(there, belief, 0.1, is_posterior), agreement(there, belief, 0.1, is_posterior), strict=True
    ):
        assert ours == pytest.approx(theirs, rel=1e-5, abs=1e-6)


def answer(count: int) -> FrameAnswer:
    there = refined(count, True, True)
    assert there.log_density is not None
    return FrameAnswer(Latent(), found(there.hypotheses, there.flow, there.log_density)[0].numpy())


def test_frames_of_a_rig_at_once_agree_as_each_alone() -> None:
    other = GaussianPrior(GAUSSIAN.mean - 0.3, 2 * GAUSSIAN.covariance)
    frames, beliefs = [answer(40), answer(40)], [GAUSSIAN, other]
    frames[1].found[:, :2] += 0.05
    for together in (agreements, ahead_of_time.agreements):
        for one, belief, ours in zip(frames, beliefs, together(frames, beliefs, 0.1), strict=True):
            for mine, alone in zip(ours, agreement(one.refined(), belief, 0.1, True), strict=True):
                assert mine == pytest.approx(alone, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("agree", [agreement, compiled])
def test_two_hypotheses_across_the_wrap_meet_in_the_middle(
    agree: Callable[[Refined, Prior, float, bool], Agreement],
) -> None:
    poses = torch.tensor([[[0.0, 0.02, math.pi - 0.1], [0.0, -0.02, math.pi + 0.1]]])
    nothing_left = Flow(
        torch.full((1, 2), -20.0), torch.zeros(1, 2), torch.tensor([[[1.0, 0.0], [1.0, 0.0]]]), torch.ones(1, 2),
        torch.zeros(1, 2), torch.full((1, 2), 0.04),
    )  # fmt: skip
    pose, covariance, _, weights = agree(Refined(poses, nothing_left, torch.zeros(1, 2)), UNIFORM, 1.0, True)
    assert weights == pytest.approx([0.5, 0.5])
    assert pose[:2] == pytest.approx([0.0, 0.0], abs=1e-9) and abs(pose[2]) == pytest.approx(math.pi, abs=1e-6)
    expected = [[0.0, 0.0, 0.0], [0.0, 0.02**2, -0.02 * 0.1], [0.0, -0.02 * 0.1, 0.1**2 + 0.04]]
    assert covariance == pytest.approx(np.array(expected), rel=1e-4, abs=1e-6)


def test_nothing_is_left_to_compile_for_the_first_frame() -> None:
    from geoflow_ros.localization import compiled_agreement

    parts = (compiled_agreement._weigh, compiled_agreement._consensus, compiled_agreement._covariance)
    parts += (compiled_agreement._agreements,)
    compiled_agreement.compile_ahead()
    ahead = [part.signatures for part in parts]
    compiled(refined(40, True, True), GAUSSIAN, 0.1, True)
    compiled_agreement.agreements([answer(40)], [GAUSSIAN], 0.1)
    assert [part.signatures for part in parts] == ahead
    assert all(ahead)
