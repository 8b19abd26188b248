"""The order of training samples: each beside one whose patch it has to be told apart from.

Imagery of another town is easily refused. What a wrong prior brings is the same streets some way on, so half of the
pairs are of one region (measured with weights that had learnt from other towns only: docs/RESULTS_APPENDIX.md).
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.datasets.sample import APART_M, LocalizationDataset, place_of

SHARE = 0.5
"""Of the samples, where places are known, that are paired with one of their region."""


class PairedOrder:
    """The endless shuffled run over the samples; its numbers 2k and 2k + 1 are a pair. Every epoch has each once."""

    def __init__(self, samples: LocalizationDataset, seed: int) -> None:
        self._count, self._seed = len(samples), seed
        regions: dict[str, list[int]] = defaultdict(list)
        places = [place_of(samples, index) for index in range(len(samples))]
        for index, place in enumerate(places):
            if place is not None:
                regions[place.region].append(index)
        self._regions = [np.array(members) for members in regions.values()]
        self._positions = np.array([(place.east, place.north) if place else (np.nan, np.nan) for place in places])
        self._epoch, self._order = 0, self._new_order(0)

    def index(self, number: int) -> int:
        """Of a sample in its dataset."""
        epoch, position = divmod(number, self._count)
        if epoch != self._epoch:
            self._epoch, self._order = epoch, self._new_order(epoch)
        return epoch * self._count + int(self._order[position])

    def _new_order(self, epoch: int) -> NDArray[np.intp]:
        rng = np.random.default_rng([self._seed, epoch])
        pairs = [pair for members in self._regions for pair in self._pairs(rng.permutation(members), rng)]
        rest = rng.permutation(np.setdiff1d(np.arange(self._count), np.array(pairs, np.intp)))
        pairs += [(int(one), int(other)) for one, other in rest[: len(rest) // 2 * 2].reshape(-1, 2)]
        order = [index for number in rng.permutation(len(pairs)) for index in pairs[number]]
        order += [int(rest[-1])] if len(rest) % 2 else []
        # Pairs begin at even numbers of the run, in every epoch.
        return np.roll(np.array(order, np.intp), epoch * self._count % 2)

    def _pairs(self, members: NDArray[np.intp], rng: np.random.Generator) -> list[tuple[int, int]]:
        """Of one region: each with the nearest that is left, from APART_M on."""
        left, pairs = members[rng.random(len(members)) < SHARE], []
        while len(left) > 1:
            one, left = left[0], left[1:]
            away = np.hypot(*(self._positions[left] - self._positions[one]).T)
            away[away < APART_M] = np.inf
            nearest = int(away.argmin())
            if np.isfinite(away[nearest]):
                pairs.append((int(one), int(left[nearest])))
                left = np.delete(left, nearest)
        return pairs
