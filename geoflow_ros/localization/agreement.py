"""What the refined hypotheses of a frame agree on, by numpy; `compiled_agreement` is the same in one piece."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from geoflow_ros.localization.hypotheses import (
    GaussianPrior,
    Prior,
    consensus,
    pose_covariance,
    remaining_error,
    wrap_yaw,
)
from geoflow_ros.model.interface import FrameAnswer, Refined

Floats = NDArray[np.float64]


class Agreement(NamedTuple):
    """In hypothesis coordinates. pose (3,), covariance (3, 3); hypotheses (N, 3) with yaw wrapped, weights (N,)."""

    pose: Floats
    covariance: Floats
    hypotheses: Floats
    weights: Floats


def compile_ahead() -> None:
    """Nothing: numpy is compiled."""


def agreement(refined: Refined, belief: Prior, bandwidth: float, is_posterior: bool) -> Agreement:
    """Of the hypotheses of one frame. is_posterior: they were drawn from the posterior, not from the prior."""
    there, flow, fit = refined
    hypotheses = wrap_yaw(there[0].numpy().astype(np.float64))
    weights = softmax(belief.log_density(hypotheses) + (0.0 if fit is None else fit[0].numpy()))
    pose = consensus(hypotheses, weights, bandwidth)
    # Drawn from the posterior, each stands for as much of it as the next.
    shares = np.full(len(weights), 1 / len(weights)) if is_posterior else weights
    covariance = pose_covariance(pose, hypotheses, shares, remaining_error(flow, belief.heading_variance))
    return Agreement(pose, covariance, hypotheses, weights)


def agreements(
    answers: Sequence[FrameAnswer], beliefs: Sequence[GaussianPrior], bandwidth: float
) -> tuple[Agreement, ...]:
    """Of the hypotheses of each of several frames, drawn from the posterior."""
    pairs = zip(answers, beliefs, strict=True)
    return tuple(agreement(answer.refined(), belief, bandwidth, is_posterior=True) for answer, belief in pairs)
