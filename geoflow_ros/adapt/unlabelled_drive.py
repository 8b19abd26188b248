"""A drive that somebody gives, opened, smoothed, and refused where it cannot be learnt from."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.configuration import NodeConfig
from geoflow_ros.errors import InputError
from geoflow_ros.model.config import DefaultConfig
from geoflow_ros.model.interface import LocalizationModel
from geoflow_ros.replay.command_line import config_of, topics_of
from geoflow_ros.replay.tf_sensors import sensors_in
from geoflow_ros.satellite.mosaic import SatelliteMap
from geoflow_ros.satellite.stores import open_store
from geoflow_ros.smoothing.frame_volume import MOST_MISSING
from geoflow_ros.smoothing.nodes import Nodes, nodes_of
from geoflow_ros.smoothing.recorded_drive import RecordedDrive, read_drive
from geoflow_ros.smoothing.smoother import Smoothed, cross_evidence, smooth

Floats = NDArray[np.float64]
LEAST_WAY_M = 150.0
MOST_UNKNOWN = 0.2  # of the time: without odometry
LEAST_IMAGERY, MOST_LOOKED_AT = 0.5, 60  # of the nodes; patches that tell it beforehand
LEAST_BITS = 0.5  # of a frame where the rest of the drive expects it, after two standard errors
CORRELATED = 4.0  # as many neighbouring frames err alike


@dataclass(frozen=True, slots=True, eq=False)
class UnlabelledDrive:
    """A drive and its nodes, and the map it is looked for on. topics: by role, as in a replay."""

    name: str
    config: NodeConfig
    topics: Mapping[str, str]
    recorded: RecordedDrive
    nodes: Nodes
    satellite: SatelliteMap


@dataclass(frozen=True, slots=True, eq=False)
class Agreement:
    """Whether frames and imagery have to do with each other: bits of the frames, and what is wrong, empty if nothing.

    mean_bits, error_bits: where blocks of the drive that are away expect them, and its standard error.
    """

    mean_bits: float
    error_bits: float

    @property
    def reason(self) -> str:
        """Why the drive is not believed, empty if it is."""
        if self.mean_bits - 2.0 * self.error_bits >= LEAST_BITS:
            return ""
        return (
            f"frames and imagery do not agree: a frame says {self.mean_bits:.2f} +- {self.error_bits:.2f} bit about "
            f"where the rest of the drive is, at least {LEAST_BITS} are needed; are the tiles of another place, the "
            "lens dirty, the mount wrong, or the fixes off by more than 20 m?"
        )


def bag_of(drive: Path) -> Path:
    """The bag of a drive folder, which may be the bag itself."""
    inner = drive / "drive"
    return inner if inner.is_dir() else drive


def open_unlabelled(path: Path, arguments: argparse.Namespace) -> UnlabelledDrive:
    """A drive that moves far enough and has odometry, or the InputError that says what it lacks.

    arguments: as a replay's, but for its bag.
    """
    given = argparse.Namespace(**{**vars(arguments), "bag": bag_of(path), "drive": None, "seed": None})
    config = config_of(given)
    if len(config.camera_setups) > 1:
        names = ", ".join(config.camera_setups)
        raise InputError(f"{path} has the cameras {names}: one is learnt from, describe only that in drive.json")
    setup = next(iter(config.camera_setups.values()))
    topics, satellite = topics_of(given), SatelliteMap(open_store(config.tiles))
    recorded = read_drive(given.bag, config.session, setup, topics, sensors_in(given.bag, config))
    _check(given.bag, recorded)
    nodes = nodes_of(recorded, config.tracker.belief, config.prior.speed_sigma, config.heading.offset)
    drive = UnlabelledDrive(path.resolve().name, config, topics, recorded, nodes, satellite)
    _check_imagery(drive, _covered(drive))
    return drive


def _check(bag: Path, recorded: RecordedDrive) -> None:
    seconds = float(recorded.stamps_ns[-1] - recorded.stamps_ns[0]) * 1e-9
    unknown = sum(motion.unknown_s for motion in recorded.motions) / seconds
    if unknown > MOST_UNKNOWN:
        what_to_do = recorded.no_velocity or "record odom, or name a twist by --topic, or cut out its gaps"
        raise InputError(f"{bag} has no odometry for {unknown:.0%} of the time: {what_to_do}")
    if recorded.way[-1] < LEAST_WAY_M:
        raise InputError(
            f"{bag} covers {recorded.way[-1]:.0f} m: at least {LEAST_WAY_M:.0f} m are needed to tell places apart"
        )


def _covered(drive: UnlabelledDrive) -> float:
    """Share of the nodes with imagery, by some of those that have a fix: known before anything is computed."""
    places = list({fix.node: fix.place for fix in drive.nodes.factors.fixes}.values())
    some = places[:: -(-len(places) // MOST_LOOKED_AT)]
    frame, size, resolution = drive.recorded.frame, DefaultConfig().satellite_px, DefaultConfig().satellite_resolution
    patches = (drive.satellite.patch(frame, tuple(place.tolist()), 0.0, size, resolution) for place in some)
    return float(np.mean([patch.missing <= MOST_MISSING for patch in patches]))


def _check_imagery(drive: UnlabelledDrive, covered: float) -> None:
    if covered < LEAST_IMAGERY:
        raise InputError(
            f"{drive.name}: {1 - covered:.0%} of the drive lie where --tiles has no imagery or its images cannot be "
            "read: fetch tiles along it, or give those of this place"
        )


def smoothed(drive: UnlabelledDrive, model: LocalizationModel) -> tuple[Smoothed, Agreement]:
    """Where the drive was, and whether its frames agree about that."""
    result = smooth(drive.recorded, drive.nodes, model, drive.satellite)
    _check_imagery(drive, len(result.volumes) / len(drive.nodes.frames))
    bits = cross_evidence(drive.recorded, drive.nodes, result)
    error = float(bits.std() / math.sqrt(max(len(bits) / CORRELATED, 1.0)))
    return result, Agreement(float(bits.mean()), error)
