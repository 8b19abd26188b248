"""Encoded tiles on disk: MBTiles files and z/x/y folders, read and written."""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Iterable
from functools import cached_property
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any

import mercantile

from geoflow_ros.errors import InputError
from geoflow_ros.satellite.tile_images import Bounds, TileStore, decode_tile

MAX_ZOOM = 24
RASTER_FORMATS = ("png", "jpg", "webp")
_TMS_BOX = "SELECT min(tile_column), min(tile_row), max(tile_column), max(tile_row) FROM tiles WHERE zoom_level = ?"
_MBTILES_APPLICATION_ID = 0x4D504258  # "MPBX", MBTiles specification 1.3


def open_store(path: Path | str) -> TileStore:
    """The tile store at a path: an MBTiles file, or a folder of z/x/y tiles."""
    return FolderStore(path) if Path(path).is_dir() else MBTilesStore(path)


class MBTilesStore:
    """An MBTiles file (SQLite, https://github.com/mapbox/mbtiles-spec), read only; safe across threads."""

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise InputError(f"tile store {self.path} does not exist: give an MBTiles file or a tile folder")
        self._lock = threading.Lock()
        try:
            uri = f"{self.path.resolve().as_uri()}?mode=ro"
            self._connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
        except sqlite3.OperationalError as error:
            raise InputError(f"{self.path} cannot be opened ({error}): check its permissions") from error
        self._metadata = self._read_metadata()
        self.name = self._metadata.get("name") or self.path.stem
        self.format = self._metadata.get("format", "png").lower().replace("jpeg", "jpg")
        if self.format not in RASTER_FORMATS:
            hint = "these are vector tiles" if self.format == "pbf" else "unknown to this reader"
            raise InputError(f"{self.path} holds tiles of format {self.format}, {hint}: give one with png, jpg or webp")
        self.zooms = tuple(z for z in range(MAX_ZOOM + 1) if self._one("SELECT 1 FROM tiles WHERE zoom_level = ?", z))
        if not self.zooms:
            raise InputError(f"{self.path} holds no tiles: import imagery into it first")
        self.tile_px = _tile_px(self.path, self._some_tiles())

    def tile(self, z: int, x: int, y: int) -> bytes | None:
        """The encoded tile, None if there is none. MBTiles counts rows from the south, we from the north."""
        query = "SELECT tile_data FROM tiles WHERE zoom_level = ? AND tile_column = ? AND tile_row = ?"
        row = self._one(query, z, x, 2**z - 1 - y)
        return None if row is None or row[0] is None else bytes(row[0])

    def count(self, zoom: int) -> int:
        """How many tiles a zoom level holds."""
        row = self._one("SELECT count(*) FROM tiles WHERE zoom_level = ?", zoom)
        return int(row[0]) if row else 0

    @cached_property
    def bounds(self) -> Bounds:
        """The box stated in the metadata; where that is absent or invalid, the box of the finest tiles."""
        try:
            west, south, east, north = (float(value) for value in self._metadata["bounds"].split(","))
            if -180 <= west < east <= 180 and -90 <= south < north <= 90:
                return west, south, east, north
        except (KeyError, ValueError):
            pass
        return _tms_box(self.zooms[-1], *self._one(_TMS_BOX, self.zooms[-1]))

    def _some_tiles(self) -> list[bytes]:
        query = "SELECT tile_data FROM tiles WHERE zoom_level = ? AND tile_data IS NOT NULL LIMIT 8"
        rows = self._query(query, self.zooms[-1])
        return [bytes(row[0]) for row in rows]

    def _read_metadata(self) -> dict[str, str]:
        names = {row[0] for row in self._query("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")}
        if "tiles" not in names:
            raise InputError(f"{self.path} has no table `tiles`: it is a database but not MBTiles")
        rows = self._query("SELECT name, value FROM metadata") if "metadata" in names else []
        return {str(name): str(value) for name, value in rows}

    def _one(self, sql: str, *values: int) -> Any:
        rows = self._query(f"{sql} LIMIT 1", *values)
        return rows[0] if rows else None

    def _query(self, sql: str, *values: int) -> list[Any]:
        try:
            with self._lock:
                return self._connection.execute(sql, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise InputError(f"{self.path} cannot be read as MBTiles ({error}): copy or import it again") from error


class FolderStore:
    """A folder of tiles z/x/y.png, .jpg, .jpeg or .webp, row 0 in the north (XYZ)."""

    _SUFFIXES = (".png", ".jpg", ".jpeg", ".webp")

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        if not self.path.is_dir():
            raise InputError(f"tile folder {self.path} does not exist: give a folder of z/x/y tiles")
        self.name = self.path.resolve().name
        levels = (int(level.name) for level in _numbered(self.path))
        self.zooms = tuple(sorted(zoom for zoom in levels if any(self._files(zoom))))
        if not self.zooms:
            raise InputError(f"{self.path} holds no z/x/y tiles with {', '.join(self._SUFFIXES)}: give a tile folder")
        some = list(islice(self._files(self.zooms[-1]), 8))
        self.format = some[0].suffix[1:].lower().replace("jpeg", "jpg")
        self.tile_px = _tile_px(self.path, [file.read_bytes() for file in some])

    def tile(self, z: int, x: int, y: int) -> bytes | None:
        """The encoded tile, None if there is none."""
        for suffix in self._SUFFIXES:
            try:
                return (self.path / str(z) / str(x) / f"{y}{suffix}").read_bytes()
            except FileNotFoundError:
                continue
            except OSError as error:
                raise InputError(f"tile {z}/{x}/{y} of {self.path} cannot be read ({error.strerror})") from error
        return None

    def count(self, zoom: int) -> int:
        """How many tiles a zoom level holds."""
        return sum(1 for _ in self._files(zoom))

    @cached_property
    def bounds(self) -> Bounds:
        """The box of the finest tiles."""
        zoom = self.zooms[-1]
        columns, rows = zip(*((int(file.parent.name), int(file.stem)) for file in self._files(zoom)), strict=True)
        return _tile_box(zoom, min(columns), min(rows), max(columns), max(rows))

    def _files(self, zoom: int) -> Iterable[Path]:
        for column in _numbered(self.path / str(zoom)):
            yield from (file for file in _numbered(column) if file.suffix in self._SUFFIXES)


class MBTilesWriter:
    """Context manager that writes an MBTiles file; it appears under its name only when all went well.

    bounds: the covered box, by default the box of the finest tiles. An existing file is replaced.
    """

    def __init__(
        self, path: Path | str, name: str, format: str, *, bounds: Bounds | None = None, attribution: str | None = None
    ) -> None:
        self.path = Path(path)
        if self.path.suffix != ".mbtiles":
            raise InputError(f"{self.path} does not end in .mbtiles: GIS tools know the format by that name")
        if not self.path.parent.is_dir():
            raise InputError(f"folder {self.path.parent} for {self.path.name} does not exist: make it first")
        if format not in RASTER_FORMATS:
            raise InputError(f"tile format {format} is not one of {', '.join(RASTER_FORMATS)}")
        self._name, self._format, self._bounds, self._attribution = name, format, bounds, attribution
        self._part = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")

    def __enter__(self) -> MBTilesWriter:
        self._part.unlink(missing_ok=True)
        try:
            self._connection = sqlite3.connect(self._part)
            self._connection.executescript(
                f"PRAGMA application_id = {_MBTILES_APPLICATION_ID}; PRAGMA journal_mode = MEMORY;"
                "CREATE TABLE metadata (name TEXT, value TEXT);"
                "CREATE TABLE tiles (zoom_level INTEGER, tile_column INTEGER, tile_row INTEGER, tile_data BLOB);"
                "CREATE UNIQUE INDEX tile_index ON tiles (zoom_level, tile_column, tile_row);"
            )
        except sqlite3.OperationalError as error:
            raise InputError(f"{self.path} cannot be written ({error}): choose a folder you may write to") from error
        return self

    def add(self, z: int, x: int, y: int, data: bytes) -> None:
        """Stores one encoded tile at XYZ coordinates (row 0 in the north); each tile once."""
        self._connection.execute("INSERT INTO tiles VALUES (?, ?, ?, ?)", (z, x, 2**z - 1 - y, data))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._write_metadata()
                self._connection.commit()
            self._connection.close()
            if kind is None:
                os.replace(self._part, self.path)
        finally:
            self._part.unlink(missing_ok=True)

    def _write_metadata(self) -> None:
        query = "SELECT min(zoom_level), max(zoom_level) FROM tiles"
        min_zoom, max_zoom = self._connection.execute(query).fetchone()
        if max_zoom is None:
            raise InputError(f"no tile was written to {self.path}: there is nothing to store")
        corners = self._connection.execute(_TMS_BOX, (max_zoom,)).fetchone()
        west, south, east, north = self._bounds or _tms_box(max_zoom, *corners)
        entries = {
            "name": self._name,
            "format": self._format,
            "type": "baselayer",
            "version": "1",
            "description": self._name,
            "minzoom": str(min_zoom),
            "maxzoom": str(max_zoom),
            "bounds": f"{west:.9f},{south:.9f},{east:.9f},{north:.9f}",
            "center": f"{(west + east) / 2:.9f},{(south + north) / 2:.9f},{max_zoom}",
        }
        if self._attribution:
            entries["attribution"] = self._attribution
        self._connection.executemany("INSERT INTO metadata VALUES (?, ?)", entries.items())


def _tile_box(zoom: int, left: int, top: int, right: int, bottom: int) -> Bounds:
    """The box of a rectangle of XYZ tiles, both ends included."""
    first, last = mercantile.bounds(left, top, zoom), mercantile.bounds(right, bottom, zoom)
    return first.west, last.south, last.east, first.north


def _tms_box(zoom: int, left: int, bottom: int, right: int, top: int) -> Bounds:
    """The box of a rectangle of TMS tiles, whose rows count from the south."""
    return _tile_box(zoom, left, 2**zoom - 1 - top, right, 2**zoom - 1 - bottom)


def _tile_px(path: Path, samples: list[bytes]) -> int:
    """Side in pixels of the first of some tiles that can be decoded."""
    for data in samples:
        try:
            return int(decode_tile(data).shape[0])
        except InputError:
            continue  # one corrupt tile is reported when it is used; here any good one will do
    raise InputError(f"the tiles of {path} are not readable PNG, JPEG or WebP images: copy or import them again")


def _numbered(folder: Path) -> list[Path]:
    """The entries of a folder whose name, without suffix, is a number."""
    return sorted(entry for entry in folder.iterdir() if entry.stem.isdecimal()) if folder.is_dir() else []
