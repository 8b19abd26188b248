"""A drive folder made by hand: a straight road eastwards through random texture, with a bag, tiles and truth."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

import cv2
import mercantile
import numpy as np
import ros_support as ros
from rclpy.serialization import serialize_message
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.satellite.mbtiles_writer import MBTilesWriter

DATUM = Datum(49.0, 8.4, 100.0)
START_NS = 1_700_000_000_000_000_000
SPEED = 5.0
FIX_OFFSET_NORTH = 3.0
OF_CAMERA = {"image": "Image", "camera_info": "CameraInfo"}


def write_tiles(path: Path, radius_m: float = 250.0, zoom: int = 18) -> None:
    """Random texture around the datum."""
    frame, noise = LocalFrame(DATUM), np.random.default_rng(1)
    latitudes, longitudes, _ = frame.to_geodetic([[-radius_m, -radius_m], [radius_m, radius_m]])
    with MBTilesWriter(path, "texture", "png") as writer:
        for tile in mercantile.tiles(longitudes[0], latitudes[0], longitudes[1], latitudes[1], zoom):
            texture = cv2.resize(noise.integers(0, 256, (16, 16, 3), dtype=np.uint8), (256, 256))
            writer.add(tile.z, tile.x, tile.y, cv2.imencode(".png", texture)[1].tobytes())


def write_drive(folder: Path, frames: int, cameras: Sequence[str] = ()) -> Path:
    """The folder, as `python -m geoflow_ros.town drive` lays it out; fixes lie 3 m north of the truth.

    cameras: of a rig, each 12 ms after the one before.
    """
    folder.mkdir()
    write_tiles(folder / "tiles.mbtiles")
    datum = {"latitude": DATUM.latitude, "longitude": DATUM.longitude, "altitude": DATUM.altitude}
    rig = {"cameras": {name: {"mount": ros.MOUNT} for name in cameras}} if cameras else {}
    (folder / "drive.json").write_text(json.dumps({"datum": datum, "mount": ros.MOUNT} | rig))
    frame = LocalFrame(DATUM)
    truth = []
    types = get_typestore(Stores.ROS2_HUMBLE)
    with Writer(folder / "drive", version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        groups = [f"{name}/" for name in cameras] or [""]
        names = {"fix": "NavSatFix", "imu": "Imu"}
        names |= {f"{group}{own}": kind for group in groups for own, kind in OF_CAMERA.items()}
        connections = {
            topic: writer.add_connection(f"/{topic}", f"sensor_msgs/msg/{name}", typestore=types)
            for topic, name in names.items()
        }
        for index in range(frames):
            now, east = START_NS + index * 100_000_000, SPEED * index * 0.1
            truth.append(f"{now * 1e-9:.9f} {east} 0 0 0 0 0 1")
            latitude, longitude, _ = frame.to_geodetic([east, FIX_OFFSET_NORTH])
            messages = {
                "imu": (now, ros.imu(now, 0.0, math.radians(2.0))),
                "fix": (now, ros.fix(now, float(latitude), float(longitude), 4.0)),
            }
            for number, group in enumerate(groups):
                taken, info = now + number * 12_000_000, ros.camera_info()
                info.header.stamp = ros.stamp(taken)
                messages |= {f"{group}camera_info": (taken, info), f"{group}image": (taken, ros.image(taken))}
            for topic, (recorded, message) in messages.items():
                writer.write(connections[topic], recorded, serialize_message(message))
    (folder / "truth.tum").write_text("\n".join(truth) + "\n")
    return folder
