"""A drive as a ROS 2 bag with its satellite tiles and its truth."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import starmap
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from geoflow_ros.bags.trajectory import write_tum
from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.geodesy import Datum
from geoflow_ros.planar import PlanarPose
from geoflow_ros.satellite.geotiff import import_geotiff
from geoflow_ros.town.drive_bag import DriveBag
from geoflow_ros.town.files import encoded, new_folder
from geoflow_ros.town.look import Look
from geoflow_ros.town.noise import SensorErrors
from geoflow_ros.town.orthomosaic import write_orthomosaic
from geoflow_ros.town.render import Renderer
from geoflow_ros.town.ride import Ride
from geoflow_ros.town.route import Drive, plan_drive
from geoflow_ros.town.world import Town

RATE_HZ = 10.0
START_S = 1_700_000_000
"""Stamp of the first frame, seconds since 1970."""
CAMERA = CameraModel(640, 192, 368.0, 368.0, 320.0, 96.0, Mount(forward=1.08, height=1.65))
"""82 degrees wide; base_link is on the ground under the rear axle."""
JPEG_QUALITY = 75
TILES_REACH_M, TILES_ZOOM = 100.0, 19


def export_drive(out: Path, seed: int, count: int, ride: Ride = Ride()) -> None:  # noqa: B008
    """Write drive/ (a bag of `count` frames), tiles.mbtiles, truth.tum and drive.json.

    ride: how the camera really looks. drive.json has the stated mount as `mount`, the true one as `true_mount`.
    """
    true_mount = ride.true_mount(CAMERA.mount)
    root, renderer, town = new_folder(out), Renderer(), Town.generate(seed)
    renderer.load(town)
    rng = np.random.default_rng([seed, 51])
    times = np.arange(count) / RATE_HZ
    drive = plan_drive(town, seed, count / RATE_HZ)
    truth = drive.pose(times)
    look = replace(Look.random(rng), traffic=0.0)  # cars of a look stand still: none may block the lane
    _write_bag(root / "drive", renderer, drive, times, town.datum, look, rng, ride)
    with tempfile.TemporaryDirectory() as folder:
        mosaic = Path(folder) / "town.tif"
        write_orthomosaic(mosaic, renderer, town.datum, truth[:, :2], TILES_REACH_M, Look.random(rng))
        import_geotiff(mosaic, root / "tiles.mbtiles", TILES_ZOOM, quality=80)
    _write_truth(root, town, times, truth, true_mount)


def true_cameras(ride: Ride, drive: Drive, times: NDArray[np.float64]) -> Iterator[tuple[CameraModel, PlanarPose]]:
    """The camera as it looks at these times (n,), and where its lens is in `map`, its yaw that of the view."""
    mount = ride.true_mount(CAMERA.mount)
    for pitch, pose in zip(ride.body_pitch(drive, times).tolist(), drive.pose(times), strict=True):
        camera = replace(CAMERA, mount=mount.on_tilted_body(0.0, pitch))
        yield camera, PlanarPose(*pose) @ camera.mount.planar


def _write_bag(
    folder: Path, renderer: Renderer, drive: Drive, times: NDArray[np.float64], datum: Datum, look: Look,
    rng: np.random.Generator, ride: Ride,
) -> None:  # fmt: skip
    with DriveBag(folder, datum, START_S) as bag:
        bag.write_sensors(drive, float(times[-1]), SensorErrors(), rng, ride)
        views = zip(times.tolist(), drive.pose(times), true_cameras(ride, drive, times), strict=True)
        for time, pose, (camera, lens) in tqdm(views, total=len(times), unit="frame", desc="camera", disable=None):
            image = renderer.camera(camera, lens.x, lens.y, lens.yaw, look)
            bag.write_frame(time, encoded(image, ".jpg", JPEG_QUALITY), CAMERA, pose)


def _write_truth(
    root: Path, town: Town, times: NDArray[np.float64], truth: NDArray[np.float64], true_mount: Mount
) -> None:
    datum = town.datum
    stamps_ns = (1_000_000_000 * START_S + round(1e9 * time) for time in times.tolist())
    write_tum(root / "truth.tum", stamps_ns, starmap(PlanarPose, truth.tolist()), datum)
    about = {"seed": town.seed, "frames": len(times), "rate_hz": RATE_HZ, "datum": asdict(datum)}
    about |= {"mount": asdict(CAMERA.mount), "true_mount": asdict(true_mount)}
    (root / "drive.json").write_text(json.dumps(about, indent=2) + "\n", encoding="utf-8")
