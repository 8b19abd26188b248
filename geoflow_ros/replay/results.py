"""What a replayed drive came to: figures, trajectories, a row a frame."""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.bags.trajectory import MAX_GAP_S, Trajectory
from geoflow_ros.errors import InputError
from geoflow_ros.localization.pose import PoseWithCovariance, position_std
from geoflow_ros.metrics import PoseErrors, integrity, pose_errors
from geoflow_ros.replay.closing_words import commonest
from geoflow_ros.replay.play import Complaint, FrameResult
from geoflow_ros.tracking.track import TrackState
from geoflow_ros.whole_files import write_text

COLUMNS = ("stamp_ns", "state", "reason", "ms", "true_east", "true_north", "true_yaw_deg")
POSE_COLUMNS = ("east", "north", "yaw_deg", "std_m", "error_m", "yaw_error_deg", "nees")


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """Poses of N frames and their errors. frames: (N,) their indices in the drive."""

    frames: NDArray[np.int64]
    poses: list[PoseWithCovariance]
    errors: PoseErrors | None

    def to_json(self) -> dict[str, Any]:
        """Figures for `json.dump`; of the errors only where there is a truth."""
        if self.errors is None:
            return {"poses": len(self.poses)}
        position, yaw_deg = self.errors.position, np.degrees(np.abs(self.errors.yaw))
        return {
            "poses": len(self.poses),
            "mean_error_m": float(position.mean()),
            "median_error_m": float(np.median(position)),
            "p95_error_m": float(np.percentile(position, 95)),
            "max_error_m": float(position.max()),
            "yaw_mean_deg": float(yaw_deg.mean()),
            "nees_mean": float(self.errors.nees.mean()),
        }


def judge(
    frames: list[FrameResult], pose_of: Callable[[FrameResult], PoseWithCovariance | None], truth: Trajectory | None
) -> Judged:
    """The poses that frames have, with their errors; where there is a truth, only of frames that it knows."""
    kept, poses, truths = [], [], []
    for index, frame in enumerate(frames):
        pose, true = pose_of(frame), None if truth is None else truth.at(frame.stamp_ns * 1e-9)
        if pose is not None and (truth is None or true is not None):
            kept.append(index)
            poses.append(pose)
        if pose is not None and true is not None:
            truths.append(true.array())
    errors = None
    if truths:
        estimates = [pose.planar.array() for pose in poses]
        errors = pose_errors(estimates, truths, [pose.covariance for pose in poses])
    return Judged(np.array(kept, dtype=np.int64), poses, errors)


def summary(
    frames: list[FrameResult], fused: Judged, single: Judged, complaints: Mapping[str, Complaint]
) -> dict[str, Any]:
    """Everything for `json.dump`. first_pose_s: after the first frame; None if none came. nees_mean: honest is 2.

    warnings: by sensor, what was wrong with it and with how many frames it was said.
    """
    posed = next((frame for frame in frames if frame.track.pose is not None), None)
    states = Counter(frame.track.state.value for frame in frames)
    return {
        "frames": len(frames),
        "single_frame": single.to_json(),
        "fused": fused.to_json(),
        "states": {state.value: states[state.value] for state in TrackState},
        "nees_mean": fused.to_json().get("nees_mean"),
        **_localised_integrity(frames, fused),
        "first_pose_s": None if posed is None else (posed.stamp_ns - frames[0].stamp_ns) * 1e-9,
        "ms_per_frame": float(np.median([frame.seconds for frame in frames])) * 1e3,
        "warnings": {sensor: asdict(each) for sensor, each in complaints.items()},
    }


def _localised_integrity(frames: list[FrameResult], fused: Judged) -> dict[str, Any]:
    """How often the pose is far off while the state is LOCALISED; nothing where there is no truth."""
    if fused.errors is None:
        return {} if fused.poses else integrity(np.empty(0), np.empty(0))
    localised = [frames[index].track.state is TrackState.LOCALISED for index in fused.frames]
    return integrity(fused.errors.position[localised], fused.errors.nees[localised])


def check(bag: Path, frames: list[FrameResult], fused: Judged, single: Judged, truth: Trajectory | None) -> None:
    """InputError where a replay says nothing: not one pose, or none at a stamp that the truth knows."""
    posed = sum(frame.track.pose is not None or frame.single is not None for frame in frames)
    if not posed:
        raise InputError(
            f"{bag} gave no pose in {len(frames)} frames: {commonest(frame.track.reason for frame in frames)}"
        )
    if truth is not None and not fused.poses and not single.poses:
        first, last = (frames[index].stamp_ns * 1e-9 for index in (0, -1))
        gap = float(np.median(np.diff(truth.stamps))) if len(truth.stamps) > 1 else 0.0
        raise InputError(
            f"none of {posed} poses can be judged: the frames are from {first:.3f} to {last:.3f} s, the truth from "
            f"{truth.stamps[0]:.3f} to {truth.stamps[-1]:.3f} with a pose every {gap:.3g}: expected seconds of the "
            f"same clock, at most {MAX_GAP_S:g} s apart"
        )


def write_csv(path: Path, frames: list[FrameResult], fused: Judged, single: Judged, truth: Trajectory | None) -> None:
    """A row a frame; empty cells where there is no pose or no truth."""
    header = [*COLUMNS, *(f"{kind}_{name}" for kind in ("fused", "single") for name in POSE_COLUMNS)]
    cells = [_cells(fused), _cells(single)]
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(header)
    for index, frame in enumerate(frames):
        true = None if truth is None else truth.at(frame.stamp_ns * 1e-9)
        place = [""] * 3 if true is None else _numbers(true.x, true.y, math.degrees(true.yaw))
        about = [frame.stamp_ns, frame.track.state.value, frame.track.reason, f"{1e3 * frame.seconds:.1f}"]
        writer.writerow(about + place + [cell for each in cells for cell in each.get(index, [""] * len(POSE_COLUMNS))])
    write_text(path, text.getvalue())


def _cells(judged: Judged) -> dict[int, list[str]]:
    """`POSE_COLUMNS` by frame."""
    rows = {}
    for row, (index, pose) in enumerate(zip(judged.frames.tolist(), judged.poses, strict=True)):
        std = position_std(pose.covariance)
        errors = judged.errors
        error = () if errors is None else (errors.position[row], math.degrees(errors.yaw[row]), errors.nees[row])
        cells = _numbers(pose.east, pose.north, math.degrees(pose.yaw), std, *error)
        rows[index] = cells + [""] * (len(POSE_COLUMNS) - len(cells))
    return rows


def _numbers(*values: float) -> list[str]:
    return [f"{value:.4f}" for value in values]
