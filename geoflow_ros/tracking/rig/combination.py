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


def weighed(fit: Floats, best: float, match: float, depth: float) -> Floats:
    """The log likelihood (N,) by which a frame weighs poses, from its own.

    fit: (N,) its own, 0 at its best place; best: there, over knowing nothing; match: `match_evidence`; depth: by how
    much it may speak against a place at most.
    """
    # The lower the probability of a match, the flatter: 1 - p + p times the likelihood ratio, of which p is best's.
    flat = max(-depth, -match - best)
    # And the less its errors are its own: where matches are weak, frame after frame errs the same way.
    return np.asarray(expit(match) * np.logaddexp(fit, flat))


def joint(frames: Sequence[Frame], correlation: float, depth: float) -> Likelihood:
    """What cameras see at one time and place as one observation, at poses among which each has its best place."""
    share = share_of_each(len(frames), correlation)

    def log_likelihood(poses: Floats) -> Floats:
        total = np.zeros(len(poses))
        for frame in frames:
            fit = frame.likelihood(poses)
            best = float(fit.max())
            total += share * weighed(fit - best, best, frame.match, depth)
        return total

    return log_likelihood


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
