"""A small tree in the layout of VIGOR."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from paths import SHARED_DATA

SHARED = SHARED_DATA / "vigor"
SATELLITE = "satellite_41.85_-87.65.png"
OTHER = "satellite_41.86_-87.66.png"
DROW, DCOL = 40.0, -96.0
"""The camera is at column 320 + 96, row 320 + 40 of the satellite image: right of and below its middle."""


def panorama() -> np.ndarray:
    """Black, white in the column that looks north, red around 90 degrees to its right: east."""
    image = np.zeros((64, 128, 3), np.uint8)
    image[:, 64] = 255
    image[:, 90:103] = (0, 0, 255)
    return image


def satellite() -> np.ndarray:
    """Black, with a white spot where the camera is."""
    rows, columns = np.mgrid[:640, :640] + 0.5
    spot = 255 * np.exp(-((columns - 416) ** 2 + (rows - 360) ** 2) / (2 * 4.0**2))
    return np.repeat(spot[..., None], 3, axis=2).round().astype(np.uint8)


def write_city(
    root: Path, city: str, name: str, count: int = 1, semi: str = "400.0 10.0", splits: str = "splits__corrected"
) -> None:
    for folder in ("panorama", "satellite"):
        (root / city / folder).mkdir(parents=True, exist_ok=True)
    (root / splits / city).mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(root / city / "satellite" / SATELLITE), satellite())
    cv2.imwrite(str(root / city / "satellite" / OTHER), satellite())
    rows = []
    for index in range(count):
        pano = f"id{city}{index},41.85,-87.65,.jpg"
        cv2.imwrite(str(root / city / "panorama" / pano), panorama(), [cv2.IMWRITE_JPEG_QUALITY, 100])
        rows.append(f"{pano} {SATELLITE} {DROW} {DCOL}" + f" {OTHER} {semi}" * 3)
    (root / splits / city / name).write_text("\n".join(rows) + "\n")


def cross_test(root: Path) -> Path:
    for city in ("SanFrancisco", "Chicago"):
        write_city(root, city, "pano_label_balanced.txt")
    return root
