"""What a page shows of a drive, as numbers that its script reads."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.localization.pose import PoseWithCovariance
from geoflow_ros.planar import wrap_angle
from geoflow_ros.reports.ground import Ground
from geoflow_ros.reports.thumbnails import data_uri

MAX_MOMENTS = 12_000
"""More moments than a screen has pixels are thinned out; the worst ones and those with pictures stay."""
MAX_POINTS = 5_000
WORST = 10
NUMBER = re.compile(r"-?\d+(\.\d+)?")
STATE_COLOURS = {
    "INITIALISING": "#1d4ed8",
    "LOCALISED": "#10b981",
    "DEGRADED": "#ffb020",
    "LOST": "#b3001b",
    "ACCEPTED": "#10b981",
    "REFUSED": "#b3001b",
}
"""In every picture; told apart with each kind of colour blindness, too."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class PoseColumns:
    """poses: (N, 3) east, north (m), yaw (rad) in `map`; covariances: (N, 2, 2) of the place. NaN: there is none."""

    poses: Floats
    covariances: Floats

    @classmethod
    def of(cls, poses: Sequence[PoseWithCovariance | None]) -> PoseColumns:
        """One row a moment."""
        rows, covariances = np.full((len(poses), 3), np.nan), np.full((len(poses), 2, 2), np.nan)
        for row, pose in enumerate(poses):
            if pose is not None:
                rows[row], covariances[row] = pose.planar.array(), pose.covariance[:2, :2]
        return cls(rows, covariances)

    @property
    def std(self) -> Floats:
        """Largest standard deviation (N,) of the place in any direction, m."""
        (east, cross), (_, north) = self.covariances.transpose(1, 2, 0)
        return np.asarray(np.sqrt((east + north) / 2 + np.hypot((east - north) / 2, cross)))

    def to_json(self, kept: Ints) -> dict[str, Any]:
        """Columns of the moments that are kept."""
        names = ("east", "north", "yaw", "varEast", "cov", "varNorth")
        flat = np.column_stack([self.poses, self.covariances[:, 0], self.covariances[:, 1, 1]])[kept]
        return {name: rounded(column, 4) for name, column in zip(names, flat.T, strict=True)}


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """Pictures (JPEG) of a moment, by its index. cameras: by name, "" of an only one. hypotheses: (H, 3) in `map`."""

    moment: int
    cameras: Mapping[str, bytes]
    heatmap: bytes | None
    hypotheses: Floats

    def to_json(self, position: int) -> dict[str, Any]:
        """position: of the moment among those that are kept."""
        return {
            "moment": position,
            "cameras": {name: data_uri(picture) for name, picture in self.cameras.items()},
            "heatmap": self.heatmap and data_uri(self.heatmap),
            "hypotheses": np.round(self.hypotheses, 2).tolist(),
        }


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """A drive of N moments. along: (N,) where each is on the slider, rising; axis: what that is, such as "time [s]".

    apart: how far from each other on it the worst moments are, for neighbours are of one mishap. is_way: whether poses
    follow each other, so that a line joins them.
    milliseconds: (N,) that each took. truth: (N, 3) poses, NaN where not known. fixes: (M, 2) east, north. tables: rows
    of names and values by heading.
    """

    title: str
    axis: str
    along: Floats
    apart: float
    is_way: bool
    states: Sequence[str]
    reasons: Sequence[str]
    milliseconds: Floats
    fused: PoseColumns
    single: PoseColumns
    prior: PoseColumns
    truth: Floats
    fixes: Floats
    snapshots: Sequence[Snapshot]
    ground: Ground
    tables: Mapping[str, Mapping[str, str]]

    @property
    def errors(self) -> Floats:
        """Distance (N,) of the fused pose from the truth, m."""
        return distances(self.fused.poses, self.truth)

    def to_json(self) -> dict[str, Any]:
        """Everything that the page's script reads, thinned out to what can be seen."""
        worst = worst_moments(self._badness(), self.along, self.apart)
        kept = kept_moments(len(self.along), [*worst, *(each.moment for each in self.snapshots)])
        at = {int(moment): position for position, moment in enumerate(kept)}
        yaw_errors = np.degrees(wrap_angle(self.fused.poses[:, 2] - self.truth[:, 2]))
        return {
            "headline": self._headline(),
            "axis": self.axis,
            "isWay": self.is_way,
            "along": rounded(self.along[kept], 3),
            "stateColours": STATE_COLOURS,
            "stateNames": (names := sorted(set(self.states))),
            "state": [names.index(self.states[moment]) for moment in kept],
            "reason": [self.reasons[moment] for moment in kept],
            "ms": rounded(self.milliseconds[kept], 1),
            "fused": self.fused.to_json(kept) | {"std": rounded(self.fused.std[kept], 3)},
            "error": rounded(self.errors[kept], 3),
            "yawError": rounded(yaw_errors[kept], 2),
            "single": self.single.to_json(kept),
            "singleError": rounded(distances(self.single.poses, self.truth)[kept], 3),
            "prior": self.prior.to_json(kept),
            "truth": {name: rounded(self.truth[kept, i], 3) for i, name in enumerate(("east", "north", "yaw"))},
            "fixes": np.round(thinned(self.fixes), 2).tolist(),
            "snapshots": [each.to_json(at[each.moment]) for each in sorted(self.snapshots, key=lambda s: s.moment)],
            "worst": [at[moment] for moment in worst],
            "ground": [[cell.east, cell.north, cell.side, data_uri(cell.jpeg)] for cell in self.ground.cells],
            "attribution": self.ground.attribution,
            "tables": {heading: list(rows.items()) for heading, rows in self.tables.items()},
        }

    def _headline(self) -> str:
        """The drive in a line, of all its moments."""
        shares = state_shares(Counter(self.states))
        errors = self.errors[np.isfinite(self.errors)]
        parts = [f"{len(self.along)} moments", shares]
        if len(errors):
            mean, median, most = np.mean(errors), np.median(errors), np.max(errors)
            parts.append(f"error {mean:.2f} m mean, {median:.2f} m median, {most:.2f} m at most")
        return " · ".join(parts)

    def _badness(self) -> Floats:
        """The error where there is a truth at all, else what the pose says of itself."""
        return self.errors if np.isfinite(self.errors).any() else self.fused.std


