"""How far the priors of samples are from the truth: drawn in one place, the same way for every data set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from geoflow_ros.localization.pose import UniformPosePrior
from geoflow_ros.planar import PlanarPose


@dataclass(frozen=True, slots=True)
class PriorNoise:
    """Priors up to `shift_range_m` ahead or behind and to each side of the camera, along the camera's own heading, and
    turned up to `rotation_range` (rad) to each side, all uniform and drawn for every (seed, index).

    Along the camera's heading, because KITTI's published lists are: a shift, then a rotation of what was shifted.
    """

    shift_range_m: float
    rotation_range: float
    seed: int = 0

    def draw(self, index: int) -> PlanarPose:
        """The prior of sample `index` as the camera sees it: ahead, left (m), counter-clockwise (rad)."""
        ahead, left, turn = np.random.default_rng((self.seed, index)).uniform(-1.0, 1.0, 3).tolist()
        return self.scaled(ahead, left, turn)

    def scaled(self, ahead: float, left: float, turn: float) -> PlanarPose:
        """The prior of a published noise, each part in [-1, 1] of its range."""
        return PlanarPose(ahead * self.shift_range_m, left * self.shift_range_m, turn * self.rotation_range)

    def known(self, prior: PlanarPose) -> UniformPosePrior:
        """What a prior tells of the camera, in the frame that the prior is given in."""
        return UniformPosePrior(prior.x, prior.y, prior.yaw, self.shift_range_m, self.rotation_range)
