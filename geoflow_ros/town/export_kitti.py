"""Towns in the layout of the KITTI cross-view split (HighlyAccurate), readable by any of its loaders."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from tqdm import tqdm

from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.geodesy import LocalFrame
from geoflow_ros.planar import PlanarPose
from geoflow_ros.town.files import new_folder, write_image, write_lines
from geoflow_ros.town.look import Look
from geoflow_ros.town.render import Renderer
from geoflow_ros.town.world import Town

DATE = "2011_09_26"
SATELLITE_PX, SATELLITE_RESOLUTION = 1280, 0.1958285
FRAMES_PER_TOWN = 40
FOCAL_LENGTH, PRINCIPAL_POINT = 721.5377, (609.5593, 172.854)
CAMERA = CameraModel.of_matrix(
    (1242, 375), (FOCAL_LENGTH, FOCAL_LENGTH), PRINCIPAL_POINT, Mount(forward=1.08, left=-0.26, height=1.65)
)
"""The left colour camera; its mount is relative to the OXTS unit."""

CALIBRATION = (
    "calib_time: 09-Jan-2012 13:57:47",
    "corner_dist: 9.950000e-02",
    "S_rect_02: 1.242000e+03 3.750000e+02",
    "R_rect_02: 1.000000e+00 0.000000e+00 0.000000e+00 0.000000e+00 1.000000e+00 0.000000e+00 "
    "0.000000e+00 0.000000e+00 1.000000e+00",
    f"P_rect_02: {FOCAL_LENGTH:.6e} 0.000000e+00 {PRINCIPAL_POINT[0]:.6e} 0.000000e+00 0.000000e+00 {FOCAL_LENGTH:.6e} "
    f"{PRINCIPAL_POINT[1]:.6e} 0.000000e+00 0.000000e+00 0.000000e+00 1.000000e+00 0.000000e+00",
)


def export_kitti(out: Path, seed: int, count: int) -> None:
    """Write `count` samples a list. train and test1 share towns seed, seed + 1, ...; test2 has the towns after them."""
    root, renderer, rng = new_folder(out), Renderer(), np.random.default_rng([seed, 31])
    shared = math.ceil(2 * count / FRAMES_PER_TOWN)
    own = math.ceil(count / FRAMES_PER_TOWN)
    write_lines(root / "raw_data" / DATE / "calib_cam_to_cam.txt", list(CALIBRATION))
    frames = _frames(root, renderer, rng, range(seed, seed + shared), 2 * count)
    order = rng.permutation(2 * count)
    write_lines(root / "train_files.txt", [frames[index] for index in order[:count]])
    write_lines(root / "test1_files.txt", [_with_noise(rng, frames[index]) for index in order[count:]])
    frames = _frames(root, renderer, rng, range(seed + shared, seed + shared + own), count)
    write_lines(root / "test2_files.txt", [_with_noise(rng, frame) for frame in frames])


def _with_noise(rng: np.random.Generator, frame: str) -> str:
    return frame + "".join(f" {value:.6f}" for value in rng.uniform(-1.0, 1.0, 3))


def _frames(root: Path, renderer: Renderer, rng: np.random.Generator, seeds: range, count: int) -> list[str]:
    """`count` frames, as many from each town, each a drive of its own; their lines in the lists."""
    lines: list[str] = []
    for part, seed in zip(np.array_split(np.arange(count), len(seeds)), seeds, strict=True):
        town = Town.generate(seed)
        renderer.load(town)
        drive = f"{DATE}/{DATE}_drive_{seed % 10_000:04d}_sync"
        for frame in tqdm(range(len(part)), desc=f"town {seed}", unit="frame", disable=None):
            _frame(root, drive, f"{frame:010d}", renderer, rng, town)
            lines.append(f"{drive}/{frame:010d}.png")
    return lines


def _frame(root: Path, drive: str, name: str, renderer: Renderer, rng: np.random.Generator, town: Town) -> None:
    margin = SATELLITE_PX * SATELLITE_RESOLUTION / 2
    east, north, yaw = town.sample_pose(rng, margin)
    lens = PlanarPose(east, north, yaw) @ CAMERA.mount.planar
    image = renderer.camera(CAMERA, lens.x, lens.y, lens.yaw, Look.random(rng))
    raw = root / "raw_data" / drive
    write_image(raw / "image_02" / "data" / f"{name}.png", image)
    latitude, longitude, altitude = LocalFrame(town.datum).to_geodetic([east, north, 0.0])
    write_lines(raw / "oxts" / "data" / f"{name}.txt", [_oxts(float(latitude), float(longitude), float(altitude), yaw)])
    size_m = SATELLITE_PX * SATELLITE_RESOLUTION
    above = renderer.orthophoto(east, north, size_m, SATELLITE_PX, Look.random(rng))
    write_image(root / "satmap" / drive / f"{name}.png", above)


def _oxts(latitude: float, longitude: float, altitude: float, yaw: float) -> str:
    """The 30 fields of an OXTS packet at rest: lat lon alt roll pitch yaw, 17 motions, accuracies and status."""
    motion = [0.0] * 8 + [9.81] + [0.0] * 2 + [9.81] + [0.0] * 5
    fields = [f"{value:.16g}" for value in (latitude, longitude, altitude, 0.0, 0.0, yaw, *motion, 0.05, 0.02)]
    return " ".join([*fields, "4", "10", "6", "6", "6"])
