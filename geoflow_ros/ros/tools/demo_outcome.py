"""What a demonstration drive is judged by."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.bags.trajectory import Trajectory
from geoflow_ros.datasets.bag_drive import DriveDescription
from geoflow_ros.planar import PlanarPose
from geoflow_ros.ros.tools.player import Recorded


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """A pose in `map`: stamp (ns, live), covariance (3, 3), seconds from image stamp to arrival."""

    stamp_ns: int
    pose: PlanarPose
    covariance: NDArray[np.float64]
    latency_s: float


@dataclass(frozen=True, slots=True, eq=False)
class DemoRun:
    """Everything that was played and answered, fused and by single frames; live stamps are the bag's + `shift_ns`.

    said: when (ns, live) which state was heard, with its reason. heatmaps: JPEG by the live stamp of the frame.
    hypotheses: (H, 3) poses of those frames.
    """

    drive: Path
    description: DriveDescription
    truth: Trajectory
    messages: list[Recorded]
    answers: list[Answer]
    single_answers: list[Answer]
    said: list[tuple[int, str]]
    heatmaps: dict[int, bytes]
    hypotheses: dict[int, NDArray[np.float64]]
    shift_ns: int


@dataclass(frozen=True, slots=True)
class DemoSummary:
    """Figures of a drive's fused poses, and the errors of the frames alone and of the GNSS fixes (the prior).

    Latency: image stamp to arrival of the pose.

    fps: poses a second of drive, at most the camera's rate. nees_mean is 2, coverage_90 0.9 for honest covariances.
    """

    frames: int
    poses: int
    mean_error_m: float
    median_error_m: float
    single_frame_poses: int
    single_frame_mean_error_m: float
    single_frame_median_error_m: float
    prior_mean_error_m: float
    yaw_mean_error_deg: float
    nees_mean: float
    coverage_90: float
    latency_ms_p50: float
    latency_ms_p95: float
    fps: float
