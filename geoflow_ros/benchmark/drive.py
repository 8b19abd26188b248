"""The drive the benchmark runs on: compressed camera messages, where they were taken, and what was believed then."""

from __future__ import annotations

import bisect
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.bags.messages import compressed_for, stamp_ns, stamped_earlier
from geoflow_ros.bags.reading import Damage, open_bag, read_messages
from geoflow_ros.bags.trajectory import read_tum
from geoflow_ros.camera import CameraModel
from geoflow_ros.datasets.bag_drive import CAMERA_INFO, COMPRESSED, read_description
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import LocalFrame
from geoflow_ros.localization.localizer import Localizer
from geoflow_ros.localization.pose import PoseEstimate, PosePrior, Rejection
from geoflow_ros.model.interface import LocalizationModel
from geoflow_ros.planar import PlanarPose
from geoflow_ros.satellite.mosaic import SatelliteMap
from geoflow_ros.satellite.stores import open_store
from geoflow_ros.town.noise import gauss_markov

PRIOR_SIGMA_M, PRIOR_SIGMA_YAW = 4.0, math.radians(2.0)
PRIOR_TAU_S = 20.0
"""GNSS and compass errors wander rather than jump: correlation time of a Gauss-Markov process."""


@dataclass(frozen=True, slots=True, eq=False)
class DriveFrame:
    """message: a CompressedImage. prior, truth: of base_link; truth is east, north (m), yaw (rad)."""

    message: Any
    prior: PosePrior
    truth: PlanarPose


@dataclass(frozen=True, slots=True, eq=False)
class BenchmarkDrive:
    """A drive held in memory; `at` goes around its frames."""

    camera: CameraModel
    frame: LocalFrame
    satellite: SatelliteMap
    frames: tuple[DriveFrame, ...]

    def at(self, index: int) -> DriveFrame:
        """Frame `index`, the first again after the last."""
        return self.frames[index % len(self.frames)]


class FramePath:
    """A compressed image message in, a pose out: what the node does with a frame but for ROS.

    Every lap begins with an empty cache of satellite patches, or the second would be driven on known ground.
    """

    def __init__(self, drive: BenchmarkDrive, model: LocalizationModel, seed: int = 0) -> None:
        self.drive = drive
        self.model = model
        self._seed = seed
        self.localizer = self._new_localizer()

    def __call__(self, index: int) -> PoseEstimate | Rejection:
        """The answer to a frame of the drive."""
        if index % len(self.drive.frames) == 0:
            self.localizer = self._new_localizer()
        return self.answer(index)

    def answer(self, index: int) -> PoseEstimate | Rejection:
        """The same, the cache kept from lap to lap."""
        frame = self.drive.at(index)
        image, camera = compressed_for(frame.message, self.drive.camera, self.needed_px)
        return self.localizer.localize(image, camera, frame.prior, self._seed)

    @property
    def needed_px(self) -> tuple[int, int]:
        """Width and height of what the network reads."""
        return self.model.config.ground_width, self.model.config.ground_height

    def _new_localizer(self) -> Localizer:
        return Localizer(self.model, self.drive.satellite, self.drive.frame)


def load_drive(folder: Path, camera_hz: float, limit: int | None = None, seed: int = 0) -> BenchmarkDrive:
    """The drive of a folder as `python -m geoflow_ros.town drive` writes it, as a camera of `camera_hz` sees it.

    Where that is faster than the recorded camera, an image serves until the next: its truth stays, the prior moves
    on. The prior is the true pose plus an error that wanders along the drive, drawn from `seed`. limit: of frames.
    """
    description, trajectory = read_description(folder / "drive.json"), read_tum(folder / "truth.tum")
    satellite = SatelliteMap(open_store(folder / "tiles.mbtiles"))
    messages, infos = _read(folder / "drive", COMPRESSED), _read(folder / "drive", CAMERA_INFO)
    if not messages or not infos:
        raise InputError(f"{folder / 'drive'} lacks compressed images or camera_info: record both")
    images = {stamp_ns(stamped_earlier(each, description.delay).header.stamp): each for each in messages}
    stamps = sorted(images)
    ticks = [(now, stamps[index]) for now, index in images_at_rate(stamps, camera_hz)]
    poses = {each: pose for tick in ticks for each in tick if (pose := trajectory.at(each * 1e-9)) is not None}
    ticks = [tick for tick in ticks if poses.keys() >= set(tick)][:limit]
    if not ticks:
        raise InputError(f"{folder / 'truth.tum'} has no pose at the stamp of any image: are they of the same drive?")
    priors = _priors(
        np.array([now for now, _ in ticks]) * 1e-9, np.array([poses[now].array() for now, _ in ticks]), seed
    )
    frames = (DriveFrame(images[taken], prior, poses[taken]) for (_, taken), prior in zip(ticks, priors, strict=True))
    camera = description.camera(infos[0])
    return BenchmarkDrive(camera, LocalFrame(description.datum), satellite, tuple(frames))


def images_at_rate(stamps_ns: Sequence[int], rate_hz: float) -> list[tuple[int, int]]:
    """When a camera of another rate takes an image (ns), and the index of the recorded one before (sorted stamps)."""
    count = int((stamps_ns[-1] - stamps_ns[0]) * 1e-9 * rate_hz + 1e-6) + 1
    ticks = [stamps_ns[0] + round(index * 1e9 / rate_hz) for index in range(count)]
    return [(now, bisect.bisect_right(stamps_ns, now) - 1) for now in ticks]


def _read(bag: Path, kind: str) -> list[Any]:
    with open_bag(bag) as reader:
        connections = [each for each in reader.connections if each.msgtype == kind]
        return [message for _, _, message in read_messages(reader, connections, Damage())]


def _priors(times: NDArray[np.float64], poses: NDArray[np.float64], seed: int) -> list[PosePrior]:
    rng, sigmas = np.random.default_rng(seed), (PRIOR_SIGMA_M, PRIOR_SIGMA_M, PRIOR_SIGMA_YAW)
    errors = np.column_stack([gauss_markov(rng, times, sigma, PRIOR_TAU_S) for sigma in sigmas])
    covariance = np.diag(np.square(sigmas))
    return [PosePrior(float(east), float(north), float(yaw), covariance) for east, north, yaw in poses + errors]
