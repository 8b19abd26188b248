"""What a frame says for or against the belief, as log odds: is the imagery right, and is the vehicle there?"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MATCH_BIAS, MATCH_SLOPE = 1.8, 0.45
"""Log odds for the right imagery against others, from the network's own of a match: logistic regression on frames of
towns, in foreign looks too, and of a desert (1.3; abroad, right frames match worse than at home and wrong ones better),
and half more, since the imagery that someone gave is more often right than wrong."""
MOST = 4.0  # that the match may say for or against
PLACE = (-6.0, 1.0)  # the same of the place: a belief that follows frames fits them, right or wrong
LEAST_MATCH = 1e-6
BEST_SHARE = 0.05


class Seen(NamedTuple):
    """What a frame says of the belief, as natural logarithms.

    gap: by how much it fits its own best place better than the belief. place: how much likelier it is where the
    vehicle is believed to be than if that were not known at all. match: `match_evidence`.
    """

    gap: float
    place: float
    match: float

    @property
    def evidence(self) -> float:
        """Log odds for the belief."""
        return self.match + min(max(self.place, PLACE[0]), PLACE[1]) - self.gap

    @property
    def objection(self) -> str:
        """Why a frame speaks against the belief."""
        if self.place < self.match:
            return "the frame fits another place better"
        return "image and satellite imagery hardly match"


def reached(fit: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """The fit (N,) that the best `BEST_SHARE` of a belief reaches: a wide one may hold many other places."""
    order = np.argsort(-fit)
    return float(fit[order[np.searchsorted(np.cumsum(weights[order]), BEST_SHARE)]])


def match_evidence(match: float) -> float:
    """Log odds for the imagery being that of the place, from the network's probability of a match."""
    bounded = min(max(match, LEAST_MATCH), 1.0 - LEAST_MATCH)
    return min(max(MATCH_BIAS + MATCH_SLOPE * math.log(bounded / (1.0 - bounded)), -MOST), MOST)
