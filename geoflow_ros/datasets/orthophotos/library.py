"""The photographs that pseudo views are made of: orthophotos with their resolution, and street photographs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from geoflow_ros.datasets.dataset_files import photographs_in, read_image, read_overhead
from geoflow_ros.datasets.photographs.spreadsheet import read_table
from geoflow_ros.errors import InputError

TABLE = "orthophotos.csv"
COLUMNS = ["path", "metres_per_px"]
DEFAULT_RESOLUTION = 0.15  # metres per pixel of photographs that no table tells of
RESOLUTION_RANGE = (0.01, 2.0)
FINEST = 0.1  # metres per pixel: finer photographs are reduced to it, a patch shows no more
LARGEST_PX = 1024  # along a side: larger photographs are cut into pieces
SMALLEST_PX = 128
OPAQUE = 255
STREET_PX = 320  # width at which street photographs are kept: what is cut from them is seen small


@dataclass(frozen=True, slots=True, eq=False)
class Orthophoto:
    """A real photograph from above, (H, W, 3) uint8 RGB. key: its file, and which piece of it."""

    key: str
    image: NDArray[np.uint8]
    metres_per_px: float


def read_orthophotos(folder: Path) -> list[Orthophoto]:
    """All orthophotos below a folder, large ones in pieces; none, or a table that does not fit, is an InputError."""
    stated, photos = _read_table(folder / TABLE), []
    for file in tqdm(photographs_in(folder), desc="orthophotos", disable=None):
        name = file.relative_to(folder).as_posix()
        resolution = _resolution(name, stated)
        image = read_overhead(file)
        if resolution < FINEST:
            scale = resolution / FINEST
            image = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
            resolution = FINEST
        photos += [Orthophoto(key, piece, resolution) for key, piece in _pieces(name, image)]
    if not photos:
        raise InputError(f"every photograph in {folder} is narrower than {SMALLEST_PX} px or partly transparent")
    return photos


def read_street(folder: Path) -> list[NDArray[np.uint8]]:
    """Street photographs (H, STREET_PX, 3) of a folder; none where there is no such folder."""
    if not folder.is_dir():
        return []
    images = [read_image(file) for file in tqdm(photographs_in(folder), desc="street photographs", disable=None)]
    sizes = [(STREET_PX, max(1, image.shape[0] * STREET_PX // image.shape[1])) for image in images]
    return [
        np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        for image, size in zip(images, sizes, strict=True)
    ]


def _pieces(name: str, image: NDArray[np.uint8]) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """Pieces of at most LARGEST_PX and their keys, without slivers and what is transparent somewhere."""
    height, width = image.shape[:2]
    for v in range(0, height, LARGEST_PX):
        for u in range(0, width, LARGEST_PX):
            piece = image[v : v + LARGEST_PX, u : u + LARGEST_PX]
            if min(piece.shape[:2]) >= SMALLEST_PX and (piece[..., 3:] == OPAQUE).all():
                key = name if max(height, width) <= LARGEST_PX else f"{name}@{u},{v}"
                yield key, np.ascontiguousarray(piece[..., :3])


def _read_table(path: Path) -> dict[str, float]:
    """Metres per pixel by file or folder; empty where there is no table."""
    if not path.is_file():
        return {}
    stated: dict[str, float] = {}
    for row in read_table(path, COLUMNS):
        where = f"{path}:{row.line}"
        try:
            name, value = row.values[COLUMNS[0]].replace("\\", "/").rstrip("/"), row.number(COLUMNS[1])
        except (KeyError, ValueError) as error:
            raise InputError(f"{where}: {error.args[0]}: expected the columns {','.join(COLUMNS)}") from error
        if not RESOLUTION_RANGE[0] <= value <= RESOLUTION_RANGE[1]:
            raise InputError(f"{where}: {value:g} metres per pixel is outside {RESOLUTION_RANGE}")
        if not (path.parent / name).exists():
            raise InputError(f"{where}: {name} is no file or folder beside the table")
        stated[name] = value
    return stated


def _resolution(name: str, stated: dict[str, float]) -> float:
    """What the table says of a file or of the innermost folder around it."""
    path = Path(name)
    for each in (path, *path.parents):
        if each.as_posix() in stated:
            return stated[each.as_posix()]
    return DEFAULT_RESOLUTION
