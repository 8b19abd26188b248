"""Frames as Gaussian factors that agree with them where the rest of the drive expects the vehicle.

Expectation propagation (Minka, 2001): what all else says of a node, times what its frame says mixed with a flat
likelihood, has a mean and a covariance; the frame's Gaussian is the one that would have given the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.planar import wrap_angle
from geoflow_ros.smoothing.frame_volume import FrameVolume

Floats = NDArray[np.float64]
STEPS, SIGMAS = 9, 2.7  # of the grid along each axis of what is expected
TEMPERATURES = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0)
FLAT_SHARES = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.9, 0.98)
DAMPING = 0.5


@dataclass(frozen=True, slots=True)
class Mixture:
    """How far frames are believed. flat_share: of those that say nothing. temperature: as `FrameVolume.log_ratio`.

    share: of a frame, since neighbours err alike.
    """

    temperature: float
    flat_share: float
    share: float


@dataclass(frozen=True, slots=True, eq=False)
class Expected:
    """What all else says of a node: mean (3,), covariance (3, 3)."""

    mean: Floats
    covariance: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Site:
    """A frame's Gaussian: information (3, 3), and its product (3,) with the offset of its mean from `mean`.

    evidence: log of how much likelier the frame is where it was expected than anywhere. agrees: probability that it
    is not one of those that say nothing.
    """

    mean: Floats
    information: Floats
    vector: Floats
    evidence: float = 0.0
    agrees: float = 0.0


def without(marginal: Expected, site: Site | None) -> Expected | None:
    """What is expected of a node without its own frame; None where that leaves nothing."""
    if site is None:
        return marginal
    precision = np.linalg.inv(marginal.covariance) - site.information
    if np.linalg.eigvalsh(precision).min() <= 1e-9:
        return None
    offset = marginal.mean - site.mean
    offset[2] = wrap_angle(offset[2])
    covariance = np.asarray(np.linalg.inv(precision), np.float64)
    mean = site.mean + covariance @ (np.linalg.solve(marginal.covariance, offset) - site.vector)
    return Expected(mean, covariance)


def site_of(volume: FrameVolume, expected: Expected, mixture: Mixture) -> Site:
    """The Gaussian of a frame."""
    unit, prior = standard_grid()
    offsets = unit @ np.linalg.cholesky(expected.covariance).T
    ratio = np.exp(volume.log_ratio(expected.mean + offsets, mixture.temperature))
    likelihood = (1.0 - mixture.flat_share) * ratio + mixture.flat_share
    total = float(prior @ likelihood)
    weights = prior * likelihood**mixture.share
    weights /= weights.sum()
    mean = weights @ offsets
    centred = offsets - mean
    before = prior @ (offsets[:, :, None] * offsets[:, None]).reshape(-1, 9)  # of the grid, cut at SIGMAS
    after = (weights[:, None] * centred).T @ centred
    information = _positive(np.asarray(np.linalg.inv(after) - np.linalg.inv(before.reshape(3, 3)), np.float64))
    vector = (np.linalg.inv(expected.covariance) + information) @ mean
    agrees = (1.0 - mixture.flat_share) * float(prior @ ratio) / total
    return Site(expected.mean, information, vector, math.log(total), agrees)


def damped(old: Site | None, new: Site) -> Site:
    """Half-way from the old to the new one: all frames change at once."""
    if old is None:
        return new
    shift = old.mean - new.mean
    shift[2] = wrap_angle(shift[2])
    vector = old.vector + old.information @ shift  # of the old one, about the new one's mean
    information = DAMPING * new.information + (1.0 - DAMPING) * old.information
    return Site(new.mean, information, DAMPING * new.vector + (1.0 - DAMPING) * vector, new.evidence, new.agrees)


def fitted(volumes: Sequence[FrameVolume], expected: Sequence[Expected], share: float) -> Mixture:
    """The temperature and the share of frames that say nothing under which the frames are likeliest."""
    unit, prior = standard_grid()
    poses = [each.mean + unit @ np.linalg.cholesky(each.covariance).T for each in expected]
    found = []
    for temperature in TEMPERATURES:
        pairs = zip(volumes, poses, strict=True)
        ratio = np.array([prior @ np.exp(volume.log_ratio(there, temperature)) for volume, there in pairs])
        scores = [(float(np.log((1.0 - flat) * ratio + flat).sum()), flat) for flat in FLAT_SHARES]
        found.append((*max(scores), temperature))
    _, flat, temperature = max(found)
    return Mixture(temperature, flat, share)


def standard_grid() -> tuple[Floats, Floats]:
    """Points (P, 3) in standard deviations, and the weights (P,) of a Gaussian there."""
    axis = np.linspace(-SIGMAS, SIGMAS, STEPS)
    unit = np.stack(np.meshgrid(axis, axis, axis), axis=-1).reshape(-1, 3)
    prior = np.exp(-0.5 * (unit**2).sum(axis=1))
    return unit, prior / prior.sum()


def _positive(matrix: Floats) -> Floats:
    """The nearest positive semidefinite matrix: a frame never makes a node less certain."""
    values, axes = np.linalg.eigh((matrix + matrix.T) / 2)
    return np.asarray((axes * np.maximum(values, 0.0)) @ axes.T)
