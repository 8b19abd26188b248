"""The best and the worst localised samples as pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from geoflow_ros.datasets.sample import Sample
from geoflow_ros.evaluate.outcome import Evaluated, Outcome, errors_of
from geoflow_ros.localization.pose import PoseEstimate
from geoflow_ros.reports.heatmap import draw_case
from geoflow_ros.whole_files import replace_files

Image = NDArray[np.uint8]
CASES = 4
PANEL_PX = 480
CAPTION_PX = 44
GAP_PX = 8


def write_cases(folder: Path, evaluated: Evaluated) -> None:
    """Write best.jpg and worst.jpg: the samples with the smallest and the largest position errors."""
    order = np.argsort(errors_of(evaluated.outcomes).position, kind="stable")
    for name, chosen in (("best", order[:CASES]), ("worst", order[::-1][:CASES])):
        picture = cv2.cvtColor(_row([_panel(evaluated, evaluated.outcomes[i]) for i in chosen]), cv2.COLOR_RGB2BGR)
        jpeg = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 88])[1]
        replace_files({folder / f"{name}.jpg": jpeg.tobytes()})


def _panel(evaluated: Evaluated, outcome: Outcome) -> Image:
    """Caption, frame and satellite view of one sample (H, PANEL_PX, 3)."""
    sample, estimate = evaluated.again(outcome)
    height = round(PANEL_PX * sample.ground.shape[0] / sample.ground.shape[1])
    frame = cv2.resize(sample.ground, (PANEL_PX, height), interpolation=cv2.INTER_AREA)
    return np.vstack([_caption(sample, outcome, estimate), frame, draw_case(estimate, sample.truth, PANEL_PX)])


def _caption(sample: Sample, outcome: Outcome, estimate: PoseEstimate) -> Image:
    (error,), (yaw,) = (getattr(errors_of([outcome]), name) for name in ("position", "yaw"))
    std = math.sqrt(np.trace(estimate.covariance[:2, :2]) / 2)
    lines = (
        sample.key,
        f"{error:.2f} m, {math.degrees(yaw):+.1f} deg off; says +-{std:.2f} m, match {estimate.match:.2f}",
    )
    caption = np.full((CAPTION_PX, PANEL_PX, 3), 255, np.uint8)
    for row, line in enumerate(lines):
        cv2.putText(caption, line, (4, 17 + 19 * row), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (0, 0, 0), 1, cv2.LINE_AA)
    return caption


def _row(panels: Sequence[Image]) -> Image:
    """Panels side by side, whatever the heights of their frames."""
    height = max(panel.shape[0] for panel in panels)
    padded = []
    for panel in panels:
        below = ((0, height - panel.shape[0]), (0, GAP_PX), (0, 0))
        padded.append(np.pad(panel, below, constant_values=255))
    return np.hstack(padded)
