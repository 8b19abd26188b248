"""One sample of any dataset, in our convention."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.camera import CameraModel
from geoflow_ros.satellite.patch import SatellitePatch


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A ground image, the patch it lies in, and where the camera truly is.

    ground: (H, W, 3) uint8 RGB at its native size, rectified; camera: its model at that size. patch: the
    crop around the prior position, its +u along the prior heading; its `center` and `yaw` may be of a frame
    of the sample's own (centre 0, 0). truth: east, north (m), yaw (rad) of the camera's viewing direction in
    that same frame: `patch.to_pixel(truth[:2])` is the label in pixels, `truth[2] - patch.yaw` its heading in
    the crop, counter-clockwise from +u.
    """

    key: str
    ground: NDArray[np.uint8]
    camera: CameraModel
    patch: SatellitePatch
    truth: tuple[float, float, float]


class LocalizationDataset(Protocol):
    """A sequence of samples; the same index gives the same sample (randomness is seeded by the index)."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...
