"""ROS 2 bags written without ROS: the messages, and folders that appear only when all in them is written."""

from __future__ import annotations

import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from geoflow_ros.errors import InputError
from geoflow_ros.resources import install_hint

BAG_VERSION: Literal[8] = 8
"""Of metadata.yaml: Humble reads it as well; from 9 on the offered QoS is a list, where Humble expects text."""
STORAGES = ("mcap", "sqlite3")
INFINITE = (9223372036, 854775807)
"""Seconds and nanoseconds of a duration that never ends, as rmw has it."""


class Messages:
    """Makes messages of the standard packages."""

    def __init__(self) -> None:
        try:
            from rosbags.typesys import Stores, get_typestore
        except ImportError:
            raise InputError(f"writing bags needs rosbags: {install_hint('bags')}") from None
        self.types: Any = get_typestore(Stores.ROS2_HUMBLE)

    def make(self, kind: str, **fields: Any) -> Any:
        """A message, all of its fields given."""
        return self.types.types[kind](**fields)

    def header(self, stamp_ns: int, frame_id: str) -> Any:
        """A std_msgs/Header."""
        seconds, nanoseconds = divmod(int(stamp_ns), 1_000_000_000)
        stamp = self.make("builtin_interfaces/msg/Time", sec=seconds, nanosec=nanoseconds)
        return self.make("std_msgs/msg/Header", stamp=stamp, frame_id=frame_id)

    def vector(self, xyz: ArrayLike) -> Any:
        """A geometry_msgs/Vector3 of three numbers."""
        x, y, z = np.asarray(xyz, dtype=np.float64).tolist()
        return self.make("geometry_msgs/msg/Vector3", x=x, y=y, z=z)

    def quaternion(self, xyzw: ArrayLike) -> Any:
        """A geometry_msgs/Quaternion of four numbers."""
        x, y, z, w = np.asarray(xyzw, dtype=np.float64).tolist()
        return self.make("geometry_msgs/msg/Quaternion", x=x, y=y, z=z, w=w)

    def pose(self, xyz: ArrayLike, xyzw: ArrayLike) -> Any:
        """A geometry_msgs/Pose."""
        x, y, z = np.asarray(xyz, dtype=np.float64).tolist()
        position = self.make("geometry_msgs/msg/Point", x=x, y=y, z=z)
        return self.make("geometry_msgs/msg/Pose", position=position, orientation=self.quaternion(xyzw))

    def transform(self, header: Any, child: str, xyz: ArrayLike, xyzw: ArrayLike) -> Any:
        """A geometry_msgs/TransformStamped from the header's frame to `child`."""
        rotation = self.quaternion(xyzw)
        inner = self.make("geometry_msgs/msg/Transform", translation=self.vector(xyz), rotation=rotation)
        return self.make("geometry_msgs/msg/TransformStamped", header=header, child_frame_id=child, transform=inner)


class BagRecorder:
    """Context manager that writes the topics of a new bag folder in the order of `write`.

    topics: name to type. /tf_static is offered latched, so that `ros2 bag play` shows it to late subscribers.
    """

    def __init__(self, folder: Path, topics: Mapping[str, str], messages: Messages, storage: str = "mcap") -> None:
        from rosbags.rosbag2 import StoragePlugin, Writer

        self._types = messages.types
        self._topics = topics
        self._writer = Writer(folder, version=BAG_VERSION, storage_plugin=StoragePlugin[storage.upper()])

    def __enter__(self) -> BagRecorder:
        self._writer.open()
        self._connections = {
            topic: self._writer.add_connection(topic, kind, typestore=self._types, offered_qos_profiles=_offered(topic))
            for topic, kind in self._topics.items()
        }
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def write(self, topic: str, stamp_ns: int, message: Any) -> None:
        """Record a message."""
        data = self._types.serialize_cdr(message, self._topics[topic])
        self._writer.write(self._connections[topic], int(stamp_ns), data)


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder to fill, which gets the name `path` when all went well and is removed when not.

    One that exists with something in it, and a disk that is full, are an InputError.
    """
    path = path.resolve()
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InputError(f"{path} exists and is not an empty folder: give a new one")
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.mkdir(parents=True)
        yield part
        os.replace(part, path)
    except (OSError, sqlite3.OperationalError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise InputError(f"{path} cannot be written ({reason}): give a folder on a disk with enough space") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def _offered(topic: str) -> list[Any]:
    from rosbags.interfaces import Qos, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime

    durability = QosDurability.TRANSIENT_LOCAL if topic == "/tf_static" else QosDurability.VOLATILE
    never = QosTime(*INFINITE)
    history, reliability = QosHistory.KEEP_LAST, QosReliability.RELIABLE
    return [Qos(history, 10, reliability, durability, never, never, QosLiveliness.AUTOMATIC, never, False)]
