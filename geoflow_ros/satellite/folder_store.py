"""Folders of tiles, named as the common tools name them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from functools import cached_property, lru_cache
from itertools import islice, pairwise
from pathlib import Path

from geoflow_ros.errors import InputError
from geoflow_ros.satellite.tile_grid import (
    SEAM_COLUMNS,
    SEAM_ROWS,
    first_is_north,
    format_and_side,
    grid_index,
    other_row,
    tile_box,
)
from geoflow_ros.satellite.tile_images import OFFSET_KEY, Bounds, ImageryOffset
from geoflow_ros.structured_text import read_json

TMS_DESCRIPTION = "tilemapresource.xml"
DESCRIPTION = "metadata.json"
"""Where the common tools (mb-util, tippecanoe) put the metadata of an MBTiles file that they unpack."""
KEPT_COLUMNS = 4096
"""Of how many columns the file names are kept."""
_NAME = re.compile(r"(\d+)(@2x)?((\.(png|jpe?g|webp|avif))?(\.tile)?)", re.IGNORECASE)
_PROFILE = re.compile(r"""profile\s*=\s*["']([^"']+)""")


class FolderStore:
    """A folder of tiles z/x/y with or without a suffix in any case, with @2x, or with .tile behind; read only.

    Rows are counted from the north (XYZ) or the south (TMS, as gdal2tiles writes with a tilemapresource.xml): the
    tiles' edges decide, else whether there is that file. Opening it lists the columns and some of them, not the tiles.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        if not self.path.is_dir():
            raise InputError(f"tile folder {self.path} does not exist: give a folder of z/x/y tiles")
        self._names = lru_cache(KEPT_COLUMNS)(_listed)
        self.name = self.path.resolve().name
        description = described(self.path)
        self.attribution = str(description.get("attribution", ""))
        self.imagery_offset = ImageryOffset.parse(str(description.get(OFFSET_KEY, "")), self.path)
        self.zooms = tuple(zoom for zoom in _numbered(self.path) if any(self._rows(zoom)))
        if not self.zooms:
            raise InputError(f"{self.path} holds no z/x/y tiles of png, jpg or webp: give a tile folder")
        some = islice(self._rows(self.zooms[-1]), 8)
        self.format, self.tile_px = format_and_side(self.path, [self._read(*each) for each in some])
        is_tms = self._is_tms()
        told = first_is_north(self._vertical_pairs())
        self._from_north = not is_tms if told is None else told

    def tile(self, z: int, x: int, y: int) -> bytes | None:
        """The encoded tile, None if there is none."""
        row = y if self._from_north else other_row(z, y)
        return self._read(z, x, row) if row in self._column(z, x) else None

    def count(self, zoom: int) -> int:
        """How many tiles a zoom level holds."""
        return sum(1 for _ in self._rows(zoom))

    def places(self, zoom: int) -> Iterator[tuple[int, int]]:
        """Column and row of every tile of a zoom level."""
        yield from ((x, row if self._from_north else other_row(zoom, row)) for _, x, row in self._rows(zoom))

    @cached_property
    def bounds(self) -> Bounds:
        """The box of the finest tiles."""
        zoom = self.zooms[-1]
        _, columns, rows = zip(*self._rows(zoom), strict=True)
        low, high, left, right = (grid_index(self.path, zoom, f(of)) for of in (rows, columns) for f in (min, max))
        top, bottom = (low, high) if self._from_north else (other_row(zoom, high), other_row(zoom, low))
        return tile_box(zoom, left, top, right, bottom)

    def _is_tms(self) -> bool:
        description = self.path / TMS_DESCRIPTION
        if not description.is_file():
            return False
        profile = _PROFILE.search(description.read_text(encoding="utf-8", errors="replace"))
        if profile is not None and "mercator" not in profile[1]:
            raise InputError(
                f"the tiles of {self.path} are in the profile {profile[1]}: make them in Web Mercator, as with "
                "gdal2tiles.py --profile=mercator"
            )
        return True

    def _vertical_pairs(self) -> Iterator[tuple[bytes, bytes]]:
        """Tiles of stored rows n and n + 1, from columns across the finest zoom."""
        zoom = self.zooms[-1]
        columns = _numbered(self.path / str(zoom))
        for x in columns[:: max(1, len(columns) // SEAM_COLUMNS)]:
            for first, second in pairwise(islice(self._column(zoom, x), SEAM_ROWS)):
                if first + 1 == second:
                    yield self._read(zoom, x, first), self._read(zoom, x, second)

    def _read(self, z: int, x: int, row: int) -> bytes:
        try:
            return (self.path / str(z) / str(x) / self._column(z, x)[row]).read_bytes()
        except OSError as error:
            raise InputError(f"tile {z}/{x}/{row} of {self.path} cannot be read ({error.strerror})") from error

    def _rows(self, zoom: int) -> Iterator[tuple[int, int, int]]:
        """Zoom, column and row, as stored, of every tile of a zoom."""
        for x in _numbered(self.path / str(zoom)):
            yield from ((zoom, x, row) for row in self._column(zoom, x))

    def _column(self, z: int, x: int) -> dict[int, str]:
        """File name by row, ascending; listed again when the folder has changed."""
        folder = self.path / str(z) / str(x)
        return self._names(folder, folder.stat().st_mtime_ns) if folder.is_dir() else {}


def described(folder: Path) -> dict[str, object]:
    """The metadata of a folder of tiles; empty where there are none that can be read."""
    try:
        content = read_json(folder / DESCRIPTION)
    except (OSError, ValueError):  # few folders have one, and only the attribution is lost
        return {}
    return content if isinstance(content, dict) else {}


def _listed(folder: Path, _changed_ns: int) -> dict[int, str]:
    """File name by row, ascending; of several for a tile the plain one before the @2x one."""
    matches = [match for match in map(_NAME.fullmatch, sorted(os.listdir(folder))) if match]
    preferred = sorted(matches, key=lambda match: bool(match[2]), reverse=True)  # the last one stays
    return dict(sorted({int(match[1]): match[0] for match in preferred}.items()))


def _numbered(folder: Path) -> list[int]:
    """The numbers that are names in a folder, ascending; none where it is no folder."""
    names = os.listdir(folder) if folder.is_dir() else ()
    return sorted(int(name) for name in names if name.isdecimal())
