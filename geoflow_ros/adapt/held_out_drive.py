"""The held-out end of a drive as the node drives it: fused, with what new weights and old make of its frames."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.adapt.labels import HELD_OUT_SHARE, first_held_out
from geoflow_ros.adapt.unlabelled_drive import UnlabelledDrive
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import LocalFrame
from geoflow_ros.localization.localizer import Localizer
from geoflow_ros.model.config import Runtime
from geoflow_ros.model.inference.runtimes import accelerated
from geoflow_ros.model.matchflow import MatchFlow
from geoflow_ros.replay.play import FrameResult, Script, play
from geoflow_ros.replay.tf_sensors import sensors_in
from geoflow_ros.smoothing.nodes import interpolated
from geoflow_ros.smoothing.smoother import Smoothed
from geoflow_ros.tracking.session import Session
from geoflow_ros.tracking.track import TrackState

Floats = NDArray[np.float64]
RUN_UP_NS = 10_000_000_000  # driven before what is judged: the track has begun by then
LEAST_GAP_NS = 180_000_000  # between frames: 5 Hz, which the node keeps up with, of cameras of 5, 10, 15, 20, 30 Hz
MOST_JUDGED = 750  # frames of all drives together: two and a half minutes
MOST_TIMES = 4  # that short ones are driven, with other seeds: of 60 frames a seed alone changes errors by a third
BLOCK_M = 20.0  # of way, about; neighbours' differences still correlate by 0.3 to 0.5: the scatter allows little
LEAST_BLOCKS = 3  # whose differences tell chance from more
LEAST_WAY_M = LEAST_BLOCKS * BLOCK_M / HELD_OUT_SHARE  # of a whole drive


@dataclass(frozen=True, slots=True, eq=False)
class Stretch:
    """The N frames that judge, and where the smoother has them. way_m: its length.

    positions: (N, 2) of base_link, m; covariances: (N, 2, 2), m^2. blocks: (N,) number of the block of way of each.
    """

    positions: Floats
    covariances: Floats
    blocks: NDArray[np.int64]
    way_m: float


@dataclass(frozen=True, slots=True, eq=False)
class Driven:
    """What the node answers to the N frames. positions: (N, 2), nan where it has no pose; covariances: (N, 2, 2), m^2.

    localised: (N,) whether it says LOCALISED.
    """

    positions: Floats
    covariances: Floats
    localised: NDArray[np.bool_]


class HeldOutDrives:
    """The held-out ends of drives, driven with each network as often as MOST_JUDGED allows."""

    def __init__(self, drives: Sequence[UnlabelledDrive]) -> None:
        """An InputError where they are too short to judge by."""
        self._drives = drives
        self._judged = [judged_frames(drive, max(1, MOST_JUDGED // len(drives))) for drive in drives]
        self._known = WeakKeyDictionary[MatchFlow, Driven]()
        ways = [drive.recorded.way[judged] for drive, judged in zip(drives, self._judged, strict=True)]
        self._blocks = _numbered(ways)
        self._times = int(np.clip(MOST_JUDGED // len(self._blocks), 1, MOST_TIMES))
        self._way_m = float(sum(way[-1] - way[0] for way in ways))
        if self._blocks.max() + 1 < LEAST_BLOCKS:
            raise InputError(
                f"the last fifth of what was driven, which judges, covers {self._way_m:.0f} m, at least "
                f"{LEAST_BLOCKS * BLOCK_M:.0f} m are needed: give a drive of {LEAST_WAY_M:.0f} m or more, or several"
            )

    def stretch(self, smoothed: Sequence[Smoothed]) -> Stretch:
        """All of them in a row, as often as they are driven. smoothed: of each drive."""
        positions, covariances = [], []
        for drive, result, judged in zip(self._drives, smoothed, self._judged, strict=True):
            node = np.searchsorted(drive.nodes.frames, judged, side="right") - 1
            positions.append(interpolated(drive.recorded, drive.nodes, result.poses)[judged, :2])
            covariances.append(result.pose_covariances[node, :2, :2])
        rows = np.tile(np.arange(len(self._blocks)), self._times)
        return Stretch(
            np.concatenate(positions)[rows], np.concatenate(covariances)[rows], self._blocks[rows], self._way_m
        )

    def driven(self, model: MatchFlow) -> Driven:
        """What the node answers to all of them in a row with a network; the same seeds for every one."""
        if model not in self._known:
            each = list(zip(self._drives, self._judged, strict=True))
            parts = [drive_through(*one, model, seed) for seed in range(self._times) for one in each]
            self._known[model] = Driven(
                np.concatenate([part.positions for part in parts]),
                np.concatenate([part.covariances for part in parts]),
                np.concatenate([part.localised for part in parts]),
            )
        return self._known[model]


def judged_frames(drive: UnlabelledDrive, most: int) -> NDArray[np.int64]:
    """Indices of the frames of the held-out end that are driven and judged, from its beginning on."""
    stamps = drive.recorded.stamps_ns
    return _apart(stamps, int(drive.nodes.frames[first_held_out(drive)]), len(stamps))[:most]


def drive_through(drive: UnlabelledDrive, judged: NDArray[np.int64], model: MatchFlow, seed: int) -> Driven:
    """The answers to these frames, after a run-up, of a session as the node has it but for its seed, so much later."""
    stamps, config = drive.recorded.stamps_ns, drive.config
    first = int(judged[0])
    run_up = _apart(stamps, int(np.searchsorted(stamps, stamps[first] - RUN_UP_NS)), first)
    network = accelerated(model, Runtime.TORCH)
    settings = replace(config.localizer, max_latency_ms=0.0)  # the clock is not to judge

    def localizer_in(frame: LocalFrame) -> Localizer:
        return Localizer(network, drive.satellite, frame, settings)

    script = Script(
        topics=drive.topics,
        uncalibrated=config.uncalibrated,
        stamps_ns=frozenset(stamps[np.concatenate([run_up, judged])].tolist()),
        note="driven",
    )
    session = Session(config.session, localizer_in, config.seed + seed, config.camera_setups)
    session.locate_sensors_by(sensors_in(drive.recorded.bag, config))
    played = play(drive.recorded.bag, session, script)
    answers = {frame.stamp_ns: frame for frame in played.frames}
    return _driven([answers.get(stamp) for stamp in stamps[judged].tolist()])


def _driven(frames: Sequence[FrameResult | None]) -> Driven:
    positions, covariances = np.full((len(frames), 2), np.nan), np.tile(np.eye(2), (len(frames), 1, 1))
    for index, frame in enumerate(frames):
        if frame is not None and (pose := frame.track.pose) is not None:
            positions[index] = pose.east, pose.north
            covariances[index] = pose.covariance[:2, :2]
    localised = [frame is not None and frame.track.state is TrackState.LOCALISED for frame in frames]
    return Driven(positions, covariances, np.array(localised, dtype=np.bool_))


def _numbered(ways: Sequence[Floats]) -> NDArray[np.int64]:
    """The block that each frame of each drive lies in, by the metres driven until it."""
    blocks, first = [], 0
    for way in ways:
        length = way[-1] - way[0]
        count = max(1, round(length / BLOCK_M))
        share = (way - way[0]) / length if length > 0.0 else np.zeros(len(way))
        blocks.append(first + np.minimum(share * count, count - 1).astype(np.int64))
        first += count
    return np.concatenate(blocks)


def _apart(stamps_ns: NDArray[np.int64], first: int, end: int) -> NDArray[np.int64]:
    """Indices from `first` to before `end`, LEAST_GAP_NS apart."""
    chosen: list[int] = []
    for index in range(first, end):
        if not chosen or stamps_ns[index] - stamps_ns[chosen[-1]] >= LEAST_GAP_NS:
            chosen.append(index)
    return np.array(chosen, dtype=np.int64)
