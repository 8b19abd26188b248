"""A drive of KITTI raw as ROS 2 messages on the topics that kitti2bag made customary."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation
from tqdm import tqdm

from geoflow_ros.bags.recording import BagRecorder, Messages
from geoflow_ros.camera import CameraModel
from geoflow_ros.datasets.bag_drive import CAMERA_INFO, COMPRESSED, RAW
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import Datum, LocalFrame
from geoflow_ros.kitti2bag.kitti_raw import OXTS_HEIGHT, RawCamera, RawDrive, RawImage
from geoflow_ros.kitti2bag.oxts_messages import (
    BASE_FRAME,
    FIX,
    IMU_FRAME,
    LEAST_SIGMA,
    OXTS_TYPES,
    VERTICAL_SIGMA,
    OxtsMessages,
    Timed,
)
from geoflow_ros.satellite.tile_images import decode_tile
from geoflow_ros.town.noise import SensorErrors, gnss_fixes

Floats = NDArray[np.float64]
TF = "tf2_msgs/msg/TFMessage"
TOWN_FIX_ERROR_M = 8.0
"""Mean horizontal error of `SensorErrors` as it is."""


@dataclass(frozen=True, slots=True)
class BagOptions:
    """How a drive is recorded. fix_error_m: mean error added to the fixes, by `seed`. raw: images decoded."""

    storage: str = "mcap"
    raw: bool = False
    fix_error_m: float = 0.0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class CameraTopics:
    """Where a camera's messages are recorded, and the frame_id that they carry."""

    image: str
    camera_info: str
    frame: str


def topics_of(side: str, options: BagOptions) -> CameraTopics:
    """Those of the left or the right colour camera."""
    frame = f"camera_color_{side}"
    image = f"/kitti/{frame}/image_raw"
    return CameraTopics(image if options.raw else f"{image}/compressed", f"/kitti/{frame}/camera_info", frame)


def datum_of(drive: RawDrive) -> Datum:
    """Where the OXTS unit was first: the origin of the drive's `map`."""
    latitude, longitude, altitude = drive.oxts.columns("lat lon alt")[0].tolist()
    return Datum(latitude, longitude, altitude)


def truth_of(drive: RawDrive) -> Floats:
    """East, north, yaw (N, 3) of base_link at the stamps of the OXTS log, in the `map` of `datum_of`."""
    frame = LocalFrame(datum_of(drive))
    enu = frame.to_enu(*drive.oxts.columns("lat lon alt").T)
    return np.column_stack([enu[:, :2], drive.oxts.column("yaw")])


def write_bag(folder: Path, drive: RawDrive, options: BagOptions) -> None:
    """Record the drive into a new bag folder."""
    messages = Messages()
    of_cameras = {camera.side: topics_of(camera.side, options) for camera in drive.cameras}
    topics = {**OXTS_TYPES, "/tf_static": TF}
    for each in of_cameras.values():
        topics |= {each.image: RAW if options.raw else COMPRESSED, each.camera_info: CAMERA_INFO}
    cameras = [_camera(messages, camera, of_cameras[camera.side], options.raw) for camera in drive.cameras]
    oxts = OxtsMessages(messages, drive.oxts, _fixes(drive, options))
    streams = heapq.merge(*cameras, oxts, key=lambda timed: timed.stamp_ns)
    with BagRecorder(folder, topics, messages, options.storage) as recorder:
        images = [image for camera in drive.cameras for image in camera.images]
        first_ns = min(int(drive.oxts.stamps_ns[0]), *(image.stamp_ns for image in images))
        recorder.write("/tf_static", first_ns, static_transforms(messages, drive, first_ns))
        counted = {FIX, *(each.image for each in of_cameras.values())}
        with tqdm(total=len(images) + len(drive.oxts.stamps_ns), unit="sample", desc=drive.name, disable=None) as bar:
            for timed in streams:
                recorder.write(timed.topic, timed.stamp_ns, timed.message)
                bar.update(timed.topic in counted)


