"""The grid of Web Mercator tiles, and what a few tiles tell about the store they are from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import mercantile
import numpy as np

from geoflow_ros.encoded_images import format_of, unzipped
from geoflow_ros.errors import InputError
from geoflow_ros.satellite.tile_images import Bounds, decode_tile

Tile = tuple[int, int, int]
"""Zoom, column, and row from the north."""

MAX_ZOOM = 24
FARTHEST_INDEX = 2**53  # columns and rows beyond are no whole numbers
SEAM_COLUMNS, SEAM_ROWS = 5, 5
"""How many columns across a store, and tiles of each, are looked at for the end that rows are counted from."""
SEAM_PX = 64
"""Pixels along the edges of tiles that have to be opaque before their likeness says anything."""
SEAM_LEVELS = 3.0
"""Mean difference (grey levels) between edges that do not belong together, below which the ground is too plain."""
SEAM_RATIO = 0.6
"""Edges that belong together differ at most so much of what others differ by."""


def other_row(zoom: int, row: int) -> int:
    """A row from the north counted from the south instead, as MBTiles and TMS do; and the other way round."""
    return (1 << zoom) - 1 - row


def tms(tile: Tile) -> Tile:
    """A tile as MBTiles and TMS address it, its row counted from the south; and the other way round."""
    z, x, y = tile
    return z, x, other_row(z, y)


def tile_name(tile: Tile) -> str:
    """As zoom/column/row."""
    return "/".join(map(str, tile))


def box_in_words(box: Bounds) -> str:
    """West to east and south to north, in degrees to a decimetre."""
    west, south, east, north = box
    return f"{west:.6f} to {east:.6f} E, {south:.6f} to {north:.6f} N"


def tile_box(zoom: int, left: int, top: int, right: int, bottom: int) -> Bounds:
    """The box of a rectangle of XYZ tiles, both ends included."""
    first, last = mercantile.bounds(left, top, zoom), mercantile.bounds(right, bottom, zoom)
    return first.west, last.south, last.east, first.north


def grid_index(path: Path, zoom: int, value: object) -> int:
    """A column or row as a store has it; InputError for what is none of the zoom's."""
    index = whole_index(path, zoom, value)
    if not 0 <= index < 2**zoom:
        raise InputError(_no_index(path, zoom, index))
    return index


def whole_index(path: Path, zoom: int, value: object) -> int:
    """A column or row as a store has it, on the globe or off it; InputError for what is no number of one."""
    if isinstance(value, (int, float)) and abs(value) < FARTHEST_INDEX:
        return int(value)
    raise InputError(_no_index(path, zoom, value))


def _no_index(path: Path, zoom: int, value: object) -> str:
    is_text = isinstance(value, str) and value.isdecimal()
    remedy = ": its columns are of type TEXT, make them INTEGER" if is_text else ""
    return (
        f"{path} has a tile in column or row {value!r:.40} of zoom {zoom}, expected a number from 0 to {2**zoom - 1}"
        f"{remedy}"
    )


def stated_box(text: str) -> Bounds | None:
    """West, south, east, north in a comma-separated text; None where that is no box on the globe."""
    try:
        west, south, east, north = (float(value) for value in text.strip(" ,").split(","))
    except ValueError:
        return None
    return (west, south, east, north) if -180 <= west < east <= 180 and -90 <= south < north <= 90 else None


def overlap(one: Bounds, other: Bounds) -> Bounds | None:
    """What two boxes have in common, if anything."""
    (west, south), (east, north) = map(max, one[:2], other[:2]), map(min, one[2:], other[2:])
    return (west, south, east, north) if west < east and south < north else None


def joint(boxes: Sequence[Bounds]) -> Bounds:
    """The box around at least one box."""
    west, south, east, north = zip(*boxes, strict=True)
    return min(west), min(south), max(east), max(north)


def format_and_side(path: Path, samples: Iterable[bytes]) -> tuple[str, int]:
    """Format, and side in pixels, of the first of some tiles that can be decoded."""
    reason = "it holds none"
    for data in samples:
        try:
            side = int(decode_tile(data).shape[0])
        except InputError as error:
            reason = f"one {error}"
            continue  # one corrupt tile is reported when it is used; here any good one will do
        return format_of(unzipped(data)) or "png", side
    raise InputError(f"the tiles of {path} are not readable 8-bit PNG, JPEG or WebP images, {reason}: make them again")


def first_is_north(pairs: Iterable[tuple[bytes, bytes]]) -> bool | None:
    """Whether, of two tiles of a column in rows n and n + 1, the first is the northern one, told by their edges.

    The ground goes on from the lower edge of the northern tile to the upper edge of the southern one. None where
    the tiles do not tell: too plain, too few, or not of one picture.
    """
    first_north, second_north = [], []
    decode = lru_cache(2)(decode_tile)  # the second tile of a pair is the first one of the next
    for pair in pairs:
        try:
            first, second = map(decode, pair)
        except InputError:
            continue  # a corrupt tile is reported when it is used
        edges = [first[-1], second[0], second[-1], first[0]]
        if len({edge.shape for edge in edges}) == 1:
            opaque = np.min([edge[:, 3] for edge in edges], axis=0) == 255
            a, b, c, d = (edge[opaque, :3].astype(float) for edge in edges)
            first_north.append(np.abs(a - b).ravel())
            second_north.append(np.abs(c - d).ravel())
    if sum(map(len, first_north)) < 3 * SEAM_PX:
        return None
    as_first, as_second = (float(np.concatenate(each).mean()) for each in (first_north, second_north))
    if max(as_first, as_second) < SEAM_LEVELS or min(as_first, as_second) > SEAM_RATIO * max(as_first, as_second):
        return None
    return as_first < as_second
