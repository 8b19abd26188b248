"""A recorded drive with trusted poses: a ROS 2 bag, its satellite tiles and its trajectory."""

from __future__ import annotations

import logging
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.bags.calibration import camera_model
from geoflow_ros.bags.calibration_file import read_calibration
from geoflow_ros.bags.messages import compressed_to_rgb, stamp_ns, stamped_earlier, to_rgb
from geoflow_ros.bags.reading import Damage, open_bag, read_messages
from geoflow_ros.bags.trajectory import read_tum
from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.camera_mask import read_mask
from geoflow_ros.datasets.dataset_files import Findings
from geoflow_ros.datasets.prior_noise import PriorNoise
from geoflow_ros.datasets.sample import Place, Sample
from geoflow_ros.encoded_images import is_whole
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.planar import PlanarPose
from geoflow_ros.satellite.mosaic import SatelliteMap
from geoflow_ros.satellite.stores import open_store
from geoflow_ros.structured_text import read_json

if TYPE_CHECKING:
    from rosbags.highlevel import AnyReader

LOGGER = logging.getLogger(__name__)
COMPRESSED, RAW = "sensor_msgs/msg/CompressedImage", "sensor_msgs/msg/Image"
CAMERA_INFO = "sensor_msgs/msg/CameraInfo"
MOST_DELAY_S = 1.0
OF_ITSELF = ("delay", "mask", "calibration")
"""What drive.json may say of a camera beside its mount and topics."""


@dataclass(frozen=True, slots=True)
class DescribedCamera:
    """Where a camera is on base_link, its topics, None for the only one of its type or, of a rig, those of its name.

    delay, mask, calibration: as `camera.delay` (s) and so on; in the file, the latter two are relative to its folder.
    """

    mount: Mount
    image_topic: str | None = None
    camera_info_topic: str | None = None
    delay: float = 0.0
    mask: str = ""
    calibration: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriveDescription(DescribedCamera):
    """drive.json: of the camera what neither the bag nor the trajectory says. cameras: of a rig, by name, the same."""

    datum: Datum
    cameras: Mapping[str, DescribedCamera] = field(default_factory=dict)

    def camera(self, info: Any | None) -> CameraModel:
        """The single camera, calibrated by a sensor_msgs/CameraInfo, or None where it has a calibration of its own."""
        if info is None:
            camera = read_calibration(Path(self.calibration), False, self.mount)
        else:
            camera = camera_model(info, self.mount)
        return camera.masked(read_mask(Path(self.mask))) if self.mask else camera

    def camera_parameters(self, names: Sequence[str]) -> dict[str, Any]:
        """What it says of these cameras of a rig, or without names of the single one, as the node's parameters.

        What it does not state of the camera itself is left to what is said of all cameras, `camera.*`.
        """
        rig = {f"camera.{name}": self.cameras[name] for name in names if name in self.cameras}
        groups: Mapping[str, DescribedCamera] = rig if names else {"camera": self}
        parameters: dict[str, Any] = {}
        for group, camera in groups.items():
            stated = {name: value for name in OF_ITSELF if (value := getattr(camera, name))}
            parameters |= {f"{group}.{name}": value for name, value in {**asdict(camera.mount), **stated}.items()}
        return parameters

    @property
    def topics(self) -> dict[str, str]:
        """Topics by role, as far as they are stated."""
        stated = {"image": self.image_topic, "camera_info": self.camera_info_topic}
        for name, camera in self.cameras.items():
            stated |= {f"{name}/image": camera.image_topic, f"{name}/camera_info": camera.camera_info_topic}
        return {role: topic for role, topic in stated.items() if topic}


@dataclass(frozen=True, slots=True)
class PlacedFrame:
    """An image in the bag: when it was recorded, when it was taken (ns), and where its camera was."""

    recorded_ns: int
    stamp_ns: int
    pose: PlanarPose


