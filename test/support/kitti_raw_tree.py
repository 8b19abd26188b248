"""A small drive in the very format of KITTI raw, for tests of what reads it."""

from __future__ import annotations

import math
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from geoflow_ros.geodesy import Datum, LocalFrame

DATUM = Datum(49.015, 8.434, 116.0)
COUNT, SPEED, RATE = 21, 10.0, 0.5
"""Frames at 10 Hz of a left turn at constant speed (m/s) and yaw rate (rad/s): a circle of 20 m radius."""
START_YAW = 0.3
RESOLUTION = 0.1958285
WIDTH, HEIGHT = 248, 75


def circle(time: float) -> tuple[float, float, float]:
    """East, north (m) and yaw (rad) at a time (s)."""
    yaw, radius = START_YAW + RATE * time, SPEED / RATE
    return radius * (math.sin(yaw) - math.sin(START_YAW)), radius * (math.cos(START_YAW) - math.cos(yaw)), yaw


def ground(east: NDArray[np.float64], north: NDArray[np.float64]) -> NDArray[np.uint8]:
    """RGB of the world at places: waves, of which each place has its own mixture."""
    waves = [np.sin(east / 5.0), np.sin(north / 7.0), np.sin((east + north) / 6.0)]
    return np.asarray(np.rint(127.5 + 100.0 * np.stack(waves, axis=-1)), dtype=np.uint8)


def oxts_line(time: float) -> str:
    """The 30 fields at a time on the circle."""
    east, north, yaw = circle(time)
    lat, lon, alt = LocalFrame(DATUM).to_geodetic([east, north, 0.0])
    place = [f"{float(lat):.12f}", f"{float(lon):.13f}", f"{float(alt):.6f}"]
    motion = [0.0, 0.0, SPEED, 0.0, 0.0, 0.0, SPEED * RATE, 9.81, 0.0, SPEED * RATE, 9.81]
    rates = [0.0, 0.0, RATE, 0.0, 0.0, RATE]
    numbers = [0.01, -0.02, math.remainder(yaw, math.tau), *motion, *rates, 0.03, 0.02]
    return " ".join([*place, *(f"{number:.12g}" for number in numbers), "4", "10", "6", "6", "6"])


def write_stamps(folder: Path, shift_s: float) -> None:
    """timestamps.txt of COUNT lines at 10 Hz, across a full minute."""
    lines = []
    for index in range(COUNT):
        seconds, nanoseconds = divmod(round((59.0 + index / 10.0 + shift_s) * 1e9), 10**9)
        lines.append(f"2011-09-26 13:{2 + seconds // 60:02d}:{seconds % 60:02d}.{nanoseconds:09d}")
    (folder / "timestamps.txt").write_text("\n".join(lines) + "\n")


def write_tree(root: Path) -> None:
    """raw_data/ and satmap/ of one drive; images are taken 20 ms after their oxts sample."""
    date = root / "raw_data" / "2011_09_26"
    drive, maps = date / "2011_09_26_drive_0001_sync", root / "satmap" / "2011_09_26" / "2011_09_26_drive_0001_sync"
    for folder in (drive / "image_02" / "data", drive / "oxts" / "data", maps):
        folder.mkdir(parents=True)
    write_stamps(drive / "image_02", 0.02)
    write_stamps(drive / "oxts", 0.0)
    (date / "calib_cam_to_cam.txt").write_text(
        "calib_time: 09-Jan-2012 13:57:47\n"
        f"S_rect_02: {WIDTH:.6e} {HEIGHT:.6e}\nR_rect_00: 1 0 0 0 1 0 0 0 1\n"
        "P_rect_02: 1.4e+02 0 1.2e+02 7.0 0 1.4e+02 3.5e+01 0 0 0 1 0\n"
    )
    (date / "calib_velo_to_cam.txt").write_text("R: 0 -1 0 0 0 -1 1 0 0\nT: 0 -0.08 -0.27\n")
    (date / "calib_imu_to_velo.txt").write_text("R: 1 0 0 0 1 0 0 0 1\nT: -0.81 0.32 -0.80\n")
    offsets = (np.arange(1280) + 0.5 - 640) * RESOLUTION
    rng = np.random.default_rng(1)
    for index in range(COUNT):
        image = rng.integers(0, 255, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        cv2.imwrite(str(drive / "image_02" / "data" / f"{index:010d}.png"), image)
        (drive / "oxts" / "data" / f"{index:010d}.txt").write_text(oxts_line(index / 10.0) + "\n")
        if index % 10 == 0:
            east, north, _ = circle(index / 10.0)
            above = ground(*np.meshgrid(east + offsets, north - offsets))
            cv2.imwrite(str(maps / f"{index:010d}.png"), above[..., ::-1], [cv2.IMWRITE_PNG_COMPRESSION, 1])


def drive_of(tree: Path) -> Path:
    return tree / "raw_data" / "2011_09_26" / "2011_09_26_drive_0001_sync"


def satmap_of(tree: Path) -> Path:
    return tree / "satmap" / "2011_09_26" / "2011_09_26_drive_0001_sync"
