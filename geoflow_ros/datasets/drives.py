"""Recorded drives to learn from: which folders hold them, and what of a drive is kept for validation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.datasets.bag_drive import BagDrive
from geoflow_ros.datasets.dataset_files import Findings
from geoflow_ros.datasets.sample import Subset
from geoflow_ros.errors import InputError

GAP_M = 10.0
"""Training frames nearer than this to a validation frame are left out: they show the same place."""
DESCRIPTION = "drive.json"


def find_drives(root: Path) -> list[Path]:
    """The drive folders at `root`: itself, or else its subfolders that hold a drive.json, by name."""
    if (root / DESCRIPTION).is_file():
        return [root]
    folders = sorted(path.parent for path in root.glob(f"*/{DESCRIPTION}"))
    if not folders:
        raise InputError(f"{root} holds no {DESCRIPTION} and no folder with one: give a drive or a folder of drives")
    return folders


def open_drives(folders: list[Path], **arguments: Any) -> list[BagDrive]:
    """The drives, opened as `BagDrive(folder, **arguments)`; what is wrong with any is reported in one InputError."""
    findings, drives = Findings(), []
    for folder in folders:
        with findings.noting("unusable drive"):
            drives.append(BagDrive(folder, **arguments))
    findings.raise_if_any("drives", folders[0].parent, "repair or remove them")
    return drives


def hold_out_ends(drives: Sequence[BagDrive], share: float) -> list[tuple[Subset, Subset]]:
    """`hold_out` of each of several drives, none of which is trained on where another one's end is validated on."""
    ends = [drive.geodetic[_first_held_out(len(drive), share) :] for drive in drives]
    return [
        hold_out(
            drive, share, [drive.on_map(end) for other, end in zip(drives, ends, strict=True) if other is not drive]
        )
        for drive in drives
    ]


def hold_out(drive: BagDrive, share: float, others: Sequence[NDArray[np.float64]] = ()) -> tuple[Subset, Subset]:
    """What of a drive to train on and to validate on: its last frames, `share` of all, are held out.

    Frames within GAP_M of a held-out one, just before it, on an earlier round or of another drive, are in neither.
    others: east, north (M, 2) of the held-out frames of other drives, in the `map` frame of this one.
    """
    first = _first_held_out(len(drive), share)
    positions = drive.positions
    held_out = np.concatenate([positions[first:], *others])
    training = [i for i in range(first) if np.hypot(*(held_out - positions[i]).T).min() >= GAP_M]
    if not training:
        raise InputError(
            f"{drive.name} passes within {GAP_M:g} m of the {len(held_out)} frames that are held out everywhere, "
            "nothing is left to train on: name another drive as validation_drive"
        )
    return Subset(drive, training), Subset(drive, range(first, len(drive)))


def _first_held_out(count: int, share: float) -> int:
    return count - max(1, round(share * count))
