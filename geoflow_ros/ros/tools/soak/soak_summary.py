"""What a soak came to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from scipy.special import chdtri

from geoflow_ros.bags.trajectory import Trajectory
from geoflow_ros.metrics import WRONG_M, WRONG_SIGMAS, pose_errors
from geoflow_ros.ros.tools.demo_outcome import Answer
from geoflow_ros.whole_files import write_json

LIMIT = float(chdtri(2, 0.001))
"""Of the squared distance in standard deviations: an honest pose lies beyond it once in a thousand times."""
LEAST_LAPS, LEAST_SAMPLES = 8, 8
"""Laps of a process, and samples of a lap, before anything is said of how it changes."""
Samples = Sequence[tuple[int, float]]
"""The lap and the value, of one process."""


@dataclass(frozen=True, slots=True, eq=False)
class Heard(Answer):
    """A pose. taken_s: the truth's stamp of its image, None if there is no such image. at_s: into which lap it came.

    fault: during or after which.
    """

    taken_s: float | None

    lap: int
    at_s: float
    fault: str


@dataclass(frozen=True, slots=True)
class Injected:
    """A fault that was injected.

    start_s: from its beginning until the node, restarted, was ready and a lap under way, which then counts as its end.
    recovery_s: from its end to the arrival of the first pose of a later image, None if none came. refused_starts: in
    which the node ended with one sentence. unaccounted: images without answer or reason, give or take what was on its
    way. reason: the node's, last heard before the end.
    """

    name: str
    recovery_s: float | None
    poses: int
    violations: int
    worst_error_m: float
    unaccounted: int
    start_s: float
    refused_starts: int
    reason: str


@dataclass(frozen=True, slots=True)
class SoakSummary:
    """frames: images sent. refused: withheld with a reason, overtaken by a newer image, or sent while no node listened.

    unaccounted: neither answered nor refused.
    max_recovery_s: None if the node did not recover from a fault. ellipse_violations: poses outside their own 99.9 %
    ellipse. confident_wrong: beyond 3 sigma and 5 m. rss_growth: of resident memory, p95_drift: of the latency, both
    outside faults: from the median lap of the second quarter of a process' life to that of the last, as shares; None
    where no process lived for long enough.
    """

    seconds: float
    frames: int
    answered: int
    refused: int
    unaccounted: int
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
    """What is noted while it runs."""

    answers: list[Heard] = field(default_factory=list)
    seconds: float = 0.0
    frames: int = 0
    refused: int = 0
    unaccounted: int = 0
    crashes: int = 0
    internal_errors: int = 0
    injected: list[Injected] = field(default_factory=list)
    rss: Sequence[Samples] = ()  # MiB, of each process
    calm: list[list[tuple[int, float]]] = field(default_factory=lambda: [[]])  # latencies (s), of each process


@dataclass(frozen=True, slots=True)
class Violation:
    """A pose outside its 99.9 % ellipse, or confidently wrong: s into which lap, with which fault, if any."""

    lap: int
    at_s: float
    fault: str
    error_m: float
    sigmas: float
    is_outside: bool
    is_confident_wrong: bool


def judged(answers: Sequence[Heard], truth: Trajectory) -> tuple[int, float, list[Violation]]:
    """How many poses are judged, the worst error (m), and those outside their ellipse."""
    known = [(each, at) for each in answers if each.taken_s is not None and (at := truth.at(each.taken_s))]
    if not known:
        return 0, 0.0, []
    errors = pose_errors(
        [each.pose.array() for each, _ in known],
        [at.array() for _, at in known],
        [each.covariance for each, _ in known],
    )
    violations = [
        Violation(each.lap, round(each.at_s, 2), each.fault, round(error, 2), round(nees**0.5, 1), outside, wrong)
        for (each, _), error, nees in zip(known, errors.position.tolist(), errors.nees.tolist(), strict=True)
        if (outside := nees > LIMIT) | (wrong := error > WRONG_M and nees > WRONG_SIGMAS**2)
    ]
    return len(known), float(errors.position.max()), violations


def write_summary(record: Record, truth: Trajectory, log: Path, out: Path) -> SoakSummary:
    """summary.json, faults.json and violations.json in `out`."""
    _, _, violations = judged(record.answers, truth)
    recoveries = [each.recovery_s for each in record.injected]
    recovered = [each for each in recoveries if each is not None]
    text = log.read_text(encoding="utf-8", errors="replace")
    summary = SoakSummary(
        seconds=round(record.seconds, 1),
        frames=record.frames,
        answered=len(record.answers),
        refused=record.refused,
        unaccounted=record.unaccounted,
        crashes=record.crashes,
        exceptions=text.count("Traceback") + text.count("ignored, internal error") + record.internal_errors,
        faults=len({each.name for each in record.injected}),
        max_recovery_s=round(max(recovered), 3) if recovered and recovered == recoveries else None,
        ellipse_violations=sum(each.is_outside for each in violations),
        confident_wrong=sum(each.is_confident_wrong for each in violations),
        rss_growth=worst_drift(record.rss, 0.5),
        p95_drift=worst_drift(record.calm, 0.95),
    )
    write_json(out / "summary.json", asdict(summary))
    for name, rows in (("faults", record.injected), ("violations", violations)):
        write_json(out / f"{name}.json", [asdict(each) for each in rows])
    return summary


def worst_drift(processes: Sequence[Samples], quantile: float) -> float | None:
    """By what share the quantile of a lap rose from the second to the last quarter of a process' life, by medians."""
    drifts = []
    for laps in ([*_by_lap(each)] for each in processes):
        if len(laps) >= LEAST_LAPS:
            values, quarter = [np.quantile(each, quantile) for each in laps], len(laps) // 4
            drifts.append(np.median(values[-quarter:]) / np.median(values[quarter : 2 * quarter]) - 1.0)
    return round(float(max(drifts)), 4) if drifts else None


def _by_lap(samples: Samples) -> list[list[float]]:
    """The values of each lap that has enough of them, in order."""
    laps: dict[int, list[float]] = {}
    for lap, value in samples:
        laps.setdefault(lap, []).append(value)
    return [values for _, values in sorted(laps.items()) if len(values) >= LEAST_SAMPLES]
