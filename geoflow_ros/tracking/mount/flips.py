"""Whether frames fit only mirrored or turned upside down: what a driver or a hanging camera does to them."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from enum import Enum
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.localization.pose import MountEvidence

Way = TypeVar("Way", bound=Hashable)
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


class OtherwiseCheck(Generic[Way]):
    """Counts, of the frames of one camera, those that fit better read otherwise, in whichever of several ways."""

    def __init__(self) -> None:
        self._ahead: dict[Way, float] = {}
        self.said: Way | None = None

    def learn(
        self, as_they_are: Sequence[MountEvidence], otherwise: Mapping[Way, MountEvidence], matched: float
    ) -> None:
        """Take what a frame says of several mounts, and of one of them read in other ways (or nothing at all)."""
        best = max(each.log_likelihood for each in as_they_are)
        lost = 1.0 if any(each.match >= matched for each in as_they_are) else UNDECIDED
        for way, each in otherwise.items():
            fits = each.match >= matched and each.log_likelihood > best + CLEARLY
            self._ahead[way] = max(0.0, self._ahead.get(way, 0.0) + (1.0 if fits else -lost))
        likeliest = max(self._ahead, key=self._ahead.__getitem__, default=None)
        if likeliest is not None and self._ahead[likeliest] >= ENOUGH:
            self.said = likeliest
        elif self.said is not None and self._ahead[self.said] < DOUBTFUL:
            self.said = None


class FlipCheck:
    """Counts, of the frames of one camera, those that fit better flipped."""

    def __init__(self) -> None:
        self._check = OtherwiseCheck[Flip]()

    def learn(self, as_they_are: Sequence[MountEvidence], flipped: Sequence[MountEvidence], matched: float) -> None:
        """Take what a frame says of several mounts, and of one of them so flipped as `FLIPS` (or nothing at all)."""
        self._check.learn(as_they_are, dict(zip(FLIPS, flipped, strict=False)), matched)

    @property
    def sentence(self) -> str:
        """What is wrong with the images; empty if nothing is known to be."""
        if (flip := self._check.said) is None:
            return ""
        return f"frames fit the imagery only when they are {flip.value}: {ADVICE[flip]}"
