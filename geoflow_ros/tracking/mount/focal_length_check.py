"""Whether frames fit better with another focal length than the calibration says: that of another camera, or size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from geoflow_ros.localization.pose import MountEvidence
from geoflow_ros.tracking.motion import MotionBuffer
from geoflow_ros.tracking.mount.self_calibration import MATCHED

FACTORS = (1.0, 0.7, 1.4)
"""Of the focal length: nearer ones fit nearly as well, and a camera a little higher or lower looks like them."""
EXPECTED, MOST = 0.7, 3.0
"""By how much (natural logarithm) a frame must fit better to say so at all, and the most that one frame counts."""
ENOUGH, DOUBTFUL = 8.0, 2.0  # more than expected in sum: so much to say so, so little to take it back
LOOKED_NS = 300_000_000  # between looks at how far the vehicle has gone, which cost more than the rest
SPACING_M, SELDOM, SETTLED = 10.0, 10, 10  # metres between frames that are asked; of a tenth once ten have fitted


class FocalLengthCheck:
    """Adds up what the frames of one camera say of factors of its focal length."""

    def __init__(self) -> None:
        self._gained = np.zeros(len(FACTORS) - 1)
        self._settled = 0
        self._looked_ns: int | None = None
        self._unasked_m = 0.0
        self._said: float | None = None

    def is_due(self, stamp_ns: int, motions: MotionBuffer) -> bool:
        """Whether a frame of this stamp shall be asked."""
        if self._looked_ns is not None and 0 <= stamp_ns - self._looked_ns < LOOKED_NS:
            return False
        if self._looked_ns is not None:
            self._unasked_m += motions.between(self._looked_ns, stamp_ns).distance
        self._looked_ns = stamp_ns
        is_due = self._unasked_m >= SPACING_M * (SELDOM if self._settled >= SETTLED else 1)
        self._unasked_m = 0.0 if is_due else self._unasked_m
        return is_due

    def learn(self, evidence: Sequence[MountEvidence]) -> None:
        """Take what a frame says of some mounts, the same for each of `FACTORS` in turn; of fewer it says nothing."""
        count, left_over = divmod(len(evidence), len(FACTORS))
        if left_over or not count or max(each.match for each in evidence) < MATCHED:
            return
        fits = np.array([each.log_likelihood for each in evidence]).reshape(len(FACTORS), count).max(axis=1)
        gained = np.clip(fits[1:] - fits[0], -MOST, MOST) - EXPECTED
        self._gained = np.maximum(self._gained + gained, 0.0)
        self._settled = 0 if self._gained.any() else self._settled + 1
        best = int(np.argmax(self._gained))
        if self._gained[best] >= ENOUGH:
            self._said = FACTORS[1 + best]
        elif self._gained.max() < DOUBTFUL:
            self._said = None

    @property
    def sentence(self) -> str:
        """What is wrong with the calibration; empty if nothing is known to be."""
        if self._said is None:
            return ""
        return (
            f"frames fit the imagery better with a focal length some {self._said:g} times that of camera_info: is it "
            "of another camera, lens or size? Calibrate the camera"
        )
