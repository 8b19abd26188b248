"""What a session needs of a localiser, so that fusion can be tested apart from the network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.geodesy import LocalFrame
from geoflow_ros.localization.pose import MountEvidence, PoseEstimate, PosePrior, Rejection
from geoflow_ros.tracking.search import Proposal


class FrameLocalizer(Protocol):
    """What a session needs of a `Localizer`."""

    @property
    def image_size(self) -> tuple[int, int]:
        """As `Localizer.image_size`."""

    def warm(self, prior: PosePrior, mount: Mount, is_hurried: bool = False) -> bool:
        """As `Localizer.warm`."""

    def localize(
        self, image: NDArray[np.uint8], camera: CameraModel, prior: PosePrior, seed: int
    ) -> PoseEstimate | Rejection:
        """As `Localizer.localize`."""

    def weigh_mounts(
        self, image: NDArray[np.uint8], camera: CameraModel, prior: PosePrior, mounts: Sequence[Mount]
    ) -> Iterable[MountEvidence]:
        """As `Localizer.weigh_mounts`; not asked where the mount is known exactly."""


LocalizerIn = Callable[[LocalFrame], FrameLocalizer]
"""Makes the localiser of a map frame."""


@dataclass(frozen=True, slots=True)
class FrameTask:
    """A frame's way through the localiser."""

    camera: CameraModel
    proposal: Proposal
    localizer: FrameLocalizer
