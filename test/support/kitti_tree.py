"""A small tree in the layout of KITTI cross-view."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from paths import SHARED_DATA

from geoflow_ros.datasets.kitti import (
    LISTS,
)

SHARED = SHARED_DATA / "kitti"
CALIBRATION = (
    "S_rect_02: 1.242000e+03 3.750000e+02\n"
    "P_rect_02: 7.215377e+02 0.0 6.095593e+02 4.485728e+01 0.0 7.215377e+02 1.728540e+02 2.163791e-01 "
    "0.0 0.0 1.0 0.0027\n"
)
DRIVE = "2011_09_26/2011_09_26_drive_0005_sync"
RANGE_PX = 102.130
"""20 m in pixels of the protocol's resolution."""


def blob(u: float, v: float, size: int = 1280) -> np.ndarray:
    """A black image with a white spot at continuous pixel (u, v)."""
    image = np.zeros((size, size, 3), np.uint8)
    rows, columns = np.mgrid[int(v) - 12 : int(v) + 13, int(u) - 12 : int(u) + 13]
    weight = np.exp(-((columns + 0.5 - u) ** 2 + (rows + 0.5 - v) ** 2) / (2 * 3.0**2))
    image[rows, columns] = np.round(255 * weight)[..., None]
    return image


def spot(image: np.ndarray) -> tuple[float, float]:
    """Where the spot of an image is."""
    weight = image[..., 0].astype(float)
    rows, columns = np.mgrid[: weight.shape[0], : weight.shape[1]]
    return float((weight * (columns + 0.5)).sum() / weight.sum()), float((weight * (rows + 0.5)).sum() / weight.sum())


def write_tree(
    root: Path,
    yaw: float,
    satellite: np.ndarray,
    test_columns: str = "0.5 -0.25 0.6",
    frames: int = 1,
    drives: Sequence[str] = (DRIVE,),
) -> Path:
    for drive in drives:
        write_frames(root, drive, yaw, satellite, frames)
    (root / "raw_data" / "2011_09_26" / "calib_cam_to_cam.txt").write_text(CALIBRATION)
    names = [f"{drive}/{index:010d}" for drive in drives for index in range(frames)]
    (root / LISTS["train"]).write_text("".join(f"{name}.png\n" for name in names))
    (root / LISTS["test1"]).write_text("".join(f"{name}.png {test_columns}\n" for name in names))
    return root


def write_frames(root: Path, drive: str, yaw: float, satellite: np.ndarray, frames: int) -> None:
    ground, oxts = (root / "raw_data" / drive / sensor / "data" for sensor in ("image_02", "oxts"))
    maps = root / "satmap" / drive
    for folder in (ground, oxts, maps):
        folder.mkdir(parents=True)
    for index in range(frames):  # each 111 m north of the one before
        name = f"{index:010d}"
        cv2.imwrite(str(ground / f"{name}.png"), np.full((375, 1242, 3), (30, 20, 10), np.uint8))
        cv2.imwrite(str(maps / f"{name}.png"), satellite)
        (oxts / f"{name}.txt").write_text(f"{49.015 + 0.001 * index} 8.4300 116.4 0.03 0.01 {yaw} " + "0.0 " * 24)
