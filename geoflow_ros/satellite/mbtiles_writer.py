"""MBTiles files, written."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from types import TracebackType

from geoflow_ros.errors import InputError
from geoflow_ros.satellite.mbtiles_format import APPLICATION_ID, ENDS, RASTER_FORMATS, extent, named
from geoflow_ros.satellite.tile_grid import other_row, tile_box, tms
from geoflow_ros.satellite.tile_images import OFFSET_KEY, Bounds, ImageryOffset


class MBTilesWriter:
    """Context manager that writes an MBTiles file; it appears under its name only when all went well.

    bounds: the covered box, by default the box of the finest tiles. An existing file is replaced.
    """

    def __init__(
        self,
        path: Path | str,
        name: str,
        format: str,
        *,
        bounds: Bounds | None = None,
        attribution: str | None = None,
        offset: ImageryOffset = ImageryOffset(),  # noqa: B008 - frozen
    ) -> None:
        self.path = Path(path)
        if self.path.suffix != ".mbtiles":
            raise InputError(f"{self.path} does not end in .mbtiles: GIS tools know the format by that name")
        if not self.path.parent.is_dir():
            raise InputError(f"folder {self.path.parent} for {self.path.name} does not exist: make it first")
        if format not in RASTER_FORMATS:
            raise InputError(f"tile format {format} is not one of {', '.join(RASTER_FORMATS)}")
        self._name, self._format, self._bounds, self._attribution = name, format, bounds, attribution
        self._offset = offset
        self._part = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")

    def __enter__(self) -> MBTilesWriter:
        self._part.unlink(missing_ok=True)
        try:
            self._connection = sqlite3.connect(self._part)
            self._connection.executescript(
                f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA journal_mode = MEMORY;"
                "CREATE TABLE metadata (name TEXT, value TEXT);"
                "CREATE TABLE tiles (zoom_level INTEGER, tile_column INTEGER, tile_row INTEGER, tile_data BLOB);"
                "CREATE UNIQUE INDEX tile_index ON tiles (zoom_level, tile_column, tile_row);"
            )
        except sqlite3.Error as error:
            raise self._unwritable(error) from error
        return self

    def add(self, z: int, x: int, y: int, data: bytes) -> None:
        """Stores one encoded tile at XYZ coordinates (row 0 in the north); each tile once."""
        try:
            self._connection.execute("INSERT INTO tiles VALUES (?, ?, ?, ?)", (*tms((z, x, y)), data))
        except sqlite3.Error as error:
            raise self._unwritable(error) from error

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
        except (sqlite3.Error, OSError) as failure:
            raise self._unwritable(failure) from failure
        finally:
            self._part.unlink(missing_ok=True)

    def _write_metadata(self) -> None:
        query = "SELECT min(zoom_level), max(zoom_level) FROM tiles"
        min_zoom, max_zoom = self._connection.execute(query).fetchone()
        if max_zoom is None:
            raise InputError(f"no tile was written to {self.path}: there is nothing to store")
        corners = self._connection.execute(ENDS, (max_zoom,)).fetchone()
        bounds = self._bounds or _tms_box(max_zoom, *corners)
        entries = {"format": self._format, **named(self._name), **extent(bounds, (min_zoom, max_zoom))}
        if self._attribution:
            entries["attribution"] = self._attribution
        if self._offset:
            entries[OFFSET_KEY] = str(self._offset)
        self._connection.executemany("INSERT INTO metadata VALUES (?, ?)", entries.items())

    def _unwritable(self, error: Exception) -> InputError:
        return InputError(f"{self.path} cannot be written ({error}): choose a folder with space that you may write to")


def _tms_box(zoom: int, left: int, bottom: int, right: int, top: int) -> Bounds:
    """The box of a rectangle of TMS tiles, whose rows count from the south."""
    return tile_box(zoom, left, other_row(zoom, top), right, other_row(zoom, bottom))
