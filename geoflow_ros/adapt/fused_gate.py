"""Whether the node drives as well with new weights as with the old: what the user gets from it is the fused pose."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.adapt.gates import MOST_NEES
from geoflow_ros.adapt.held_out_drive import BLOCK_M, LEAST_BLOCKS, Driven, Stretch
from geoflow_ros.metrics import squared_mahalanobis

Floats = NDArray[np.float64]
MOST_LOCALISED_LOST = 0.05
MOST_WORSE, LEAST_WORSE_M = 0.15, 0.02
"""By how much the errors may seem to grow (share; m where that is less), whatever chance may explain."""


@dataclass(frozen=True, slots=True)
class FusedScores:
    """Of the node's poses along a stretch, against the smoother's. localised: share of the frames.

    The others are of the frames that have a pose, None if none has. nees: of the position, with the smoother's
    covariance added; 2 if honest and independent, below that since both see the same frames.
    """

    localised: float
    mean_error_m: float | None
    nees: float | None


@dataclass(frozen=True, slots=True)
class FusedComparison:
    """Of the node with old weights and new on the same frames.

    blocks: of way in which either has a pose; compared: in how many both have. rms_before_m, rms_after_m: of the errors
    there, each block counting alike; limit_m: the most that the second may be; None where too few are compared.
    """

    frames: int
    way_m: float
    blocks: int
    compared: int
    before: FusedScores
    after: FusedScores
    rms_before_m: float | None
    rms_after_m: float | None
    limit_m: float | None

    def __str__(self) -> str:
        """In plain words."""
        return (
            f"driven on the held-out {self.way_m:.0f} m the node is {_told(self.after)}, with the weights before "
            f"{_told(self.before)}"
        )


def compare(stretch: Stretch, before: Driven, after: Driven) -> FusedComparison:
    """How the node drives a stretch with old weights and with new."""
    had, has = (np.isfinite(driven.positions[:, 0]) for driven in (before, after))
    rows = [(had & has) & (stretch.blocks == block) for block in np.unique(stretch.blocks[had & has])]
    errors = _paired(stretch, before, after, rows) if len(rows) >= LEAST_BLOCKS else (None, None, None)
    blocks = len(np.unique(stretch.blocks[had | has]))
    scores = _scores(stretch, before), _scores(stretch, after)
    return FusedComparison(len(stretch.positions), stretch.way_m, blocks, len(rows), *scores, *errors)


def _paired(
    stretch: Stretch, before: Driven, after: Driven, blocks: Sequence[NDArray[np.bool_]]
) -> tuple[float, float, float]:
    """Root mean square errors (m) before and after, and the most that the second may be. blocks: rows of each.

    Were x the truth where the smoother says s with covariance S, the squared errors of two poses p, q would differ by
    |q - s|^2 - |p - s|^2 - 2 (q - p) (x - s). The mean of the first two over the blocks is uncertain by their scatter,
    the last by 2 std of (q - p) (x - s) if the smoother is off alike all along. It is so rather than at random: its
    poses hang on one chain, and on the old weights' volumes, by which it favours those. One standard deviation is
    allowed, not two: of a few blocks it is never certain that they got worse, and refusing good weights costs this
    drive, keeping bad ones all to come. For the same reason what seems worse by MOST_WORSE is refused though it may be
    chance: the less the blocks and the smoother tell, the more the first would let pass.
    """
    old, new = (((each.positions - stretch.positions) ** 2).sum(axis=1) for each in (before, after))
    change = np.array([(new - old)[rows].mean() for rows in blocks])
    gap = np.mean([(after.positions - before.positions)[rows].mean(axis=0) for rows in blocks], axis=0)
    smoother = np.mean([stretch.covariances[rows].mean(axis=0) for rows in blocks], axis=0)
    allowed = math.sqrt(change.var(ddof=1) / len(blocks) + 4.0 * float(gap @ smoother @ gap))
    square = float(np.mean([old[rows].mean() for rows in blocks]))
    rms = math.sqrt(square)
    limit = min(math.sqrt(square + allowed), max((1.0 + MOST_WORSE) * rms, rms + LEAST_WORSE_M))
    return rms, math.sqrt(square + float(change.mean())), limit


def failed_driving(fused: FusedComparison) -> list[str]:
    """Why the new weights may not take the place of the old; empty if they may."""
    if fused.blocks < LEAST_BLOCKS:
        return [
            f"whether the node drives as well is not known: on the held-out {fused.way_m:.0f} m it has poses in "
            f"{fused.blocks} blocks of {BLOCK_M:.0f} m, {LEAST_BLOCKS} are needed: give a drive with odometry to its "
            "end, or several"
        ]
    before, after, failed = fused.before, fused.after, []
    if after.localised < before.localised - MOST_LOCALISED_LOST:
        failed.append(
            f"the node is LOCALISED in {after.localised:.0%} of the held-out stretch, before {before.localised:.0%}"
        )
    if fused.limit_m is not None and fused.rms_after_m is not None and not fused.rms_after_m <= fused.limit_m:
        failed.append(
            f"the fused pose becomes worse on the held-out stretch: {fused.rms_after_m:.2f} m (rms), before "
            f"{fused.rms_before_m:.2f}, up to {fused.limit_m:.2f} would have passed"
        )
    if after.nees is not None and not after.nees <= max(before.nees or 0.0, MOST_NEES):
        told = "no pose" if before.nees is None else f"{before.nees:.1f}"
        failed.append(f"fused covariances have become less honest: NEES {after.nees:.1f}, before {told}, 2 is honest")
    return failed


def _scores(stretch: Stretch, driven: Driven) -> FusedScores:
    posed = np.isfinite(driven.positions[:, 0])
    localised = float(driven.localised.mean())
    if not posed.any():
        return FusedScores(localised, None, None)
    off = driven.positions[posed] - stretch.positions[posed]
    nees = squared_mahalanobis(off, driven.covariances[posed] + stretch.covariances[posed])
    return FusedScores(localised, float(np.hypot(*off.T).mean()), float(nees.mean()))


def _told(scores: FusedScores) -> str:
    error = "without a pose" if scores.mean_error_m is None else f"{scores.mean_error_m:.2f} m off the smoother's poses"
    return f"{error} and LOCALISED in {scores.localised:.0%} of the frames"
