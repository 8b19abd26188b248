"""Where to look next: at the belief while frames confirm it, else around GNSS, heading by heading."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

import numpy as np

from geoflow_ros.localization.pose import PosePrior, Rejection
from geoflow_ros.planar import wrap_angle
from geoflow_ros.tracking.prior import Heading, PriorBuffer

PATIENCE = 3  # frames of each camera in a row that may miss before the search goes elsewhere, too
HEADINGS = 18
TINY = 1e-6  # of a round, which thirds do not add up to
STRIDE = 7  # coprime to HEADINGS: neighbours in time look in very different directions
HEADING_STD = math.radians(360.0 / HEADINGS / 3)
MAX_STD, MAX_YAW_STD = 15.0, math.radians(10.0)
"""Of a prior handed to the localiser (m, rad): what is less certain is searched in its middle."""


class Origin(Enum):
    """Where a prior comes from."""

    BELIEF = "belief"
    SENSORS = "sensors"
    GUESS = "guess"  # GNSS, and a heading of which nothing is known


@dataclass(frozen=True, slots=True, eq=False)
class Proposal:
    """A place to look at."""

    prior: PosePrior
    origin: Origin


class Search:
    """Takes turns between the belief, the place and heading that sensors tell, and that place with other headings."""

    def __init__(self) -> None:
        self._misses = 0.0  # in rounds of all cameras
        self._turn = 0
        self._heading = 0

    def confirmed(self, cameras: int = 1) -> None:
        """The belief held in a frame of one of so many cameras: of several, more must hold than miss."""
        self._misses = 0.0 if cameras == 1 else max(0.0, self._misses - 1.0 / cameras)

    def missed(self, cameras: int = 1) -> None:
        """It did not."""
        self._misses += 1.0 / cameras

    def found(self) -> None:
        """There is a new belief: follow it, but not past the first round that misses."""
        self._misses = PATIENCE - 1.0

    def next(self, stamp_ns: int, belief: PosePrior | None, sensors: PriorBuffer) -> Proposal | Rejection:
        """Where to look in the frame of this stamp, or why nowhere."""
        if belief is not None and self._misses < PATIENCE - TINY:
            return Proposal(belief, Origin.BELIEF)
        turn = self._turn % 3
        if belief is not None and turn == 2:
            proposal: Proposal | Rejection = Proposal(belief, Origin.BELIEF)
        elif turn == 0 and isinstance(prior := sensors.at(stamp_ns), PosePrior):
            proposal = Proposal(bounded(prior), Origin.SENSORS)
        else:
            proposal = self._guess(stamp_ns, sensors)
        if isinstance(proposal, Rejection) and belief is not None:
            proposal = Proposal(belief, Origin.BELIEF)
        self._turn += isinstance(proposal, Proposal)
        return proposal

    def _guess(self, stamp_ns: int, sensors: PriorBuffer) -> Proposal | Rejection:
        yaw = wrap_angle(self._heading * 2 * math.pi / HEADINGS)
        prior = sensors.at(stamp_ns, Heading(stamp_ns, yaw, HEADING_STD**2))
        if isinstance(prior, Rejection):
            return prior
        self._heading = (self._heading + STRIDE) % HEADINGS
        return Proposal(bounded(prior), Origin.GUESS)


def bounded(prior: PosePrior, least_std: float = 0.0, least_yaw_std: float = 0.0) -> PosePrior:
    """The prior with standard deviations (m, rad) between the given ones and what the localiser takes."""
    values, axes = np.linalg.eigh(prior.covariance[:2, :2])
    covariance = np.zeros((3, 3))
    covariance[:2, :2] = (axes * np.clip(values, least_std**2, MAX_STD**2)) @ axes.T
    covariance[2, 2] = np.clip(prior.covariance[2, 2], least_yaw_std**2, MAX_YAW_STD**2)
    return PosePrior(prior.east, prior.north, prior.yaw, covariance)
