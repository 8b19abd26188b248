"""Whether frames fit only mirrored or turned upside down: what a driver or a hanging camera does to them."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.localization.pose import MountEvidence

CLEARLY = 3.0  # by how much (natural logarithm) a frame must fit better so
ENOUGH, DOUBTFUL = 3.0, 1.0  # more frames that do than that fit as they are: so many to say so, so few to take it back
UNDECIDED = 0.05  # what a frame that fits neither way takes back: it may have been looked for elsewhere


class Flip(Enum):
    """What is done to an image before it is read."""

    NONE = "as they are"
    MIRRORED = "mirrored left to right"
    UPSIDE_DOWN = "turned upside down"

    def of(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The image (H, W, 3) so flipped."""
        if self is Flip.NONE:
            return image
        return np.ascontiguousarray(image[:, ::-1] if self is Flip.MIRRORED else image[::-1, ::-1])


FLIPS = (Flip.MIRRORED, Flip.UPSIDE_DOWN)
ADVICE = {
    Flip.MIRRORED: "stop the driver from mirroring them",
    Flip.UPSIDE_DOWN: "the camera hangs upside down, or its driver turns them: turn them back",
}


class FlipCheck:
    """Counts, of the frames of one camera, those that fit better flipped."""

    def __init__(self) -> None:
        self._ahead = dict.fromkeys(FLIPS, 0.0)
        self._said: Flip | None = None

    def learn(self, as_they_are: Sequence[MountEvidence], flipped: Sequence[MountEvidence], matched: float) -> None:
        """Take what a frame says of several mounts, and of one of them so flipped as `FLIPS` (or nothing at all)."""
        best = max(each.log_likelihood for each in as_they_are)
        lost = 1.0 if any(each.match >= matched for each in as_they_are) else UNDECIDED
        for flip, each in zip(FLIPS, flipped, strict=False):
            fits = each.match >= matched and each.log_likelihood > best + CLEARLY
            self._ahead[flip] = max(0.0, self._ahead[flip] + (1.0 if fits else -lost))
        likeliest = max(FLIPS, key=self._ahead.__getitem__)
        if self._ahead[likeliest] >= ENOUGH:
            self._said = likeliest
        elif self._said is not None and self._ahead[self._said] < DOUBTFUL:
            self._said = None

    @property
    def sentence(self) -> str:
        """What is wrong with the images; empty if nothing is known to be."""
        if self._said is None:
            return ""
        return f"frames fit the imagery only when they are {self._said.value}: {ADVICE[self._said]}"
