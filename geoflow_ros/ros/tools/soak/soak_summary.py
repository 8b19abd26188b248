"""What a soak came to."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from scipy.special import chdtri

from geoflow_ros.bags.trajectory import Trajectory
from geoflow_ros.metrics import confidently_wrong, pose_errors
from geoflow_ros.ros.tools.demo_outcome import Answer

OUTSIDE = 0.001
"""Probability of an honest pose outside the ellipse that is judged by."""
LEAST_SAMPLES = 80
"""Of a process, before anything is said of how it changes."""


@dataclass(frozen=True, slots=True)
class Injected:
    """A fault that was injected. recovery_s: from its end to the arrival of the first pose of a later image.

    None if no such pose came before the lap ended. reason: the node's, last heard before the end.
    """

    name: str
    recovery_s: float | None
    poses: int
    violations: int
    worst_error_m: float
    reason: str


@dataclass(frozen=True, slots=True)
class SoakSummary:
    """frames: images sent. refused: withheld with a reason, or overtaken by a newer image, as the node counts.

    ellipse_violations: poses outside their own 99.9 % ellipse. confident_wrong: beyond 3 sigma and 5 m. rss_growth: of
    resident memory, p95_drift: of the latency, from the second to the last quarter of a process' life, as shares;
    None where no process lived for long enough.
    """

    seconds: float
    frames: int
    answered: int
    refused: int
    crashes: int
    exceptions: int
    faults: int
    max_recovery_s: float | None
    ellipse_violations: int
    confident_wrong: int
    rss_growth: float | None
    p95_drift: float | None


@dataclass(slots=True)
class Record:
    """What is noted while it runs. sent: truth's stamp (s) by an image's live stamp (ns). rss: (monotonic s, MiB)."""

    sent: dict[int, float] = field(default_factory=dict)
    answers: list[Answer] = field(default_factory=list)
    frames: int = 0
    refused: int = 0
    crashes: int = 0
    internal_errors: int = 0
    injected: list[Injected] = field(default_factory=list)
    rss: list[list[float]] = field(default_factory=lambda: [[]])  # MiB once a second, of each process
    calm: list[list[float]] = field(default_factory=lambda: [[]])  # latencies (s) outside faults, of each process


def judged(answers: Sequence[Answer], sent: Mapping[int, float], truth: Trajectory) -> tuple[int, int, int, float]:
    """How many poses are judged, outside their ellipse and confidently wrong, and the worst error (m)."""
    known = [(each, at) for each in answers if each.stamp_ns in sent and (at := truth.at(sent[each.stamp_ns]))]
    if not known:
        return 0, 0, 0, 0.0
    errors = pose_errors(
        [each.pose.array() for each, _ in known],
        [at.array() for _, at in known],
        [each.covariance for each, _ in known],
    )
    outside = int((errors.nees > chdtri(2, OUTSIDE)).sum())
    wrong = confidently_wrong(errors.position, errors.nees).count
    return len(known), outside, wrong, float(errors.position.max())


def write_summary(record: Record, seconds: float, truth: Trajectory, log: Path, out: Path) -> SoakSummary:
    """summary.json and faults.json in `out`."""
    _, outside, wrong, _ = judged(record.answers, record.sent, truth)
    recoveries = [each.recovery_s for each in record.injected if each.recovery_s is not None]
    summary = SoakSummary(
        seconds=round(seconds, 1),
        frames=record.frames,
        answered=len(record.answers),
        refused=record.refused,
        crashes=record.crashes,
        exceptions=log.read_text(encoding="utf-8", errors="replace").count("Traceback") + record.internal_errors,
        faults=len({each.name for each in record.injected}),
        max_recovery_s=round(max(recoveries), 3) if recoveries else None,
        ellipse_violations=outside,
        confident_wrong=wrong,
        rss_growth=_worst_drift(record.rss, 0.5),
        p95_drift=_worst_drift(record.calm, 0.95),
    )
    (out / "summary.json").write_text(json.dumps(asdict(summary), indent=2) + "\n", encoding="utf-8")
    faults = [asdict(each) for each in record.injected]
    (out / "faults.json").write_text(json.dumps(faults, indent=2) + "\n", encoding="utf-8")
    return summary


def _worst_drift(processes: Sequence[Sequence[float]], quantile: float) -> float | None:
    """By what share the quantile rose from the second to the last quarter of a process' life: the first warms it up."""
    long = [np.array_split(np.asarray(each), 4) for each in processes if len(each) >= LEAST_SAMPLES]
    drifts = [np.quantile(parts[3], quantile) / np.quantile(parts[1], quantile) - 1.0 for parts in long]
    return round(float(max(drifts)), 4) if drifts else None