def read_description(path: Path) -> DriveDescription:
    """The description in a drive.json with `datum` {latitude, longitude, altitude} and `mount` {forward, left, ...}."""
    try:
        document = read_json(path)
        seen = {name: _seen_by(each, path.parent) for name, each in document.get("cameras", {}).items()}
        cameras = {name: DescribedCamera(**each) for name, each in seen.items()}
        return DriveDescription(datum=Datum(**document["datum"]), cameras=cameras, **_seen_by(document, path.parent))
    except InputError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{path} does not describe a drive ({type(error).__name__}: {error}): expected datum with latitude, "
            "longitude, altitude and mount with forward, left, height, roll, pitch, yaw"
        ) from error


def _seen_by(document: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """What is stated of a camera."""
    topics = {name: document.get(name) for name in ("image_topic", "camera_info_topic")}
    delay = float(document.get("delay", 0.0))
    if abs(delay) > MOST_DELAY_S:
        raise ValueError(f"delay is {delay:g} s, expected at most {MOST_DELAY_S:g}")
    files = {name: str(folder / document[name]) for name in ("mask", "calibration") if document.get(name)}
    return {"mount": Mount(**document["mount"]), "delay": delay, **files, **topics}


class BagDrive:
    """Samples of a drive folder, in the `map` frame of its datum.

    root: folder with `drive/` (a ROS 2 bag, mcap or sqlite3, with one image and one camera_info topic),
    `tiles.mbtiles`, `poses` (a TUM trajectory of base_link) and `drive.json`. The patch is shifted and turned away from
    the truth by a `PriorNoise`.
    `without_truth` counts the images that the trajectory says nothing about, `truncated` those that are cut short;
    they are left out, as is what cannot be read at all (`damage`).
    """

    def __init__(
        self,
        root: Path,
        shift_range_m: float = 20.0,
        rotation_range_deg: float = 10.0,
        size_px: int = 512,
        resolution: float = 0.1958285,
        seed: int = 0,
        poses: str = "truth.tum",
    ) -> None:
        findings = Findings()
        for name in ("drive/metadata.yaml", "tiles.mbtiles", poses, "drive.json"):
            findings.require_file(root, name)
        findings.raise_if_any("drive", root, "expected what `python -m geoflow_ros.town drive` writes")
        self.name = root.name
        self._open_bags, self._reader_owner = ExitStack(), -1
        self._bag = root / "drive"
        self._noise = PriorNoise(shift_range_m, math.radians(rotation_range_deg), seed)
        self._size_px, self._resolution = size_px, resolution
        self._description = read_description(root / "drive.json")
        self._frame = LocalFrame(self._description.datum)
        self._satellite = SatelliteMap(open_store(root / "tiles.mbtiles"))
        self._index(root / poses)

    def _index(self, truth: Path) -> None:
        trajectory = read_tum(truth)
        self._frames: list[PlacedFrame] = []
        self.without_truth, self.truncated, self.damage = 0, 0, Damage()
        with open_bag(self._bag) as reader:
            self._camera = self._read_camera(reader)
            self._image_topic = _only_topic(reader, self._description.image_topic, (COMPRESSED, RAW), "image_topic")
            for recorded, message in _messages(reader, self._image_topic, self.damage):
                stamp = self._exposed_ns(message)
                pose = trajectory.at(stamp * 1e-9)
                if message.__msgtype__ == COMPRESSED and not is_whole(bytes(message.data)):
                    self.truncated += 1
                elif pose is None:
                    self.without_truth += 1
                else:
                    self._frames.append(PlacedFrame(recorded, stamp, pose @ self._description.mount.planar))
        if self.truncated or str(self.damage):
            truncated = f"{self.truncated} truncated images are left out" if self.truncated else ""
            LOGGER.warning("%s: %s", self._bag, "; ".join(filter(None, (truncated, str(self.damage)))))
        if not self._frames:
            raise InputError(
                f"{truth} has no pose at the stamp of any of {self.without_truth} whole images of {self._bag}"
            )

    def _read_camera(self, reader: AnyReader) -> CameraModel:
        if self._description.calibration:
            return self._description.camera(None)
        topic = _only_topic(reader, self._description.camera_info_topic, (CAMERA_INFO,), "camera_info_topic")
        first = next(_messages(reader, topic, self.damage), None)
        if first is None:
            raise InputError(f"{self._bag} has no message on {topic}: record the camera_info with the images")
        return self._description.camera(first[1])

    @property
    def positions(self) -> NDArray[np.float64]:
        """East, north (N, 2) in metres of the camera in every frame."""
        return np.array([(frame.pose.x, frame.pose.y) for frame in self._frames])

    @property
    def geodetic(self) -> NDArray[np.float64]:
        """WGS84 latitude, longitude (N, 2) in degrees of the camera in every frame."""
        latitude, longitude, _ = self._frame.to_geodetic(self.positions)
        return np.stack([latitude, longitude], axis=-1)

    def on_map(self, geodetic: NDArray[np.float64]) -> NDArray[np.float64]:
        """East, north (M, 2) in the `map` frame of this drive of latitudes and longitudes (M, 2)."""
        return self._frame.to_enu(*geodetic.T)[:, :2]

    def place(self, index: int) -> Place:
        """Of the camera, in the `map` frame of the drive."""
        pose = self._frames[index % len(self._frames)].pose
        return Place(self.name, pose.x, pose.y)

    def __len__(self) -> int:
        return len(self._frames)

    def __getitem__(self, index: int) -> Sample:
        frame = self._frames[index % len(self._frames)]
        image = self._read_image(frame)
        if image.shape[:2] != (self._camera.height, self._camera.width):
            raise InputError(
                f"image {frame.stamp_ns} of {self._bag} is {image.shape[1]} x {image.shape[0]} px but its camera_info "
                f"is for {self._camera.width} x {self._camera.height}"
            )
        pose = frame.pose
        prior = pose @ self._noise.draw(index)
        patch = self._satellite.patch(self._frame, (prior.x, prior.y), prior.yaw, self._size_px, self._resolution)
        ground, camera = self._camera.rectify(image), self._camera.rectified()
        return Sample(str(frame.stamp_ns), ground, camera, patch, (pose.x, pose.y, pose.yaw), self._noise.known(prior))

    def _read_image(self, frame: PlacedFrame) -> NDArray[np.uint8]:
        only = (frame.recorded_ns, frame.recorded_ns + 1)
        messages = _messages(self._own_reader(), self._image_topic, Damage(), *only)
        for _, message in messages:
            if self._exposed_ns(message) == frame.stamp_ns:
                return to_rgb(message) if message.__msgtype__ == RAW else compressed_to_rgb(message)
        raise InputError(f"{self._bag} has lost its image {frame.stamp_ns}: it was changed while being read")

    def _exposed_ns(self, message: Any) -> int:
        return stamp_ns(stamped_earlier(message, self._description.delay).header.stamp)

    def _own_reader(self) -> AnyReader:
        """The bag, opened once a process: the workers of a loader must not share a file position."""
        if self._reader_owner != os.getpid():
            self._open_bags.pop_all()  # a parent's, if any, is the parent's to close
            self._reader, self._reader_owner = self._open_bags.enter_context(open_bag(self._bag)), os.getpid()
        return self._reader


def _only_topic(reader: AnyReader, wanted: str | None, types: tuple[str, ...], key: str) -> str:
    topics = sorted({each.topic for each in reader.connections if each.msgtype in types})
    if wanted is None and len(topics) == 1:
        return topics[0]
    if wanted in topics and wanted is not None:
        return wanted
    found = ", ".join(topics) or "none"
    raise InputError(f"the bag's topics of type {' or '.join(types)} are {found}: name one as {key} in drive.json")


def _messages(
    reader: AnyReader, topic: str, damage: Damage, start: int | None = None, stop: int | None = None
) -> Iterator[tuple[int, Any]]:
    connections = [each for each in reader.connections if each.topic == topic]
    for _, recorded, message in read_messages(reader, connections, damage, start, stop):
        yield recorded, message
