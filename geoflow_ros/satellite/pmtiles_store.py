"""PMTiles archives, read in place."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property, lru_cache
from io import FileIO
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from geoflow_ros.encoded_images import unzipped
from geoflow_ros.errors import InputError
from geoflow_ros.resources import install_hint
from geoflow_ros.satellite.tile_grid import MAX_ZOOM, format_and_side, overlap, tile_box
from geoflow_ros.satellite.tile_images import OFFSET_KEY, Bounds, ImageryOffset
from geoflow_ros.structured_text import parse_json

if TYPE_CHECKING:
    from pmtiles.tile import Entry

MAGIC = b"PMTiles"
HEADER_BYTES = 127
VECTOR_TYPES = ("MVT", "MLT")
MAX_DEPTH = 4
"""Directories one below the other, as the specification has it."""
KEPT_DIRECTORIES = 256
MOST_DIRECTORY = 4 << 20
"""Bytes, unzipped: a million tiles. Each becomes an object of a hundred bytes."""
BOX_CELLS = 20_000
"""The box of more tiles than this is that of coarser tiles around them."""


class PMTilesStore:
    """A PMTiles archive of version 3 (https://github.com/protomaps/PMTiles), read only; safe across threads."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        try:
            from pmtiles import tile
        except ImportError as error:
            raise InputError(f"reading {self.path} needs pmtiles ({error}): {install_hint('tiles')}") from None
        self._codec = tile
        self._file = _opened(self.path)
        self._size = os.fstat(self._file.fileno()).st_size
        self._directory = lru_cache(KEPT_DIRECTORIES)(self._read_directory)
        header = self._bytes(0, HEADER_BYTES)
        if len(header) < HEADER_BYTES or header[7] != 3:
            raise InputError(
                f"{self.path} is not a whole PMTiles archive of version 3: copy it again, or bring an older one to "
                f"this version with pmtiles convert {self.path.name} new.pmtiles"
            )
        with self._reading():
            self._header = tile.deserialize_header(header)
        if self._header["tile_type"].name in VECTOR_TYPES:
            raise InputError(f"{self.path} holds vector tiles: give one with png, jpg or webp images")
        self.name = self._stated("name") or self.path.stem
        self.attribution = self._stated("attribution")
        self.imagery_offset = ImageryOffset.parse(self._stated(OFFSET_KEY), self.path)
        self.zooms = tuple(zoom for zoom in range(MAX_ZOOM + 1) if any(self._entries(zoom)))
        if not self.zooms:
            raise InputError(f"{self.path} holds no tiles: import imagery into an MBTiles file instead")
        some = islice(self._entries(self.zooms[-1]), 8)
        self.format, self.tile_px = format_and_side(self.path, [self._content(entry) for entry in some])

    def tile(self, z: int, x: int, y: int) -> bytes | None:
        """The encoded tile, None if there is none."""
        if not (0 <= x < 2**z and 0 <= y < 2**z):
            return None
        wanted = self._codec.zxy_to_tileid(z, x, y)
        entry = next(self._walk(self._root, wanted, wanted + 1), None)
        return None if entry is None else self._content(entry)

    def count(self, zoom: int) -> int:
        """How many tiles a zoom level holds."""
        return sum(map(len, self._runs(zoom)))

    def places(self, zoom: int) -> Iterator[tuple[int, int]]:
        """Column and row of every tile of a zoom level."""
        yield from (self._codec.tileid_to_zxy(number)[1:] for run in self._runs(zoom) for number in run)

    def _runs(self, zoom: int) -> Iterator[range]:
        """The ids of the tiles of a zoom; a run of equal tiles may have begun in the zoom before."""
        first, stop = _ids(zoom)
        for entry in self._entries(zoom):
            yield range(max(first, entry.tile_id), min(stop, entry.tile_id + entry.run_length))

    @cached_property
    def bounds(self) -> Bounds:
        """The box of the finest tiles, cut to the stated one where they have anything in common."""
        box = self._box()
        west, south, east, north = (self._header[name] * 1e-7 for name in _BOUNDS)  # type: ignore[literal-required]
        return overlap((west, south, east, north), box) or box

    def _box(self) -> Bounds:
        level, (first, _) = self.zooms[-1], _ids(self.zooms[-1])
        runs = {(each.tile_id - first, each.tile_id + each.run_length - first) for each in self._entries(level)}
        while level > 0 and sum(stop - start for start, stop in runs) > BOX_CELLS:
            level -= 1  # the ids of the four children of tile n are 4 n to 4 n + 3
            runs = {(start >> 2, (stop + 3) >> 2) for start, stop in runs}
        cells = {cell for start, stop in runs for cell in range(start, stop)}
        _, columns, rows = zip(*(self._codec.tileid_to_zxy(_ids(level)[0] + cell) for cell in cells), strict=True)
        return tile_box(level, min(columns), min(rows), max(columns), max(rows))

    def _stated(self, key: str) -> str:
        stored = self._bytes(self._header["metadata_offset"], self._header["metadata_length"])
        try:
            document = parse_json(unzipped(stored))
        except ValueError:  # only a name and an attribution are lost
            return ""
        return str(document.get(key) or "") if isinstance(document, dict) else ""

    def _content(self, entry: Entry) -> bytes:
        return self._bytes(self._header["tile_data_offset"] + entry.offset, entry.length)

    def _bytes(self, offset: int, length: int) -> bytes:
        """A part of the file, shorter where that ends; not mapped: a file that is cut would end the process."""
        with self._reading():
            return os.pread(self._file.fileno(), min(length, max(self._size - offset, 0)), min(offset, self._size))

    @property
    def _root(self) -> tuple[int, int]:
        return self._header["root_offset"], self._header["root_length"]

    def _entries(self, zoom: int) -> Iterator[Entry]:
        return self._walk(self._root, *_ids(zoom))

    def _walk(self, place: tuple[int, int], start: int, stop: int, depth: int = 1) -> Iterator[Entry]:
        """The entries of tiles with ids from `start` to before `stop`, below the directory at an offset and length."""
        if depth > MAX_DEPTH:
            raise self._damaged(f"directories more than {MAX_DEPTH} deep")
        entries = self._directory(*place)
        ends = [*(entry.tile_id for entry in entries[1:]), stop]
        for entry, end in zip(entries, ends, strict=False):  # of a directory without entries there is an end alone
            if entry.tile_id >= stop:
                return
            if entry.run_length == 0 and end > start:
                leaf = (self._header["leaf_directory_offset"] + entry.offset, entry.length)
                yield from self._walk(leaf, start, stop, depth + 1)
            elif entry.tile_id + entry.run_length > start:
                yield entry

    def _read_directory(self, offset: int, length: int) -> list[Entry]:
        stored = self._bytes(offset, length)
        if unzipped(stored, MOST_DIRECTORY) is stored:  # the codec unzips to any length
            raise self._damaged(f"a directory that is no gzip stream, or holds more than {MOST_DIRECTORY >> 20} MB")
        with self._reading():
            return self._codec.deserialize_directory(stored)

    @contextmanager
    def _reading(self) -> Iterator[None]:
        try:
            yield
        except (OSError, EOFError, ValueError, MemoryError, zlib.error) as error:
            raise self._damaged(str(error)) from error

    def _damaged(self, reason: str) -> InputError:
        return InputError(
            f"{self.path} cannot be read as PMTiles ({reason}): copy it again, or write it again with pmtiles convert"
        )


_BOUNDS = ("min_lon_e7", "min_lat_e7", "max_lon_e7", "max_lat_e7")


def _ids(zoom: int) -> tuple[int, int]:
    """The ids of the first tile of a zoom and of the next."""
    return (4**zoom - 1) // 3, (4 ** (zoom + 1) - 1) // 3


def _opened(path: Path) -> FileIO:
    try:
        return FileIO(path)
    except OSError as error:
        raise InputError(f"{path} cannot be opened ({error.strerror}): check its permissions") from error
