"""How frames count, alone and together: what the belief weighs, the heatmap shows and `evaluate --rig` measures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from geoflow_ros.localization.pose import Likelihood, PoseEstimate

Floats = NDArray[np.float64]


class Frame(NamedTuple):
    """What a camera says. likelihood: of the vehicle's poses, over knowing nothing; match: `match_evidence`."""

    likelihood: Likelihood
    match: float


def share_of_each(cameras: int, correlation: float) -> float:
    """How much each of so many cameras in one place counts, whose errors are correlated so."""
    return 1.0 / (1.0 + correlation * (cameras - 1))


def observed(fits: Floats, matches: Sequence[float], share: float, depth: float) -> Floats:
    """The log likelihood (N,) by which the frames of several cameras at one place weigh poses, as one observation.

    fits: (F, N) their own, over knowing nothing, at poses among which is the best; matches: (F,) `match_evidence`;
    share: how much each counts; depth: by how much a whole frame may speak against a place at most. They are flattened
    together: a place that several think possible may stand out where each alone is sure of another one.
    """
    total, match = share * fits.sum(axis=0), joint_match(matches)
    best = float(total.max())
    # The lower the probability of a match, the flatter: 1 - p + p times the likelihood ratio, of which p is best's.
    flat = max(-depth * share * len(fits), -match - best)
    # And the less their errors are their own: where matches are weak, frame after frame errs the same way.
    return np.asarray(expit(match) * np.logaddexp(total - best, flat))


def joint(frames: Sequence[Frame], correlation: float, depth: float) -> Likelihood:
    """What cameras see at one time and place, asked at poses among which is the best."""
    share = share_of_each(len(frames), correlation)

    def log_likelihood(poses: Floats) -> Floats:
        fits = np.stack([frame.likelihood(poses) for frame in frames])
        return observed(fits, [frame.match for frame in frames], share, depth)

    return log_likelihood


def joint_match(matches: Sequence[float]) -> float:
    """Log odds of the imagery by several cameras, each by its `match_evidence`."""
    return sum(part_of(each, len(matches)) * each for each in matches)


def part_of(evidence: float, cameras: int) -> float:
    """How much of one of so many cameras' log odds counts: what they prove adds up, what they deny is shared."""
    return 1.0 / cameras if evidence < 0.0 else 1.0


def likelihood_of(estimate: PoseEstimate) -> Likelihood:
    """The frame's own; of a network that has none, that of its estimate of the position."""
    if estimate.log_likelihood is not None:
        return estimate.log_likelihood
    precision = np.linalg.inv(estimate.covariance[:2, :2])
    searched = estimate.density_size_m**2
    best = 0.5 * float(np.linalg.slogdet(precision)[1]) + math.log(searched / (2 * math.pi))

    def log_likelihood(poses: Floats) -> Floats:
        offset = poses[:, :2] - (estimate.east, estimate.north)
        return np.asarray(best - 0.5 * np.einsum("ni,ij,nj->n", offset, precision, offset))

    return log_likelihood
