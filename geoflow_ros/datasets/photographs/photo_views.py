"""Photographs of known places on overhead images: a folder with `pairs.csv`.

A row is a view: `place`, `image`, `overhead` (paths in the folder), `metres_per_px` of the overhead image,
`camera_x_px`, `camera_y_px` in it (continuous, (0, 0) is the outer corner of the first pixel), `heading_deg` of the
viewing direction (clockwise from the overhead image's up), `hfov_deg` or `fx`, `fy`, `cx`, `cy` (px),
`camera_height_m`, `label_error_m` (standard deviation of the label's position, east and north). An equirectangular
panorama has `hfov_deg` 360, its middle column at `heading_deg`: it is as many views as the node makes of one.
The views of a place are taken from one point; places may lie on one overhead image.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from geoflow_ros.camera import HIGHEST_M, LOWEST_M, CameraModel, Mount
from geoflow_ros.datasets.dataset_files import Findings, read_image
from geoflow_ros.datasets.photographs.spreadsheet import Row, read_table
from geoflow_ros.datasets.sample import Place
from geoflow_ros.errors import InputError
from geoflow_ros.geodesy import compass_deg_to_yaw
from geoflow_ros.planar import wrap_angle
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
RANGES = {
    "metres_per_px": (0.01, 2.0),
    "heading_deg": (-360.0, 720.0),
    "hfov_deg": (5.0, 175.0),  # below are radians
    "fx": (1.0, 1e5),
    "fy": (1.0, 1e5),
    "camera_height_m": (LOWEST_M, HIGHEST_M),
    "label_error_m": (0.0, 100.0),
}
"""What a value may be; whatever is outside is of another unit."""
REMEDY = "correct pairs.csv, or copy what is missing"


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
            fx, fy, cx, cy = (known[name] for name in INTRINSICS)
            camera = CameraModel.of_matrix((width, height), (fx, fy), (cx, cy), mount)
            if camera.is_of_another_size:
                raise InputError(
                    f"{self.image} is {width} x {height} px, but cx, cy ({cx:g}, {cy:g}) are those of about "
                    f"{2 * cx:.0f} x {2 * cy:.0f}: scale fx, fy, cx, cy as the photograph was"
                )
            return camera
        focal = width / 2 / math.tan(math.radians(known["hfov_deg"]) / 2)
        return CameraModel(width, height, focal, focal, width / 2, height / 2, mount)


def read_views(root: Path) -> list[LabelledView]:
    """The rows of `pairs.csv`; everything wrong with it and its overhead images in one InputError."""
    findings = Findings()
    rows = read_table(root / "pairs.csv", NEEDED)
    views = [view for row in rows for view in _views(row, findings)]
    for relative in sorted({view.image for view in views}):
        findings.require_image(root, relative)
    for relative in sorted({view.overhead for view in views}):
        _check_labels(root, [view for view in views if view.overhead == relative], findings)
    _check_places(views, findings)
    findings.raise_if_any("pairs", root, REMEDY)
    if not views:
        raise InputError(f"{root / 'pairs.csv'} lists no view: below its first line, write a row for each photograph")
    return views


def check_images(root: Path, views: Sequence[LabelledView]) -> None:
    """One InputError for all images that cannot be used, or not as the table says: found before hours are spent."""
    findings = Findings()
    for view in {view.image: view for view in views}.values():
        with findings.noting("unusable image"):
            image = view.read(root)
            view.camera(image.shape[1], image.shape[0])
    findings.raise_if_any("pairs", root, REMEDY)


def _check_places(views: Sequence[LabelledView], findings: Findings) -> None:
    """Note what the views of a place cannot all be."""
    first: dict[str, LabelledView] = {}
    seen: set[tuple[str, str]] = set()
    for view in views:
        if view.label != first.setdefault(view.place, view).label:
            findings.add("view from elsewhere than the others of its place", f"{view.image} of {view.place}")
        if (view.place, view.key) in seen:
            findings.add("view that stands there twice, and would count twice", f"{view.image} of {view.place}")
        seen.add((view.place, view.key))


def _check_labels(root: Path, views: Sequence[LabelledView], findings: Findings) -> None:
    """Note the views that lie outside their overhead image, which is the same for all; or that it cannot be used."""
    with findings.noting("unusable overhead image"):
        height, width = read_image(root / views[0].overhead).shape[:2]
        for view in views:
            u, v = view.camera_px
            if not (0.0 <= u <= width and 0.0 <= v <= height):
                where = f"{view.image} at ({u:g}, {v:g}) of {view.overhead}, {width} x {height} px"
                findings.add("camera outside its overhead image", where)


def _views(row: Row, findings: Findings) -> list[LabelledView]:
    """A row's view, or those of its panorama; what is wrong with it goes to the findings."""
    view = _view(row, findings)
    if view is None or view.intrinsics.get("hfov_deg") != WHOLE_SPHERE:
        return [] if view is None else [view]
    cuts = [each.yaw for each in views_of("", PANORAMA_VIEWS)]
    return [replace(view, yaw=wrap_angle(view.yaw + cut), cut=cut) for cut in cuts]


def _view(row: Row, findings: Findings) -> LabelledView | None:
    """A row's view; what is wrong with it goes to the findings."""
    if row.surplus:  # some commas were decimal points
        findings.add("row with more values than columns", f"line {row.line}")
        return None
    intrinsics = ("hfov_deg",) if "hfov_deg" in row.values else INTRINSICS
    if missing := [name for name in (*NEEDED, *intrinsics) if name not in row.values]:
        named = ", ".join(missing).replace(", ".join(INTRINSICS), "hfov_deg (or fx, fy, cx, cy)")
        findings.add("row without a value", f"line {row.line}: {named}")
        return None
    names = (*NUMBERS, *intrinsics)
    if wrong := [problem for name in names if (problem := _problem(row, name)) is not None]:
        findings.add("row with unusable numbers", f"line {row.line}: {', '.join(wrong)}")
        return None
    numbers = {name: row.number(name) for name in names}
    return LabelledView(
        place=row.values["place"],
        image=_path(row.values["image"]),
        overhead=_path(row.values["overhead"]),
        metres_per_px=numbers["metres_per_px"],
        camera_px=(numbers["camera_x_px"], numbers["camera_y_px"]),
        yaw=compass_deg_to_yaw(numbers["heading_deg"]),
        intrinsics={name: numbers[name] for name in intrinsics},
        camera_height_m=numbers["camera_height_m"],
        label_error_m=numbers["label_error_m"],
    )


def _problem(row: Row, name: str) -> str | None:
    """What is wrong with a number of a row, None for nothing."""
    try:
        value = row.number(name)
    except ValueError as error:
        return str(error)
    low, high = RANGES.get(name, (-math.inf, math.inf))
    if (low <= value <= high and math.isfinite(value)) or (name == "hfov_deg" and value == WHOLE_SPHERE):
        return None
    expected = "a finite number" if math.isinf(low) else f"{low:g} to {high:g}"
    panorama = ", or 360 of a panorama" if name == "hfov_deg" else ""
    return f"{name} is {value:g}, expected {expected}{panorama}"


def _path(text: str) -> str:
    """As it is written on this system: tables that were made on Windows have backslashes."""
    return text.replace("\\", "/")
