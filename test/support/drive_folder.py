"""A drive folder: a bag, tiles and trusted poses, written in the test."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import mercantile
import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from geoflow_ros.camera import Mount
from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.satellite.mbtiles_writer import MBTilesWriter

TYPES = get_typestore(Stores.ROS2_HUMBLE)
DATUM = Datum(48.0, 11.0)
MOUNT = Mount(forward=2.0, left=0.5, height=1.65)
START_NS = 1_700_000_000_000_000_000
SIZE = (64, 32)
ZOOM = 19


def message(name: str, **values: Any) -> Any:
    return TYPES.types[name](**values)


def header(stamp: int) -> Any:
    time = message("builtin_interfaces/msg/Time", sec=stamp // 10**9, nanosec=stamp % 10**9)
    return message("std_msgs/msg/Header", stamp=time, frame_id="camera")


def camera_info(stamp: int, width: int = SIZE[0]) -> Any:
    roi = message("sensor_msgs/msg/RegionOfInterest", x_offset=0, y_offset=0, height=0, width=0, do_rectify=False)
    k = np.array([50.0, 0, 32, 0, 51.0, 16, 0, 0, 1])
    p = np.array([50.0, 0, 32, 0, 0, 51.0, 16, 0, 0, 0, 1, 0])
    return message(
        "sensor_msgs/msg/CameraInfo", header=header(stamp), height=SIZE[1], width=width, distortion_model="plumb_bob",
        d=np.zeros(5), k=k, r=np.eye(3).ravel(), p=p, binning_x=0, binning_y=0, roi=roi,
    )  # fmt: skip


def colour(index: int) -> tuple[int, int, int]:
    return (40 * index, 100, 200)


def image(stamp: int, index: int, compressed: bool) -> Any:
    rgb = np.full((SIZE[1], SIZE[0], 3), colour(index), np.uint8)
    if compressed:
        data = cv2.imencode(".png", rgb[..., ::-1])[1].ravel()
        return message("sensor_msgs/msg/CompressedImage", header=header(stamp), format="png", data=data)
    padded = np.zeros((SIZE[1], SIZE[0] * 3 + 8), np.uint8)
    padded[:, : SIZE[0] * 3] = rgb[..., ::-1].reshape(SIZE[1], -1)
    return message(
        "sensor_msgs/msg/Image", header=header(stamp), height=SIZE[1], width=SIZE[0], encoding="bgr8", is_bigendian=0,
        step=padded.shape[1], data=padded.ravel(),
    )  # fmt: skip


def write_bag(
    folder: Path, compressed: bool, storage: StoragePlugin, extra_topic: bool = False, width: int = SIZE[0]
) -> None:
    kind = "sensor_msgs/msg/CompressedImage" if compressed else "sensor_msgs/msg/Image"
    with Writer(folder, version=9, storage_plugin=storage) as writer:
        info = writer.add_connection("/camera_info", "sensor_msgs/msg/CameraInfo", typestore=TYPES)
        images = [writer.add_connection("/image", kind, typestore=TYPES)]
        if extra_topic:
            images.append(writer.add_connection("/rear", kind, typestore=TYPES))
        for index in range(4):
            stamp = START_NS + index * 100_000_000
            late = stamp + 20_000_000  # recorded after it was taken
            writer.write(info, late, TYPES.serialize_cdr(camera_info(stamp, width), "sensor_msgs/msg/CameraInfo"))
            for connection in images:
                writer.write(connection, late, TYPES.serialize_cdr(image(stamp, index, compressed), kind))


def write_tiles(path: Path) -> None:
    """Grey-brown ground with a white spot at 20 m east, 30 m north of the datum, one tile to each side."""
    frame = LocalFrame(DATUM)
    lat, lon, _ = frame.to_geodetic([20.0, 30.0])
    middle = mercantile.tile(DATUM.longitude, DATUM.latitude, ZOOM)
    with MBTilesWriter(path, name="test", format="png") as writer:
        for x in range(middle.x - 2, middle.x + 3):
            for y in range(middle.y - 2, middle.y + 3):
                box = mercantile.xy_bounds(x, y, ZOOM)
                east, north = mercantile.xy(float(lon), float(lat))
                u = (east - box.left) / (box.right - box.left) * 256
                v = (box.top - north) / (box.top - box.bottom) * 256
                rows, columns = np.mgrid[:256, :256] + 0.5
                spot = 255 * np.exp(-((columns - u) ** 2 + (rows - v) ** 2) / (2 * 5.0**2))
                tile = np.repeat(np.maximum(spot, 1)[..., None], 3, axis=2).round().astype(np.uint8)
                writer.add(ZOOM, x, y, cv2.imencode(".png", tile)[1].tobytes())


def write_drive(root: Path, compressed: bool = True, storage: StoragePlugin = StoragePlugin.MCAP, **bag: Any) -> Path:
    root.mkdir(exist_ok=True)
    write_bag(root / "drive", compressed, storage, **bag)
    write_tiles(root / "tiles.mbtiles")
    # Heading north (a quarter turn), 1 m/s; the poses lie half-way between the images and end before the last one.
    half = math.sqrt(0.5)
    rows = [f"{START_NS * 1e-9 + t:.6f} 18 {25 + t:.3f} 0 0 0 {half:.9f} {half:.9f}" for t in (-0.05, 0.05, 0.15, 0.25)]
    (root / "truth.tum").write_text("# datum 48 11 0\n" + "\n".join(rows) + "\n")
    (root / "drive.json").write_text(json.dumps({"datum": asdict(DATUM), "mount": asdict(MOUNT), "frames": 4}))
    return root
