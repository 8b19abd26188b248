"""Frames of a recorded drive, each localised alone and compared with where a reference has the vehicle."""

from __future__ import annotations

import math
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from tqdm import tqdm

from geoflow_ros.align.offset import Differences
from geoflow_ros.bags.messages import stamp_ns
from geoflow_ros.bags.reading import Damage, open_bag, read_messages
from geoflow_ros.bags.topics import roles_of, topics_in
from geoflow_ros.bags.trajectory import Trajectory
from geoflow_ros.configuration import NodeConfig
from geoflow_ros.errors import InputError
from geoflow_ros.localization.localizer import Localizer, load_model
from geoflow_ros.localization.pose import PosePrior, Rejection
from geoflow_ros.replay.tf_sensors import sensors_in
from geoflow_ros.satellite.mosaic import SatelliteMap
from geoflow_ros.tracking.sensors.image_decoding import decode_image
from geoflow_ros.tracking.sensors.sensor_inputs import SensorInputs

if TYPE_CHECKING:
    from rosbags.highlevel import AnyReader

SEARCH_STD_M, SEARCH_STD_YAW = 6.0, math.radians(3.0)
"""How vague the reference is made before a frame looks around it: one as sure as good GNSS would decide the answer."""
TRUTH_STD_M = 0.05
WAIT_NS = 500_000_000
"""A frame waits so long for what was measured after it."""
MAX_FRAMES = 300


class ReferenceSensors(SensorInputs):
    """What GNSS and the heading source say of base_link."""

    def at(self, taken_ns: int) -> PosePrior | Rejection:
        """Where it was at a stamp."""
        return self._sensors.at(taken_ns)


@dataclass(frozen=True, slots=True)
class Drive:
    """A bag, its topics by role, and a trajectory of base_link where there is a better reference than its fixes.

    uncalibrated: the cameras that need no camera_info.
    """

    bag: Path
    topics: Mapping[str, str]
    truth: Trajectory | None
    uncalibrated: frozenset[str] = frozenset()


def differences(drive: Drive, config: NodeConfig, satellite: SatelliteMap) -> Differences:
    """Of at most MAX_FRAMES frames, evenly spread over the drive."""
    with open_bag(drive.bag) as reader:
        _roles(reader, drive)  # what is missing is said before the network is loaded
    comparison = _Comparison(drive, config, satellite)
    for message in _images(drive, comparison.sensors):
        comparison.add(message)
    return comparison.result()


def _roles(reader: AnyReader, drive: Drive) -> dict[str, str]:
    """The role of each topic that is read; who has no trajectory needs fixes."""
    needed = ("fix",) if drive.truth is None else ()
    return roles_of(topics_in(reader), drive.topics, (), drive.uncalibrated, needed)


def _images(drive: Drive, sensors: ReferenceSensors) -> Iterator[Any]:
    """The chosen images, each when the sensors know what came around it."""
    takers: dict[str, Callable[[Any], None]] = {
        "camera_info": sensors.on_camera_info, "fix": sensors.on_fix, "imu": sensors.on_imu, "odom": sensors.on_odom,
        "twist": sensors.on_twist,
    }  # fmt: skip
    with open_bag(drive.bag) as reader:
        roles = _roles(reader, drive)
        connections = [each for each in reader.connections if each.topic in roles]
        frames = sum(each.msgcount for each in connections if roles[each.topic] == "image")
        total, step = sum(each.msgcount for each in connections), max(1, math.ceil(frames / MAX_FRAMES))
        waiting: deque[Any] = deque()
        seen = 0
        messages = read_messages(reader, connections, Damage())
        for connection, _, message in tqdm(messages, total=total, unit="message", desc="align", disable=None):
            if roles[connection.topic] != "image":
                takers[roles[connection.topic]](message)
                now_ns = stamp_ns(message.header.stamp)
                while waiting and now_ns > stamp_ns(waiting[0].header.stamp) + WAIT_NS:
                    yield waiting.popleft()
            elif (seen := seen + 1) % step == 0:
                waiting.append(sensors.exposed(message))
        yield from waiting


class _Comparison:
    """Localises frames and keeps how far from the reference they are."""

    def __init__(self, drive: Drive, config: NodeConfig, satellite: SatelliteMap) -> None:
        self.sensors = ReferenceSensors(config.session, config.camera_setups)
        self.sensors.locate_sensors_by(sensors_in(drive.bag, config))
        self._drive, self._config, self._satellite = drive, config, satellite
        self._model = load_model(config.checkpoint_path, config.runtime)
        self._localizer: Localizer | None = None
        self._rows: list[tuple[float, float, tuple[float, float], Any, Any]] = []
        self._reasons = Counter[str]()

    def add(self, message: Any) -> None:
        """An image message."""
        reference = self._reference(stamp_ns(message.header.stamp))
        outcome = reference if isinstance(reference, Rejection) else self._compare(message, reference)
        if isinstance(outcome, Rejection):
            self._reasons[outcome.reason] += 1

    def result(self) -> Differences:
        """What was found."""
        if not self._rows:
            reason = self._reasons.most_common(1)[0][0] if self._reasons else "it has no frames"
            raise InputError(f"no frame of {self._drive.bag} can be compared with a reference: {reason}")
        return Differences(*(np.array(column) for column in zip(*self._rows, strict=True)))

    def _reference(self, taken_ns: int) -> PosePrior | Rejection:
        if self._drive.truth is None:
            return self.sensors.at(taken_ns)
        pose = self._drive.truth.at(taken_ns * 1e-9)
        if pose is None:
            return Rejection("the truth has no pose at the image stamp")
        return PosePrior(pose.x, pose.y, pose.yaw, TRUTH_STD_M**2 * np.eye(3))

    def _compare(self, message: Any, reference: PosePrior) -> Rejection | None:
        camera = self.sensors.camera()
        if isinstance(camera, Rejection):
            return camera
        if self._localizer is None:
            assert self.sensors.frame is not None  # of the datum, or of the fixes that the reference is from
            self._localizer = Localizer(self._model, self._satellite, self.sensors.frame, self._config.localizer)
        vague = reference.covariance + np.diag([SEARCH_STD_M**2, SEARCH_STD_M**2, SEARCH_STD_YAW**2])
        try:
            image, model = decode_image(message, camera, self._localizer.image_size)
            prior = PosePrior(reference.east, reference.north, reference.yaw, vague)
            estimate = self._localizer.localize(image, model, prior, self._config.seed)
        except InputError as error:
            return Rejection(str(error))
        if isinstance(estimate, Rejection):
            return estimate
        way = (estimate.east - reference.east, estimate.north - reference.north)
        of_reference = reference.covariance[:2, :2]
        both = estimate.covariance[:2, :2] + of_reference
        self._rows.append((stamp_ns(message.header.stamp) * 1e-9, reference.yaw, way, both, of_reference))
        return None
