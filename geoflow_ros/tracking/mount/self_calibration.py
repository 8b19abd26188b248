"""The mount of one camera, learnt while driving."""

from __future__ import annotations

from geoflow_ros.camera import Mount
from geoflow_ros.tracking.mount.estimate import MountEstimate, MountPrior


class MountCalibration:
    """What is believed of one camera's mount, from the stated one on."""

    def __init__(self, prior: MountPrior) -> None:
        self._prior = prior
        self._estimate: MountEstimate | None = None

    def estimate(self, stated: Mount) -> MountEstimate:
        """What is believed while this mount is stated; another one begins anew."""
        if self._estimate is None or self._estimate.stated != stated:
            self._estimate = self._prior.of(stated)
        return self._estimate

    def recall(self, kept: MountEstimate) -> None:
        """Go on from what was learnt before."""
        self._estimate = kept
