"""The MBTiles file that a download grows, tile by tile."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from geoflow_ros.errors import InputError
from geoflow_ros.satellite.mbtiles_format import APPLICATION_ID, COLUMNS, IS_TILE
from geoflow_ros.satellite.tile_grid import Tile, tms

SOURCE = "fetched_from"
"""The metadata entry with the template, its key left out, that all tiles of an archive are from."""


class GrowingArchive:
    """Context manager of an MBTiles file where every tile is safe as soon as it is added, whatever ends the process.

    The table `missing_tiles` keeps which tiles the source does not have. A write-ahead log makes a commit for every
    tile cheap; it is folded into the file at the end, or by whoever opens the file next.
    """

    def __init__(self, path: Path, source: str) -> None:
        self.path, self._source = path, source
        if path.suffix != ".mbtiles":
            raise InputError(f"{path} does not end in .mbtiles: GIS tools know the format by that name")
        if not path.parent.is_dir():
            raise InputError(f"folder {path.parent} for {path.name} does not exist: make it first")
        self._is_new = not path.exists()

    def __enter__(self) -> GrowingArchive:
        with self._saying():
            self._connection = sqlite3.connect(self.path, isolation_level=None)
            if not _tables(self._connection):
                self._connection.executescript(_SCHEMA)
                self._connection.execute("INSERT INTO metadata VALUES (?, ?)", (SOURCE, self._source))
                self._connection.execute("COMMIT")
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            check_origin(self._connection, self.path, self._source)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            with self._saying():
                empty = not self._any("tiles") and not self._any("missing_tiles")
                self._connection.execute("PRAGMA journal_mode = DELETE")
        finally:
            self._connection.close()
        if self._is_new and empty:
            self.path.unlink()

    def add(self, tile: Tile, data: bytes) -> None:
        """Stores an encoded tile."""
        with self._saying():
            self._connection.execute("INSERT OR IGNORE INTO tiles VALUES (?, ?, ?, ?)", (*tms(tile), data))
            self._connection.execute(f"DELETE FROM missing_tiles WHERE {IS_TILE}", tms(tile))

    def add_missing(self, tile: Tile) -> None:
        """Stores that the source has no such tile."""
        with self._saying():
            self._connection.execute("INSERT OR IGNORE INTO missing_tiles VALUES (?, ?, ?)", tms(tile))

    def describe(self, entries: Mapping[str, str]) -> None:
        """Stores metadata, in the place of what was stored under the same names."""
        with self._saying():
            self._connection.executemany("INSERT OR REPLACE INTO metadata VALUES (?, ?)", entries.items())

    def _any(self, table: str) -> bool:
        return self._connection.execute(f"SELECT 1 FROM {table} LIMIT 1").fetchone() is not None

    @contextmanager
    def _saying(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise InputError(
                f"{self.path} cannot be written ({error}): see that there is space and that you may write there, then "
                "run the command again; what it had fetched is kept"
            ) from error


class Held:
    """What an archive of an earlier run holds, of which nothing need be fetched again."""

    def __init__(self, path: Path, source: str) -> None:
        self.tiles: set[Tile] = set()
        self.missing: set[Tile] = set()
        self.metadata: dict[str, str] = {}
        self.mean_bytes: float | None = None
        if path.exists():
            self._read(path, source)

    def _read(self, path: Path, source: str) -> None:
        try:
            connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
            try:
                if not _tables(connection):
                    return  # killed before anything was stored
                check_origin(connection, path, source)
                self.metadata = dict(connection.execute("SELECT name, value FROM metadata"))
                self.tiles = set(map(tms, connection.execute(f"SELECT {COLUMNS} FROM tiles")))
                self.missing = set(map(tms, connection.execute(f"SELECT {COLUMNS} FROM missing_tiles")))
                self.mean_bytes = connection.execute("SELECT avg(length(tile_data)) FROM tiles").fetchone()[0]
            finally:
                connection.close()
        except sqlite3.Error as error:
            raise InputError(f"{path} is there but cannot be read as MBTiles ({error}): choose another name") from error


def check_origin(connection: sqlite3.Connection, path: Path, source: str) -> None:
    """InputError unless a database is one that was fetched from the same source."""
    entry = None
    if {"tiles", "metadata", "missing_tiles"} <= _tables(connection):
        entry = connection.execute("SELECT value FROM metadata WHERE name = ?", (SOURCE,)).fetchone()
    if entry is None:
        raise InputError(f"{path} is there and was not made by this command: choose another name")
    if entry[0] != source:
        raise InputError(f"{path} holds tiles of {entry[0]}: choose another name for those of {source}")


def _tables(connection: sqlite3.Connection) -> set[str]:
    return {str(row[0]) for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


_SCHEMA = f"""
    BEGIN;
    PRAGMA application_id = {APPLICATION_ID};
    CREATE TABLE metadata (name TEXT PRIMARY KEY, value TEXT);
    CREATE TABLE tiles (zoom_level INTEGER, tile_column INTEGER, tile_row INTEGER, tile_data BLOB);
    CREATE UNIQUE INDEX tile_index ON tiles (zoom_level, tile_column, tile_row);
    CREATE TABLE missing_tiles (
        zoom_level INTEGER, tile_column INTEGER, tile_row INTEGER, PRIMARY KEY (zoom_level, tile_column, tile_row)
    ) WITHOUT ROWID;
"""
