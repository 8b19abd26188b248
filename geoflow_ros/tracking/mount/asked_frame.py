"""An image that is asked how its camera may be mounted, flipped or calibrated otherwise than is stated."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.camera_mask import CameraMask
from geoflow_ros.localization.pose import MountEvidence, PosePrior
from geoflow_ros.tracking.frame_localizer import FrameLocalizer
from geoflow_ros.tracking.mount.flips import Flip

REACH_M, REACH_YAW = 3.5, 0.07
"""What a wrong focal length moves the pose by (1 sigma), more or less along the view."""


class Asked(Protocol):
    """What an image says of mounts, each computed as it is taken."""

    def flipped(self, mounts: Sequence[Mount], flip: Flip) -> Iterable[MountEvidence]:
        """When it is flipped so."""

    def scaled(self, mounts: Sequence[Mount], factor: float) -> Iterable[MountEvidence]:
        """When its focal length is so many times the stated one, wherever that would put the vehicle."""

    def mounted(self, mount: Mount) -> Iterable[MountEvidence]:
        """When its camera is mounted so, wherever it looks then."""


@dataclass(frozen=True, slots=True, eq=False)
class AskedFrame:
    """`Asked` of an image (H, W, 3) of a camera, looked for at a prior of base_link."""

    localizer: FrameLocalizer
    image: NDArray[np.uint8]
    camera: CameraModel
    prior: PosePrior

    def flipped(self, mounts: Sequence[Mount], flip: Flip) -> Iterable[MountEvidence]:
        """As `Asked.flipped`."""
        camera = self.camera
        if camera.mask is not None:
            camera = replace(camera, mask=CameraMask(flip.of(camera.mask.world.view(np.uint8)) > 0))
        return self.localizer.weigh_mounts(flip.of(self.image), camera, self.prior, mounts)

    def scaled(self, mounts: Sequence[Mount], factor: float) -> Iterable[MountEvidence]:
        """As `Asked.scaled`."""
        camera = replace(self.camera, fx=factor * self.camera.fx, fy=factor * self.camera.fy)
        wide = self.prior.covariance + np.diag([REACH_M, REACH_M, REACH_YAW]) ** 2
        return self.localizer.weigh_mounts(self.image, camera, replace(self.prior, covariance=wide), mounts)

    def mounted(self, mount: Mount) -> Iterable[MountEvidence]:
        """As `Asked.mounted`."""
        return self.localizer.weigh_mounts(self.image, replace(self.camera, mount=mount), self.prior, [mount])
