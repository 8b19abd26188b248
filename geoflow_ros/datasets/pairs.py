"""Photographs of known places on overhead images: a folder with `pairs.csv`, the simplest way to try one's own.

A row is a view: `place`, `image`, `overhead` (paths in the folder), `metres_per_px` of the overhead image,
`camera_x_px`, `camera_y_px` in it (continuous, (0, 0) is the outer corner of the first pixel), `heading_deg` of the
viewing direction (clockwise from the overhead image's up), `hfov_deg` or `fx`, `fy`, `cx`, `cy` (px),
`camera_height_m`, `label_error_m` (standard deviation of the label's position, east and north). An equirectangular
panorama has `hfov_deg` 360, its middle column at `heading_deg`: it is as many views as the node makes of one.
The views of a place are taken from one point; places may lie on one overhead image.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.camera import CameraModel, Mount
from geoflow_ros.datasets.crop import crop
from geoflow_ros.datasets.dataset_files import Findings, read_image, read_overhead
from geoflow_ros.datasets.prior_noise import PriorNoise
from geoflow_ros.datasets.sample import Place, Sample, are_elsewhere
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import compass_deg_to_yaw
from geoflow_ros.localization.pose import UniformPosePrior
from geoflow_ros.planar import wrap_angle
from geoflow_ros.satellite.patch import SatellitePatch
from geoflow_ros.tracking.rig.panorama_views import (
    VIEW,
    check_panorama,
    cut_view,
    no_larger_than_useful,
    views_of,
)

NUMBERS = ("metres_per_px", "camera_x_px", "camera_y_px", "heading_deg", "camera_height_m", "label_error_m")
NEEDED = ("place", "image", "overhead", *NUMBERS)
INTRINSICS = ("fx", "fy", "cx", "cy")
WHOLE_SPHERE, PANORAMA_VIEWS = 360.0, 4
KEPT_OVERHEADS = 2  # an orthophoto of many places takes a second to decode


@dataclass(frozen=True, slots=True)
class LabelledView:
    """A row, or a view of a panorama's: `cut` so far (rad) left of its middle.

    yaw: of the viewing direction (rad, counter-clockwise from the overhead image's right).
    """

    place: str
    image: str
    overhead: str
    metres_per_px: float
    camera_px: tuple[float, float]
    yaw: float
    intrinsics: Mapping[str, float]
    camera_height_m: float
    label_error_m: float
    cut: float | None = None

    @property
    def key(self) -> str:
        """A name of its own."""
        return self.image if self.cut is None else f"{self.image} {math.degrees(self.cut):.0f}"

    @property
    def label(self) -> tuple[str, float, tuple[float, float], float]:
        """What says where it was taken: the same for all views of a place."""
        return self.overhead, self.metres_per_px, self.camera_px, self.label_error_m

    def taken(self) -> Place:
        """Where, in metres right and up of the overhead image's corner."""
        east, north = (axis * self.metres_per_px for axis in (self.camera_px[0], -self.camera_px[1]))
        return Place(self.overhead, east, north)

    def read(self, root: Path) -> NDArray[np.uint8]:
        """Its RGB image (H, W, 3)."""
        image = read_image(root / self.image)
        if self.cut is None:
            return image
        try:
            check_panorama(image)
        except InputError as error:
            raise InputError(f"{root / self.image}: {error}") from error
        return cut_view(no_larger_than_useful(image), self.cut)

    def camera(self, width: int, height: int) -> CameraModel:
        """The camera of the image (px)."""
        mount, known = Mount(height=self.camera_height_m), self.intrinsics
        if self.cut is not None:
            return replace(VIEW, mount=mount)
        if "hfov_deg" not in known:
            focal_lengths, principal_point = (known["fx"], known["fy"]), (known["cx"], known["cy"])
            return CameraModel.of_matrix((width, height), focal_lengths, principal_point, mount)
        focal = width / 2 / math.tan(math.radians(known["hfov_deg"]) / 2)
        return CameraModel(width, height, focal, focal, width / 2, height / 2, mount)


class Pairs:
    """The views of a folder, each before a patch around a prior that is off by up to `shift_range_m` on either axis
    and by up to `rotation_range_deg`; all views of a place share one prior, as the cameras of a rig do.

    Positions are metres east and north of the place's label, with the overhead image's up as north.
    """

    def __init__(
        self,
        root: Path,
        size_px: int,
        resolution: float,
        shift_range_m: float = 12.0,
        rotation_range_deg: float = 10.0,
        seed: int = 0,
        count: int | None = None,
        every: int = 1,
    ) -> None:
        """size_px, resolution (metres per pixel): of the patches. every: each so manieth place, with all its views;
        count: of these, only the places of so many first views.
        """
        self._root, self._size_px, self._resolution = root, size_px, resolution
        views = read_views(root)
        self._of = {view.place: view for view in views}
        noise = PriorNoise(shift_range_m, math.radians(rotation_range_deg), seed)
        self._offsets = {place: noise.draw(index) for index, place in enumerate(sorted(self._of))}
        self._noise = noise
        self._overhead = lru_cache(maxsize=KEPT_OVERHEADS)(lambda relative: read_overhead(root / relative))
        chosen = set(list(dict.fromkeys(view.place for view in views))[::every])
        taken = {view.place for view in [view for view in views if view.place in chosen][:count]}
        self.views = [view for view in views if view.place in taken]
        self.places = sorted(taken)

    def __len__(self) -> int:
        return len(self.views)

    def __getitem__(self, index: int) -> Sample:
        view = self.views[index % len(self.views)]
        image = view.read(self._root)
        camera = view.camera(image.shape[1], image.shape[0])
        prior = self.prior(view.place, view.yaw)
        patch, truth = self.patch(view.place, view.yaw), (0.0, 0.0, view.yaw)
        return Sample(view.key, image, camera, patch, truth, prior, view.label_error_m)

    def place(self, index: int) -> Place:
        """Of the view, on its overhead image."""
        return self.views[index % len(self.views)].taken()

    def elsewhere(self, place: str) -> list[str]:
        """The places whose imagery shows another place than this one's views do."""
        here = place, self._of[place].taken()
        return [other for other in self.places if are_elsewhere(here, (other, self._of[other].taken()))]

    def prior(self, place: str, yaw: float) -> UniformPosePrior:
        """Where a camera that looks along `yaw` (rad), or a vehicle that does, is searched: a square north up."""
        offset, noise = self._offsets[place], self._noise
        turned = wrap_angle(yaw + offset.yaw)
        return UniformPosePrior(offset.x, offset.y, turned, noise.shift_range_m, noise.rotation_range, sides=0.0)

    def patch(self, place: str, yaw: float) -> SatellitePatch:
        """The overhead image of a place around its prior, +u along the prior's heading."""
        view, prior = self._of[place], self.prior(place, yaw)
        u, v = view.camera_px[0] + prior.east / view.metres_per_px, view.camera_px[1] - prior.north / view.metres_per_px
        pixels, missing = crop(
            self._overhead(view.overhead), (u, v), prior.yaw, self._size_px, self._resolution / view.metres_per_px
        )
        return SatellitePatch(pixels, (prior.east, prior.north), self._resolution, prior.yaw, missing)


def read_views(root: Path) -> list[LabelledView]:
    """The rows of `pairs.csv`; everything wrong with it and its images in one InputError."""
    findings = Findings()
    rows = _read_rows(root / "pairs.csv")
    views = [view for number, row in rows for view in _views(row, number, findings)]
    for relative in sorted({view.image for view in views}):
        findings.require_image(root, relative)
    for relative in sorted({view.overhead for view in views}):
        _check_labels(root, [view for view in views if view.overhead == relative], findings)
    first: dict[str, LabelledView] = {}
    for view in views:
        if view.label != first.setdefault(view.place, view).label:
            findings.add("view from elsewhere than the others of its place", f"{view.image} of {view.place}")
    findings.raise_if_any("pairs", root, "correct pairs.csv, or copy what is missing")
    if not views:
        raise InputError(f"{root / 'pairs.csv'} lists no view")
    return views


def _read_rows(path: Path) -> list[tuple[int, dict[str, str]]]:
    """The rows, each with the number of its line; an InputError for a file that is no such table."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:  # spreadsheets begin a file with a mark
            reader = csv.DictReader(file, skipinitialspace=True)
            columns = [name.strip() for name in reader.fieldnames or ()]
            reader.fieldnames = columns
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"{path} cannot be read ({error}): the folder needs a table of its views, in UTF-8, its values separated "
            "by commas"
        ) from error
    if missing := [name for name in NEEDED if name not in columns]:
        raise InputError(
            f"{path} has no column {', '.join(missing)}, but {'; '.join(columns)!r}: its first line names the columns, "
            "separated by commas"
        )
    return rows


def _check_labels(root: Path, views: Sequence[LabelledView], findings: Findings) -> None:
    """Note the views that lie outside their overhead image, which is the same for all; or that it cannot be used."""
    with findings.noting("unusable overhead image"):
        height, width = read_image(root / views[0].overhead).shape[:2]
        for view in views:
            u, v = view.camera_px
            if not (0.0 <= u <= width and 0.0 <= v <= height):
                where = f"{view.image} at ({u:g}, {v:g}) of {view.overhead}, {width} x {height} px"
                findings.add("camera outside its overhead image", where)


def _views(row: Mapping[str, str], number: int, findings: Findings) -> list[LabelledView]:
    """A row's view, or those of its panorama; what is wrong with it goes to the findings."""
    view = _view(row, number, findings)
    if view is None or view.intrinsics.get("hfov_deg") != WHOLE_SPHERE:
        return [] if view is None else [view]
    cuts = [each.yaw for each in views_of("", PANORAMA_VIEWS)]
    return [replace(view, yaw=wrap_angle(view.yaw + cut), cut=cut) for cut in cuts]


def _view(row: Mapping[str, str], number: int, findings: Findings) -> LabelledView | None:
    """A row's view; what is wrong with it goes to the findings."""
    if None in row:  # where the values without a column go; some commas were decimal points
        findings.add("row with more values than columns", f"line {number}")
        return None
    values = {name: text.strip() for name, text in row.items() if text and text.strip()}
    if missing := [name for name in NEEDED if name not in values]:
        findings.add("row without a value", f"line {number}: {', '.join(missing)}")
        return None
    names = ("hfov_deg",) if "hfov_deg" in values else INTRINSICS
    try:
        numbers = {name: float(values[name]) for name in (*NUMBERS, *names)}
    except (KeyError, ValueError) as error:
        findings.add("row without usable numbers (intrinsics: hfov_deg, or fx fy cx cy)", f"line {number}: {error}")
        return None
    if not _is_possible(numbers):
        findings.add("row with impossible numbers", f"line {number}: {numbers}")
        return None
    return LabelledView(
        place=values["place"],
        image=values["image"],
        overhead=values["overhead"],
        metres_per_px=numbers["metres_per_px"],
        camera_px=(numbers["camera_x_px"], numbers["camera_y_px"]),
        yaw=compass_deg_to_yaw(numbers["heading_deg"]),
        intrinsics={name: numbers[name] for name in names},
        camera_height_m=numbers["camera_height_m"],
        label_error_m=numbers["label_error_m"],
    )


def _is_possible(numbers: Mapping[str, float]) -> bool:
    finite = all(map(math.isfinite, numbers.values()))
    positive = all(numbers.get(name, 1.0) > 0.0 for name in ("metres_per_px", "camera_height_m", "fx", "fy"))
    hfov_deg = numbers.get("hfov_deg", 90.0)
    is_field = 1.0 <= hfov_deg <= 175.0 or hfov_deg == WHOLE_SPHERE
    return finite and positive and numbers["label_error_m"] >= 0.0 and is_field