def state_shares(states: Counter[str]) -> str:
    """How often each state was, the commonest first."""
    return ", ".join(f"{state} {percentage(n, states.total())}" for state, n in states.most_common())


def percentage(part: int, whole: int) -> str:
    """Rounded, but a little is not nothing, and not quite all is not all."""
    percent = round(100.0 * part / whole)
    if part and not percent:
        return "<1%"
    return ">99%" if part < whole and percent == 100 else f"{percent}%"


def distances(poses: Floats, truth: Floats) -> Floats:
    """Metres (N,) between the places of poses (N, 3)."""
    return np.asarray(np.hypot(*(poses - truth)[:, :2].T))


def worst_moments(badness: Floats, along: Floats, apart: float) -> list[int]:
    """The ten moments of highest badness (NaN: none), the worst first, each so far `apart` from those before it."""
    worst: list[int] = []
    for moment in np.argsort(-badness, kind="stable").tolist():
        if len(worst) == WORST or not np.isfinite(badness[moment]):
            break
        if all(abs(along[moment] - along[other]) >= apart for other in worst):
            worst.append(moment)
    return worst


def kept_moments(count: int, wanted: Sequence[int]) -> Ints:
    """Every so-manieth of `count` moments and all that are wanted, ascending."""
    stride = max(1, -(-count // MAX_MOMENTS))
    return np.union1d(np.arange(0, count, stride), np.asarray(wanted, dtype=np.int64))


def thinned(points: Floats) -> Floats:
    """Every so-manieth of points (M, 2)."""
    return points[:: max(1, -(-len(points) // MAX_POINTS))]


def reason_counts(reasons: Sequence[str]) -> dict[str, str]:
    """How often each was said, the commonest first, whatever numbers are in it."""
    counts = Counter(NUMBER.sub("#", reason) for reason in reasons)
    return {reason: str(count) for reason, count in counts.most_common(50)}


def rounded(values: Floats, digits: int) -> list[float | None]:
    """For JSON, which has no NaN."""
    return [round(value, digits) if np.isfinite(value) else None for value in values.tolist()]
