"""Recorded drives to learn from: which folders hold them, and what of a drive is kept for validation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

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


def hold_out(drive: BagDrive, share: float) -> tuple[Subset, Subset]:
    """What of a drive to train on and to validate on: its last frames, `share` of all, are held out.

    Frames within GAP_M of a held-out one, just before it or on an earlier round, are in neither.
    """
    first = len(drive) - max(1, round(share * len(drive)))
    positions = drive.positions
    held_out = positions[first:]
    training = [i for i in range(first) if np.hypot(*(held_out - positions[i]).T).min() >= GAP_M]
    if not training:
        raise InputError(
            f"{drive.name} passes within {GAP_M:g} m of its last {len(held_out)} frames everywhere, nothing is left to "
            "train on: name another drive as validation_drive"
        )
    return Subset(drive, training), Subset(drive, range(first, len(drive)))
