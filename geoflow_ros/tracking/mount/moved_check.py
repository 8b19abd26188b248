"""Whether a camera was moved since its mount was learnt: frame after frame fits elsewhere only, and alike."""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.tracking.mount.probing import RADII

ENOUGH = 4  # frames in a row; one that fits nothing may be of anything, and does not count
ALIKE = 0.8  # length of the mean of their directions: of chance ones it is 0.5
CLEARLY = 1.5  # by how much (natural logarithm) each must fit better there, on average; behind a bonnet some do by 0.7


class MovedCheck:
    """Follows how the frames that are asked fit a mount that was learnt."""

    def __init__(self) -> None:
        self.fits()

    def fits(self) -> None:
        """A frame fits as the mount is believed."""
        self._frames: deque[tuple[NDArray[np.float64], float]] = deque(maxlen=ENOUGH)

    def fits_elsewhere(self, offset: NDArray[np.float64], gained: float) -> bool:
        """Whether this frame and those before tell that the camera was moved.

        offset: (3,) of roll, pitch, height, where alone it fits; gained: by how much better (natural logarithm).
        """
        self._frames.append(((scaled := offset / RADII) / np.linalg.norm(scaled), gained))
        directions, gains = zip(*self._frames, strict=True)
        alike = float(np.linalg.norm(np.mean(directions, axis=0)))
        return len(gains) == ENOUGH and alike >= ALIKE and float(np.mean(gains)) >= CLEARLY
