"""A drive without labels as a folder: sensors along a line, a few small images, grey tiles; parts may be silent."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import mercantile
import numpy as np
from numpy.typing import ArrayLike

from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.satellite.mbtiles_writer import MBTilesWriter
from geoflow_ros.town.drive_bag import DriveBag
from geoflow_ros.town.noise import SensorErrors
from geoflow_ros.town.path import Path as Line
from geoflow_ros.town.route import Drive

DATUM = Datum(48.0, 11.0)
CAMERA = CameraModel(64, 32, 40.0, 40.0, 32.0, 16.0)
START_S, SPEED = 1_700_000_000, 10.0
Silence = Mapping[str, tuple[float, float]]


class _PartlySilent(DriveBag):
    """Leaves out messages of a topic from one time to another (s)."""

    silent: Silence = {}

    def _add(self, topic: str, time: float, **fields: Any) -> None:
        begin, end = self.silent.get(topic, (0.0, 0.0))
        if not begin <= time < end:
            super()._add(topic, time, **fields)


def straight(metres: float) -> np.ndarray:
    """Points of a street to the north-east."""
    return np.linspace(0.0, metres, round(metres) + 2)[:, None] * (0.6, 0.8)


def write_made_drive(
    root: Path,
    points: ArrayLike,
    *,
    errors: SensorErrors = SensorErrors(),  # noqa: B008 - frozen
    silent: Silence = {},  # noqa: B006 - not changed
    stands_s: float = 0.0,
    image_hz: float = 2.0,
    camera_at: Callable[[float], CameraModel] = lambda time: CAMERA,
) -> Path:
    """A drive along points (N, 2), about a metre apart. stands_s: for so long before it. camera_at: at a time (s)."""
    root.mkdir()
    line = Line.through(np.asarray(points, np.float64))
    seconds = stands_s + (line.length - 1.0) / SPEED
    times = np.arange(0.0, seconds + 1.0, 0.05)
    drive = Drive(line, times, np.clip(SPEED * (times - stands_s), 0.0, None))
    bag = _PartlySilent(root / "drive", DATUM, START_S)
    bag.silent = silent
    with bag:
        bag.write_sensors(drive, seconds, errors, np.random.default_rng(0))
        for time in np.arange(0.0, seconds, 1.0 / image_hz).tolist():
            camera = camera_at(time)
            grey = np.full((camera.height, camera.width, 3), 128, np.uint8)
            jpeg = cv2.imencode(".jpg", grey)[1].tobytes()
            bag.write_frame(time, jpeg, camera, drive.pose(np.array([time]))[0])
    (root / "drive.json").write_text(json.dumps({"datum": asdict(DATUM), "mount": asdict(Mount())}))
    return root


def write_grey_tiles(path: Path, low: tuple[float, float], high: tuple[float, float]) -> Path:
    """Tiles from one corner (east, north; m) to the other."""
    latitudes, longitudes, _ = LocalFrame(DATUM).to_geodetic([low, high])
    tile = cv2.imencode(".png", np.full((256, 256, 3), 128, np.uint8))[1].tobytes()
    with MBTilesWriter(path, "grey", "png") as writer:
        for each in mercantile.tiles(longitudes[0], latitudes[0], longitudes[1], latitudes[1], 17):
            writer.add(each.z, each.x, each.y, tile)
    return path
