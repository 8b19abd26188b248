"""Tiles fetched while driving, the least recently used dropped beyond a byte budget."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from geoflow_ros.errors import InputError
from geoflow_ros.satellite.mbtiles_format import APPLICATION_ID, COLUMNS, IS_TILE
from geoflow_ros.satellite.tile_grid import Tile, tms
from geoflow_ros.tiles.archive import SOURCE

SAVED_EVERY_S = 10.0
"""When tiles were last used is written so often."""


class LiveCache:
    """An MBTiles file that one thread fills while others read; what is held is known without asking the file.

    A write-ahead log lets readers and the writer work at the same time. Tiles of another source make no start: they
    are dropped. A file that is no such cache is refused, and stays as it is.
    """

    def __init__(self, path: Path, source: str, budget_bytes: int) -> None:
        self.path, self._budget = path, budget_bytes
        self._lock = threading.Lock()
        self._used: dict[Tile, float] = {}
        self._sizes: dict[Tile, int] = {}
        self._saved_s = 0.0
        try:
            self._writing = _opened(path, source)
            self._reading = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False)
            rows = self._writing.execute(f"SELECT {COLUMNS}, length(tile_data), used FROM tiles").fetchall()
        except sqlite3.Error as error:
            raise InputError(
                f"live.cache {path} cannot be used ({error}): see that you may write there, or give another file"
            ) from error
        for z, x, row, size, used in rows:
            tile = tms((z, x, row))
            self._sizes[tile], self._used[tile] = size, used
        self.bytes = sum(self._sizes.values())

    def __contains__(self, tile: object) -> bool:
        return tile in self._sizes

    def __len__(self) -> int:
        return len(self._sizes)

    def tile(self, tile: Tile) -> bytes | None:
        """The encoded tile, None if it is not held; that it was used is remembered."""
        if tile not in self._sizes:
            return None
        with self._lock:
            self._used[tile] = time.time()
            row = self._reading.execute(f"SELECT tile_data FROM tiles WHERE {IS_TILE}", tms(tile)).fetchone()
        return None if row is None else bytes(row[0])

    def touch(self, tiles: Sequence[Tile]) -> None:
        """What of these is held is in use."""
        now = time.time()
        with self._lock:
            self._used.update((tile, now) for tile in tiles if tile in self._sizes)

    def room(self, size: int) -> int:
        """How many tiles like those that are held, else of so many bytes, the budget has room for."""
        mean = self.bytes / len(self._sizes) if self._sizes else size
        return max(1, int(self._budget / max(mean, 1)))

    def places(self, zoom: int) -> list[tuple[int, int]]:
        """Column and row of every tile of a zoom."""
        return [(x, y) for z, x, y in list(self._sizes) if z == zoom]

    def add(self, tile: Tile, data: bytes) -> None:
        """Keeps a tile, and drops those used longest ago beyond the budget; for one thread."""
        now = time.time()
        self._writing.execute("INSERT OR REPLACE INTO tiles VALUES (?, ?, ?, ?, ?)", (*tms(tile), data, now))
        with self._lock:
            self.bytes += len(data) - self._sizes.get(tile, 0)
            self._sizes[tile], self._used[tile] = len(data), now
            dropped = self._overdue()
        self._writing.executemany(f"DELETE FROM tiles WHERE {IS_TILE}", map(tms, dropped))
        if now - self._saved_s > SAVED_EVERY_S:
            self.save()

    def save(self) -> None:
        """Writes when tiles were used; for the thread that adds."""
        with self._lock:
            used = [(when, *tms(tile)) for tile, when in self._used.items()]
        self._writing.execute("BEGIN")
        self._writing.executemany(f"UPDATE tiles SET used = ? WHERE {IS_TILE}", used)
        self._writing.execute("COMMIT")
        self._saved_s = time.time()

    def close(self) -> None:
        """Closes the file; what it holds is there at the next start."""
        self._writing.close()
        with self._lock:
            self._reading.close()

    def _overdue(self) -> list[Tile]:
        """Takes what is beyond the budget out of the books, never the newest."""
        dropped = []
        for tile in sorted(self._used, key=self._used.__getitem__)[:-1]:
            if self.bytes <= self._budget:
                break
            self.bytes -= self._sizes.pop(tile)
            del self._used[tile]
            dropped.append(tile)
        return dropped


def _opened(path: Path, source: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    columns = {row[1] for row in connection.execute("PRAGMA table_info(tiles)")}
    if tables and "used" not in columns:
        connection.close()
        raise InputError(
            f"live.cache {path} was not made by this node, which would drop what is in it: give another file"
        )
    connection.executescript(_SCHEMA)
    found = connection.execute("SELECT value FROM metadata WHERE name = ?", (SOURCE,)).fetchone()
    if found != (source,):
        connection.execute("DELETE FROM tiles")
        connection.executemany("INSERT OR REPLACE INTO metadata VALUES (?, ?)", [("name", path.stem), (SOURCE, source)])
    return connection


_SCHEMA = f"""
    PRAGMA application_id = {APPLICATION_ID};
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    BEGIN;
    CREATE TABLE IF NOT EXISTS metadata (name TEXT PRIMARY KEY, value TEXT);
    CREATE TABLE IF NOT EXISTS tiles (
        zoom_level INTEGER, tile_column INTEGER, tile_row INTEGER, tile_data BLOB, used REAL,
        PRIMARY KEY (zoom_level, tile_column, tile_row)
    );
    COMMIT;
"""
