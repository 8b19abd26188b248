"""MBTiles files, read as other programs write them."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

from geoflow_ros.errors import InputError
from geoflow_ros.satellite.mbtiles_format import ENDS, IS_TILE
from geoflow_ros.satellite.tile_grid import (
    MAX_ZOOM,
    SEAM_COLUMNS,
    SEAM_ROWS,
    first_is_north,
    format_and_side,
    grid_index,
    other_row,
    overlap,
    stated_box,
    tile_box,
    whole_index,
)
from geoflow_ros.satellite.tile_images import OFFSET_KEY, Bounds, ImageryOffset

VECTOR_FORMATS = ("pbf", "mvt", "application/x-protobuf", "application/vnd.mapbox-vector-tile")
KNOWN_FORMATS = {"png": "png", "jpg": "jpg", "jpeg": "jpg", "webp": "webp"}
_ROWS_OF_COLUMN = "SELECT min(tile_row) FROM tiles WHERE zoom_level = 0 AND tile_column = 0"
_ENDS_BY_COLUMN = """
    WITH RECURSIVE columns(x) AS (
        SELECT min(tile_column) FROM tiles WHERE zoom_level = ?
        UNION ALL
        SELECT (SELECT min(tile_column) FROM tiles WHERE zoom_level = ? AND tile_column > x) FROM columns
        WHERE x IS NOT NULL
    )
    SELECT min(x), min((SELECT min(tile_row) FROM tiles WHERE zoom_level = ? AND tile_column = x)),
           max(x), max((SELECT max(tile_row) FROM tiles WHERE zoom_level = ? AND tile_column = x))
    FROM columns
