"""Height above ground in one byte, as the pictures of a town carry it beside red, green and blue."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.uint8]
STEP_M = 0.1
STRIDE = 4  # px of an image as a network reads it, and so of its features, for one height
HIGHEST, UNKNOWN, SKY = 253, 254, 255
"""The code of 25.3 m and more; those that are no height."""


def to_codes(heights_m: NDArray[np.floating]) -> Codes:
    """Codes of heights (m); what is below the ground is on it."""
    return np.asarray(np.clip(np.round(heights_m / STEP_M), 0, HIGHEST), np.uint8)


def sampled(codes: Codes, rows: int, columns: int) -> Codes:
    """The codes (rows, columns) at the middles of that many cells of the image that codes (H, W) cover."""
    row = ((np.arange(rows) + 0.5) * codes.shape[0] / rows).astype(np.intp)
    column = ((np.arange(columns) + 0.5) * codes.shape[1] / columns).astype(np.intp)
    return np.asarray(codes[row[:, None], column], np.uint8)
