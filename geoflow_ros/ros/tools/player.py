"""Plays a recorded drive to other nodes as if it happened now."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nav_msgs.msg import Odometry
from rclpy.node import Node
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, Imu, NavSatFix

from geoflow_ros.bags.reading import open_bag
from geoflow_ros.bags.topics import COMPRESSED, Topic, roles_of
from geoflow_ros.datasets.bag_drive import DriveDescription
from geoflow_ros.errors import InputError

INPUTS: dict[str, Any] = {
    "/image": Image,
    "/image/compressed": CompressedImage,
    "/camera_info": CameraInfo,
    "/fix": NavSatFix,
    "/imu": Imu,
    "/odom": Odometry,
}
IMAGES = ("/image", "/image/compressed")
OF_CAMERA = (*IMAGES, "/camera_info")
CDR_STAMP = 4  # bytes before the stamp of a message that begins with a header: the encapsulation


def is_image(topic: str) -> bool:
    """Whether it is a camera's, or of one of a rig."""
    return topic.endswith(IMAGES)


def camera_of(topic: str) -> str:
    """The name of the camera whose topic it is: "" of the one that has none."""
    return "" if topic in INPUTS else topic[1:].partition("/")[0]


def type_of(topic: str) -> Any:
    """The message of an input; of a rig the topics begin with the camera's name. None for other topics."""
    _, _, own = topic[1:].partition("/")
    return INPUTS.get(topic) or (INPUTS[f"/{own}"] if f"/{own}" in OF_CAMERA else None)


@dataclass(frozen=True, slots=True)
class Recorded:
    """A serialised message of a bag: when it was recorded (ns) and its own stamp (ns)."""

    recorded_ns: int
    stamp_ns: int
    topic: str
    data: bytes

    def restamped(self, shift_ns: int) -> bytes:
        """The serialised message with its stamp moved."""
        return self.data[:CDR_STAMP] + struct.pack("<iI", *divmod(self.stamp_ns + shift_ns, 10**9)) + self.data[12:]


def read_inputs(bag: Path, description: DriveDescription) -> list[Recorded]:
    """What the localiser listens to in a bag, in order of recording, on the topics that it listens to."""
    with open_bag(bag) as reader:
        topics = {each.topic: Topic(each.topic, each.msgtype) for each in reader.connections if each.msgcount}
        uncalibrated = {name for name, camera in description.cameras.items() if camera.calibration}
        uncalibrated |= {""} if description.calibration else set()
        roles = roles_of(topics.values(), description.topics, tuple(description.cameras), uncalibrated, ("fix",))
        heard = {name: _heard_on(role, topics[name].type) for name, role in roles.items()}
        connections = [each for each in reader.connections if each.topic in heard]
        messages = [
            Recorded(recorded, _stamp_ns(bytes(data), connection.topic), heard[connection.topic], bytes(data))
            for connection, recorded, data in reader.messages(connections)
        ]
    return sorted(messages, key=lambda each: each.recorded_ns)


def _heard_on(role: str, kind: str) -> str:
    """The node's topic for a role, which is called as it is; image_transport's where images are compressed."""
    return f"/{role}{COMPRESSED}" if kind.endswith("/CompressedImage") else f"/{role}"


class Player:
    """Publishers of the messages' topics, and a thread that uses them."""

    def __init__(self, node: Node, messages: Sequence[Recorded]) -> None:
        self._messages = messages
        topics = {each.topic for each in messages}
        self._publishers = {topic: node.create_publisher(type_of(topic), topic, 10) for topic in topics}
        self._thread = threading.Thread()

    @property
    def is_connected(self) -> bool:
        """Whether every topic has a subscriber."""
        return all(publisher.get_subscription_count() for publisher in self._publishers.values())

    @property
    def is_playing(self) -> bool:
        """Whether messages are still to come."""
        return self._thread.is_alive()


class BagPlayer(Player):
    """Publishes the messages in real time, their stamps moved to now; in its own thread after `start`."""

    def __init__(self, node: Node, messages: Sequence[Recorded]) -> None:
        super().__init__(node, messages)
        self._thread = threading.Thread(target=self._play, daemon=True)
        self.shift_ns = 0

    @property
    def progress(self) -> float:
        """Fraction of the drive that has been played."""
        first, last = self._messages[0].recorded_ns, self._messages[-1].recorded_ns
        return (time.time_ns() - self.shift_ns - first) / max(last - first, 1)

    def start(self) -> None:
        """Begin."""
        self.shift_ns = time.time_ns() - self._messages[0].recorded_ns
        self._thread.start()

    def _play(self) -> None:
        for message in self._messages:
            wait_ns = message.recorded_ns + self.shift_ns - time.time_ns()
            if wait_ns > 0:
                time.sleep(wait_ns * 1e-9)
            self._publishers[message.topic].publish(message.restamped(self.shift_ns))


def _stamp_ns(data: bytes, topic: str) -> int:
    if data[1] != 1:
        raise InputError(f"a message on {topic} is serialised big-endian: record the bag on a little-endian machine")
    seconds, nanoseconds = struct.unpack_from("<iI", data, CDR_STAMP)
    return int(seconds) * 10**9 + int(nanoseconds)
