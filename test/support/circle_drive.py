"""A drive on a circle as a folder: a bag, grey tiles, truth, description; `KnowingLocalizer` knows it."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path

import cv2
import mercantile
import numpy as np
import tracking_support as sim

from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.satellite.mbtiles_writer import MBTilesWriter
from geoflow_ros.town.drive_bag import DriveBag
from geoflow_ros.town.noise import SensorErrors
from geoflow_ros.town.path import Path as Line
from geoflow_ros.town.route import Drive

DRIVE = sim.Drive()
SECONDS = 5.0
CAMERA = CameraModel(sim.WIDTH, sim.HEIGHT, 20.0, 20.0, sim.WIDTH / 2, sim.HEIGHT / 2)


def write_tiles(path: Path) -> None:
    latitudes, longitudes, _ = sim.FRAME.to_geodetic([[-150.0, -150.0], [150.0, 150.0]])
    tile = cv2.imencode(".png", np.full((256, 256, 3), 128, np.uint8))[1].tobytes()
    with MBTilesWriter(path, "grey", "png") as writer:
        for each in mercantile.tiles(longitudes[0], latitudes[0], longitudes[1], latitudes[1], 16):
            writer.add(each.z, each.x, each.y, tile)


def write_truth(path: Path, times: np.ndarray) -> None:
    lines = [f"# datum {sim.DATUM.latitude!r} {sim.DATUM.longitude!r} {sim.DATUM.altitude!r}"]
    for time in times:
        east, north, yaw = DRIVE.pose(float(time))
        turn = f"0 0 {math.sin(yaw / 2):.9f} {math.cos(yaw / 2):.9f}"
        lines.append(f"{1_700_000_000 + time:.3f} {east:.4f} {north:.4f} 0 {turn}")
    path.write_text("\n".join(lines) + "\n")


def write_circle_drive(root: Path, late_s: float = 0.0) -> Path:
    """The folder, filled. late_s: by how much images are stamped after they were taken."""
    times = np.arange(0.0, SECONDS, 0.1)
    turned = np.arange(0.0, DRIVE.speed * (SECONDS + 1) / DRIVE.radius, 0.002)
    line = Line.through(DRIVE.radius * np.column_stack([np.cos(turned), np.sin(turned)]))
    fine = np.arange(0.0, SECONDS + 0.5, 0.02)
    with DriveBag(root / "drive", sim.DATUM, 1_700_000_000) as bag:
        driven = Drive(line, fine, DRIVE.speed * fine)
        bag.write_sensors(driven, float(times[-1]), SensorErrors(), np.random.default_rng(0))
        for time in times:
            pixels = np.frombuffer(sim.image(float(time)).data, np.uint8).reshape(sim.HEIGHT, sim.WIDTH, 3)
            png = cv2.imencode(".png", pixels[:, :, ::-1])[1].tobytes()
            bag.write_frame(float(time) + late_s, png, CAMERA, np.array(DRIVE.pose(float(time))))
    write_tiles(root / "tiles.mbtiles")
    write_truth(root / "truth.tum", times)
    (root / "drive.json").write_text(json.dumps({"datum": asdict(sim.DATUM), "mount": asdict(Mount())}))
    return root
