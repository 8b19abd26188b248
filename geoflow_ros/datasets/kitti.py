"""KITTI cross-view: ground images of KITTI raw over aerial maps, in the split all published methods use."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.datasets.crop import patch_of_image
from geoflow_ros.datasets.dataset_files import Findings, numbered_lines, read_image, read_lines
from geoflow_ros.datasets.prior_noise import PriorNoise
from geoflow_ros.datasets.sample import Place, Sample, place_on_earth
from geoflow_ros.errors import InputError
from geoflow_ros.planar import PlanarPose, rotate

RESOLUTION = 0.1958285
"""Metres per pixel of every satellite map: zoom 18, doubled, at latitude 49.015 for all frames."""
MAP_PX = 1280
MOUNT = Mount(forward=1.08, left=-0.26, height=1.65)
"""The left colour camera on the IMU, as the protocol has it."""
LISTS = {
    "train": "train_files.txt",
    "val": "train_files.txt",
    "test1": "test1_files.txt",
    "test2": "test2_files.txt",
}
"""The list each split is read from; `val` is held out of the training list."""
_SPLIT_SEED = 17  # of the order in which drives are held out, the same for every run
_FRAME = re.compile(r"(\d{4}_\d\d_\d\d)/(\1_drive_\d{4}_sync)/(\d{10}\.png)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class KittiFrame:
    """One line of a list. noise: how far the camera is forward and left of the crop's middle and turned
    counter-clockwise, in [-1, 1] of the ranges; None where it is drawn.
    """

    date: str
    drive: str
    file: str
    noise: tuple[float, float, float] | None

    @property
    def key(self) -> str:
        return f"{self.date}/{self.drive}/{self.file}"

    @property
    def ground_path(self) -> str:
        return f"raw_data/{self.date}/{self.drive}/image_02/data/{self.file.lower()}"

    @property
    def oxts_path(self) -> str:
        return f"raw_data/{self.date}/{self.drive}/oxts/data/{self.file.lower().replace('.png', '.txt')}"

    @property
    def satellite_path(self) -> str:
        return f"satmap/{self.date}/{self.drive}/{self.file}"

    @property
    def calibration_path(self) -> str:
        return f"raw_data/{self.date}/calib_cam_to_cam.txt"


def parse_list(path: Path, with_noise: bool, findings: Findings) -> list[KittiFrame]:
    """The frames of a list file; lines that are none are noted in `findings`."""
    frames = []
    for number, line in numbered_lines(path):
        name, *columns = line.split()
        match = _FRAME.fullmatch(name)
        noise = _noise(columns) if with_noise else None
        if match is None or (with_noise and noise is None) or (not with_noise and columns):
            findings.add("bad line", f"{path.name}:{number} {line!r}")
        else:
            frames.append(KittiFrame(match[1], match[2], match[3], noise))
    return frames


def _noise(columns: list[str]) -> tuple[float, float, float] | None:
    try:
        forward, left, rotation = (float(column) for column in columns)
    except ValueError:
        return None
    # NaN fails the comparison too.
    return (forward, left, rotation) if all(abs(value) <= 1.0 for value in (forward, left, rotation)) else None


class KittiCrossView:
    """Samples of one split; their patch frame has the crop's own axes (yaw 0: east = +u, north = -v).

    root: tree with raw_data/, satmap/ and the lists. split: train, val (whole drives held out of the training list,
    about validation_share of its frames, see `held_out_drives`), test1 or test2. Test lines carry their noise; the
    other splits draw it for every (seed, index). shift_range_m, rotation_range_deg: what a noise of 1 means.
    size_px, resolution: of the crop; the defaults are the protocol's.
    """

    def __init__(
        self,
        root: Path,
        split: str,
        shift_range_m: float = 20.0,
        rotation_range_deg: float = 10.0,
        size_px: int = 512,
        resolution: float = RESOLUTION,
        seed: int = 0,
        validation_share: float = 0.1,
    ) -> None:
        if split not in LISTS:
            raise InputError(f"KITTI split {split!r} is unknown: expected one of {', '.join(LISTS)}")
        self._root = root
        self._noise = PriorNoise(shift_range_m, math.radians(rotation_range_deg), seed)
        self._size_px, self._resolution = size_px, resolution
        self._frames: list[KittiFrame] = []
        self._poses: list[OxtsPose] = []
        self._cameras: dict[str, CameraModel] = {}
        self._index(split, validation_share)

    def _index(self, split: str, validation_share: float) -> None:
        findings = Findings()
        findings.require_file(self._root, LISTS[split])
        if (self._root / LISTS[split]).is_file():
            frames = parse_list(self._root / LISTS[split], split.startswith("test"), findings)
            self._frames = frames if split.startswith("test") else _divide(frames, split, validation_share)
            if not self._frames:
                findings.add(f"list without a frame for {split}", LISTS[split])
        for relative in sorted({frame.calibration_path for frame in self._frames}):
            with findings.noting("unusable calibration"):
                self._cameras[relative] = read_camera(self._root / relative)
        for frame in self._frames:
            findings.require_image(self._root, frame.ground_path)
            findings.require_image(self._root, frame.satellite_path)
            with findings.noting("unusable oxts file"):
                self._poses.append(read_pose(self._root / frame.oxts_path))
        findings.raise_if_any(
            f"KITTI cross-view split {split}",
            self._root,
            "expected raw_data/ as KITTI raw unpacks it, satmap/ with one 1280 px map a frame, and the public lists "
            "(`<date>/<drive>_sync/<frame>.png`, in test lists followed by three numbers in [-1, 1]; "
            "val needs two drives)",
        )

    def __len__(self) -> int:
        return len(self._frames)

    def place(self, index: int) -> Place:
        """Of the OXTS unit: streets are driven more than once."""
        pose = self._poses[index % len(self._frames)]
        return place_on_earth(pose.latitude, pose.longitude)

    def __getitem__(self, index: int) -> Sample:
        frame = self._frames[index % len(self._frames)]
        ground = read_image(self._root / frame.ground_path)
        camera = self._cameras[frame.calibration_path]
        if ground.shape[:2] != (camera.height, camera.width):
            raise InputError(
                f"{self._root / frame.ground_path} is {ground.shape[1]} x {ground.shape[0]} px but its calibration is "
                f"for {camera.width} x {camera.height}: use the unresized images of KITTI raw"
            )
        satellite = read_map(self._root / frame.satellite_path)
        offset = self._offset(frame, index)
        yaw = self._poses[index % len(self._frames)].yaw
        center = crop_center(yaw, offset)
        patch = patch_of_image(satellite, RESOLUTION, center, yaw + offset.yaw, 0.0, self._size_px, self._resolution)
        truth = offset.inverse()
        prior = self._noise.known(PlanarPose())
        return Sample(frame.key, ground, camera, patch, (truth.x, truth.y, truth.yaw), prior)

    def _offset(self, frame: KittiFrame, index: int) -> PlanarPose:
        """The crop as the camera sees it; the lists say it the other way round."""
        if frame.noise is None:
            return self._noise.draw(index)
        forward, left, rotation = frame.noise
        return self._noise.scaled(-forward, -left, -rotation)


def read_map(path: Path) -> NDArray[np.uint8]:
    """The satellite map (MAP_PX, MAP_PX, 3) of a frame."""
    image = read_image(path)
    if image.shape[:2] != (MAP_PX, MAP_PX):
        raise InputError(f"{path} is {image.shape[1]} x {image.shape[0]} px: expected a {MAP_PX} x {MAP_PX} map")
    return image


def held_out_drives(frames: Sequence[KittiFrame], share: float) -> set[str]:
    """The drives to validate on: in an order that depends on nothing but their names, as many as fit into the share.

    Neighbouring frames of a drive show the same place, so a drive is held out whole. At least one is, and at least
    one is left to train on; none where there is only one.
    """
    sizes = Counter(frame.drive for frame in frames)
    order = [sorted(sizes)[i] for i in np.random.default_rng(_SPLIT_SEED).permutation(len(sizes))]
    chosen: set[str] = set()
    count = 0
    for drive in order:
        if count + sizes[drive] <= share * len(frames):
            chosen.add(drive)
            count += sizes[drive]
    if not chosen and len(sizes) > 1:
        chosen.add(min(order, key=lambda drive: sizes[drive]))
    return chosen


def _divide(frames: list[KittiFrame], split: str, share: float) -> list[KittiFrame]:
    held_out = held_out_drives(frames, share)
    return [frame for frame in frames if (frame.drive in held_out) == (split == "val")]


def crop_center(yaw: float, offset: PlanarPose) -> tuple[float, float]:
    """Map pixel under the crop's centre, which a camera of heading `yaw` (rad) sees at `offset`.

    The protocol rotates the map to the heading (nearest neighbour), shifts it to the camera, shifts it by the
    noise, rotates it by the noise and cuts out the middle. One composed warp does the same to a fraction of a
    pixel without resampling four times; no step of the protocol clips what the crop shows, because 512 px at any
    turn, 20 m away, lie within the map.
    """
    east, north = rotate(yaw, (MOUNT.forward + offset.x, MOUNT.left + offset.y)).tolist()
    return MAP_PX / 2 + east / RESOLUTION, MAP_PX / 2 - north / RESOLUTION


@dataclass(frozen=True, slots=True)
class OxtsPose:
    """WGS84 degrees, and heading (rad, counter-clockwise from east)."""

    latitude: float
    longitude: float
    yaw: float


def read_pose(path: Path) -> OxtsPose:
    """What the first, second and sixth field of an oxts file say."""
    fields = " ".join(read_lines(path)).split()
    try:
        pose = OxtsPose(float(fields[0]), float(fields[1]), float(fields[5]))
    except (IndexError, ValueError) as error:
        raise InputError(
            f"{path} holds {len(fields)} fields and no latitude, longitude and yaw in the first, second and sixth: "
            "expected KITTI oxts"
        ) from error
    if not (abs(pose.latitude) <= 90.0 and abs(pose.longitude) <= 180.0):
        raise InputError(f"{path} is at latitude {pose.latitude}, longitude {pose.longitude}: expected degrees")
    if not math.isfinite(pose.yaw):
        raise InputError(f"{path} has yaw {pose.yaw}: expected radians")
    return pose


def read_camera(path: Path, number: str = "02") -> CameraModel:
    """A rectified camera of a calib_cam_to_cam.txt, by default the left colour one: P_rect_02 at the size S_rect_02."""
    fields = {name: values for name, _, values in (line.partition(":") for line in read_lines(path))}
    projection, size = _numbers(fields, f"P_rect_{number}", 12, path), _numbers(fields, f"S_rect_{number}", 2, path)
    return CameraModel.of_matrix(
        (round(size[0]), round(size[1])), (projection[0], projection[5]), (projection[2], projection[6]), MOUNT
    )


def _numbers(fields: dict[str, str], name: str, count: int, path: Path) -> NDArray[np.float64]:
    try:
        values = np.array(fields.get(name, "").split(), dtype=np.float64)
    except ValueError:
        values = np.empty(0)
    if values.size != count or not np.isfinite(values).all():
        raise InputError(f"{path} has no {name} of {count} finite numbers: expected KITTI's calib_cam_to_cam.txt")
    return values
