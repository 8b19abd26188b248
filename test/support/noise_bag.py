"""Bags of noise, and what is read of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from rosbags.rosbag2 import CompressionFormat, CompressionMode, StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

from geoflow_ros.bags.reading import Damage, open_bag, read_messages

TYPES = get_typestore(Stores.ROS2_HUMBLE)
IMAGE, TIME = "sensor_msgs/msg/CompressedImage", "builtin_interfaces/msg/Time"
COUNT, RATE_NS, SIZE = 80, 100_000_000, 60_000


def image(index: int) -> Any:
    make = TYPES.types
    header = make["std_msgs/msg/Header"](stamp=make[TIME](sec=index, nanosec=0), frame_id="camera")
    noise = np.random.default_rng(index).integers(0, 255, SIZE, np.uint8)
    return make[IMAGE](header=header, format="jpeg", data=noise)


def write(folder: Path, storage: StoragePlugin, compressed: bool = False) -> Path:
    """Two topics, an image of noise and a time every tenth of a second, for 8 s."""
    writer = Writer(folder, version=8, storage_plugin=storage)
    if compressed:
        writer.set_compression(CompressionMode.STORAGE, CompressionFormat.ZSTD)
    with writer:
        images = writer.add_connection("/image", IMAGE, typestore=TYPES)
        times = writer.add_connection("/time", TIME, typestore=TYPES)
        for index in range(COUNT):
            stamp = 1_000_000_000 + index * RATE_NS
            writer.write(images, stamp, TYPES.serialize_cdr(image(index), IMAGE))
            writer.write(times, stamp + 1, TYPES.serialize_cdr(TYPES.types[TIME](sec=index, nanosec=0), TIME))
    return folder


def read(folder: Path) -> tuple[dict[str, list[int]], Damage]:
    """The numbers of the messages that are read, by topic."""
    damage, seen = Damage(), dict[str, list[int]]({"/image": [], "/time": []})
    with open_bag(folder) as reader:
        for connection, _, message in read_messages(reader, reader.connections, damage):
            stamp = message.header.stamp if connection.topic == "/image" else message
            seen[connection.topic].append(stamp.sec)
    return seen, damage
