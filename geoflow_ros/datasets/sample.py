"""One sample of any dataset, in our convention."""

from __future__ import annotations

import bisect
import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.camera import CameraModel
from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.localization.pose import UniformPosePrior
from geoflow_ros.satellite.patch import SatellitePatch
from geoflow_ros.town.height_codes import Codes

APART_M = 65.0
"""From here on a patch, 28 m off at most, does not hold the other's place within its search area."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """A ground image, the patch it lies in, and where the camera truly is.

    ground: (H, W, 3) uint8 RGB at its native size, rectified; camera: its model at that size. patch: the
    crop around the prior position, its +u along the prior heading; its `center` and `yaw` may be of a frame
    of the sample's own (centre 0, 0). truth: east, north (m), yaw (rad) of the camera's viewing direction in
    that same frame: `patch.to_pixel(truth[:2])` is the label in pixels, `truth[2] - patch.yaw` its heading in
    the crop, counter-clockwise from +u. prior: what is known before looking, in that frame too; the truth is within it.
    label_error_m: standard deviation of the truth's east, and of its north. ground_heights, patch_heights: of what the
    ground image and the patch show, as `town.height_codes` has them, at any size; None where they are not known.
    """

    key: str
    ground: NDArray[np.uint8]
    camera: CameraModel
    patch: SatellitePatch
    truth: tuple[float, float, float]
    prior: UniformPosePrior
    label_error_m: float = 0.0
    ground_heights: Codes | None = None
    patch_heights: Codes | None = None


class LocalizationDataset(Protocol):
    """Samples without end: an index past the length is the same view again, in a later epoch.

    The same index always gives the same sample: what is random in it, such as the prior, is seeded by the index,
    so that every epoch draws anew.
    """

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Sample: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sample was taken: east, north (m) in the frame of its region, such as a town or a drive."""

    region: str
    east: float
    north: float


@runtime_checkable
class Placed(Protocol):
    """Samples that know how far from each other they were taken."""

    def place(self, index: int) -> Place | None:
        """None where it is not known."""
        ...


def place_of(samples: LocalizationDataset, index: int) -> Place | None:
    """Where a sample was taken, None where that is not known."""
    return samples.place(index) if isinstance(samples, Placed) else None


def place_on_earth(latitude: float, longitude: float) -> Place:
    """Of WGS84 degrees, in a region of a degree square: what was taken there on several drives is near each other."""
    corner = round(latitude), round(longitude)
    east, north, _ = _square(*corner).to_enu(latitude, longitude).tolist()
    return Place(f"{corner[0]} N, {corner[1]} E", east, north)


@lru_cache(maxsize=64)
def _square(latitude: int, longitude: int) -> LocalFrame:
    return LocalFrame(Datum(latitude, longitude))


def are_elsewhere(one: tuple[str, Place | None], other: tuple[str, Place | None]) -> bool:
    """Whether the patch of either sample (its key, its place) shows another place than the other sample sees."""
    (key, place), (other_key, other_place) = one, other
    if place is None or other_place is None or place.region != other_place.region:
        return key != other_key
    return math.hypot(place.east - other_place.east, place.north - other_place.north) >= APART_M


class Changed(ABC):
    """The samples of another dataset, each as `changed` makes it; where they were taken stays."""

    def __init__(self, samples: LocalizationDataset) -> None:
        self._samples = samples

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, index: int) -> Sample:
        return self.changed(self._samples[index], index)

    def place(self, index: int) -> Place | None:
        """As of the sample in the other dataset."""
        return place_of(self._samples, index)

    @abstractmethod
    def changed(self, sample: Sample, index: int) -> Sample:
        """The sample with this index otherwise, the same for the same index."""


class Subset:
    """The samples of another dataset at the given indices, in later epochs too."""

    def __init__(self, samples: LocalizationDataset, indices: Sequence[int]) -> None:
        self._samples, self._indices = samples, indices

    def __len__(self) -> int:
        return len(self._indices)

    def __getitem__(self, index: int) -> Sample:
        epoch, position = divmod(index, len(self._indices))
        return self._samples[epoch * len(self._samples) + self._indices[position]]

    def place(self, index: int) -> Place | None:
        """As of the sample in the other dataset."""
        return place_of(self._samples, self._indices[index % len(self._indices)])


class Joined:
    """Several datasets one after the other."""

    def __init__(self, parts: Sequence[LocalizationDataset]) -> None:
        self._parts = parts
        self._ends = list(itertools.accumulate(len(part) for part in parts))

    def __len__(self) -> int:
        return self._ends[-1]

    def __getitem__(self, index: int) -> Sample:
        part, its_index = self._part(index)
        return part[its_index]

    def place(self, index: int) -> Place | None:
        """As of the sample in its own dataset."""
        return place_of(*self._part(index))

    def _part(self, index: int) -> tuple[LocalizationDataset, int]:
        epoch, position = divmod(index, len(self))
        number = bisect.bisect_right(self._ends, position)
        part = self._parts[number]
        return part, epoch * len(part) + position - (self._ends[number] - len(part))