"""
"""The same by an index that has the rows of a column in order: two look-ups a column instead of every tile."""


class MBTilesStore:
    """An MBTiles file (SQLite, https://github.com/mapbox/mbtiles-spec), read only; safe across threads.

    The specification counts rows from the south, many writers do not: the tiles' edges decide, else the stated
    bounds, else the stated scheme; they are looked at when the first tile is asked for. Where the stated format is no
    known one, it is that of the first tiles.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        if not self.path.is_file():
            raise InputError(f"tile store {self.path} does not exist: give an MBTiles file or a tile folder")
        self._lock = threading.Lock()
        self._connection = self._connect()
        self._metadata = self._read_metadata()
        self.name = self._metadata.get("name") or self.path.stem
        self.attribution = self._metadata.get("attribution", "")
        self.imagery_offset = ImageryOffset.parse(self._metadata.get(OFFSET_KEY, ""), self.path)
        if self._metadata.get("format", "").lower() in VECTOR_FORMATS:
            raise InputError(f"{self.path} holds vector tiles: give one with png, jpg or webp images")
        self.zooms = tuple(z for z in range(MAX_ZOOM + 1) if self._one("SELECT 1 FROM tiles WHERE zoom_level = ?", z))
        if not self.zooms:
            raise InputError(f"{self.path} holds no tiles: import imagery into it first")
        found, self.tile_px = format_and_side(self.path, self._some_tiles())
        self.format = KNOWN_FORMATS.get(self._metadata.get("format", "").lower(), found)

    def tile(self, z: int, x: int, y: int) -> bytes | None:
        """The encoded tile, None if there is none."""
        stored = y if self._from_north else other_row(z, y)
        row = self._one(f"SELECT tile_data FROM tiles WHERE {IS_TILE}", z, x, stored)
        return None if row is None or row[0] is None else _blob(row[0])

    def count(self, zoom: int) -> int:
        """How many tiles a zoom level holds."""
        row = self._one("SELECT count(*) FROM tiles WHERE zoom_level = ?", zoom)
        return int(row[0]) if row else 0

    def places(self, zoom: int) -> Iterator[tuple[int, int]]:
        """Column and row of every tile of a zoom level."""
        rows = self._query("SELECT tile_column, tile_row FROM tiles WHERE zoom_level = ?", zoom)
        placed = ((whole_index(self.path, zoom, x), whole_index(self.path, zoom, y)) for x, y in rows)
        yield from ((x, y if self._from_north else other_row(zoom, y)) for x, y in placed)

    @cached_property
    def bounds(self) -> Bounds:
        """The box of the finest tiles, cut to the stated one where they have anything in common."""
        box, stated = self._box(self._from_north), self._stated
        return (stated and overlap(stated, box)) or box

    @property
    def _stated(self) -> Bounds | None:
        return stated_box(self._metadata.get("bounds", ""))

    def _box(self, from_north: bool) -> Bounds:
        """The box of the finest tiles, their rows counted from one end."""
        zoom = self.zooms[-1]
        left, low, right, high = self._ends
        top, bottom = (low, high) if from_north else (other_row(zoom, high), other_row(zoom, low))
        return tile_box(zoom, left, top, right, bottom)

    @cached_property
    def _ends(self) -> tuple[int, int, int, int]:
        """First column, lowest stored row, last column and highest stored row of the finest zoom."""
        zoom = self.zooms[-1]
        plan = self._query(f"EXPLAIN QUERY PLAN {_ROWS_OF_COLUMN}")
        by_column = any("tile_column=?" in str(step[-1]) for step in plan)
        sql = _ENDS_BY_COLUMN if by_column else ENDS
        ends = self._query(sql, *[zoom] * sql.count("?"))[0]
        left, low, right, high = (grid_index(self.path, zoom, each) for each in ends)
        return left, low, right, high

    @cached_property
    def _from_north(self) -> bool:
        told = first_is_north(self._vertical_pairs())
        if told is not None:
            return told
        if self._stated is not None:
            fits = [overlap(self._stated, self._box(from_north)) is not None for from_north in (True, False)]
            if fits[0] != fits[1]:
                return fits[0]
        return self._metadata.get("scheme", self._metadata.get("tile_row_type", "tms")).lower() in ("xyz", "osm")

    def _vertical_pairs(self) -> Iterator[tuple[bytes, bytes]]:
        """Tiles of stored rows n and n + 1, from columns across the finest zoom."""
        zoom = self.zooms[-1]
        query = "SELECT tile_column FROM tiles WHERE zoom_level = ? ORDER BY tile_column"
        west, east = (grid_index(self.path, zoom, self._one(f"{query} {order}", zoom)[0]) for order in ("ASC", "DESC"))
        for column in sorted({west + (east - west) * part // SEAM_COLUMNS for part in range(SEAM_COLUMNS)}):
            rows = self._query(
                "SELECT tile_column, tile_row, tile_data FROM tiles WHERE zoom_level = ? AND tile_column >= ? "
                f"AND tile_data IS NOT NULL ORDER BY tile_column, tile_row LIMIT {SEAM_ROWS}", zoom, column,
            )  # fmt: skip
            for (x, y, first), (next_x, next_y, second) in pairwise(rows):
                if x == next_x and grid_index(self.path, zoom, y) + 1 == next_y:
                    yield _blob(first), _blob(second)

    def _some_tiles(self) -> list[bytes]:
        query = "SELECT tile_data FROM tiles WHERE zoom_level = ? AND tile_data IS NOT NULL LIMIT 8"
        return [_blob(row[0]) for row in self._query(query, self.zooms[-1])]

    def _connect(self) -> sqlite3.Connection:
        """A read-only connection. A journal in WAL mode needs a shared file, which a read-only folder cannot hold."""
        uri = f"{self.path.resolve().as_uri()}?mode=ro"
        try:
            return _opened(uri)
        except sqlite3.OperationalError as error:
            log = self.path.with_name(f"{self.path.name}-wal")
            if log.is_file() and log.stat().st_size:
                raise InputError(
                    f"{self.path} has changes in {log.name} that cannot be merged here ({error}): copy both to where "
                    f"you may write and run sqlite3 {self.path.name} 'PRAGMA wal_checkpoint(TRUNCATE)'"
                ) from error
        except sqlite3.DatabaseError as error:
            raise self._unreadable(error) from error
        try:
            return _opened(f"{uri}&immutable=1")
        except sqlite3.OperationalError as error:
            raise InputError(f"{self.path} cannot be opened ({error}): check its permissions") from error

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
                return _fetched(self._connection, sql, values)
        except sqlite3.Error as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: sqlite3.Error) -> InputError:
        return InputError(f"{self.path} cannot be read as MBTiles ({error}): copy or import it again")


def _opened(uri: str) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
    connection.text_factory = lambda text: text.decode(errors="replace")  # a name in Latin-1 is no reason to stop
    try:
        _fetched(connection, "SELECT name FROM sqlite_master")  # only now is the file read
    except sqlite3.Error:
        connection.close()
        raise
    return connection


def _fetched(connection: sqlite3.Connection, sql: str, values: tuple[int, ...] = ()) -> list[Any]:
    try:
        return connection.execute(sql, values).fetchall()
    except (UnicodeDecodeError, sqlite3.DatabaseError) as error:
        if isinstance(error, sqlite3.DatabaseError) and str(error):
            raise
        # SQLite's sentence has a damaged name in it: that is Python's error of it, and no sentence before Python 3.11
        raise sqlite3.DatabaseError("its schema is damaged") from error


def _blob(value: bytes | str) -> bytes:
    """Tile data; text, as some writers bind it, is no image and found out when it is decoded."""
    return value if isinstance(value, bytes) else str(value).encode()
