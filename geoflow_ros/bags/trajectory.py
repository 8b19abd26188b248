"""Trajectories, planar poses over time, from and to TUM files."""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.bags.messages import quaternion_yaw, yaw_quaternion
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import Datum
from geoflow_ros.planar import PlanarPose
from geoflow_ros.whole_files import write_text

DATUM = re.compile(r"^# datum (\S+) (\S+)(?: (\S+))?\s*$", re.MULTILINE)
MAX_GAP_S = 1.0
"""Between poses further apart than this nothing is interpolated."""


@dataclass(frozen=True, slots=True, eq=False)
class Trajectory:
    """stamps: (N,) seconds, rising. poses: (N, 3) east, north (m), yaw (rad, unwrapped) of base_link in `map`."""

    stamps: NDArray[np.float64]
    poses: NDArray[np.float64]

    def at(self, stamp: float, max_gap: float = MAX_GAP_S) -> PlanarPose | None:
        """The pose interpolated at a stamp (s); None outside the trajectory and in a gap wider than max_gap (s)."""
        after = int(np.searchsorted(self.stamps, stamp))
        before = after - 1
        if after < len(self.stamps) and math.isclose(self.stamps[after], stamp, rel_tol=0.0, abs_tol=1e-6):
            before = after
        elif before >= 0 and math.isclose(self.stamps[before], stamp, rel_tol=0.0, abs_tol=1e-6):
            after = before
        if before < 0 or after >= len(self.stamps) or self.stamps[after] - self.stamps[before] > max_gap:
            return None
        span = self.stamps[after] - self.stamps[before]
        share = (stamp - self.stamps[before]) / span if span > 0.0 else 0.0
        return PlanarPose(*((1 - share) * self.poses[before] + share * self.poses[after]).tolist())


def read_tum(path: Path) -> Trajectory:
    """The trajectory of a TUM file: lines of `t x y z qx qy qz qw`, `#` for comments."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # an empty file is reported below
            rows = np.loadtxt(path, ndmin=2, encoding="utf-8-sig")  # as editors on Windows begin a file
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as a TUM trajectory: {error}") from error
    if rows.shape[0] == 0 or rows.shape[1] != 8 or not np.isfinite(rows).all():
        raise InputError(f"{path} is not a TUM trajectory: expected lines of 8 numbers, t x y z qx qy qz qw")
    if not (np.diff(rows[:, 0]) > 0.0).all():
        raise InputError(f"{path} has stamps that do not rise: sort it by time and remove doubles")
    if not (np.abs(np.linalg.norm(rows[:, 4:], axis=1) - 1.0) < 0.01).all():
        raise InputError(f"{path} has quaternions that are not of unit length: expected qx qy qz qw in columns 5 to 8")
    yaw = np.unwrap([quaternion_yaw(*quaternion) for quaternion in rows[:, 4:]])
    return Trajectory(rows[:, 0], np.column_stack([rows[:, 1:3], yaw]))


def datum_of(path: Path) -> Datum | None:
    """What a line `# datum LATITUDE LONGITUDE [ALTITUDE]` of a TUM file says, as `write_tum` puts it first."""
    try:
        found = DATUM.search(path.read_text(encoding="utf-8-sig", errors="replace"))
        return None if found is None else Datum(*(float(number or 0.0) for number in found.groups()))
    except InputError:
        raise
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as a TUM trajectory: {error}") from error


def write_tum(path: Path, stamps_ns: Iterable[int], poses: Iterable[PlanarPose], datum: Datum | None) -> None:
    """Write poses in `map` as lines of `t x y z qx qy qz qw`, the datum in a comment above."""
    lines = [] if datum is None else [f"# datum {datum.latitude!r} {datum.longitude!r} {datum.altitude!r}"]
    for stamp_ns, pose in zip(stamps_ns, poses, strict=True):
        seconds, nanoseconds = divmod(stamp_ns, 10**9)  # a float has no room for nanoseconds since 1970
        rotation = "{:.0f} {:.0f} {:.9f} {:.9f}".format(*yaw_quaternion(pose.yaw))
        lines.append(f"{seconds}.{nanoseconds:09d} {pose.x:.4f} {pose.y:.4f} 0 {rotation}")
    write_text(path, "\n".join(lines) + "\n")