def static_transforms(messages: Messages, drive: RawDrive, stamp_ns: int) -> Any:
    """base_link -> imu_link -> camera_color_left and, where it is recorded, camera_color_right (optical)."""
    imu = messages.transform(
        messages.header(stamp_ns, BASE_FRAME), IMU_FRAME, (0.0, 0.0, OXTS_HEIGHT), (0.0, 0.0, 0.0, 1.0)
    )
    header, cameras = messages.header(stamp_ns, IMU_FRAME), []
    for camera in drive.cameras:
        rotation = Rotation.from_matrix(camera.in_imu[:3, :3]).as_quat()
        frame = topics_of(camera.side, BagOptions()).frame
        cameras.append(messages.transform(header, frame, camera.in_imu[:3, 3], rotation))
    return messages.make(TF, transforms=[imu, *cameras])


def _fixes(drive: RawDrive, options: BagOptions) -> tuple[Floats, Floats]:
    """Latitude, longitude, altitude (N, 3) and variances (N, 3) of the fixes, with the error that is asked for."""
    accuracy = np.maximum(drive.oxts.column("pos_accuracy"), LEAST_SIGMA) ** 2
    variances = np.column_stack([accuracy, accuracy, np.full(len(accuracy), VERTICAL_SIGMA**2)])
    positions = drive.oxts.columns("lat lon alt")
    if options.fix_error_m == 0.0:
        return positions, variances
    nominal, scale = SensorErrors(), options.fix_error_m / TOWN_FIX_ERROR_M
    errors = SensorErrors(scale * nominal.gnss_drift, scale * nominal.gnss_white, altitude=scale * nominal.altitude)
    times = (drive.oxts.stamps_ns - drive.oxts.stamps_ns[0]) * 1e-9
    frame = LocalFrame(datum_of(drive))
    enu = frame.to_enu(*positions.T)
    noisy = gnss_fixes(np.random.default_rng(options.seed), times, enu[:, :2], errors)
    noisy[:, 2] += enu[:, 2]
    added = np.array([errors.gnss_variance, errors.gnss_variance, errors.altitude**2])
    return np.column_stack(frame.to_geodetic(noisy)), variances + added


def _camera(messages: Messages, camera: RawCamera, topics: CameraTopics, is_raw: bool) -> Iterator[Timed]:
    info = _calibration(messages, camera)
    for image in camera.images:
        header = messages.header(image.stamp_ns, topics.frame)
        yield Timed(image.stamp_ns, topics.image, _image(messages, camera.model, image, is_raw, header))
        yield Timed(image.stamp_ns, topics.camera_info, messages.make(CAMERA_INFO, header=header, **info))


def _image(messages: Messages, camera: CameraModel, image: RawImage, is_raw: bool, header: Any) -> Any:
    try:
        data = image.path.read_bytes()
        rgb = decode_tile(data)[..., :3]
    except (OSError, InputError) as error:
        raise InputError(f"{image.path} cannot be read: it {error}; unpack it again") from error
    height, width = rgb.shape[:2]
    if (width, height) != (camera.width, camera.height):
        expected = f"{camera.width} x {camera.height}"
        raise InputError(f"{image.path} is {width} x {height} px but its date's calibration is for {expected}")
    if is_raw:
        pixels = np.ascontiguousarray(rgb).ravel()
        return messages.make(
            RAW, header=header, height=height, width=width, encoding="rgb8", is_bigendian=0, step=3 * width,
            data=pixels,
        )  # fmt: skip
    kind = "jpeg" if image.path.suffix == ".jpg" else "png"
    return messages.make(COMPRESSED, header=header, format=kind, data=np.frombuffer(data, dtype=np.uint8))


def _calibration(messages: Messages, raw: RawCamera) -> dict[str, Any]:
    """Fields of the camera_info but its header: the images are rectified, so K is that of P and D is zero."""
    roi = messages.make("sensor_msgs/msg/RegionOfInterest", x_offset=0, y_offset=0, height=0, width=0, do_rectify=False)
    camera = raw.model
    return {
        "height": camera.height, "width": camera.width, "distortion_model": "plumb_bob", "d": np.zeros(5),
        "k": camera.matrix.ravel(), "r": np.eye(3).ravel(), "p": raw.projection.ravel(), "binning_x": 0,
        "binning_y": 0, "roi": roi,
    }  # fmt: skip
