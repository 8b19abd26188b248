"""Between the hypotheses of a patch and poses of the `map` frame."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.localization.hypotheses import GaussianPrior, Prior, UniformPrior
from geoflow_ros.localization.pose import PosePrior, UniformPosePrior
from geoflow_ros.planar import wrap_angle
from geoflow_ros.satellite.patch import SatellitePatch


@dataclass(frozen=True, slots=True)
class PatchFrame:
    """Hypothesis coordinates (see `hypotheses`) of a patch whose search radius is `radius` metres.

    yaw_offset: where the hypotheses' yaw is zero, counter-clockwise from the patch's +u (rad).
    """

    patch: SatellitePatch
    radius: float
    yaw_offset: float = 0.0

    @property
    def yaw(self) -> float:
        """Where the hypotheses' yaw is zero, counter-clockwise from east (rad)."""
        return self.patch.yaw + self.yaw_offset

    def prior(self, prior: PosePrior | UniformPosePrior) -> Prior:
        """The camera's prior in hypothesis coordinates."""
        rotation = self._from_enu(1 / self.radius)
        east, north = prior.east - self.patch.center[0], prior.north - self.patch.center[1]
        mean = rotation @ np.array([east, north, wrap_angle(prior.yaw - self.yaw)])
        if isinstance(prior, PosePrior):
            return GaussianPrior(mean, covariance=rotation @ prior.covariance @ rotation.T)
        sides = None if prior.sides is None else prior.sides - self.patch.yaw
        return UniformPrior(mean, prior.reach_m / self.radius, prior.yaw_range, sides, self.yaw_offset)

    def to_enu(self, hypotheses: NDArray[np.float64]) -> NDArray[np.float64]:
        """(N, 3) east, north (m), yaw (rad) of hypotheses (N, 3)."""
        rotation = self._from_enu(self.radius)  # but for the scale it is orthogonal: its transpose rotates back
        poses: NDArray[np.float64] = hypotheses @ rotation + (*self.patch.center, self.yaw)
        poses[:, 2] = wrap_angle(poses[:, 2])
        return poses

    def from_enu(self, poses: NDArray[np.float64]) -> NDArray[np.float64]:
        """Hypotheses (N, 3) of poses (N, 3) east, north (m), yaw (rad)."""
        hypotheses: NDArray[np.float64] = (poses - (*self.patch.center, self.yaw)) @ self._from_enu(1 / self.radius).T
        hypotheses[:, 2] = wrap_angle(hypotheses[:, 2])
        return hypotheses

    def covariance_to_enu(self, covariance: NDArray[np.float64]) -> NDArray[np.float64]:
        """(3, 3) of (east, north, yaw) in metres and radians from that of hypothesis coordinates."""
        rotation = self._from_enu(self.radius)
        moved = rotation.T @ covariance @ rotation
        return np.asarray((moved + moved.T) / 2)

    def _from_enu(self, scale: float) -> NDArray[np.float64]:
        """(3, 3) that turns an (east, north, yaw) difference into patch axes (right, down, yaw), scaled but for yaw."""
        cos, sin = scale * math.cos(self.patch.yaw), scale * math.sin(self.patch.yaw)
        return np.array([[cos, sin, 0.0], [sin, -cos, 0.0], [0.0, 0.0, 1.0]])
