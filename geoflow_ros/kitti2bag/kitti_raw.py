"""A synced drive of KITTI raw: its colour images, its OXTS log and where the cameras sit on the car."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.datasets.dataset_files import Findings, numbered_lines, read_lines
from geoflow_ros.datasets.kitti import MOUNT, read_camera
from geoflow_ros.errors import InputError

Floats = NDArray[np.float64]
OXTS_COLUMNS = (
    "lat", "lon", "alt", "roll", "pitch", "yaw", "vn", "ve", "vf", "vl", "vu", "ax", "ay", "az", "af", "al", "au",
    "wx", "wy", "wz", "wf", "wl", "wu", "pos_accuracy", "vel_accuracy", "navstat", "numsats", "posmode", "velmode",
    "orimode",
)  # fmt: skip
OXTS_HEIGHT = 0.93
"""Metres of the OXTS unit above the ground (KITTI's sketch of the sensors)."""
OPTICAL = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
"""Columns: right, down, forward of a camera that looks along x, in forward, left, up."""
IMAGE_SUFFIXES = (".png", ".jpg")
LEFT, RIGHT = "02", "03"
"""Numbers of the colour cameras."""
_STAMP = re.compile(r"(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d)\.(\d{1,9})")


@dataclass(frozen=True, slots=True)
class RawImage:
    """An image file, its number in the drive and when it was taken (ns)."""

    path: Path
    index: int
    stamp_ns: int


@dataclass(frozen=True, slots=True, eq=False)
class OxtsLog:
    """stamps_ns: (N,) rising. indices: (N,) numbers in the drive. values: (N, 30), columns as OXTS_COLUMNS.

    left_out: samples that were recorded with a stamp before their predecessor's.
    """

    stamps_ns: NDArray[np.int64]
    indices: NDArray[np.int64]
    values: Floats
    left_out: int

    def column(self, name: str) -> Floats:
        """A column (N,)."""
        return self.values[:, OXTS_COLUMNS.index(name)]

    def columns(self, names: str) -> Floats:
        """Columns (N, k) of space-separated names."""
        return np.column_stack([self.column(name) for name in names.split()])


@dataclass(frozen=True, slots=True, eq=False)
class RawCamera:
    """A rectified colour camera. model: with its mount on base_link, the ground under the OXTS unit, level, heading as
    the OXTS yaw. side: `left` or `right`. in_imu: (4, 4), its optical frame to the OXTS frame. projection: (3, 4),
    P_rect_02 or 03.
    """

    side: str
    images: tuple[RawImage, ...]
    model: CameraModel
    in_imu: Floats
    projection: Floats


@dataclass(frozen=True, slots=True, eq=False)
class RawDrive:
    """A drive. cameras: the left one first.

    is_calibrated: whether the cameras are mounted as the date's calibration says, or else as the protocol says.
    """

    name: str
    cameras: tuple[RawCamera, ...]
    oxts: OxtsLog
    is_calibrated: bool


def read_drive(root: Path, with_right: bool = False) -> RawDrive:
    """The drive in a folder `<date>_drive_<number>_sync`; everything wrong with it is one InputError.

    with_right: its right colour camera, too.
    """
    if not root.is_dir():
        raise InputError(f"{root} is no folder: give an unpacked <date>_drive_<number>_sync of KITTI raw")
    root = root.resolve()
    findings = Findings()
    sides = {"left": LEFT} | ({"right": RIGHT} if with_right else {})
    images = {side: _read_images(root, f"image_{number}", findings) for side, number in sides.items()}
    log = _read_oxts(root, findings)
    folders = "/, ".join(f"image_{number}" for number in sides.values())
    findings.raise_if_any(
        "KITTI raw drive",
        root,
        f"expected {folders}/ and oxts/ of the synced data, each with timestamps.txt and one file a line in data/",
    )
    is_calibrated = (root.parent / "calib_imu_to_velo.txt").is_file()
    cameras = (_read_camera(root.parent, side, sides[side], taken, is_calibrated) for side, taken in images.items())
    return RawDrive(root.name, tuple(cameras), log, is_calibrated)


def read_stamps(path: Path) -> dict[int, int]:
    """Index in the drive -> nanoseconds since 1970 of a timestamps.txt, its times taken as UTC.

    A blank line is a sample that was dropped; it has its index all the same.
    """
    stamps = {}
    for number, line in numbered_lines(path):
        match = _STAMP.fullmatch(line)
        second = _utc_second(match[1]) if match else None
        if match is None or second is None:
            raise InputError(f"{path}:{number} is {line!r}: expected a time such as 2011-09-26 13:02:25.964389445")
        stamps[number - 1] = second * 1_000_000_000 + int(match[2].ljust(9, "0"))
    return stamps


def _utc_second(time: str) -> int | None:
    """Seconds since 1970, None if there is no such time, as at 93 o'clock."""
    try:
        return round(datetime.strptime(time, "%Y-%m-%d %H:%M:%S").replace(tzinfo=timezone.utc).timestamp())
    except ValueError:
        return None


def read_camera_in_imu(folder: Path, projection: Floats) -> Floats:
    """Optical frame of a rectified camera to OXTS frame (4, 4), of a date's three calibration files."""
    rectification = np.eye(4)
    rectification[:3, :3] = read_matrix(folder / "calib_cam_to_cam.txt", "R_rect_00", (3, 3))
    velo_to_cam, imu_to_velo = (_rigid(folder / f"calib_{name}.txt") for name in ("velo_to_cam", "imu_to_velo"))
    return np.asarray(np.linalg.inv(_from_reference(projection) @ rectification @ velo_to_cam @ imu_to_velo))


def _from_reference(projection: Floats) -> Floats:
    """The rectified frame of the left grey camera to that of the camera with this projection (3, 4), as (4, 4)."""
    baseline = np.eye(4)
    baseline[:3, 3] = np.linalg.solve(projection[:, :3], projection[:, 3])
    return baseline


def read_matrix(path: Path, name: str, shape: tuple[int, ...]) -> Floats:
    """The matrix that a calibration file has under a name."""
    fields = dict(line.partition(":")[::2] for line in read_lines(path))
    try:
        return np.array(fields[name].split(), dtype=np.float64).reshape(shape)
    except (KeyError, ValueError) as error:
        size = " x ".join(map(str, shape))
        raise InputError(f"{path} has no {name} of {size} numbers: expected a calibration of KITTI raw") from error


def camera_in_imu_of(mount: Mount) -> Floats:
    """Optical frame to OXTS frame (4, 4) of a mount on the ground under the OXTS unit."""
    result = np.eye(4)
    result[:3, :3] = Rotation.from_euler("ZYX", [mount.yaw, mount.pitch, mount.roll]).as_matrix() @ OPTICAL
    result[:3, 3] = mount.forward, mount.left, mount.height - OXTS_HEIGHT
    return result


def mount_of(camera_in_imu: Floats) -> Mount:
    """The mount on the ground under the OXTS unit of a camera in the OXTS frame (4, 4); inverts camera_in_imu_of."""
    yaw, pitch, roll = Rotation.from_matrix(camera_in_imu[:3, :3] @ OPTICAL.T).as_euler("ZYX").tolist()
    forward, left, up = camera_in_imu[:3, 3].tolist()
    return Mount(forward, left, up + OXTS_HEIGHT, roll, pitch, yaw)


def _read_camera(folder: Path, side: str, number: str, images: tuple[RawImage, ...], is_calibrated: bool) -> RawCamera:
    """A camera of a date's folder; without calibration of the OXTS unit, where the protocol has the left one."""
    calibration = folder / "calib_cam_to_cam.txt"
    model, projection = read_camera(calibration, number), read_matrix(calibration, f"P_rect_{number}", (3, 4))
    if is_calibrated:
        in_imu = read_camera_in_imu(folder, projection)
    else:
        left = read_matrix(calibration, f"P_rect_{LEFT}", (3, 4))
        in_imu = camera_in_imu_of(MOUNT) @ _from_reference(left) @ np.linalg.inv(_from_reference(projection))
    return RawCamera(side, images, replace(model, mount=mount_of(in_imu)), in_imu, projection)


def _rigid(path: Path) -> Floats:
    result = np.eye(4)
    result[:3, :3], result[:3, 3] = read_matrix(path, "R", (3, 3)), read_matrix(path, "T", (3,))
    return result


def _read_images(root: Path, folder: str, findings: Findings) -> tuple[RawImage, ...]:
    files = _numbered(root, folder, IMAGE_SUFFIXES, findings)
    stamps = _stamps_for(root, folder, files, findings)
    return tuple(RawImage(path, index, stamps[index]) for index, path in files.items() if index in stamps)


def _read_oxts(root: Path, findings: Findings) -> OxtsLog:
    files = _numbered(root, "oxts", (".txt",), findings)
    stamps = _stamps_for(root, "oxts", files, findings)
    rows, kept, last = [], [], -1
    for index, path in files.items():
        with findings.noting("unusable oxts file"):
            row = _oxts_row(path)
            if stamps.get(index, -1) > last:
                last = stamps[index]
                rows.append(row)
                kept.append(index)
    times = np.array([stamps[index] for index in kept], dtype=np.int64)
    values = np.array(rows, dtype=np.float64).reshape(-1, len(OXTS_COLUMNS))
    return OxtsLog(times, np.array(kept, dtype=np.int64), values, len(files) - len(kept))


def _oxts_row(path: Path) -> list[float]:
    fields = " ".join(read_lines(path)).split()
    try:
        row = [float(field) for field in fields]
    except ValueError:
        row = []
    if len(row) != len(OXTS_COLUMNS) or not np.isfinite(row).all():
        raise InputError(f"{path.name} holds {len(fields)} fields: expected {len(OXTS_COLUMNS)} finite numbers")
    if not (abs(row[0]) <= 85.0 and abs(row[1]) <= 180.0):
        raise InputError(f"{path.name} is at latitude {row[0]}, longitude {row[1]}: expected degrees")
    return row


def _numbered(root: Path, sensor: str, suffixes: tuple[str, ...], findings: Findings) -> dict[int, Path]:
    """Number in the drive -> file."""
    folder = root / sensor / "data"
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    found = {int(file.stem): file for file in files if file.suffix in suffixes and file.stem.isdecimal()}
    if not found:
        findings.add("folder without data", f"{sensor}/data")
    return found


def _stamps_for(root: Path, sensor: str, files: dict[int, Path], findings: Findings) -> dict[int, int]:
    """Number in the drive -> stamp (ns)."""
    stamps: dict[int, int] = {}
    with findings.noting("unusable time stamps"):
        stamps = read_stamps(root / sensor / "timestamps.txt")
    for index, file in files.items():
        if stamps and index not in stamps:
            findings.add("file without a line in timestamps.txt", f"{sensor}/data/{file.name}")
    return stamps
