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
from geoflow_ros.model.interface import LocalizationModel
from geoflow_ros.replay.command_line import config_of, topics_of
from geoflow_ros.satellite.mosaic import SatelliteMap
from geoflow_ros.satellite.stores import open_store
from geoflow_ros.smoothing.nodes import Nodes, nodes_of
from geoflow_ros.smoothing.recorded_drive import RecordedDrive, read_drive
from geoflow_ros.smoothing.smoother import Smoothed, cross_evidence, smooth

Floats = NDArray[np.float64]
LEAST_WAY_M = 150.0
MOST_UNKNOWN = 0.2  # of the time: without odometry
LEAST_IMAGERY = 0.5  # of the nodes
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
    return inner if (inner / "metadata.yaml").is_file() else drive


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
    topics = topics_of(given)
    recorded = read_drive(given.bag, config.session, setup, topics)
    _check(given.bag, recorded)
    nodes = nodes_of(recorded, config.tracker.belief, config.prior.speed_sigma, config.heading.offset)
    return UnlabelledDrive(path.resolve().name, config, topics, recorded, nodes, SatelliteMap(open_store(config.tiles)))


def _check(bag: Path, recorded: RecordedDrive) -> None:
    seconds = float(recorded.stamps_ns[-1] - recorded.stamps_ns[0]) * 1e-9
    unknown = sum(motion.unknown_s for motion in recorded.motions) / seconds
    if unknown > MOST_UNKNOWN:
        raise InputError(
            f"{bag} has no odometry for {unknown:.0%} of the time: record odom, or name a twist by --topic"
        )
    if recorded.way[-1] < LEAST_WAY_M:
        raise InputError(
            f"{bag} covers {recorded.way[-1]:.0f} m: at least {LEAST_WAY_M:.0f} m are needed to tell places apart"
        )


def smoothed(drive: UnlabelledDrive, model: LocalizationModel) -> tuple[Smoothed, Agreement]:
    """Where the drive was, and whether its frames agree about that."""
    result = smooth(drive.recorded, drive.nodes, model, drive.satellite)
    covered = len(result.volumes) / len(drive.nodes.frames)
    if covered < LEAST_IMAGERY:
        raise InputError(
            f"{drive.name}: {1 - covered:.0%} of the drive lie where --tiles has no imagery or its images cannot be "
            "read: fetch tiles along it, or give those of this place"
        )
    bits = cross_evidence(drive.recorded, drive.nodes, result)
    error = float(bits.std() / math.sqrt(max(len(bits) / CORRELATED, 1.0)))
    return result, Agreement(float(bits.mean()), error)
