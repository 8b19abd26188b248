"""Several settings of the refinement in one run, and the tables they make."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from geoflow_ros.localization.localizer_config import LocalizerConfig, Schedule
from geoflow_ros.metrics import THRESHOLDS, EvaluationSummary
from geoflow_ros.options import build


def settings(hypotheses: Sequence[int], steps: Sequence[int], schedules: Sequence[Schedule]) -> list[LocalizerConfig]:
    """Every combination, schedules changing slowest and steps fastest; one out of range is an InputError."""
    combinations = itertools.product(schedules, hypotheses, steps)
    return [
        build(LocalizerConfig, {"hypotheses": n, "steps": r, "schedule": schedule.value})
        for schedule, n, r in combinations
    ]


def setting_to_json(config: LocalizerConfig) -> dict[str, Any]:
    """The part of the settings that a sweep changes."""
    return {"hypotheses": config.hypotheses, "steps": config.steps, "schedule": config.schedule.value}


def table(summary: EvaluationSummary) -> str:
    """One summary for the terminal."""
    recalls = {
        "position": (summary.position_recall, "m"),
        "lateral": (summary.lateral_recall, "m"),
        "longitudinal": (summary.longitudinal_recall, "m"),
        "heading": (summary.yaw_recall, "deg"),
    }
    lines = [
        f"frames          {summary.count}",
        f"error           mean {summary.mean_error_m:.2f} m, median {summary.median_error_m:.2f} m",
        f"heading error   mean {summary.yaw_mean_deg:.2f} deg, median {summary.yaw_median_deg:.2f} deg",
    ]
    for name, (shares, unit) in recalls.items():
        cells = ", ".join(f"{share:6.1%} < {limit:g} {unit}" for limit, share in zip(THRESHOLDS, shares, strict=True))
        lines.append(f"{name:<16}{cells}")
    lines += [
        f"covariance      NEES {summary.nees_mean:.2f} (honest: 2); inside the 50/90/95 % ellipses: "
        f"{summary.coverage_50:.1%}, {summary.coverage_90:.1%}, {summary.coverage_95:.1%}",
        f"time            {summary.ms_per_frame:.1f} ms a frame",
    ]
    return "\n".join(lines)


def sweep_table(configs: Sequence[LocalizerConfig], summaries: Sequence[EvaluationSummary]) -> str:
    """One row a setting for the terminal; it pastes into Markdown."""
    header = ("schedule", "N", "R", "mean m", "median m", "< 1 m", "heading mean deg", "in 90 % ellipse", "ms a frame")
    rows = [" | ".join(header), " | ".join(["---"] * len(header))]
    for config, summary in zip(configs, summaries, strict=True):
        cells = (
            config.schedule.value,
            f"{config.hypotheses}",
            f"{config.steps}",
            f"{summary.mean_error_m:.2f}",
            f"{summary.median_error_m:.2f}",
            f"{summary.position_recall[0]:.1%}",
            f"{summary.yaw_mean_deg:.2f}",
            f"{summary.coverage_90:.1%}",
            f"{summary.ms_per_frame:.1f}",
        )
        rows.append(" | ".join(cells))
    return "\n".join(f"| {row} |" for row in rows)
