"""A constant offset of imagery from differences between frames and a reference, with its uncertainty."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.errors import InputError
from geoflow_ros.localization.pose import position_std
from geoflow_ros.planar import rotate

LEVER_STD_M = 0.5
"""How far the reference may be from where frames put base_link, in the vehicle's axes: mount, antenna, clock."""
BLOCK_S = 5.0
"""Errors of frames closer than this are taken to be one error."""
FLOOR_M = 0.1
"""No frame is believed to be more certain than this."""
MIN_FRAMES, MIN_BLOCKS = 30, 4
ROUNDS = 30
OUTLIER = 3.0
"""Standard deviations at which a frame counts half."""
AGREEMENT = 4.0
"""So many standard deviations the two halves of a drive may differ."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Differences:
    """Frames minus reference. stamps: (N,) s. yaws: (N,) rad of base_link. ways: (N, 2) m.

    covariances: (N, 2, 2) of frame and reference together; references: (N, 2, 2) of the reference alone.
    """

    stamps: Floats
    yaws: Floats
    ways: Floats
    covariances: Floats
    references: Floats

    def part(self, chosen: NDArray[np.bool_]) -> Differences:
        """Some of them."""
        every = (self.stamps, self.yaws, self.ways, self.covariances, self.references)
        return Differences(*(each[chosen] for each in every))


@dataclass(frozen=True, slots=True, eq=False)
class MeasuredOffset:
    """Metres east and north that the imagery lies beside the truth, and their covariance (2, 2).

    lever: what frames put base_link ahead and to the left of where the reference has it, which is not the imagery's.
    """

    offset: Floats
    covariance: Floats
    lever: Floats
    frames: int

    @property
    def std(self) -> float:
        """Metres in the least certain direction."""
        return position_std(self.covariance)


def measure(found: Differences, max_std_m: float) -> MeasuredOffset:
    """The offset; InputError where there is none that is constant and as certain as asked for."""
    blocks = len(np.unique(_blocks(found)))
    if len(found.stamps) < MIN_FRAMES or blocks < MIN_BLOCKS:
        raise InputError(
            f"{len(found.stamps)} frames in {blocks} parts of {BLOCK_S:g} s were localised near the reference, "
            f"expected at least {MIN_FRAMES} in {MIN_BLOCKS}: give a longer drive, or see what replay says of this one"
        )
    reference_std = position_std(found.references.mean(axis=0))
    if reference_std > max_std_m:
        raise InputError(
            f"the fixes say that they are uncertain by {reference_std:.2f} m, more than {max_std_m:g} m, and their "
            "errors last for minutes: give a drive with RTK fixes, or a trajectory with --truth, or allow more with "
            "--max-std-m"
        )
    whole = _fitted(found)
    _check_constant(found)
    if whole.std > max_std_m:
        raise InputError(
            f"the offset is {_text(whole.offset)}, but uncertain by {whole.std:.2f} m, more than {max_std_m:g} m: give "
            "a longer drive with better GNSS and roads in more than one direction, or allow more with --max-std-m"
        )
    return whole


def _check_constant(found: Differences) -> None:
    blocks = _blocks(found)
    late = blocks > np.median(np.unique(blocks))  # in both halves are several, by which their spread is known
    first, second = (_fitted(found.part(half)) for half in (~late, late))
    apart = first.offset - second.offset
    spread = math.sqrt(float(apart @ np.linalg.solve(first.covariance + second.covariance, apart)))
    if spread > AGREEMENT and np.hypot(*apart) > 2 * FLOOR_M:
        raise InputError(
            f"the offset is not constant: {_text(first.offset)} in the first half of the drive, {_text(second.offset)} "
            "in the second: the imagery is distorted, or GNSS was not good"
        )


def _text(offset: Floats) -> str:
    return f"{offset[0]:+.2f} m east, {offset[1]:+.2f} m north"


def _blocks(found: Differences) -> NDArray[np.int64]:
    return np.asarray(found.stamps // BLOCK_S, dtype=np.int64)  # of a part of them the same


def _fitted(found: Differences) -> MeasuredOffset:
    """Least squares of offset and lever, weighed by how certain frames are, those far off counting less.

    The covariance comes from how much blocks differ, so that neither correlated errors nor frames that are too sure of
    themselves make it small; and since errors of GNSS last for minutes, it is never less than that of the reference.
    """
    count = len(found.stamps)
    design = np.zeros((count, 2, 4))
    design[:, :, :2] = np.eye(2)
    design[:, :, 2] = rotate(found.yaws, np.array([1.0, 0.0]))
    design[:, :, 3] = rotate(found.yaws, np.array([0.0, 1.0]))
    certainty = np.linalg.inv(found.covariances + FLOOR_M**2 * np.eye(2))
    prior = np.diag([0.0, 0.0, LEVER_STD_M**-2, LEVER_STD_M**-2])
    solution = np.array([*np.median(found.ways, axis=0), 0.0, 0.0])
    for _ in range(ROUNDS):
        rest = found.ways - design @ solution
        squares = np.einsum("ni,nij,nj->n", rest, certainty, rest)
        weights = certainty / (1 + squares / OUTLIER**2)[:, None, None]
        hessians = np.einsum("nia,nij,njb->nab", design, weights, design)
        hessian = hessians.sum(axis=0) + prior
        solution = np.linalg.solve(hessian, np.einsum("nia,nij,nj->a", design, weights, found.ways))
    gradients = np.einsum("nia,nij,nj->na", design, weights, found.ways - design @ solution)
    inverse = np.linalg.inv(hessian)
    covariance = _jackknifed(hessian, hessians, gradients, _blocks(found)) + inverse @ prior @ inverse
    return MeasuredOffset(solution[:2], covariance[:2, :2] + found.references.mean(axis=0), solution[2:], count)


def _jackknifed(hessian: Floats, hessians: Floats, gradients: Floats, blocks: NDArray[np.int64]) -> Floats:
    """(4, 4) from how far the solution moves without each of the blocks (Bell and McCaffrey, 2002).

    Residuals are smaller than errors, since the solution follows them: of few blocks far smaller. And a spread that is
    itself known from few is uncertain: the variance of Student's t is allowed for.
    """
    every = np.unique(blocks)
    without = np.array([hessian - hessians[blocks == block].sum(axis=0) for block in every])
    pulls = np.array([gradients[blocks == block].sum(axis=0) for block in every])
    moves = np.linalg.solve(without, pulls[:, :, None])[:, :, 0]
    freedom = len(every) - 1
    return np.asarray(moves.T @ moves * freedom / len(every) * freedom / max(freedom - 2, 1))
