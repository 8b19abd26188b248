"""An evaluation as a page: every sample's error in the axes of its camera, and pictures of some and of the worst."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from geoflow_ros.evaluate.outcome import Evaluated, Outcome, errors_of
from geoflow_ros.planar import rotate, rotated_covariance
from geoflow_ros.reports.ground import Ground
from geoflow_ros.reports.heatmap import draw_case
from geoflow_ros.reports.page_data import PoseColumns, Report, Snapshot, worst_moments
from geoflow_ros.reports.thumbnails import HEATMAP_PX, camera_jpeg, heatmap_jpeg

PICTURED = 60
"""Samples at equal intervals that have pictures: each is localised again for them."""
UP = math.pi / 2


def evaluation_report(title: str, evaluated: Evaluated, document: Mapping[str, Any]) -> Report:
    """One moment a sample, the camera's true heading up. document: figures; those that are one value are shown."""
    outcomes, count = evaluated.outcomes, len(evaluated.outcomes)
    worst = worst_moments(errors_of(outcomes).position, np.arange(count, dtype=np.float64), 0.0)
    shown = sorted({*range(0, count, -(-count // PICTURED)), *worst})
    none = PoseColumns.of([None] * count)
    return Report(
        title=title,
        axis="sample",
        along=np.arange(count, dtype=np.float64),
        apart=0.0,
        is_way=False,
        states=["ACCEPTED" if each.match >= evaluated.config.min_match else "REFUSED" for each in outcomes],
        reasons=[f"{each.key}, match {each.match:.2f}" for each in outcomes],
        milliseconds=np.array([each.milliseconds for each in outcomes]),
        fused=_in_camera_axes(outcomes),
        single=none,
        prior=none,
        truth=np.tile([0.0, 0.0, UP], (count, 1)),
        fixes=np.empty((0, 2)),
        snapshots=[_snapshot(moment, evaluated) for moment in shown],
        ground=Ground(),
        tables={"Figures": {name: _text(value) for name, value in document.items() if _is_one(value)}},
    )


def _in_camera_axes(outcomes: Sequence[Outcome]) -> PoseColumns:
    """The poses as seen from their truths, which are at the origin and look up."""
    poses, truths = (np.array([getattr(each, name) for each in outcomes]) for name in ("pose", "truth"))
    turns = UP - truths[:, 2]
    seen = np.column_stack([rotate(turns, poses[:, :2] - truths[:, :2]), poses[:, 2] + turns])
    pairs = zip(outcomes, turns, strict=True)
    covariances = [rotated_covariance(turn, each.covariance[:2, :2]) for each, turn in pairs]
    return PoseColumns(seen, np.array(covariances))


def _snapshot(moment: int, evaluated: Evaluated) -> Snapshot:
    sample, estimate = evaluated.again(evaluated.outcomes[moment])
    heatmap = heatmap_jpeg(draw_case(estimate, sample.truth, HEATMAP_PX))
    turn = UP - sample.truth[2]
    places = rotate(turn, estimate.hypotheses[:, :2] - sample.truth[:2])
    hypotheses = np.column_stack([places, estimate.hypotheses[:, 2] + turn])
    return Snapshot(moment, {"": camera_jpeg(sample.ground)}, heatmap, hypotheses)


def _is_one(value: object) -> bool:
    return isinstance(value, (bool, int, float, str))


def _text(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
