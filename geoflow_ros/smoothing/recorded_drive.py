"""What a bag tells of a drive, for looking at it as a whole: frames, the way between them, fixes and headings."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from geoflow_ros.bags.messages import stamp_ns, stamped_earlier
from geoflow_ros.bags.reading import Damage, open_bag, read_messages
from geoflow_ros.bags.topics import roles_of, topics_in
from geoflow_ros.camera import CameraModel
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import LocalFrame
from geoflow_ros.planar import PlanarPose
from geoflow_ros.tracking.cameras import ONE, CameraSetup
from geoflow_ros.tracking.motion import NO_MOTION, Motion
from geoflow_ros.tracking.prior import Fix, Heading
from geoflow_ros.tracking.sensors.image_decoding import decode_image
from geoflow_ros.tracking.sensors.sensor_frames import Lookup
from geoflow_ros.tracking.sensors.sensor_inputs import SensorInputs, SessionConfig

Floats = NDArray[np.float64]
AWAITED_NS = 500_000_000  # odometry of a frame may be recorded this much after it
KEEP_UP_NS = 2_000_000_000  # behind the newest velocity: the way is read by then, since velocities are soon forgotten
ALIKE = 0.01  # of the image's width, by which focal length and centre of one camera may differ, as with its focus


@dataclass(frozen=True, slots=True, eq=False)
class RecordedDrive:
    """A whole drive. stamps_ns: (N,) of the frames' exposures, rising. motions: (N - 1) from each frame to the next.

    fixes, headings: in order of time; headings as the sensor tells them. frame: the map frame. delay: by how much (s)
    the bag's images are stamped later than they were exposed. no_velocity: why the last velocity was of no use, empty
    if it was of use.
    """

    bag: Path
    image_topic: str
    camera: CameraModel
    frame: LocalFrame
    stamps_ns: NDArray[np.int64]
    motions: list[Motion]
    fixes: list[Fix]
    headings: list[Heading]
    delay: float = 0.0
    no_velocity: str = ""

    @property
    def way(self) -> Floats:
        """Metres (N,) travelled until each frame."""
        return np.concatenate([[0.0], np.cumsum([motion.distance for motion in self.motions])])

    def dead_reckoned(self) -> Floats:
        """Poses (N, 3) of base_link in its own first axes, by odometry alone; the yaw is not wrapped."""
        poses, here, yaw = [np.zeros(3)], PlanarPose(), 0.0
        for motion in self.motions:
            here, yaw = here @ motion.displacement, yaw + motion.displacement.yaw
            poses.append(np.array([here.x, here.y, yaw]))
        return np.array(poses)

    def images(self, wanted: Set[int], size: tuple[int, int], note: str) -> Iterator[tuple[int, NDArray[np.uint8]]]:
        """Index and RGB image, rectified, of the wanted frames, in order; what cannot be decoded is left out."""
        stamps = {int(stamp): index for index, stamp in enumerate(self.stamps_ns)}
        left = set(wanted)
        with open_bag(self.bag) as reader:
            topic = [each for each in reader.connections if each.topic == self.image_topic]
            progress = tqdm(total=len(left), unit="frame", desc=note, disable=None)
            for _, _, message in read_messages(reader, topic, Damage()):
                index = stamps.get(stamp_ns(stamped_earlier(message, self.delay).header.stamp))
                if index not in left or index is None:
                    continue
                left.remove(index)
                progress.update()
                try:
                    image, camera = decode_image(message, self.camera, size)
                except InputError:
                    continue
                if image.shape[:2] != (camera.height, camera.width):
                    raise InputError(
                        f"an image of {self.image_topic} is {image.shape[1]} x {image.shape[0]} px but its camera_info "
                        f"is for {camera.width} x {camera.height}: give a drive of one camera"
                    )
                yield index, camera.rectify(image)
                if not left:
                    break
            progress.close()


def read_drive(
    bag: Path, config: SessionConfig, setup: CameraSetup, topics: Mapping[str, str], sensors: Lookup | None = None
) -> RecordedDrive:
    """All of a bag but its images, in the order it was recorded. topics: by role, as in a replay.

    sensors: as of `SensorInputs.locate_sensors_by`.
    """
    log, damage = _SensorLog(config, {ONE: setup}), Damage()
    log.locate_sensors_by(sensors)
    with open_bag(bag) as reader:
        uncalibrated = [ONE] if setup.calibrated else []
        roles = roles_of(topics_in(reader), topics, (), uncalibrated)
        connections = [each for each in reader.connections if each.topic in roles]
        for connection, _, message in read_messages(reader, connections, damage):
            log.take(role := roles[connection.topic], message)
            if role == "camera_info" and log.is_other_camera():
                raise InputError(f"{bag}: camera_info tells of another camera midway: give a drive of one, at one zoom")
    log.settle(None)
    camera = log.camera()
    image_topic = next(name for name, role in roles.items() if role == "image")
    if not isinstance(camera, CameraModel):
        raise InputError(f"{bag}: {camera.reason}: record camera_info with the images")
    if log.frame is None or len(log.fixes) < 2:
        reason = log.refused.get("fix", "there is none")
        raise InputError(f"{bag} has no fixes that can be used ({reason}): a drive is placed by them")
    if len(log.stamps) < 2:
        raise InputError(f"{bag} has {len(log.stamps)} images on {image_topic}: expected a drive")
    stamps = np.array(log.stamps, dtype=np.int64)
    heard = log.motions, log.fixes, log.headings
    refused = next((log.refused[name] for name in ("odom", "twist") if name in log.refused), "")
    return RecordedDrive(bag, image_topic, camera, log.frame, stamps, *heard, setup.delay, refused)


class _SensorLog(SensorInputs):
    """Keeps what the inputs of a session hear for as long as a drive takes."""

    def __init__(self, config: SessionConfig, cameras: Mapping[str, CameraSetup]) -> None:
        super().__init__(config, cameras)
        self.stamps: list[int] = []
        self.motions: list[Motion] = []
        self.fixes: list[Fix] = []
        self.headings: list[Heading] = []
        self._pending: list[int] = []
        self._way, self._way_until_ns = NO_MOTION, 0  # since the last frame
        self._first_camera: CameraModel | None = None
        self._takers: dict[str, Callable[[Any], None]] = {
            "camera_info": self.on_camera_info,
            "fix": self.on_fix,
            "imu": self.on_imu,
            "odom": self.on_odom,
            "twist": self.on_twist,
        }

    def take(self, role: str, message: Any) -> None:
        """A message in its role."""
        message = self.exposed(message) if role == "image" else message
        stamp = stamp_ns(message.header.stamp)
        if role != "image":
            self._takers[role](message)
        elif not self._pending or stamp > self._pending[-1]:  # an image that comes late is left out
            self._pending.append(stamp)
        self.settle(stamp - AWAITED_NS)

    def is_other_camera(self) -> bool:
        """Whether the newest camera_info is not of the camera that the drive began with."""
        camera = self.camera()
        if not isinstance(camera, CameraModel):
            return False
        first = self._first_camera = self._first_camera or camera
        return camera is not first and not _alike(first, camera)

    def settle(self, until_ns: int | None) -> None:
        """Read the way to the frames up to a stamp, or to all of them, while what it is read from is remembered."""
        while self._pending and (until_ns is None or self._pending[0] <= until_ns):
            stamp = self._pending.pop(0)
            if self.stamps:
                self.motions.append(self._way_to(stamp))
            self._way, self._way_until_ns = NO_MOTION, stamp
            self.stamps.append(stamp)
            self.fixes.extend(self._sensors.take_fixes(stamp))
        self._keep_up()

    def _way_to(self, stamp_ns: int) -> Motion:
        """From the last frame to a stamp."""
        if stamp_ns < self._way_until_ns:
            return self._motions.between(self.stamps[-1], stamp_ns)
        return _joined(self._way, self._motions.between(self._way_until_ns, stamp_ns))

    def _keep_up(self) -> None:
        """Where no frame comes for long, read the way so far."""
        newest_ns = self._motions.newest_ns
        if self.stamps and newest_ns is not None and newest_ns - self._way_until_ns > 2 * KEEP_UP_NS:
            until_ns = newest_ns - KEEP_UP_NS
            self._way, self._way_until_ns = self._way_to(until_ns), until_ns

    def _add_heading(self, heading: Heading) -> None:
        super()._add_heading(heading)
        self.headings.append(heading)


def _joined(first: Motion, then: Motion) -> Motion:
    """One motion after another."""
    return Motion(
        first.displacement @ then.displacement,
        first.distance + then.distance,
        first.turned + then.turned,
        first.unknown_s + then.unknown_s,
        first.unknown_turn_s + then.unknown_turn_s,
        first.missing_s + then.missing_s,
        first.missing_turn_s + then.missing_turn_s,
    )


def _alike(first: CameraModel, second: CameraModel) -> bool:
    """Whether two calibrations are of one camera at one zoom."""
    sizes = {(camera.width, camera.height) for camera in (first, second)}
    off = max(abs(getattr(first, name) - getattr(second, name)) for name in ("fx", "fy", "cx", "cy"))
    return len(sizes) == 1 and off <= ALIKE * first.width
