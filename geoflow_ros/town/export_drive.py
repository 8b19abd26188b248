"""A drive as a ROS 2 bag with its satellite tiles and its truth."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, replace
from functools import partial
from itertools import starmap
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from geoflow_ros.bags.trajectory import write_tum
from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.errors import InputError
from geoflow_ros.planar import PlanarPose
from geoflow_ros.satellite.geotiff import import_geotiff
from geoflow_ros.town.drive_bag import DriveBag, topics_of
from geoflow_ros.town.files import encoded, new_folder
from geoflow_ros.town.foreign import ForeignRenderer
from geoflow_ros.town.look import Look
from geoflow_ros.town.noise import SensorErrors
from geoflow_ros.town.orthomosaic import write_orthomosaic
from geoflow_ros.town.render import Renderer
from geoflow_ros.town.ride import Ride
from geoflow_ros.town.rig import APART_S, CAMERA, rig
from geoflow_ros.town.route import Drive, plan_drive
from geoflow_ros.town.world import Town
from geoflow_ros.whole_files import write_json

RATE_HZ = 10.0
"""Of a camera, unless another is asked for."""
START_S = 1_700_000_000
"""Stamp of the first frame, seconds since 1970."""
JPEG_QUALITY = 75
Shot = Callable[[CameraModel, PlanarPose], NDArray[np.uint8]]
"""The picture of a camera whose lens is here."""
TILES_REACH_M, TILES_ZOOM = 100.0, 19


def export_drive(
    out: Path,
    seed: int,
    count: int,
    ride: Ride = Ride(),  # noqa: B008
    cameras: int = 1,
    covered: Collection[str] = (),
    foreign: int | None = None,
    rate_hz: float = RATE_HZ,
) -> None:
    """Write drive/ (a bag of `count` frames of each camera), tiles.mbtiles, truth.tum and drive.json.

    ride: how the cameras really look. drive.json has the stated mount as `mount`, the true one as `true_mount`, and of
    a rig, of which these are the first camera's, each camera's own as `cameras`. covered: cameras that see nothing.
    foreign: the seed of a `ForeignRenderer`, if that shall show the town. rate_hz: of each camera.
    """
    if not 0.1 <= rate_hz <= 200.0:
        raise InputError(f"a camera of {rate_hz:g} frames a second cannot be rendered: expected 0.1 to 200")
    views = rig(cameras)
    if unknown := sorted(set(covered) - set(views)):
        raise InputError(f"--covered {unknown[0]} is not a camera of this drive: {', '.join(views) or 'it has one'}")
    mounts = {name: _mounts(camera.mount, ride) for name, camera in views.items()}  # a wrong one before any file
    root, town = new_folder(out), Town.generate(seed)
    renderer = Renderer() if foreign is None else ForeignRenderer(foreign)
    renderer.load(town)
    rng = np.random.default_rng([seed, 51])
    times = np.arange(count) / rate_hz
    drive = plan_drive(town, seed, count / rate_hz)
    stamps = np.sort(np.concatenate([times + index * APART_S for index in range(len(views))]))
    truth = drive.pose(stamps)
    look = replace(Look.random(rng), traffic=0.0)  # cars of a look stand still: none may block the lane
    with DriveBag(root / "drive", town.datum, START_S) as bag:
        bag.write_sensors(drive, float(times[-1]), SensorErrors(), rng, ride)
        for index, (name, camera) in enumerate(views.items()):
            shot = _black if name in covered else partial(_shot, renderer, look)
            _write_camera(bag, name, camera, drive, times + index * APART_S, ride, shot)
    with tempfile.TemporaryDirectory() as folder:
        mosaic = Path(folder) / "town.tif"
        write_orthomosaic(mosaic, renderer, town.datum, truth[:, :2], TILES_REACH_M, Look.random(rng))
        import_geotiff(mosaic, root / "tiles.mbtiles", TILES_ZOOM, quality=80)
    _write_truth(root, town, count, rate_hz, stamps, truth, mounts)


def true_cameras(
    ride: Ride, drive: Drive, times: NDArray[np.float64], stated: CameraModel = CAMERA
) -> Iterator[tuple[CameraModel, PlanarPose]]:
    """The camera as it looks at these times (n,), and where its lens is in `map`, its yaw that of the view."""
    mount = ride.true_mount(stated.mount)
    for pitch, pose in zip(ride.body_pitch(drive, times).tolist(), drive.pose(times), strict=True):
        camera = replace(stated, mount=mount.on_tilted_body(0.0, pitch))
        yield camera, PlanarPose(*pose) @ camera.mount.planar


def _write_camera(
    bag: DriveBag, name: str, stated: CameraModel, drive: Drive, times: NDArray[np.float64], ride: Ride, shot: Shot
) -> None:
    views = zip(times.tolist(), drive.pose(times), true_cameras(ride, drive, times, stated), strict=True)
    for time, pose, view in tqdm(views, total=len(times), unit="frame", desc=name or "camera", disable=None):
        bag.write_frame(time, encoded(shot(*view), ".jpg", JPEG_QUALITY), stated, pose, name)


def _shot(renderer: Renderer, look: Look, camera: CameraModel, lens: PlanarPose) -> NDArray[np.uint8]:
    return renderer.camera(camera, lens.x, lens.y, lens.yaw, look)


def _black(camera: CameraModel, lens: PlanarPose) -> NDArray[np.uint8]:
    return np.zeros((camera.height, camera.width, 3), np.uint8)


def _write_truth(
    root: Path,
    town: Town,
    count: int,
    rate_hz: float,
    stamps: NDArray[np.float64],
    truth: NDArray[np.float64],
    mounts: Mapping[str, Mapping[str, Mapping[str, float]]],
) -> None:
    datum = town.datum
    stamps_ns = (1_000_000_000 * START_S + round(1e9 * time) for time in stamps.tolist())
    write_tum(root / "truth.tum", stamps_ns, starmap(PlanarPose, truth.tolist()), datum)
    about = {"seed": town.seed, "frames": count, "rate_hz": rate_hz, "datum": asdict(datum)}
    about |= next(iter(mounts.values()))
    if len(mounts) > 1:
        topics = {
            name: dict(zip(("image_topic", "camera_info_topic"), topics_of(name), strict=True)) for name in mounts
        }
        about |= next(iter(topics.values()))
        about["cameras"] = {name: {**mounts[name], **topics[name]} for name in mounts}
    write_json(root / "drive.json", about)


def _mounts(stated: Mount, ride: Ride) -> dict[str, dict[str, float]]:
    return {"mount": asdict(stated), "true_mount": asdict(ride.true_mount(stated))}
