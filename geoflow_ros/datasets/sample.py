"""One sample of any dataset, in our convention."""

from __future__ import annotations

import bisect
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.camera import CameraModel
from geoflow_ros.localization.pose import UniformPosePrior
from geoflow_ros.satellite.patch import SatellitePatch


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A ground image, the patch it lies in, and where the camera truly is.

    ground: (H, W, 3) uint8 RGB at its native size, rectified; camera: its model at that size. patch: the
    crop around the prior position, its +u along the prior heading; its `center` and `yaw` may be of a frame
    of the sample's own (centre 0, 0). truth: east, north (m), yaw (rad) of the camera's viewing direction in
    that same frame: `patch.to_pixel(truth[:2])` is the label in pixels, `truth[2] - patch.yaw` its heading in
    the crop, counter-clockwise from +u. prior: what is known before looking, in that frame too; the truth is within it.
    """

    key: str
    ground: NDArray[np.uint8]
    camera: CameraModel
    patch: SatellitePatch
    truth: tuple[float, float, float]
    prior: UniformPosePrior


class LocalizationDataset(Protocol):
    """Samples without end: an index past the length is the same view again, in a later epoch.

    The same index always gives the same sample: what is random in it, such as the prior, is seeded by the index,
    so that every epoch draws anew.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...


class Subset:
    """The samples of another dataset at the given indices, in later epochs too."""

    def __init__(self, samples: LocalizationDataset, indices: Sequence[int]) -> None:
        self._samples, self._indices = samples, indices

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, index: int) -> Sample:
        epoch, position = divmod(index, len(self._indices))
        return self._samples[epoch * len(self._samples) + self._indices[position]]


class Joined:
    """Several datasets one after the other."""

    def __init__(self, parts: Sequence[LocalizationDataset]) -> None:
        self._parts = parts
        self._ends = list(itertools.accumulate(len(part) for part in parts))

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, index: int) -> Sample:
        epoch, position = divmod(index, len(self))
        number = bisect.bisect_right(self._ends, position)
        part = self._parts[number]
        return part[epoch * len(part) + position - (self._ends[number] - len(part))]
