"""A replayed drive as a page."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from geoflow_ros.bags.topics import heard_as
from geoflow_ros.bags.trajectory import Trajectory
from geoflow_ros.configuration import NodeConfig, is_absent, parameters_of, value_of
from geoflow_ros.geodesy import LocalFrame
from geoflow_ros.options import Scalar
from geoflow_ros.replay.play import Played
from geoflow_ros.replay.snapshots import APART_S
from geoflow_ros.reports.ground import Ground, ground_along, near_fixes
from geoflow_ros.reports.page_data import PoseColumns, Report, Snapshot, reason_counts
from geoflow_ros.satellite.mosaic import SatelliteMap


def replay_report(
    title: str, played: Played, truth: Trajectory | None, snapshots: Sequence[Snapshot], config: NodeConfig
) -> Report:
    """Everything but what the map shows besides poses: see `on_ground`. snapshots: by the indices of the frames."""
    order = np.argsort([frame.stamp_ns for frame in played.frames], kind="stable")  # frames may come late
    frames = [played.frames[index] for index in order]
    moments = np.argsort(order)
    true = [None if truth is None else truth.at(frame.stamp_ns * 1e-9) for frame in frames]
    return Report(
        title=f"Replay of {title}",
        axis="time [s]",
        along=np.array([frame.stamp_ns - frames[0].stamp_ns for frame in frames]) * 1e-9,
        apart=APART_S,
        is_way=True,
        states=[frame.track.state.value for frame in frames],
        reasons=[frame.track.reason for frame in frames],
        milliseconds=np.array([frame.seconds for frame in frames]) * 1e3,
        fused=PoseColumns.of([frame.track.pose for frame in frames]),
        single=PoseColumns.of([frame.single for frame in frames]),
        prior=PoseColumns.of([frame.prior for frame in frames]),
        truth=np.array([np.full(3, np.nan) if pose is None else pose.array() for pose in true]),
        fixes=np.empty((0, 2)),
        snapshots=[replace(each, moment=int(moments[each.moment])) for each in snapshots],
        ground=Ground(),
        tables={
            "How often each reason was given": reason_counts([frame.track.reason for frame in frames]),
            "What was wrong with sensors": {
                sensor: f"{each.frames} frames: {each.sentence}" for sensor, each in played.complaints.items()
            },
            "Topics": played.topics | {"localize hears them with": heard_as(played.roles)},
            "Parameters": parameter_table(config),
        },
    )


def on_ground(report: Report, played: Played, satellite: SatelliteMap, frame: LocalFrame | None) -> Report:
    """The same with fixes and imagery; without a map frame there is no place for them."""
    if frame is None:
        return report
    fixes = np.array([frame.to_enu(*fix)[:2] for fix in played.fixes]).reshape(-1, 2)
    places = np.concatenate([report.fused.poses[:, :2], report.truth[:, :2]])
    places = places if np.isfinite(places).any() else near_fixes(fixes)
    return replace(report, fixes=fixes, ground=ground_along(places, satellite, frame))


def parameter_table(config: NodeConfig) -> dict[str, str]:
    """Every parameter by its dotted name; those that were not given are left out."""
    values = {each.name: value_of(config, each.name) for each in parameters_of(config)}
    return {name: _written(value) for name, value in values.items() if not is_absent(value)}


def _written(value: Scalar) -> str:
    """A value as a parameter file has it, to a tenth of a millimetre of latitude: no 8.57e-17 for a 0."""
    rounded = round(value, 9) if isinstance(value, float) else value
    return rounded if isinstance(rounded, str) and rounded else json.dumps(rounded)
