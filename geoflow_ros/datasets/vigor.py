"""VIGOR: street panoramas over zoom 20 aerial images of four cities."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.datasets.crop import patch_of_image
from geoflow_ros.datasets.dataset_files import Findings, numbered_lines, read_image
from geoflow_ros.datasets.prior_noise import PriorNoise
from geoflow_ros.datasets.sample import Place, Sample, place_on_earth
from geoflow_ros.errors import InputError
from geoflow_ros.localization.pose import UniformPosePrior
from geoflow_ros.satellite.patch import SatellitePatch

LABEL_PX = 640
"""Side of the satellite images that the offsets of the labels are counted in."""
RESOLUTIONS = {"NewYork": 0.113248, "Seattle": 0.100817, "SanFrancisco": 0.118141, "Chicago": 0.111262}
"""Metres per pixel of a 640 px satellite image."""
CITIES = {
    ("same", "train"): ("Chicago", "NewYork", "SanFrancisco", "Seattle"),
    ("same", "test"): ("Chicago", "NewYork", "SanFrancisco", "Seattle"),
    ("cross", "train"): ("NewYork", "Seattle"),
    ("cross", "test"): ("SanFrancisco", "Chicago"),
}
LENS_HEIGHT_M = 2.5
"""An assumption: the dataset states none; panoramas of this kind are taken from the roof of a car."""
NORTH = math.pi / 2
LEAST_REACH_M = 20.0
"""A panorama lies in the middle half of its positive satellite image, at most 18.9 m from the middle: labels that were
corrected and semi-positives lie further off."""
_SPLIT_SEED = 17  # of the division of the training list, the same for every run


@dataclass(frozen=True, slots=True)
class VigorRow:
    """One panorama and the satellite images it lies in: (file name, drow, dcol) with offsets in label pixels.

    The positive comes first; semi-positives whose camera is outside the image are left out.
    """

    city: str
    panorama: str
    satellites: tuple[tuple[str, float, float], ...]

    @property
    def farthest_m(self) -> float:
        """How far from the middle of one of the images, along its sides, the camera is at most (m)."""
        return max(max(abs(drow), abs(dcol)) for _, drow, dcol in self.satellites) * RESOLUTIONS[self.city]

    @property
    def place(self) -> Place | None:
        """Where its name says that it was taken: `<id>,<latitude>,<longitude>,.jpg`; None where it says nothing."""
        try:
            latitude, longitude = (float(part) for part in self.panorama.split(",")[1:3])
        except ValueError:
            return None
        is_on_earth = abs(latitude) <= 90.0 and abs(longitude) <= 180.0
        return place_on_earth(latitude, longitude) if is_on_earth else None

    @property
    def panorama_path(self) -> str:
        return f"{self.city}/panorama/{self.panorama}"

    def satellite_path(self, choice: int) -> str:
        """Path of satellite image number `choice`, 0 being the positive."""
        return f"{self.city}/satellite/{self.satellites[choice][0]}"


def parse_rows(path: Path, city: str, findings: Findings) -> list[VigorRow]:
    """The rows of a label file; lines that are none are noted in `findings`."""
    rows = []
    for number, line in numbered_lines(path):
        row = _row(line.split(), city)
        if row is None:
            findings.add("bad line", f"{city}/{path.name}:{number} {line!r}")
        else:
            rows.append(row)
    return rows


def _row(columns: list[str], city: str) -> VigorRow | None:
    if len(columns) != 13:
        return None
    try:
        satellites = [(columns[i], float(columns[i + 1]), float(columns[i + 2])) for i in (1, 4, 7, 10)]
    except ValueError:
        return None
    if not all(math.isfinite(drow) and math.isfinite(dcol) for _, drow, dcol in satellites):
        return None
    inside = [s for s in satellites if max(abs(s[1]), abs(s[2])) < LABEL_PX / 2]
    return VigorRow(city, columns[0], tuple(inside)) if inside and inside[0] is satellites[0] else None


def find_labels(root: Path, city: str, name: str, corrected: bool) -> str | None:
    """The label file relative to root, under either name the published archives use; None where there is none."""
    if corrected:
        candidates = [f"splits__corrected/{city}/{name}__corrected.txt", f"splits__corrected/{city}/{name}.txt"]
        candidates.append(f"splits/{city}/{name}__corrected.txt")
    else:
        candidates = [f"splits/{city}/{name}.txt"]
    return next((candidate for candidate in candidates if (root / candidate).is_file()), None)


class Vigor:
    """Samples of one split; their patch frame is north-up metres around the patch's centre.

    root: tree with a folder a city and splits/ or splits__corrected/. area: same or cross. split: train, val (a
    shuffled fifth of train, always the same) or test. rotation_range_deg: the panorama is rolled so that its
    centre column looks up to this far from north, drawn as a `PriorNoise`; 0 is the known, 180 the
    unknown orientation of the protocol. align_heading: turn the patch so that +u is the unrolled heading, north,
    as a network wants that reads its prior heading from the patch; the protocol's patch is north-up.
    semi_positives: draw among all satellite images that show the camera, not only the positive one. reach_m: how far,
    east or north, a camera may be from the middle; semi-positives beyond it are left out. size_px and resolution: of
    the crop; without a resolution the crop is the whole satellite image resized.
    """

    def __init__(
        self,
        root: Path,
        area: str,
        split: str,
        corrected: bool = True,
        rotation_range_deg: float = 0.0,
        align_heading: bool = False,
        semi_positives: bool = False,
        reach_m: float = math.inf,
        size_px: int = 512,
        resolution: float | None = None,
        seed: int = 0,
    ) -> None:
        if (area, split) not in CITIES and (area not in ("same", "cross") or split != "val"):
            raise InputError(f"VIGOR area {area!r}, split {split!r}: expected same or cross; train, val or test")
        self._root, self._seed = root, seed
        self._noise, self._semi_positives = PriorNoise(0.0, math.radians(rotation_range_deg), seed), semi_positives
        self._reach_m = reach_m if resolution is None else min(reach_m, size_px * resolution / 2)
        self._patch_yaw = NORTH if align_heading else 0.0
        self._size_px, self._resolution = size_px, resolution
        rows = self._read(area, "test" if split == "test" else "train", corrected)
        self._rows = rows if split == "test" else _divide(rows, split)
        if not self._rows:
            raise InputError(
                f"VIGOR {area}-area {split} at {root} has no row: its label files list {len(rows)}, of which "
                f"{'all are tested' if split == 'test' else 'a fifth is validated on'}"
            )
        # The images are not moved at random: along their sides, no label of these rows is further off.
        reach_m = max([LEAST_REACH_M, *(row.farthest_m for row in self._rows)])
        self._prior = UniformPosePrior(0.0, 0.0, NORTH, reach_m, self._noise.rotation_range, sides=0.0)

    def _read(self, area: str, split: str, corrected: bool) -> list[VigorRow]:
        findings = Findings()
        rows: list[VigorRow] = []
        name = f"same_area_balanced_{split}" if area == "same" else "pano_label_balanced"
        for city in CITIES[area, split]:
            labels = find_labels(self._root, city, name, corrected)
            if labels is None:
                folder = "splits__corrected" if corrected else "splits"
                findings.add("missing label file", f"{folder}/{city}/{name}.txt")
            else:
                rows += [self._in_reach(row, findings) for row in parse_rows(self._root / labels, city, findings)]
        for row in rows:
            findings.require_image(self._root, row.panorama_path)
            for choice in range(len(row.satellites)):
                findings.require_image(self._root, row.satellite_path(choice))
        findings.raise_if_any(
            f"VIGOR {area}-area {split} list",
            self._root,
            "expected <city>/panorama, <city>/satellite and splits[__corrected]/<city>, every row a panorama and "
            f"four times satellite image, row and column offset, the first within {LABEL_PX // 2} px",
        )
        return rows

    def _in_reach(self, row: VigorRow, findings: Findings) -> VigorRow:
        """The row with only those semi-positives that may be drawn; a positive out of reach is noted."""
        reach_px = self._reach_m / RESOLUTIONS[row.city]
        near = [max(abs(drow), abs(dcol)) <= reach_px for _, drow, dcol in row.satellites]
        if not near[0]:
            findings.add(f"label further than {self._reach_m:g} m from the middle", row.panorama_path)
        others = [each for each, is_near in zip(row.satellites[1:], near[1:], strict=True) if is_near]
        return replace(row, satellites=(row.satellites[0], *(others if self._semi_positives else ())))

    def __len__(self) -> int:
        return len(self._rows)

    def place(self, index: int) -> Place | None:
        """Of the panorama."""
        return self._rows[index % len(self._rows)].place

    def __getitem__(self, index: int) -> Sample:
        row = self._rows[index % len(self._rows)]
        choice = int(np.random.default_rng((self._seed, 1, index)).integers(len(row.satellites)))
        panorama, turn = roll(read_image(self._root / row.panorama_path), -self._noise.draw(index).yaw)
        height, width = panorama.shape[:2]
        _, drow, dcol = row.satellites[choice]
        label_resolution = RESOLUTIONS[row.city]
        truth = (-dcol * label_resolution, -drow * label_resolution, NORTH + turn)
        camera = CameraModel.panorama(width, height, Mount(height=LENS_HEIGHT_M))
        return Sample(row.panorama, panorama, camera, self._patch(row, choice), truth, self._prior)

    def _patch(self, row: VigorRow, choice: int) -> SatellitePatch:
        path = self._root / row.satellite_path(choice)
        satellite = read_image(path)
        side = satellite.shape[0]
        if satellite.shape[1] != side:
            raise InputError(f"{path} is {satellite.shape[1]} x {side} px: expected a square satellite image")
        image_resolution = RESOLUTIONS[row.city] * LABEL_PX / side
        whole = image_resolution * side / self._size_px
        resolution = whole if self._resolution is None else self._resolution
        center = (side / 2, side / 2)
        yaw = self._patch_yaw
        return patch_of_image(satellite, image_resolution, center, yaw, yaw, self._size_px, resolution)


def roll(panorama: NDArray[np.uint8], turn: float) -> tuple[NDArray[np.uint8], float]:
    """The panorama whose centre column looks `turn` radians further left, in whole columns, and that turn."""
    columns = math.trunc(turn / (2 * math.pi) * panorama.shape[1])
    return np.roll(panorama, columns, axis=1), columns / panorama.shape[1] * 2 * math.pi


def _divide(rows: list[VigorRow], split: str) -> list[VigorRow]:
    order = np.random.default_rng(_SPLIT_SEED).permutation(len(rows))
    held_out = len(rows) // 5
    chosen = order[:held_out] if split == "val" else order[held_out:]
    return [rows[i] for i in chosen]
