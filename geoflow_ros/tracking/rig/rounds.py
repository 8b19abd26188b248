"""The frames of a rig's cameras at one place: one observation, to which each camera adds when its frame comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.localization.pose import Likelihood
from geoflow_ros.planar import PlanarPose, compose, wrap_angle
from geoflow_ros.tracking.particles import Particles
from geoflow_ros.tracking.rig.combination import observed

Floats = NDArray[np.float64]
HEADINGS = 15  # of those believed, of which a place draws one


@dataclass(frozen=True, slots=True)
class Member:
    """A camera's frame. lag: from where the vehicle is believed to be to where it was then, in its own axes.

    part: how much of it the frames before did not say, in [0, 1]. match: `match_evidence`.
    """

    camera: str
    likelihood: Likelihood
    lag: PlanarPose
    part: float
    match: float

    def fit(self, particles: Particles, others: Floats) -> Floats:
        """Log likelihood (N + M,) of the frame, over knowing nothing, at the particles and other poses (M, 3)."""
        poses = compose(np.concatenate([particles.poses, others]), self.lag.array())
        return self.likelihood(self._seen(particles, poses))

    def turn(self, particles: Particles, share: float, depth: float) -> None:
        """Weigh the particles' headings alone: each place keeps its weight, and draws a heading of those believed.

        share: how much of the frame counts; depth: as of `observed`.
        """
        poses = self._seen(particles, compose(particles.poses, self.lag.array()))
        quantiles = (np.arange(HEADINGS) + 0.5) / HEADINGS
        order = np.argsort(turns := wrap_angle(poses[:, 2] - poses[0, 2]))
        others = turns[order[np.searchsorted(np.cumsum(particles.weights[order]), quantiles)]]
        turned = np.tile(poses, (HEADINGS, 1))
        turned[:, 2] = poses[0, 2] + np.repeat(others, len(poses))
        fits = share * observed(self.likelihood(turned)[None], [self.match], 1.0, depth).reshape(HEADINGS, -1)
        particles.turn(others - turns[:, None], fits.T)

    def _seen(self, particles: Particles, poses: Floats) -> Floats:
        """Poses, of which the first (N, 3) are the particles', as the camera sees them; in place."""
        if self.camera in particles.squint:
            poses[: len(particles.poses), 2] += particles.squint[self.camera]
        return poses


class Round:
    """One frame of each camera, as long as they are taken at one place."""

    def __init__(self) -> None:
        self._members: tuple[Member, ...] = ()
        self._share = 1.0

    def end(self) -> None:
        """What was weighed so far is done with."""
        self._members = ()

    def move(self, displacement: PlanarPose) -> None:
        """The vehicle went on, to this pose in the axes where it was."""
        back = displacement.inverse()
        self._members = tuple(replace(each, lag=back @ each.lag) for each in self._members)

    def add(
        self, member: Member, fit: Floats, share: float, depth: float, particles: Particles, others: Floats
    ) -> Floats:
        """By how much the log weights (N,) of the particles change when this frame is weighed with those before it.

        fit: (N + M,) its own; share: how much each camera counts now; depth: as of `observed`; others: (M, 3) poses
        that may be better than all particles.
        """
        if member.camera in [each.camera for each in self._members]:
            self.end()
        before, self._members = self._members, (*self._members, member)
        fits = np.stack([*(each.fit(particles, others) for each in before), fit])
        change = _weight(self._members, fits, share, depth)
        if before:
            change -= _weight(before, fits[:-1], self._share, depth)
        self._share = share
        return change[: len(particles.poses)]


def _weight(members: Sequence[Member], fits: Floats, share: float, depth: float) -> Floats:
    parts = np.array([each.part for each in members])
    most = float(parts.max())
    if most == 0.0:
        return np.zeros(fits.shape[1])
    matches = [each.match for each in members]
    return most * observed((parts / most)[:, None] * fits, matches, share, depth)
