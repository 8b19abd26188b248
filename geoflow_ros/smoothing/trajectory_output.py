"""A smoothed drive as files: a TUM trajectory of every frame, and beside it how sure that is."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import numpy as np

from geoflow_ros.bags.trajectory import write_tum
from geoflow_ros.planar import PlanarPose
from geoflow_ros.smoothing.nodes import Nodes, interpolated
from geoflow_ros.smoothing.recorded_drive import RecordedDrive
from geoflow_ros.smoothing.smoother import Smoothed
from geoflow_ros.whole_files import write_text

COLUMNS = ("stamp_s", "east_east", "north_east", "north_north", "yaw_east", "yaw_north", "yaw_yaw")


def write_poses(path: Path, drive: RecordedDrive, nodes: Nodes, smoothed: Smoothed) -> None:
    """Write the TUM file, and beside it a CSV file with the covariance of every frame (m, rad).

    A frame between two nodes is as uncertain as the one before it.
    """
    poses = interpolated(drive, nodes, smoothed.poses)
    node = np.clip(np.searchsorted(nodes.frames, np.arange(len(poses)), side="right") - 1, 0, None)
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(COLUMNS)
    for stamp, covariance in zip(drive.stamps_ns.tolist(), smoothed.pose_covariances[node], strict=True):
        seconds, nanoseconds = divmod(stamp, 10**9)
        lower = (f"{value:.6g}" for value in covariance[np.tril_indices(3)])
        table.writerow([f"{seconds}.{nanoseconds:09d}", *lower])
    write_tum(path, drive.stamps_ns.tolist(), [PlanarPose(*pose) for pose in poses.tolist()], drive.frame.datum)
    write_text(covariances_of(path), text.getvalue())


def covariances_of(path: Path) -> Path:
    """The CSV file beside a TUM file."""
    return path.with_suffix(".csv")
