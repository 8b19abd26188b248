"""A demonstration drive as a page."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
from numpy.typing import NDArray
from rclpy.serialization import deserialize_message

from geoflow_ros.geodesy import LocalFrame
from geoflow_ros.localization.pose import PoseWithCovariance
from geoflow_ros.replay.snapshots import APART_S, REGULAR, camera_thumbnail
from geoflow_ros.reports.ground import ground_along
from geoflow_ros.reports.page_data import PoseColumns, Report, Snapshot, reason_counts
from geoflow_ros.ros.tools.demo_outcome import Answer, DemoRun, DemoSummary
from geoflow_ros.ros.tools.player import Recorded, camera_of, is_image, type_of
from geoflow_ros.satellite.mosaic import SatelliteMap
from geoflow_ros.tracking.track import TrackState

UNANSWERED_NS, SLACK_NS = 100_000_000, 20_000_000
"""How long after a frame without an answer its state is known, and how much later than a pose a state may come."""


def demo_page(
    run: DemoRun, summary: DemoSummary, fixes: NDArray[np.float64], satellite: SatelliteMap, frame: LocalFrame
) -> Report:
    """One moment a frame. fixes: (M, 2) east, north."""
    images = {each.stamp_ns: each for each in run.messages if is_image(each.topic)}
    stamps = sorted(images)
    fused = {answer.stamp_ns - run.shift_ns: answer for answer in run.answers}
    single = {answer.stamp_ns - run.shift_ns: answer for answer in run.single_answers}
    states = [_state(run, stamp, fused.get(stamp)) for stamp in stamps]
    true = [run.truth.at(stamp * 1e-9) for stamp in stamps]
    truth = np.array([np.full(3, np.nan) if pose is None else pose.array() for pose in true])
    poses = PoseColumns.of([_pose(fused.get(stamp)) for stamp in stamps])
    return Report(
        title="The demonstration drive, live",
        axis="time [s]",
        along=np.array([stamp - stamps[0] for stamp in stamps]) * 1e-9,
        apart=APART_S,
        is_way=True,
        states=[state for state, _ in states],
        reasons=[reason for _, reason in states],
        milliseconds=np.array([fused[stamp].latency_s * 1e3 if stamp in fused else np.nan for stamp in stamps]),
        fused=poses,
        single=PoseColumns.of([_pose(single.get(stamp)) for stamp in stamps]),
        prior=PoseColumns.of([None] * len(stamps)),
        truth=truth,
        fixes=fixes,
        snapshots=_snapshots(run, [images[stamp] for stamp in stamps]),
        ground=ground_along(np.concatenate([poses.poses[:, :2], truth[:, :2]]), satellite, frame),
        tables=_tables(summary, [reason for _, reason in states]),
    )


def _tables(summary: DemoSummary, reasons: list[str]) -> dict[str, Mapping[str, str]]:
    figures = {name: f"{value:.4g}" for name, value in asdict(summary).items()}
    return {"Figures": figures, "How often each reason was given": reason_counts(reasons)}


def _pose(answer: Answer | None) -> PoseWithCovariance | None:
    if answer is None:
        return None
    return PoseWithCovariance(answer.pose.x, answer.pose.y, answer.pose.yaw, answer.covariance)


def _state(run: DemoRun, stamp_ns: int, answer: Answer | None) -> tuple[str, str]:
    """State and reason that the node had last said when a frame was, or should have been, answered."""
    late_ns = UNANSWERED_NS if answer is None else round(answer.latency_s * 1e9)
    heard = bisect_right([arrived for arrived, _ in run.said], stamp_ns + run.shift_ns + late_ns + SLACK_NS)
    if heard == 0:
        return TrackState.INITIALISING.value, ""
    state, _, reason = run.said[heard - 1][1].partition(": ")
    return state, reason


def _snapshots(run: DemoRun, images: list[Recorded]) -> list[Snapshot]:
    """Camera images at equal intervals, and the heatmaps that were looked at."""
    stride = -(-len(images) // REGULAR)
    snapshots = []
    for moment, image in enumerate(images):
        heatmap = run.heatmaps.get(image.stamp_ns + run.shift_ns)
        if heatmap is not None or moment % stride == 0:
            picture = camera_thumbnail(deserialize_message(image.data, type_of(image.topic)))
            pictures = {} if picture is None else {camera_of(image.topic): picture}
            hypotheses = run.hypotheses.get(image.stamp_ns + run.shift_ns, np.empty((0, 3)))
            snapshots.append(Snapshot(moment, pictures, heatmap, hypotheses))
    return snapshots
