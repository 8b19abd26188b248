"""What a demonstration drive came to: figures, trajectory, picture, table."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import NavSatFix

from geoflow_ros.bags.trajectory import write_tum
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import LocalFrame
from geoflow_ros.metrics import PoseErrors, coverage, pose_errors
from geoflow_ros.planar import PlanarPose
from geoflow_ros.reports.page import write_page
from geoflow_ros.reports.trajectory_plot import plot_trajectory
from geoflow_ros.ros.tools.demo_outcome import Answer, DemoRun, DemoSummary
from geoflow_ros.ros.tools.demo_page import demo_page
from geoflow_ros.ros.tools.player import is_image
from geoflow_ros.satellite.mosaic import SatelliteMap
from geoflow_ros.satellite.stores import open_store
from geoflow_ros.whole_files import write_json


def write_report(run: DemoRun, out: Path) -> None:
    """Write summary.json, trajectory.tum, trajectory.png and report.html; print a table."""
    frame = LocalFrame(run.description.datum)
    fixes, fix_truth = _fixes(run, frame)
    summary = _summarise(run, np.hypot(*(fixes - fix_truth).T))
    write_json(out / "summary.json", asdict(summary))
    stamps = (answer.stamp_ns - run.shift_ns for answer in run.answers)
    write_tum(out / "trajectory.tum", stamps, (answer.pose for answer in run.answers), run.description.datum)
    places = np.array([(answer.pose.x, answer.pose.y) for answer in run.answers])
    satellite = SatelliteMap(open_store(run.drive / "tiles.mbtiles"))
    plot_trajectory(out / "trajectory.png", places, run.truth.poses[:, :2], fixes, satellite, frame)
    write_page(out / "report.html", demo_page(run, summary, fixes, satellite, frame))
    for name, value in asdict(summary).items():
        print(f"{name:<27} {value if isinstance(value, int) else format(value, '.2f'):>8}")
    print(f"written to {out}; look at {out / 'report.html'}")


def _summarise(run: DemoRun, prior_errors: NDArray[np.float64]) -> DemoSummary:
    stamps = sorted({each.stamp_ns for each in run.messages if is_image(each.topic)})
    errors, alone = _errors(run, run.answers), _errors(run, run.single_answers)
    latency_ms = np.array([answer.latency_s for answer in run.answers]) * 1e3
    duration_s = (stamps[-1] - stamps[0]) * 1e-9 * len(stamps) / max(len(stamps) - 1, 1)
    return DemoSummary(
        frames=len(stamps),
        poses=len(run.answers),
        mean_error_m=float(errors.position.mean()),
        median_error_m=float(np.median(errors.position)),
        single_frame_poses=len(run.single_answers),
        single_frame_mean_error_m=float(alone.position.mean()),
        single_frame_median_error_m=float(np.median(alone.position)),
        prior_mean_error_m=float(prior_errors.mean()),
        yaw_mean_error_deg=float(np.degrees(np.abs(errors.yaw)).mean()),
        nees_mean=float(errors.nees.mean()),
        coverage_90=coverage(errors.nees, 0.9),
        latency_ms_p50=float(np.percentile(latency_ms, 50)),
        latency_ms_p95=float(np.percentile(latency_ms, 95)),
        fps=len(run.answers) / max(duration_s, 1e-9),
    )


def _errors(run: DemoRun, answers: list[Answer]) -> PoseErrors:
    """Of the answers while the truth lasts."""
    judged = [(answer, truth) for answer in answers if (truth := _truth_at(run, answer.stamp_ns)) is not None]
    if not judged:
        raise InputError(f"{run.drive / 'truth.tum'} has no pose at the stamp of any answer: is it of this drive?")
    return pose_errors(
        [answer.pose.array() for answer, _ in judged],
        [truth.array() for _, truth in judged],
        [answer.covariance for answer, _ in judged],
    )


def _truth_at(run: DemoRun, live_ns: int) -> PlanarPose | None:
    return run.truth.at((live_ns - run.shift_ns) * 1e-9)


def _fixes(run: DemoRun, frame: LocalFrame) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """East, north (N, 2) of the fixes and of the truth at their stamps."""
    fixes, truths = [], []
    for message in run.messages:
        truth = run.truth.at(message.stamp_ns * 1e-9) if message.topic == "/fix" else None
        if truth is not None:
            fix = deserialize_message(message.data, NavSatFix)
            fixes.append(frame.to_enu(fix.latitude, fix.longitude)[:2])
            truths.append((truth.x, truth.y))
    if not fixes:
        raise InputError(f"{run.drive} has no fix while its truth.tum lasts: are they of the same drive?")
    return np.array(fixes), np.array(truths)
